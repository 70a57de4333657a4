// How fast the maps are, per core, beside what memory allows and what a general solver does, in one run.
//
//   fit_bench [--json] [--target NAME] [--voxels N] [MAP ...]
//
// Out of cache: 16-bit pixels of N voxels (8,388,608) in memory, converted, fitted and written as the product does it,
// with standard errors, residual and status. In cache: one tile of floats, again and again. The general solver is
// MINPACK's Levenberg-Marquardt in double precision, as Eigen carries it, started at 0.8 of the truth, on a sample of
// the same voxels. Ratios matter; seconds are this machine's.
#include <hwy/targets.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>
#include <string>
#include <unsupported/Eigen/NonLinearOptimization>
#include <unsupported/Eigen/NumericalDiff>
#include <vector>

#include "fitting/model.h"

namespace {

using fitting::kMaxParameters;
using fitting::Model;
using fitting::Plane;
using fitting::Tile;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kTileVoxels = 4096;
constexpr double kSnr = 60;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// The best of several runs of at least a tenth of a second each: the machine is shared, and noise only ever adds.
template <class Work>
double best_seconds(Work work) {
  double best = 1e9;
  for (int round = 0; round < 5; ++round) {
    int times = 0;
    const auto start = Clock::now();
    do {
      work();
      ++times;
    } while (seconds_since(start) < 0.1);
    best = std::min(best, seconds_since(start) / times);
  }
  return best;
}

// Voxels of a map: truths between its examples, magnitudes with noise, as a scanner stores them.
struct Voxels {
  fitting::Protocol protocol;
  std::vector<std::vector<double>> truth;  // of the distinct voxels
  std::vector<Plane> planes;
  float noise = 0;
};

Voxels voxels_of(const Model& model, std::size_t count) {
  constexpr std::size_t kDistinct = 65536;
  Voxels voxels;
  voxels.protocol = model.example_protocol();
  const std::size_t contrasts = voxels.protocol.axis.size(), distinct = std::min(kDistinct, count);
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> share(0, 1);
  std::uniform_int_distribution<std::size_t> any(0, model.examples.size() - 1);
  std::vector<std::vector<double>> signals(distinct, std::vector<double>(contrasts));
  double strongest = 0;
  for (auto& signal : signals) {
    auto& truth = voxels.truth.emplace_back();
    const auto &a = model.examples[any(random)].truth, &b = model.examples[any(random)].truth;
    const double at = share(random);
    for (std::size_t p = 0; p < model.parameters.size(); ++p) truth.push_back(a[p] + at * (b[p] - a[p]));
    model.signal(voxels.protocol, truth, signal);
    for (const double s : signal) strongest = std::max(strongest, std::abs(s));
  }
  const double scale = 4000 / strongest, sigma = 4000 / kSnr;
  voxels.noise = static_cast<float>(sigma);
  for (std::size_t k = 0; k < contrasts; ++k) {
    std::vector<std::int16_t> stored(count);
    for (std::size_t i = 0; i < distinct; ++i) {
      const double real = signals[i][k] * scale + sigma * normal(random);
      const double pixel = voxels.protocol.signed_signal ? real : std::hypot(real, sigma * normal(random));
      stored[i] = static_cast<std::int16_t>(std::lround(pixel));
    }
    for (std::size_t i = distinct; i < count; ++i) stored[i] = stored[i - distinct];
    voxels.planes.emplace_back(std::move(stored), std::vector<Plane::Scale>{{}});
  }
  for (auto& truth : voxels.truth) {
    for (std::size_t p = 0; p < model.parameters.size(); ++p)
      if (model.parameters[p].name == "S0") truth[p] *= scale;
  }
  return voxels;
}

// Room for the maps of `count` voxels.
struct Maps {
  std::vector<std::vector<float>> numbers;
  std::vector<fitting::VoxelStatus> status;

