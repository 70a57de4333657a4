// The exam of Shen 2025 (Tomography 11:31): diffusion with b up to 2000 s/mm2 before contrast, the scanner's own traces
// and ADC, one dynamic series of a phase before and five after the injection as one DICOM series, and a subtraction.
// The paper's Table S1 (sequence parameters) is not printed with it: times and angles are those of the vendor's breast
// protocols.
#include <array>
#include <cmath>
#include <span>

#include "server/simulation/profile.h"

namespace server::simulation {
namespace {

using dicom::SimulatedSeries;

constexpr int kDiffusion = 2, kTrace = 3, kAdc = 4, kDynamic = 5, kSubtraction = 6;
constexpr double kDiffusion_s = kStudy_s + 60, kDynamic_s = kStudy_s + 420;
constexpr double kEchoTime_ms = 97, kRepetitionTime_ms = 7100;
constexpr std::array kBValues_s_mm2{0.0, 800.0, 1400.0, 2000.0};
constexpr std::size_t kDirections = 3;
constexpr int kSubtracted = 2;  // the phase 90 s after the injection

// A phase lasts a minute; the agent goes in after the first.
DynamicProtocol dynamic() {
  return {.noise_key = kDynamic,
          .starts_s = {0, 90, 150, 210, 270, 330},
          .injection_s = 70,
          .field_mm = 320,
          .repetition_time_ms = 4.5,
          .echo_time_ms = 1.6,
          .flip_angle_deg = 10};
}

SimulatedSeries echo_planar(const SimulateOptions& options, int number, const std::string& suffix, const char* kind) {
  SimulatedSeries series = named(options, number, "ep2d_diff_dki_tra" + suffix);
  series.protocol = "ep2d_diff_dki_tra";
  series.image_type = {suffix.empty() ? "ORIGINAL" : "DERIVED", "PRIMARY", "DIFFUSION", kind, "ND", "NORM"};
  series.scanning_sequence = "EP";
  series.sequence_variant = "SK\\SP";
  series.sequence_name = "*ep_b0_2000";
  series.acquisition_type = "2D";
  series.scan_options = "PFP\\FS";
  series.start_s = kDiffusion_s;
  series.echo_train_length = 55;
  return series;
}

// The geometric mean of the directions of one b.
std::vector<float> trace_of(std::span<const fitting::Plane> directions) {
  std::vector<float> trace(directions.front().size());
  for (std::size_t voxel = 0; voxel < trace.size(); ++voxel) {
    double product = 1;
    for (const auto& plane : directions) product *= static_cast<double>(plane[voxel]);
    trace[voxel] = static_cast<float>(std::pow(product, 1.0 / static_cast<double>(directions.size())));
  }
  return trace;
}

// Planes of the b-value `k`: one without weighting, three with.
std::span<const fitting::Plane> planes_of(const SimulatedSeries& weighted, std::size_t k) {
  const std::span planes(weighted.series.planes);
  return k == 0 ? planes.first(1) : planes.subspan(1 + (k - 1) * kDirections, kDirections);
}

SimulatedSeries traces(const SimulateOptions& options, const SimulatedSeries& weighted) {
  SimulatedSeries series = echo_planar(options, kTrace, "_TRACEW", "TRACEW");
  series.seconds_per_image = weighted.seconds_per_image;
  series.series = {weighted.series.geometry,
                   {fitting::Axis::BValueSPerMm2, {kBValues_s_mm2.begin(), kBValues_s_mm2.end()}, kRepetitionTime_ms},
                   {}};
  for (std::size_t k = 0; k < kBValues_s_mm2.size(); ++k) {
    series.contrasts.push_back({.echo_time_ms = kEchoTime_ms,
                                .flip_angle_deg = 90,
                                .b_value_s_mm2 = kBValues_s_mm2[k],
                                .sequence_name = "*ep_b" + std::to_string(std::lround(kBValues_s_mm2[k])) + "t"});
    series.series.planes.emplace_back(trace_of(planes_of(weighted, k)));
  }
  return series;
}

std::vector<Acquired> diffusion(const SimulateOptions& options) {
  SimulatedSeries weighted = echo_planar(options, kDiffusion, "", "NONE");
  weighted.contrasts = directions(kBValues_s_mm2, kEchoTime_ms);
  weighted.series =
      acquire(options, stack_2d(options, options.matrix / 2, {.field_mm = 320}),
              b_values_of(weighted.contrasts, kRepetitionTime_ms), "dki", fitting::Quantity::Kurtosis, kDiffusion);
  weighted.seconds_per_image = kRepetitionTime_ms / 1000 / weighted.series.geometry.slices();
  SimulatedSeries trace = traces(options, weighted), adc = echo_planar(options, kAdc, "_ADC", "ADC");
  put_plane(adc, weighted,
            scanner_adc(weighted.series.planes.front(), planes_of(weighted, 1), kBValues_s_mm2[1], options.noise));
  auto all = only({std::move(weighted), "dwi"});
  all.push_back({std::move(trace), "ignore: the scanner's means of directions that are here"});
  all.push_back({std::move(adc), "ignore: the scanner's own ADC"});
  return all;
}

SimulatedSeries vibe(const SimulateOptions& options, int number, const char* description, int phase) {
  const DynamicProtocol protocol = dynamic();
  SimulatedSeries series = spoiled_3d(options, number, description);
  series.protocol = "t1_vibe_dyn";
  series.start_s = kDynamic_s;
  series.contrast_agent = true;  // entered for the whole measurement, whose first phase is before it
  series.contrast_start_s = kDynamic_s + protocol.injection_s;
  series.contrasts = {{.echo_time_ms = protocol.echo_time_ms, .flip_angle_deg = protocol.flip_angle_deg}};
  series.dynamic = {.phase = phase + 1,
                    .phases = static_cast<int>(protocol.starts_s.size()),
                    .since_first_s = protocol.starts_s[static_cast<std::size_t>(phase)]};
  return series;
}

std::vector<Acquired> phase(const SimulateOptions& options, int number) {
  SimulatedSeries series = vibe(options, kDynamic, "t1_vibe_dyn", number);
  series.first_instance = number * options.slices + 1;
  series.series = phase_of(options, dynamic(), number);
  return only({std::move(series), "dce"});
}

std::vector<Acquired> subtracted(const SimulateOptions& options) {
  SimulatedSeries series = vibe(options, kSubtraction, "t1_vibe_dyn_SUB", kSubtracted);
  series.image_type = {"DERIVED", "PRIMARY", "M", "ND", "NORM", "SUB"};
  const auto protocol = flip_angles({dynamic().flip_angle_deg}, dynamic().repetition_time_ms);
  series.series = {slab(options, dynamic().field_mm), protocol, {}};
  series.series.planes.emplace_back(subtraction(options, dynamic(), kSubtracted));
  return only({std::move(series), "ignore: a subtraction"});
}

std::vector<Step> steps() {
  std::vector<Step> all{siemens_localizer, diffusion};
  for (int number = 0; number < static_cast<int>(dynamic().starts_s.size()); ++number)
    all.emplace_back([number](const SimulateOptions& options) { return phase(options, number); });
  all.emplace_back(subtracted);
  return all;
}

std::vector<SlotTruth> slots(const fitting::Tissue& lesion) {
  return {{"dwi",
           {{"ADC at b 0 and 800", lesion.adc_um2_per_ms * 1000, "10-6.mm2/s"},
            {"D", lesion.diffusivity_um2_per_ms * 1000, "10-6.mm2/s"},
            {"K", lesion.kurtosis, "1"}}},
          {"dce", {}, true_phases(dynamic(), lesion)}};
}

}  // namespace

Profile skyra_dki() {
  return {.name = "skyra-dki",
          .title = "Siemens Skyra 3 T: diffusion kurtosis (b 0, 800, 1400, 2000) and DCE (Shen 2025)",
          .scanner = dicom::Scanner::SkyraE11,
          .enhanced = dicom::Scanner::SkyraXa60,
          .steps = steps(),
          .truth = slots,
          .outlined_series = kDynamic,
          .outlined_volume = kSubtracted,
          .outlined_field_mm = dynamic().field_mm};
}

}  // namespace server::simulation
