#include "classifier/ticks.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "classifier/text.h"

namespace classifier {
namespace {

// A step of 1, 2, 5 or 10 times a power of ten near `cell`; R's biases towards the larger ones.
double round_step(double cell) {
  constexpr double kBias = 1.5, kBiasOfFive = .5 + 1.5 * kBias;
  const double unit = std::pow(10., std::floor(std::log10(cell)));
  double step = unit;
  for (const auto& [multiple, bias] : {std::pair{2., kBias}, {5., kBiasOfFive}, {10., kBias}}) {
    if (multiple * unit - cell >= bias * (cell - step)) break;
    step = multiple * unit;
  }
  return step;
}

// The first of 1, 2, 5 in a step.
int mantissa(double step) {
  return static_cast<int>(std::lround(step / std::pow(10., std::floor(std::log10(step) + 1e-9))));
}

}  // namespace

Ticks pretty(double low, double high, int n) {
  constexpr double kRounding = 1e-10;
  if (!(low < high)) return {{low}, 1};
  Ticks ticks{{}, round_step((high - low) / n)};
  const double first = std::floor(low / ticks.step + kRounding), last = std::ceil(high / ticks.step - kRounding);
  for (double i = first; i <= last; ++i) ticks.at.push_back(i * ticks.step);
  return ticks;
}

Ticks pretty_within(double low, double high, int n) {
  Ticks ticks = pretty(low, high, n);
  const double slack = 1e-9 * ticks.step;
  std::erase_if(ticks.at, [&](double tick) { return tick < low - slack || tick > high + slack; });
  return ticks;
}

std::vector<double> minor_ticks(const Ticks& major, double low, double high) {
  const int parts = mantissa(major.step) == 2 ? 4 : 5;
  const double step = major.step / parts, slack = 1e-9 * step;
  std::vector<double> all;
  for (double i = std::ceil(low / step - 1e-9); i * step <= high + slack; ++i)
    if (std::fmod(std::abs(i), parts) > .5) all.push_back(i * step);
  return all;
}

std::string tick_text(double value, double step) {
  return decimal(value, std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 9));
}

std::string decimal(double number, int decimals) {
  const std::string text = fixed(number, decimals);
  if (text[0] != '-') return text;
  const bool is_zero = text.find_first_not_of("-0.") == std::string::npos;
  return is_zero ? text.substr(1) : "−" + text.substr(1);
}

std::string four_digits(double number) {
  if (number == 0 || !std::isfinite(number)) return decimal(number, 0);
  const int before = static_cast<int>(std::floor(std::log10(std::abs(number)))) + 1;
  return decimal(number, std::clamp(4 - before, 0, 6));
}

std::string probability_text(double probability) {
  if (probability < .005) return "< 0.01";
  return probability >= .995 ? "> 0.99" : decimal(probability, 2);
}

std::string readable_unit(const std::string& unit) {
  static const std::map<std::string, std::string> kReadable{
      {"1", ""}, {"10-3.mm2/s", "10⁻³ mm²/s"}, {"10-6.mm2/s", "10⁻⁶ mm²/s"}, {"mm2", "mm²"}, {"mm3", "mm³"}};
  const auto found = kReadable.find(unit);
  return found == kReadable.end() ? unit : found->second;
}

std::string quantity(const std::string& number, const std::string& unit) {
  const std::string readable = readable_unit(unit);
  if (readable.empty()) return number;
  return number + (readable.starts_with("10") ? " × " : " ") + readable;
}

// Pools of neighbours that touch move as one; each stands where its members want to be on average.
std::vector<double> spread(const std::vector<Span>& labels, double low, double high, double gap) {
  struct Pool {
    double left = 0, width = 0, wish = 0;  // wish: sum of the left ends that its members would give the pool
    std::size_t members = 0;
  };
  std::vector<std::size_t> order(labels.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return labels[i].centre; });
  const auto settle = [&](Pool& pool) {
    pool.left = std::clamp(pool.wish / static_cast<double>(pool.members), low, std::max(low, high - pool.width));
  };
  std::vector<Pool> pools;
  for (const std::size_t i : order) {
    pools.push_back({0, labels[i].width, labels[i].centre - labels[i].width / 2, 1});
    settle(pools.back());
    while (pools.size() > 1 && pools[pools.size() - 2].left + pools[pools.size() - 2].width + gap > pools.back().left) {
      const Pool last = pools.back();
      pools.pop_back();
      Pool& pool = pools.back();
      pool.wish += last.wish - static_cast<double>(last.members) * (pool.width + gap);
      pool.width += gap + last.width;
      pool.members += last.members;
      settle(pool);
    }
  }
  std::vector<double> lefts(labels.size());
  std::size_t next = 0;
  for (const Pool& pool : pools) {
    if (pool.width > high - low + 1e-9) return {};
    double left = pool.left;
    for (std::size_t k = 0; k < pool.members; ++k, ++next) {
      lefts[order[next]] = left;
      left += labels[order[next]].width + gap;
    }
  }
  return lefts;
}

}  // namespace classifier
