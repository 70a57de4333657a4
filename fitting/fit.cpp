#include "fitting/fit.h"

#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "fitting/b1.h"
#include "fitting/epg.h"
#include "fitting/parallel.h"
#include "fitting/text.h"

namespace fitting {
namespace {

// 4096 voxels of 8 contrasts are 128 KB: a tile stays in the second-level cache while it is fitted.
constexpr std::size_t kTileVoxels = 4096;

// The contrasts that take part, without their geometry: a whole series, or a sample of it.
struct Input {
  Protocol protocol;
  std::vector<const Plane*> planes;
  std::span<const float> b1;  // empty = nominal
  std::size_t voxels = 0;
  std::size_t slice_voxels = 0;  // tiles end with their slice where this is not 0
  float floor = 0;               // as Tile::floor
};

// --- planning ---

std::string_view contrasts_of(Axis axis) {
  switch (axis) {
    case Axis::EchoTimeMs:
      return "echo times";
    case Axis::FlipAngleDeg:
      return "flip angles";
    case Axis::BValueSPerMm2:
      return "b-values";
    case Axis::InversionTimeMs:
      return "inversion times";
    case Axis::SaturationDelayMs:
      return "saturation delays";
    case Axis::TimeS:
      return "times";
  }
  return "contrasts";
}

std::string_view unit_of(Axis axis) {
  switch (axis) {
    case Axis::FlipAngleDeg:
      return "deg";
    case Axis::BValueSPerMm2:
      return "s/mm2";
    case Axis::TimeS:
      return "s";
    case Axis::EchoTimeMs:
    case Axis::InversionTimeMs:
    case Axis::SaturationDelayMs:
      return "ms";
  }
  return "";
}

std::string number(double value) { return text("%.6g", value); }

std::size_t distinct(std::vector<double> axis) {
  return static_cast<std::size_t>(std::unique(axis.begin(), axis.end()) - axis.begin());
}

bool usable(const Protocol& protocol) {
  const bool finite = std::ranges::all_of(protocol.axis, [](double x) { return std::isfinite(x) && x >= 0; });
  return finite && std::ranges::is_sorted(protocol.axis);
}

// Saturation recovery: each delay has the same two echoes, one plane after the other.
bool has_echoes_of_delays(const Protocol& protocol) {
  const std::vector<double>&delays = protocol.axis, &echoes = protocol.echo_times_ms;
  if (delays.size() % 2 != 0 || echoes.size() != delays.size()) return false;
  for (std::size_t k = 0; k < delays.size(); k += 2) {
    if (delays[k] != delays[k + 1] || echoes[k] != echoes[0] || echoes[k + 1] != echoes[1]) return false;
  }
  return echoes[0] > 0 && echoes[1] > echoes[0];
}

std::string what_is_missing(const Series& series, const Model& model, std::size_t b1_voxels) {
  const std::string name(model.parameters[0].title);
  const Protocol& protocol = series.protocol;
  const std::size_t voxels = series.geometry.voxels();
  if (protocol.axis_kind != model.axis) {
    return name + " needs " + std::string(contrasts_of(model.axis)) + ", the series varies " +
           std::string(contrasts_of(protocol.axis_kind));
  }
  if (!usable(protocol))
    return name + " needs " + std::string(contrasts_of(model.axis)) + " that ascend from 0 or more, the series' do not";
  if (const std::size_t has = distinct(protocol.axis); has < model.least_contrasts) {
    return name + " needs " + std::to_string(model.least_contrasts) + " " + std::string(contrasts_of(model.axis)) +
           ", the series has " + std::to_string(has);
  }
  if (model.needs_repetition_time && !(protocol.repetition_time_ms > 0))
    return name + " needs the repetition time, the series has none";
  if (model.needs_echo_train && !(protocol.refocusing_deg > 0))
    return name + " with stimulated echoes needs the refocusing angle, the series has none";
  if (model.axis == Axis::SaturationDelayMs && !has_echoes_of_delays(protocol))
    return name + " needs the same two echo times of each saturation delay, the series has others";
  if (model.needs_echo_train && !is_echo_train(protocol.axis))
    return name + " with stimulated echoes needs echo times at multiples of the first, the series' are not";
  if (voxels == 0) return name + " needs voxels, the series has none";
  if (series.planes.size() != protocol.axis.size()) {
    return "the series has " + std::to_string(series.planes.size()) + " images for " +
           std::to_string(protocol.axis.size()) + " " + std::string(contrasts_of(model.axis));
  }
  if (series.planes.size() > kMostContrasts)
    return "the series has " + std::to_string(series.planes.size()) + " images of each slice, " + name + " takes " +
           std::to_string(kMostContrasts) + " at most";
  if (const std::size_t n = protocol.repetition_times_ms.size(); n != 0 && n != protocol.axis.size())
    return "the series has " + std::to_string(n) + " repetition times for " + std::to_string(protocol.axis.size()) +
           " " + std::string(contrasts_of(model.axis));
  if (!std::ranges::all_of(series.planes, [&](const auto& plane) { return plane.size() == voxels; })) {
    return "the images of the series differ in size";
  }
  if (b1_voxels != 0 && b1_voxels != voxels) return "the B1 map is not on the grid of the series";
  return {};
}

// Where the options choose another model of the same quantity, that one.
const Model& chosen(const Model& model, const FitOptions& options) {
  if (model.name == "t2" && options.t2_method == T2Method::Epg) return *find_model("t2_epg");
  return model;
}

// The first echo stays when fewer than four would remain.
bool drops_first(const Series& series, const Model& model, const FitOptions& options) {
  return model.first_echo_differs && options.drop_first_echo && series.planes.size() > 4;
}

Input input_of(const Series& series, std::span<const float> b1, bool drop_first) {
  Input input{.protocol = series.protocol, .planes = {}, .b1 = b1, .voxels = series.geometry.voxels()};
  if (input.protocol.slice_delay_ms != 0) input.slice_voxels = series.geometry.slice_voxels();
  if (drop_first) input.protocol.axis.erase(input.protocol.axis.begin());
  for (std::size_t k = drop_first ? 1 : 0; k < series.planes.size(); ++k) input.planes.push_back(&series.planes[k]);
  return input;
}

// --- the voxel engine ---

void prepare(Fit& fit, const Model& model, std::size_t voxels) {
  fit.model = &model;
  for (const Parameter& parameter : model.parameters) {
    fit.maps.push_back({parameter, std::vector<float>(voxels), std::vector<float>(voxels)});
  }
  fit.residual.resize(voxels);
  fit.status.resize(voxels);
}

// What one thread fits with: room for a tile of every contrast, padded as Tile asks.
class Bench {
 public:
  Bench(const Input& input, const Model& model, const FitOptions& options, const Prepared* prepared, Fit& fit)
      : input_(input), model_(model), options_(options), prepared_(prepared), fit_(fit), signal_(input.planes.size()) {
    room_.resize((input.planes.size() + 1) * kRow);
  }

