#include "fitting/agreement.h"

#include <math.h>  // lgamma_r: std::lgamma writes a global

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

namespace fitting {

// --- the F distribution ---
namespace {

double log_gamma(double x) {
  int sign = 0;
  return ::lgamma_r(x, &sign);
}

// Continued fraction of the incomplete beta function (Abramowitz & Stegun 26.5.8), by the method of Lentz.
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300, kPrecision = 1e-16;
  constexpr int kMostTerms = 10000;
  const auto not_zero = [](double value) { return std::abs(value) < kTiny ? kTiny : value; };
  double c = 1, d = 1 / not_zero(1 - (a + b) * x / (a + 1)), fraction = d;
  for (int m = 1; m <= kMostTerms; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double step = 1;
    for (const double term : {even, odd}) {
      d = 1 / not_zero(1 + term * d);
      c = not_zero(1 + term / c);
      step = c * d;
      fraction *= step;
    }
    if (std::abs(step - 1) < kPrecision) break;
  }
  return fraction;
}

// Regularised incomplete beta function I_x(a, b).
double incomplete_beta(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front = std::exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * std::log(x) + b * std::log1p(-x));
  return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

// Quantile of F(d1, d2): the x of the beta distribution is halved down to the last bit, which never fails.
double f_quantile(double share, double d1, double d2) {
  double low = 0, high = 1;
  for (int i = 0; i < 200; ++i) {
    const double middle = (low + high) / 2;
    (incomplete_beta(d1 / 2, d2 / 2, middle) < share ? low : high) = middle;
  }
  return d2 * low / (d1 * (1 - low));
}

constexpr double kTail = 0.975;  // two-sided 95 %

}  // namespace

// --- intraclass correlation ---
namespace {

// Mean squares of the two-way table: between subjects, within subjects, between raters, and what is left.
struct MeanSquares {
  double n = 0, k = 0;
  double subjects = 0, within = 0, raters = 0, error = 0;
};

MeanSquares mean_squares(std::span<const double> ratings, std::size_t raters) {
  const std::size_t subjects = ratings.size() / raters;
  std::vector<double> of_subject(subjects), of_rater(raters);
  double mean = 0;
  for (std::size_t i = 0; i < ratings.size(); ++i) {
    of_subject[i / raters] += ratings[i] / static_cast<double>(raters);
    of_rater[i % raters] += ratings[i] / static_cast<double>(subjects);
    mean += ratings[i] / static_cast<double>(ratings.size());
  }
  MeanSquares ms{.n = static_cast<double>(subjects), .k = static_cast<double>(raters)};
  for (const double m : of_subject) ms.subjects += ms.k * (m - mean) * (m - mean) / (ms.n - 1);
  for (const double m : of_rater) ms.raters += ms.n * (m - mean) * (m - mean) / (ms.k - 1);
  for (std::size_t i = 0; i < ratings.size(); ++i) {
    const double inside = ratings[i] - of_subject[i / raters], left = inside - of_rater[i % raters] + mean;
    ms.within += inside * inside / (ms.n * (ms.k - 1));
    ms.error += left * left / ((ms.n - 1) * (ms.k - 1));
  }
  return ms;
}

struct Interval {
  double value = 0, low = 0, high = 0;
};

// OneWay and TwoWayMixed: from one F ratio, single rating.
Interval from_ratio(double between, double noise, double noise_freedom, const MeanSquares& ms) {
  const double f = between / noise;
  const double low = f / f_quantile(kTail, ms.n - 1, noise_freedom);
  const double high = f * f_quantile(kTail, noise_freedom, ms.n - 1);
  const auto single = [&](double ratio) { return std::isinf(ratio) ? 1 : (ratio - 1) / (ratio + ms.k - 1); };
  return {single(f), single(low), single(high)};
}

Interval two_way_random(const MeanSquares& ms) {
  const double n = ms.n, k = ms.k;
  const double icc = (ms.subjects - ms.error) / (ms.subjects + (k - 1) * ms.error + k * (ms.raters - ms.error) / n);
  if (ms.error == 0 && ms.raters == 0) return {icc, icc, icc};  // perfect agreement
  // Satterthwaite: with a = k icc Fj and b = n (1 + (k - 1) icc) - k icc, each times the error, which may be 0.
  const double a = k * icc * ms.raters, b = (n * (1 + (k - 1) * icc) - k * icc) * ms.error;
  const double freedom = (k - 1) * (n - 1) * (a + b) * (a + b) / ((n - 1) * a * a + b * b);
  const double up = f_quantile(kTail, n - 1, freedom), down = f_quantile(kTail, freedom, n - 1);
  const double rest = k * ms.raters + (k * n - k - n) * ms.error;
  return {icc, n * (ms.subjects - up * ms.error) / (up * rest + n * ms.subjects),
          n * (down * ms.subjects - ms.error) / (rest + n * down * ms.subjects)};
}

bool is_mean_of_raters(Icc form) { return form >= Icc::OneWayK; }

Interval single_rating(Icc form, const MeanSquares& ms) {
  switch (form) {
    case Icc::OneWay1:
    case Icc::OneWayK:
      return from_ratio(ms.subjects, ms.within, ms.n * (ms.k - 1), ms);
    case Icc::TwoWayRandom1:
    case Icc::TwoWayRandomK:
      return two_way_random(ms);
    case Icc::TwoWayMixed1:
    case Icc::TwoWayMixedK:
      return from_ratio(ms.subjects, ms.error, (ms.n - 1) * (ms.k - 1), ms);
  }
  return {};
}

// Spearman & Brown: from one rating to the mean of k; the formulas of Shrout & Fleiss, written once.
double of_mean(double single, double k) { return k * single / (1 + (k - 1) * single); }

}  // namespace