  Maps(const Model& model, std::size_t count)
      : numbers(2 * model.parameters.size() + 1, std::vector<float>(count)), status(count) {}
  fitting::TileFit at(const Model& model, std::size_t begin) {
    fitting::TileFit out{.residual = numbers.back().data() + begin, .status = status.data() + begin};
    for (std::size_t p = 0; p < model.parameters.size(); ++p) {
      out.value[p] = numbers[2 * p].data() + begin;
      out.error[p] = numbers[2 * p + 1].data() + begin;
    }
    return out;
  }
};

struct Row {
  std::string map, target;
  std::size_t contrasts = 0;
  double in_cache = 0, out_of_cache = 0;  // Mvoxel/s
  double solver = 0;                      // Mvoxel/s
};

// Of one tile of floats, and of all of memory.
void measure(const Model& model, const Voxels& voxels, Maps& maps, Row& row) {
  const std::size_t count = voxels.planes.front().size(), stride = kTileVoxels + Tile::kPadding;
  std::vector<float> room(stride * voxels.planes.size());
  std::vector<const float*> signal;
  for (std::size_t k = 0; k < voxels.planes.size(); ++k) signal.push_back(room.data() + k * stride);
  const auto fill = [&](std::size_t begin, std::size_t size) {
    for (std::size_t k = 0; k < voxels.planes.size(); ++k)
      voxels.planes[k].read(begin, {room.data() + k * stride, size});
  };
  const auto prepared = model.prepare == nullptr ? nullptr : model.prepare(voxels.protocol, {});
  const auto fit = [&](std::size_t begin, std::size_t size) {
    const Tile tile{.size = size,
                    .signal = signal,
                    .noise = voxels.noise,
                    .rician_square = voxels.protocol.signed_signal ? 0 : voxels.noise * voxels.noise,
                    .prepared = prepared.get()};
    model.fit(voxels.protocol, {}, tile, maps.at(model, begin));
  };
  fill(0, kTileVoxels);
  row.in_cache = static_cast<double>(kTileVoxels) / best_seconds([&] { fit(0, kTileVoxels); }) / 1e6;
  row.out_of_cache = static_cast<double>(count) / best_seconds([&] {
                       for (std::size_t begin = 0; begin < count; begin += kTileVoxels) {
                         fill(begin, std::min(kTileVoxels, count - begin));
                         fit(begin, std::min(kTileVoxels, count - begin));
                       }
                     }) /
                     1e6;
}

// y - f(parameters), each parameter in units of its truth.
struct Residuals {
  using Scalar = double;
  using InputType = Eigen::VectorXd;
  using ValueType = Eigen::VectorXd;
  using JacobianType = Eigen::MatrixXd;
  enum { InputsAtCompileTime = Eigen::Dynamic, ValuesAtCompileTime = Eigen::Dynamic };