  void fit(std::size_t begin, std::size_t size) {
    for (std::size_t k = 0; k < signal_.size(); ++k) signal_[k] = values(*input_.planes[k], begin, size, k);
    const float noise = static_cast<float>(fit_.noise);
    const Tile tile{
        .size = size,
        .signal = signal_,
        .b1 = input_.b1.empty() ? nullptr : padded_b1(begin, size),
        .noise = noise,
        .rician_square = input_.protocol.signed_signal ? 0 : static_cast<float>(2 * fit_.channels - 1) * noise * noise,
        .floor = input_.floor,
        .slice = input_.slice_voxels == 0 ? 0 : static_cast<int>(begin / input_.slice_voxels),
        .prepared = prepared_};
    TileFit out{.residual = fit_.residual.data() + begin, .status = fit_.status.data() + begin};
    for (std::size_t p = 0; p < fit_.maps.size(); ++p) {
      out.value[p] = fit_.maps[p].value.data() + begin;
      out.error[p] = fit_.maps[p].error.data() + begin;
    }
    model_.fit(input_.protocol, options_, tile, out);
  }

 private:
  static constexpr std::size_t kRow = kTileVoxels + Tile::kPadding;

  // Floats are fitted where they lie, unless what follows the tile is not theirs.
  const float* values(const Plane& plane, std::size_t begin, std::size_t size, std::size_t row) {
    if (plane.floats().size() >= begin + size + Tile::kPadding) return plane.floats().data() + begin;
    float* const to = room_.data() + row * kRow;
    plane.read(begin, {to, size});
    return to;
  }