std::variant<Agreement, Refusal> icc(std::span<const double> ratings, std::size_t raters, Icc form) {
  if (raters < 2) return Refusal{"agreement needs two raters"};
  if (ratings.size() % raters != 0) return Refusal{"some subjects lack a rating"};
  if (ratings.size() / raters < 2) return Refusal{"agreement needs two subjects"};
  if (!std::ranges::all_of(ratings, [](double r) { return std::isfinite(r); }))
    return Refusal{"a rating is not a number"};
  const MeanSquares ms = mean_squares(ratings, raters);
  if (ms.subjects == 0) return Refusal{"the subjects do not differ"};
  Interval found = single_rating(form, ms);
  if (is_mean_of_raters(form))
    found = {of_mean(found.value, ms.k), of_mean(found.low, ms.k), of_mean(found.high, ms.k)};
  return Agreement{found.value, found.low, found.high, ratings.size() / raters, raters};
}

// --- consensus ---
namespace {

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : std::midpoint(values[half - 1], values[half]);
}

std::string told(std::size_t readings, std::size_t reader) {
  const std::string whose = " of reader " + std::to_string(reader);
  return readings == 1 ? "1 reading" + whose : "median of " + std::to_string(readings) + " readings" + whose;
}

}  // namespace

Consensus consensus(std::span<const Reading> readings) {
  std::vector<std::pair<std::string, std::vector<double>>> by_reader;
  for (const Reading& reading : readings) {
    auto found = std::ranges::find(by_reader, reading.reader, &std::pair<std::string, std::vector<double>>::first);
    if (found == by_reader.end()) found = by_reader.insert(found, {reading.reader, {}});
    found->second.push_back(reading.value);
  }
  Consensus together{.readers = by_reader.size(), .readings = readings.size(), .how = {}};
  for (std::size_t i = 0; i < by_reader.size(); ++i) {
    together.value += median(by_reader[i].second) / static_cast<double>(by_reader.size());
    together.how += (i == 0 ? "" : ", ") + told(by_reader[i].second.size(), i + 1);
  }
  if (by_reader.size() > 1) together.how += "; mean of " + std::to_string(by_reader.size()) + " readers";
  if (by_reader.empty()) together.how = "no reading";
  return together;
}

}  // namespace fitting
