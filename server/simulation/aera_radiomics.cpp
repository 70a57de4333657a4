// The exam of Li 2026 (Front Oncol), section MRI acquisition: fat-suppressed T2, diffusion of which this scanner keeps
// the traces only, and seven phases of a minute each as a DICOM series of their own, with what it computes of them.
// Tissue values are those of 3 T: the paper's features are no relaxation times.
#include <array>
#include <cmath>

#include "server/simulation/profile.h"

namespace server::simulation {
namespace {

using dicom::SimulatedSeries;

constexpr int kT2 = 2, kTrace = 3, kAdc = 4, kFirstPhase = 5, kSubtraction = 12, kProjection = 13;
constexpr double kT2_s = kStudy_s + 60, kDiffusion_s = kStudy_s + 260, kDynamic_s = kStudy_s + 460;
constexpr std::array kBValues_s_mm2{0.0, 50.0, 800.0, 1000.0};
constexpr int kOutlined = 2;  // the paper's third phase

DynamicProtocol dynamic() {
  return {.noise_key = kFirstPhase,
          .starts_s = {0, 80, 140, 200, 260, 320, 380},
          .injection_s = 65,
          .field_mm = 360,
          .repetition_time_ms = 4.62,
          .echo_time_ms = 1.75,
          .flip_angle_deg = 10};
}

// One echo: no fit can use it, radiomics can.
std::vector<Acquired> t2_weighted(const SimulateOptions& options) {
  SimulatedSeries series = named(options, kT2, "t2_tse_tra_fs");
  series.image_type.emplace_back("NORM");
  series.scanning_sequence = "SE";
  series.sequence_variant = "SK\\SP\\OSP";
  series.sequence_name = "*tse2d1_15";
  series.acquisition_type = "2D";
  series.scan_options = "FS";
  series.start_s = kT2_s;
  series.echo_train_length = 15;
  series.contrasts = {{.echo_time_ms = 57, .flip_angle_deg = 142}};
  series.series = acquire(options, stack_2d(options, options.matrix, {.field_mm = 340}),
                          {fitting::Axis::EchoTimeMs, {57}, 5600}, "t2", fitting::Quantity::T2, kT2);
  series.seconds_per_image = 5.6 / series.series.geometry.slices();
  return only({std::move(series), "t2w"});
}

SimulatedSeries echo_planar(const SimulateOptions& options, int number, const std::string& kind) {
  SimulatedSeries series = named(options, number, "ep2d_diff_3scan_trace_" + kind);
  series.protocol = "ep2d_diff_3scan_trace";
  series.image_type = {"DERIVED", "PRIMARY", "DIFFUSION", kind, "ND", "NORM"};
  series.scanning_sequence = "EP";
  series.sequence_variant = "SK\\SP";
  series.sequence_name = "*ep_b0_1000";
  series.acquisition_type = "2D";
  series.scan_options = "PFP\\FS";
  series.start_s = kDiffusion_s;
  series.echo_train_length = 60;
  return series;
}

std::vector<Acquired> diffusion(const SimulateOptions& options) {
  SimulatedSeries trace = echo_planar(options, kTrace, "TRACEW");
  for (const double b : kBValues_s_mm2)
    trace.contrasts.push_back({.echo_time_ms = 68,
                               .flip_angle_deg = 90,
                               .b_value_s_mm2 = b,
                               .sequence_name = "*ep_b" + std::to_string(std::lround(b)) + "t"});
  trace.series = acquire(options, stack_2d(options, options.matrix / 2, {.field_mm = 340}),
                         b_values_of(trace.contrasts, 6300), "adc", fitting::Quantity::Adc, kTrace);
  trace.seconds_per_image = 6.3 / trace.series.geometry.slices();
  SimulatedSeries adc = echo_planar(options, kAdc, "ADC");
  const std::span planes(trace.series.planes);
  put_plane(adc, trace, scanner_adc(planes.front(), planes.last(1), kBValues_s_mm2.back(), options.noise));
  auto all = only({std::move(trace), "dwi"});
  all.push_back({std::move(adc), "ignore: the scanner's own ADC"});
  return all;
}

SimulatedSeries vibe(const SimulateOptions& options, int number, const std::string& description, int phase) {
  const DynamicProtocol protocol = dynamic();
  SimulatedSeries series = spoiled_3d(options, number, description);
  series.protocol = "t1_vibe_dyn_tra";
  series.start_s = kDynamic_s + protocol.starts_s[static_cast<std::size_t>(phase)];
  series.contrast_agent = phase > 0;
  if (phase > 0) series.contrast_start_s = kDynamic_s + protocol.injection_s;
  series.contrasts = {{.echo_time_ms = protocol.echo_time_ms, .flip_angle_deg = protocol.flip_angle_deg}};
  return series;
}

std::vector<Acquired> phase(const SimulateOptions& options, int number) {
  SimulatedSeries series =
      vibe(options, kFirstPhase + number, "t1_vibe_dyn_tra_ph" + std::to_string(number + 1), number);
  series.series = phase_of(options, dynamic(), number);
  return only({std::move(series), "dce"});
}

// The brightest voxel along the slices: one image in the middle of the slab.
fitting::Series projected(const fitting::Series& volume) {
  const fitting::Geometry& from = volume.geometry;
  fitting::Series image{from, volume.protocol, {}};
  const int slices = from.slices();
  image.geometry.slice_origins_mm = {from.slice_origins_mm[static_cast<std::size_t>(slices / 2)]};
  image.geometry.slice_thickness_mm = from.slice_thickness_mm * slices;
  std::vector<float> brightest(from.slice_voxels());
  for (std::size_t voxel = 0; voxel < volume.planes.front().size(); ++voxel)
    brightest[voxel % brightest.size()] = std::max(brightest[voxel % brightest.size()], volume.planes.front()[voxel]);
  image.planes.emplace_back(std::move(brightest));
  return image;
}

std::vector<Acquired> computed(const SimulateOptions& options) {
  const std::string name = "t1_vibe_dyn_tra_ph" + std::to_string(kOutlined + 1);
  SimulatedSeries difference = vibe(options, kSubtraction, name + "_SUB", kOutlined);
  difference.image_type = {"DERIVED", "PRIMARY", "M", "ND", "NORM", "SUB"};
  const auto protocol = flip_angles({dynamic().flip_angle_deg}, dynamic().repetition_time_ms);
  difference.series = {slab(options, dynamic().field_mm), protocol, {}};
  difference.series.planes.emplace_back(subtraction(options, dynamic(), kOutlined));
  SimulatedSeries projection = vibe(options, kProjection, name + "_SUB_MIP", kOutlined);
  projection.image_type = {"DERIVED", "SECONDARY", "M", "ND", "NORM", "SUB", "MIP"};
  projection.series = projected(difference.series);
  auto all = only({std::move(difference), "ignore: a subtraction"});
  all.push_back({std::move(projection), "ignore: a projection"});
  return all;
}

std::vector<Step> steps() {
  std::vector<Step> all{siemens_localizer, t2_weighted, diffusion};
  for (int number = 0; number < static_cast<int>(dynamic().starts_s.size()); ++number)
    all.emplace_back([number](const SimulateOptions& options) { return phase(options, number); });
  all.emplace_back(computed);
  return all;
}

std::vector<SlotTruth> slots(const fitting::Tissue& lesion) {
  return {{"t2w", {{"T2", lesion.t2_ms, "ms"}}},
          {"dwi", {{"ADC", lesion.adc_um2_per_ms * 1000, "10-6.mm2/s"}}},
          {"dce", {}, true_phases(dynamic(), lesion)}};
}

}  // namespace

Profile aera_radiomics() {
  return {.name = "aera-radiomics",
          .title = "Siemens Aera 1.5 T: T2-weighted, diffusion traces (b 0, 50, 800, 1000) and DCE (Li 2026)",
          .scanner = dicom::Scanner::AeraE11,
          .enhanced = dicom::Scanner::AeraXa60,
          .steps = steps(),
          .truth = slots,
          .injection = {.agent = "Gd-DTPA (Magnevist)", .mg_per_ml = 469.01},  // the paper's; its dose is not printed
          .outlined_series = kFirstPhase + kOutlined,
          .outlined_field_mm = dynamic().field_mm};
}

}  // namespace server::simulation
