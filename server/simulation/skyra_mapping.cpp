// The exam of Zhang 2026 (Quant Imaging Med Surg), Table 1, with a diffusion series as breast protocols have it: what
// the mapping needs, and around it what a scanner sends as well and a node must pass over (localizer, enhanced phase,
// the scanner's own ADC).
#include <array>
#include <cmath>
#include <span>

#include "server/simulation/profile.h"

namespace server::simulation {
namespace {

using dicom::SimulatedSeries;

constexpr double kT1Pre_s = kStudy_s + 60, kT2_s = kStudy_s + 220, kT2Star_s = kStudy_s + 480,
                 kDiffusion_s = kStudy_s + 640;
constexpr double kBolus_s = kStudy_s + 800;
constexpr double kEnhanced_s = kBolus_s + 90, kT1Post_s = kBolus_s + 9 * 60 + 40;
constexpr double kFlipAngleDuration_s = 25;

// Series numbers; the flip angles of a T1 mapping take consecutive ones.
constexpr int kT1Pre = 2, kT2 = 7, kT2Star = 8, kDiffusion = 9, kAdc = 10, kEnhanced = 11, kT1Post = 12;

constexpr std::array kFlipAngles_deg{2.0, 5.0, 8.0, 12.0, 15.0};
constexpr std::array kBValues_s_mm2{0.0, 800.0};

void enhance(SimulatedSeries& series) {
  series.contrast_agent = true;
  series.contrast_start_s = kBolus_s;
}

// A series for each flip angle, as the scanner's protocol queue runs them.
std::vector<Acquired> t1_mapping(const SimulateOptions& options, bool after) {
  const int first_number = after ? kT1Post : kT1Pre;
  auto signal = acquire(options, slab(options), flip_angles({kFlipAngles_deg.begin(), kFlipAngles_deg.end()}, 4.54),
                        "t1_vfa", after ? fitting::Quantity::T1Post : fitting::Quantity::T1Pre, first_number);
  std::vector<Acquired> all;
  for (std::size_t k = 0; k < kFlipAngles_deg.size(); ++k) {
    const std::string angle = std::to_string(std::lround(kFlipAngles_deg[k]));
    auto series =
        spoiled_3d(options, first_number + static_cast<int>(k), (after ? "T1Map_post_fa" : "T1Map_pre_fa") + angle);
    series.start_s = (after ? kT1Post_s : kT1Pre_s) + kFlipAngleDuration_s * static_cast<double>(k);
    if (after) enhance(series);
    series.contrasts = {{.echo_time_ms = 2.02, .flip_angle_deg = kFlipAngles_deg[k]}};
    series.series = {signal.geometry, flip_angles({kFlipAngles_deg[k]}, 4.54), {}};
    series.series.planes.push_back(std::move(signal.planes[k]));
    all.push_back({std::move(series), after ? "t1_post" : "t1_pre"});
  }
  return all;
}

// The phase 90 s after the injection, on which lesions are outlined. It is one image stack: no fit can use it.
std::vector<Acquired> enhanced_phase(const SimulateOptions& options) {
  SimulatedSeries series = spoiled_3d(options, kEnhanced, "t1_vibe_dyn_90s");
  series.start_s = kEnhanced_s;
  enhance(series);
  series.contrasts = {{.echo_time_ms = 2.39, .flip_angle_deg = 10}};
  series.series =
      acquire(options, slab(options), flip_angles({10}, 4.95), "t1_vfa", fitting::Quantity::T1Post, kEnhanced);
  return only({std::move(series), "ignore: one enhanced phase, for the outline"});
}

SimulatedSeries multi_echo(const SimulateOptions& options, SimulatedSeries series, double spacing_ms,
                           double flip_angle_deg, double repetition_time_ms, fitting::Quantity quantity) {
  fitting::Protocol protocol{fitting::Axis::EchoTimeMs, {}, repetition_time_ms};
  for (int echo = 1; echo <= 8; ++echo) {
    protocol.axis.push_back(std::round(echo * spacing_ms * 100) / 100);
    series.contrasts.push_back({.echo_time_ms = protocol.axis.back(), .flip_angle_deg = flip_angle_deg});
  }
  series.acquisition_type = "2D";
  series.sequence_variant = "SP";
  series.echo_train_length = 8;
  series.series = acquire(options, stack_2d(options, options.matrix), protocol,
                          quantity == fitting::Quantity::T2 ? "t2" : "t2star", quantity, series.series_number);
  series.seconds_per_image = repetition_time_ms / 1000 / series.series.geometry.slices();
  return series;
}

std::vector<Acquired> t2_mapping(const SimulateOptions& options) {
  SimulatedSeries series = named(options, kT2, "T2Map");
  series.start_s = kT2_s;
  series.scanning_sequence = "SE";
  series.sequence_name = "*se2d8";
  return only({multi_echo(options, std::move(series), 13.8, 180, 2410, fitting::Quantity::T2), "t2"});
}

std::vector<Acquired> t2star_mapping(const SimulateOptions& options) {
  SimulatedSeries series = named(options, kT2Star, "T2*Map");
  series.start_s = kT2Star_s;
  series.scanning_sequence = "GR";
  series.sequence_name = "*fl2d8";
  return only({multi_echo(options, std::move(series), 3.54, 60, 724, fitting::Quantity::T2star), "t2star"});
}

SimulatedSeries echo_planar(const SimulateOptions& options, int number, std::string description, const char* kind) {
  SimulatedSeries series = named(options, number, std::move(description));
  series.protocol = "ep2d_diff_tra_b0_b800";
  series.image_type = {number == kAdc ? "DERIVED" : "ORIGINAL", "PRIMARY", "DIFFUSION", kind, "ND", "NORM"};
  series.scanning_sequence = "EP";
  series.sequence_variant = "SK\\SP";
  series.sequence_name = "*ep_b0_800";
  series.acquisition_type = "2D";
  series.scan_options = "PFP\\FS";
  series.start_s = kDiffusion_s;
  series.echo_train_length = 45;
  return series;
}

// One b = 0 image and three orthogonal directions, each slice at half the matrix, and the ADC series that the scanner
// adds.
std::vector<Acquired> diffusion(const SimulateOptions& options) {
  SimulatedSeries weighted = echo_planar(options, kDiffusion, "ep2d_diff_tra_b0_b800", "NONE");
  weighted.contrasts = directions(kBValues_s_mm2, 58);
  const auto protocol = b_values_of(weighted.contrasts, 6500);
  weighted.series =
      acquire(options, stack_2d(options, options.matrix / 2), protocol, "adc", fitting::Quantity::Adc, kDiffusion);
  weighted.seconds_per_image = protocol.repetition_time_ms / 1000 / weighted.series.geometry.slices();
  SimulatedSeries derived = echo_planar(options, kAdc, "ep2d_diff_tra_b0_b800_ADC", "ADC");
  const std::span planes(weighted.series.planes);
  put_plane(derived, weighted, scanner_adc(planes[0], planes.subspan(1), kBValues_s_mm2.back(), options.noise));
  auto both = only({std::move(weighted), "dwi"});
  both.push_back({std::move(derived), "ignore: the scanner's own ADC"});
  return both;
}

std::vector<SlotTruth> slots(const fitting::Tissue& tissue) {
  return {{"t1_pre", {{"T1", tissue.t1_pre_ms, "ms"}}},
          {"t1_post", {{"T1", tissue.t1_post_ms, "ms"}}},
          {"t2", {{"T2", tissue.t2_ms, "ms"}}},
          {"t2star", {{"T2star", tissue.t2star_ms, "ms"}}},
          {"dwi", {{"ADC", tissue.adc_um2_per_ms * 1000, "10-6.mm2/s"}}}};
}

std::vector<std::pair<std::string, TrueValue>> changes(const fitting::Tissue& tissue) {
  const double difference_ms = tissue.t1_pre_ms - tissue.t1_post_ms;
  return {{"delta_t1", {"T1 pre - T1 post", difference_ms, "ms"}},
          {"delta_t1_relative", {"(T1 pre - T1 post) / T1 pre", difference_ms / tissue.t1_pre_ms, "1"}}};
}

}  // namespace

Profile skyra_mapping() {
  return {.name = "skyra-mapping",
          .title = "Siemens Skyra 3 T: T1 before and after contrast, T2, T2*, diffusion (Zhang 2026)",
          .scanner = dicom::Scanner::SkyraE11,
          .enhanced = dicom::Scanner::SkyraXa60,
          .steps = {siemens_localizer, [](const SimulateOptions& options) { return t1_mapping(options, false); },
                    t2_mapping, t2star_mapping, diffusion, enhanced_phase,
                    [](const SimulateOptions& options) { return t1_mapping(options, true); }},
          .truth = slots,
          .derived = changes,
          .dose_mmol_per_kg = 0.2,  // the paper's: twice the usual one
          .outlined_series = kEnhanced};
}

}  // namespace server::simulation