  const float* padded_b1(std::size_t begin, std::size_t size) {
    float* const to = room_.data() + signal_.size() * kRow;
    std::ranges::copy(input_.b1.subspan(begin, size), to);
    return to;
  }

  const Input& input_;
  const Model& model_;
  const FitOptions& options_;
  const Prepared* prepared_;
  Fit& fit_;
  std::vector<const float*> signal_;
  std::vector<float> room_;
};

struct Run {
  std::size_t begin, size;
};

// Tiles in voxel order; where slices matter, none reaches into the next slice.
std::vector<Run> tiles_of(const Input& input) {
  const std::size_t part = input.slice_voxels != 0 ? input.slice_voxels : input.voxels;
  std::vector<Run> tiles;
  for (std::size_t start = 0; start < input.voxels; start += part) {
    for (std::size_t done = 0; done < part; done += kTileVoxels)
      tiles.push_back({start + done, std::min(kTileVoxels, part - done)});
  }
  return tiles;
}

// Each thread takes one contiguous run of tiles. A voxel's result does not depend on its run, so neither does the
// outcome. What is left when `stop` is requested is not fitted.
void fit_all(const Input& input, const Model& model, const FitOptions& options, const Prepared* prepared,
             const std::stop_token& stop, Fit& fit) {
  const std::vector<Run> tiles = tiles_of(input);
  const std::size_t runs = std::clamp<std::size_t>(options.threads, 1, tiles.size());
  const auto run = [&](std::size_t r) {
    Bench bench(input, model, options, prepared, fit);
    for (std::size_t t = r * tiles.size() / runs; t < (r + 1) * tiles.size() / runs && !stop.stop_requested(); ++t)
      bench.fit(tiles[t].begin, tiles[t].size);
  };
  in_parallel(runs, options.threads, run);
}

// --- B1 that a map finds itself ---

// Fits once more with the B1 of the first fit, smoothed. Says what was done.
std::string refit_with_smooth_b1(Input input, const Model& model, const FitOptions& options, const Prepared* prepared,
                                 const std::stop_token& stop, Fit& fit) {
  constexpr double kFwhmMm = 10;
  const std::vector<float>& first = fit.maps.front().value;
  std::vector<std::uint8_t> believed(first.size());
  for (std::size_t i = 0; i < first.size(); ++i)
    believed[i] = fit.status[i] == VoxelStatus::Good && static_cast<double>(first[i]) >= model.own_b1.least;
  const auto smoothed = b1_map(fit.geometry, fit.maps[static_cast<std::size_t>(model.own_b1.parameter)].value, believed,
                               fit.geometry, {.smoothing_fwhm_mm = kFwhmMm, .threads = options.threads});
  if (const auto* refusal = std::get_if<Refusal>(&smoothed)) return "; B1 as fitted, not smoothed: " + refusal->reason;
  input.b1 = std::get<B1Map>(smoothed).factor;
  fit_all(input, model, options, prepared, stop, fit);
  return "; second pass with its B1 smoothed over " + number(kFwhmMm) + " mm";
}

// --- bright voxels ---

std::vector<float> strongest_signal(const Input& input) {
  std::vector<float> strongest(input.voxels, 0.0F);
  std::vector<float> values(std::min(kTileVoxels, input.voxels));
  for (const Plane* plane : input.planes) {
    for (std::size_t begin = 0; begin < input.voxels; begin += values.size()) {
      const std::span part(values.data(), std::min(values.size(), input.voxels - begin));
      plane->read(begin, part);
      for (std::size_t i = 0; i < part.size(); ++i)
        strongest[begin + i] = std::max(strongest[begin + i], std::abs(part[i]));
    }
  }
  return strongest;
}

// A tenth of the bright signal (98th percentile): what is stronger surely holds tissue. 0 when there is no signal.
float least_of_tissue(const std::vector<float>& strongest) {
  std::vector<float> sorted;
  std::ranges::copy_if(strongest, std::back_inserter(sorted), [](float s) { return s > 0 && std::isfinite(s); });
  if (sorted.empty()) return 0;
  const auto bright = sorted.begin() + static_cast<std::ptrdiff_t>((sorted.size() - 1) * 98 / 100);
  std::ranges::nth_element(sorted, bright);
  return 0.1F * *bright;
}

// Voxels that surely hold tissue. At most `most` of them, evenly strided.
std::vector<std::size_t> bright_voxels(const std::vector<float>& strongest, std::size_t most) {
  const float least = least_of_tissue(strongest);
  if (least <= 0) return {};
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < strongest.size(); ++i) {
    if (strongest[i] >= least) chosen.push_back(i);
  }
  const std::size_t stride = chosen.size() / most + 1;
  for (std::size_t i = 0; i * stride < chosen.size(); ++i) chosen[i] = chosen[i * stride];
  chosen.resize((chosen.size() + stride - 1) / stride);
  return chosen;
}

// --- noise from the residuals ---

template <class Values>
std::vector<float> gathered(const Values& plane, std::span<const std::size_t> voxels) {
  std::vector<float> values;
  values.reserve(voxels.size());
  for (const std::size_t voxel : voxels) values.push_back(plane[voxel]);
  return values;
}

// Standard deviation of the noise from a trial fit of the bright voxels: the median over the voxels of what the model
// leaves unexplained. A single voxel has 1..30 degrees of freedom and says nothing; the median over thousands does, and
// ignores the voxels where the model is wrong. 0 when the fit has no degrees of freedom. It contains the model's own
// errors, so it can be too large, never too small by much: doubts grow, maps stay.
Noise noise_from_residuals(const Input& input, const Model& model, const FitOptions& options,
                           const Prepared* prepared) {
  const std::size_t contrasts = input.planes.size(), unknowns = model.parameters.size();
  if (contrasts <= unknowns) return {};
  const std::vector<float> strongest = strongest_signal(input);
  const std::vector<std::size_t> voxels = bright_voxels(strongest, 32768);
  if (voxels.empty()) return {};
  std::vector<Plane> planes;
  for (const Plane* plane : input.planes) planes.emplace_back(gathered(*plane, voxels));
  const std::vector<float> b1 = input.b1.empty() ? std::vector<float>{} : gathered(input.b1, voxels);
  Input sample{.protocol = input.protocol, .planes = {}, .b1 = b1, .voxels = voxels.size()};
  for (const Plane& plane : planes) sample.planes.push_back(&plane);
  Fit fit;
  prepare(fit, model, voxels.size());
  fit_all(sample, model, options, prepared, {}, fit);

  std::vector<double> rms;
  for (std::size_t i = 0; i < voxels.size(); ++i) {
    if (fit.status[i] == VoxelStatus::Good)
      rms.push_back(static_cast<double>(fit.residual[i]) * static_cast<double>(strongest[voxels[i]]));
  }
  if (rms.empty()) return {};
  const auto middle = rms.begin() + static_cast<std::ptrdiff_t>((rms.size() - 1) / 2);
  std::ranges::nth_element(rms, middle);
  // Sum of squares = sigma^2 chi^2 with nu degrees of freedom, whose median is nu (1 - 2 / (9 nu))^3 (Wilson & Hilferty
  // 1931).
  const double nu = static_cast<double>(contrasts - unknowns);
  const double median_chi_squared = nu * std::pow(1 - 2 / (9 * nu), 3);
  const double sigma = *middle * std::sqrt(static_cast<double>(contrasts) / median_chi_squared);
  if (!(sigma > 0)) return {};
  return {.sigma = sigma, .method = "median residual of " + std::to_string(rms.size()) + " voxels"};
}

Noise noise_of(const Series& series, const Input& input, const Model& model, const FitOptions& options,
               const Prepared* prepared) {
  Noise noise = estimate_noise(series);
  if (noise.sigma <= 0) noise = noise_from_residuals(input, model, options, prepared);
  if (noise.sigma <= 0) noise = {.method = "unknown"};
  return noise;
}

// What the air of several channels reaches: its root mean square of sqrt(2 N) sigma, and four of its standard
// deviations of 0.7 sigma. For one channel FitOptions::least_snr alone decides.
float floor_of_air(const Noise& noise) {
  if (noise.channels <= 1) return 0;
  return static_cast<float>((std::sqrt(2 * noise.channels) + 3) * noise.sigma);
}

// --- the report ---

// The last digits depend on it.
std::string instruction_set() {
  const std::int64_t usable = hwy::SupportedTargets() & HWY_TARGETS;
  return hwy::TargetName(usable & -usable);  // the best has the lowest bit
}

std::string described_noise(const Fit& fit) {
  if (fit.noise <= 0) return "noise unknown: voxels under 10 % of the bright signal are left out";
  return "noise " + number(fit.noise) + " (" + fit.noise_method + ")";
}

std::string described_b1(const Fit& fit, bool has_b1) {
  if (fit.model->needs_echo_train) return has_b1 ? "; B1 map applied" : "; B1 estimated";
  if (fit.protocol.axis_kind != Axis::FlipAngleDeg) return {};
  return has_b1 ? "; B1 map applied" : "; flip angles nominal, no B1 correction";
}

std::string described(const Fit& fit, const FitOptions& options, std::size_t contrasts, bool has_b1,
                      const std::string& second_pass) {
  const Protocol& used = fit.protocol;
  std::string text = std::string(fit.model->title) + ": " + std::string(fit.model->equation);
  if (!fit.model->note.empty()) text += "; " + std::string(fit.model->note);
  if (fit.model->method != nullptr) text += "; " + fit.model->method(used, options);
  text += "; " + std::to_string(used.axis.size()) + " of " + std::to_string(contrasts) + " " +
          std::string(contrasts_of(used.axis_kind)) + " " + number(used.axis.front()) + ".." +
          number(used.axis.back()) + " " + std::string(unit_of(used.axis_kind));
  if (used.axis.size() < contrasts) text += ", first echo left out (stimulated echoes)";
  if (fit.model->needs_repetition_time) text += "; TR " + number(used.repetition_time_ms) + " ms";
  text += second_pass + "; " + described_noise(fit) + described_b1(fit, has_b1);
  return text + "; float32, " + instruction_set();
}

void count(Fit& fit) {
  fit.fitted = static_cast<std::size_t>(std::ranges::count_if(fit.status, [](VoxelStatus s) { return !failed(s); }));
  fit.considered = static_cast<std::size_t>(
      std::ranges::count_if(fit.status, [](VoxelStatus s) { return !has(s, VoxelStatus::BelowSnr); }));
}

}  // namespace