  [[nodiscard]] int inputs() const { return static_cast<int>(model.parameters.size()); }
  [[nodiscard]] int values() const { return static_cast<int>(voxels.planes.size()); }
  int operator()(const Eigen::VectorXd& x, Eigen::VectorXd& residual) const {
    std::vector<double> parameters(model.parameters.size()), signal(voxels.planes.size());
    for (std::size_t p = 0; p < parameters.size(); ++p)
      parameters[p] = x[static_cast<Eigen::Index>(p)] * voxels.truth[index][p];
    model.signal(voxels.protocol, parameters, signal);
    for (std::size_t k = 0; k < signal.size(); ++k)
      residual[static_cast<Eigen::Index>(k)] = static_cast<double>(voxels.planes[k][index]) - signal[k];
    return 0;
  }
  const Model& model;
  const Voxels& voxels;
  std::size_t index;
};

// Mvoxel/s of the general solver; 0 where the model has no least squares to solve.
double solver_speed(const Model& model, const Voxels& voxels) {
  if (model.parameters.size() > voxels.planes.size()) return 0;
  const std::size_t sample = std::min<std::size_t>(2000, voxels.truth.size());
  const auto start = Clock::now();
  double sum = 0;
  for (std::size_t i = 0; i < sample; ++i) {
    Eigen::NumericalDiff<Residuals> f(Residuals{model, voxels, i});
    Eigen::LevenbergMarquardt<Eigen::NumericalDiff<Residuals>> solver(f);
    Eigen::VectorXd x = Eigen::VectorXd::Constant(static_cast<Eigen::Index>(model.parameters.size()), 0.8);
    solver.minimize(x);
    sum += x[0];
  }
  const double speed = static_cast<double>(sample) / seconds_since(start) / 1e6;
  return std::isfinite(sum) ? speed : -speed;  // looked at, so that it is computed
}

// Reading 5 planes of floats and writing 2, nothing else: 28 bytes a voxel.
double memory_line(std::size_t count) {
  std::vector<std::vector<float>> planes(7, std::vector<float>(count, 1.0F));
  const double seconds = best_seconds([&] {
    float* __restrict sum = planes[5].data(), * __restrict difference = planes[6].data();
    const float *a = planes[0].data(), *b = planes[1].data(), *c = planes[2].data(), *d = planes[3].data(),
                *e = planes[4].data();
    for (std::size_t i = 0; i < count; ++i) {
      sum[i] = a[i] + b[i] + c[i] + d[i] + e[i];
      difference[i] = a[i] - b[i];
    }
  });
  return static_cast<double>(count) / seconds / 1e6;
}

void print(const std::vector<Row>& rows, double line) {
  std::printf("memory line: read 5 planes, write 2: %.0f Mvoxel/s (%.1f GB/s)\n\n", line, line * 28 / 1000);
  std::printf("%-10s %-8s %9s %9s %12s %10s %12s %9s\n", "map", "target", "contrasts", "in cache", "out of cache",
              "/ memory", "solver", "/ solver");
  for (const Row& row : rows) {
    std::printf("%-10s %-8s %9zu %9.1f %12.1f %10.4f %12.5f", row.map.c_str(), row.target.c_str(), row.contrasts,
                row.in_cache, row.out_of_cache, row.out_of_cache / line, row.solver);
    if (row.solver > 0)
      std::printf(" %9.0f\n", row.out_of_cache / row.solver);
    else
      std::printf(" %9s\n", "-");
  }
  std::printf("\nMvoxel/s on one core.\n");
}

void print_json(const std::vector<Row>& rows, double line) {
  nlohmann::json all{{"memory_line_mvoxel_s", line}, {"maps", nlohmann::json::array()}};
  for (const Row& row : rows) {
    all["maps"].push_back({{"map", row.map},
                           {"target", row.target},
                           {"contrasts", row.contrasts},
                           {"in_cache_mvoxel_s", row.in_cache},
                           {"out_of_cache_mvoxel_s", row.out_of_cache},
                           {"solver_mvoxel_s", row.solver}});
  }
  std::printf("%s\n", all.dump(1).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  bool json = false;
  std::size_t count = std::size_t{1} << 23;
  std::vector<std::string> wanted;
  std::string only;  // instruction set
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--json")
      json = true;
    else if (argument == "--target" && i + 1 < argc)
      only = argv[++i];
    else if (argument == "--voxels" && i + 1 < argc)
      count = std::max<std::size_t>(kTileVoxels, std::strtoull(argv[++i], nullptr, 10));
    else if (argument.starts_with("-") || fitting::find_model(argument) == nullptr)
      return std::fprintf(stderr, "usage: fit_bench [--json] [--target NAME] [--voxels N] [MAP ...]\n"), 2;
    else
      wanted.push_back(argument);
  }
  const double line = memory_line(count);
  std::vector<Row> rows;
  for (const Model& model : fitting::catalog()) {
    if (!wanted.empty() && std::ranges::find(wanted, model.name) == wanted.end()) continue;
    const Voxels voxels = voxels_of(model, count);
    Maps maps(model, count);
    const double solver = solver_speed(model, voxels);
    for (const auto target : hwy::SupportedAndGeneratedTargets()) {
      if (!only.empty() && only != hwy::TargetName(target)) continue;
      hwy::SetSupportedTargetsForTest(target);
      hwy::GetChosenTarget().Update(hwy::SupportedTargets());
      Row row{.map = std::string(model.name),
              .target = hwy::TargetName(target),
              .contrasts = voxels.planes.size(),
              .solver = solver};
      measure(model, voxels, maps, row);
      rows.push_back(row);
    }
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
  json ? print_json(rows, line) : print(rows, line);
  return 0;
}
