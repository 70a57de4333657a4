#include "fitting/epg.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace fitting {
namespace {

struct Configuration {
  double dephasing = 0, rephasing = 0, stored = 0;  // F+, F-, v
};

Configuration turned(const Configuration& c, double u) {  // (1)
  const double sum = c.dephasing + c.rephasing, difference = c.dephasing - c.rephasing;
  const double after = u * difference + (1 - u * u) * c.stored;
  return {.dephasing = (sum + after) / 2, .rephasing = (sum - after) / 2, .stored = u * c.stored - difference};
}

double spacing_of(std::span<const double> echo_times_ms) {
  return echo_times_ms.back() / static_cast<double>(echo_times_ms.size());
}

// value(0) = first, value(n - 1) = last.
std::vector<double> linear(double first, double last, std::size_t n) {
  std::vector<double> values(n);
  for (std::size_t i = 0; i < n; ++i)
    values[i] = first + (last - first) * static_cast<double>(i) / static_cast<double>(n - 1);
  return values;
}

}  // namespace

void echo_amplitudes(const EchoTrain& train, std::span<double> echoes) {
  const double x = std::exp(-train.spacing_ms / train.t2_ms), e1 = std::exp(-train.spacing_ms / train.t1_ms);
  std::vector<Configuration> graph(echoes.size() + 1);
  graph[0].dephasing = 1;
  for (std::size_t n = 0; n < echoes.size(); ++n) {
    for (std::size_t j = 0; j <= n; ++j) graph[j] = turned(graph[j], train.cos_refocusing);
    echoes[n] = x * graph[0].rephasing;
    for (std::size_t j = n + 1; j > 0; --j) graph[j].dephasing = x * graph[j - 1].dephasing;  // (2)
    graph[0].dephasing = echoes[n];
    for (std::size_t j = 0; j <= n; ++j) {
      graph[j].rephasing = x * graph[j + 1].rephasing;
      graph[j].stored *= e1;
    }
  }
}

bool is_echo_train(std::span<const double> echo_times_ms) {
  const double spacing = spacing_of(echo_times_ms);
  for (std::size_t n = 0; n < echo_times_ms.size(); ++n) {
    if (!(std::abs(echo_times_ms[n] - static_cast<double>(n + 1) * spacing) <= 0.01 * spacing)) return false;
  }
  return spacing > 0;
}

EpgDictionary::EpgDictionary(const Protocol& protocol, double t1_ms)
    : echoes_(protocol.axis.size()), spacing_ms_(spacing_of(protocol.axis)), t1_ms_(t1_ms) {
  const double refocusing = protocol.refocusing_deg * std::numbers::pi / 180;
  const double largest = std::min(kLargestB1, std::max(std::numbers::pi / refocusing, kLeastB1));
  for (const double b1 : linear(kLeastB1, largest, kAngles)) cosines_.push_back(std::cos(b1 * refocusing));
  const auto logarithms = linear(std::log(kShortestMs), std::log(kLongestMs), kT2s);
  for (const double t : logarithms) decays_.push_back(std::exp(-spacing_ms_ / std::exp(t)));
  std::vector<double> echoes(echoes_);
  for (const double u : cosines_) {
    for (const double t : logarithms) {
      echo_amplitudes({.spacing_ms = spacing_ms_, .cos_refocusing = u, .t1_ms = t1_ms, .t2_ms = std::exp(t)}, echoes);
      const double norm = std::sqrt(std::inner_product(echoes.begin(), echoes.end(), echoes.begin(), 0.0));
      for (const double echo : echoes) shapes_.push_back(static_cast<float>(echo / norm));
    }
  }
}

}  // namespace fitting