std::variant<Fit, Refusal> fit_series(const Series& series, const Model& wanted, const FitOptions& options,
                                      const std::vector<float>& b1, const std::stop_token& stop) {
  const Model& model = chosen(wanted, options);
  if (std::string missing = what_is_missing(series, model, b1.size()); !missing.empty())
    return Refusal{std::move(missing)};
  Input input = input_of(series, b1, drops_first(series, model, options));
  const auto prepared = model.prepare == nullptr ? nullptr : model.prepare(input.protocol, options);
  const Noise noise = noise_of(series, input, model, options, prepared.get());
  // Without a noise to judge by, air would be fitted like tissue.
  input.floor = noise.sigma > 0 ? floor_of_air(noise) : least_of_tissue(strongest_signal(input));
  Fit fit;
  prepare(fit, model, input.voxels);
  fit.geometry = series.geometry;
  fit.protocol = input.protocol;
  fit.noise = noise.sigma;
  fit.channels = noise.channels;
  fit.noise_method = noise.method;
  fit_all(input, model, options, prepared.get(), stop, fit);
  std::string second_pass;
  if (model.own_b1.parameter >= 0 && b1.empty())
    second_pass = refit_with_smooth_b1(input, model, options, prepared.get(), stop, fit);
  if (stop.stop_requested()) return Refusal{std::string(model.parameters[0].title) + " was not finished: stopped"};
  count(fit);
  fit.description = described(fit, options, series.planes.size(), !b1.empty(), second_pass);
  return fit;
}

}  // namespace fitting
