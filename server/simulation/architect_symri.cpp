// The exam of the SyMRI and MUSE-DWI study on a GE SIGNA Architect, Table 1: raw saturation-recovery multi-echo images
// before and after contrast, diffusion (b 0 besides the paper's 800 and 1000, without which there is no ADC), 31
// dynamic phases in 4:07 min as one DICOM series; optionally the maps that the SyMRI application exports, and the
// encrypted bundle that the scanner itself sends of them.
#include <algorithm>
#include <array>
#include <random>
#include <span>

#include "server/simulation/profile.h"

namespace server::simulation {
namespace {

using dicom::SimulatedSeries;

constexpr int kLocalizer = 1, kSymriPre = 2, kMapsPre = 3, kDiffusion = 7, kAdc = 8, kDynamic = 9, kSymriPost = 10,
              kMapsPost = 11;
constexpr double kSymriPre_s = kStudy_s + 60, kDiffusion_s = kStudy_s + 400, kDynamic_s = kStudy_s + 700,
                 kSymriPost_s = kDynamic_s + 255;
constexpr std::array kBValues_s_mm2{0.0, 800.0, 1000.0};
constexpr std::array kDelays_ms{130.0, 530.0, 1730.0, 3730.0};  // the paper names none
constexpr std::array kEchoTimes_ms{21.3, 85.3};
constexpr double kSymriRepetitionTime_ms = 4000;
constexpr int kPhases = 31, kBaseline = 3, kOutlined = 14;  // phases from 0 on
constexpr double kPhase_s = 8;

SimulatedSeries ge_series(const SimulateOptions& options, int number, std::string description,
                          std::vector<std::string> image_type = {"ORIGINAL", "PRIMARY", "OTHER"}) {
  SimulatedSeries series = named(options, number, std::move(description));
  series.protocol = "Breast SyMRI";
  series.image_type = std::move(image_type);
  series.sequence_variant = "NONE";
  series.acquisition_type = "2D";
  return series;
}

// The private header still says b = 1000 from the exam before.
std::vector<Acquired> scouts(const SimulateOptions& options) {
  SimulatedSeries series = ge_series(options, kLocalizer, "3-Plane Loc");
  series.scanning_sequence = "GR";
  series.sequence_variant = "SP";
  series.sequence_name = "fgre";
  series.leftover_b_s_mm2 = 1000;
  return localizer(options, series);
}

// --- SyMRI

fitting::Protocol symri_protocol() {
  fitting::Protocol protocol{fitting::Axis::SaturationDelayMs, {}, kSymriRepetitionTime_ms};
  for (const double delay_ms : kDelays_ms) {
    for (const double echo_ms : kEchoTimes_ms) {
      protocol.axis.push_back(delay_ms);
      protocol.echo_times_ms.push_back(echo_ms);
    }
  }
  return protocol;
}

fitting::Quantity symri(bool after) { return after ? fitting::Quantity::SymriPost : fitting::Quantity::SymriPre; }

// One for both acquisitions: the second is prescribed as the first, and proton densities are to be compared.
double symri_gain(const SimulateOptions& options) {
  const fitting::Model& model = *fitting::find_model("mdme");
  const auto gain = [&](bool after) {
    return fitting::receiver_gain(symri_protocol(), model, symri(after), {}, phantom_of(options));
  };
  return std::min(gain(false), gain(true));
}

fitting::Geometry symri_grid(const SimulateOptions& options) {
  return stack_2d(options, options.matrix, {.field_mm = 250, .thickness_mm = 3, .spacing_mm = 3});
}

SimulatedSeries symri_series(const SimulateOptions& options, bool after, int number, const std::string& what,
                             std::vector<std::string> image_type) {
  SimulatedSeries series = ge_series(options, number, "Ax " + what + (after ? " +C" : " pre"), std::move(image_type));
  series.scanning_sequence = "SE";
  series.sequence_name = "magic";
  series.echo_train_length = 12;
  series.start_s = after ? kSymriPost_s : kSymriPre_s;
  series.contrast_agent = after;
  return series;
}

std::vector<Acquired> synthetic_mri(const SimulateOptions& options, bool after) {
  const int number = after ? kSymriPost : kSymriPre;
  SimulatedSeries series = symri_series(options, after, number, "MAGiC", {"ORIGINAL", "PRIMARY", "M"});
  series.scanning_sequence = "SE\\IR";
  const fitting::Protocol protocol = symri_protocol();
  for (std::size_t k = 0; k < protocol.axis.size(); ++k)
    series.contrasts.push_back(
        {.echo_time_ms = protocol.echo_times_ms[k], .flip_angle_deg = 90, .inversion_time_ms = protocol.axis[k]});
  series.series =
      acquire(options, symri_grid(options), protocol, "mdme", symri(after), number, {.gain = symri_gain(options)});
  return only({std::move(series), after ? "symri_post" : "symri_pre"});
}

// Parameter `index` of each voxel's tissue: T1 and T2 in ms, PD in %. The application's own noise is not modelled.
std::vector<float> map_of(const SimulateOptions& options, const fitting::Geometry& grid, fitting::Quantity quantity,
                          std::size_t index) {
  const fitting::Phantom phantom = phantom_of(options);
  std::vector<float> value_of;  // by label
  for (const fitting::Tissue& tissue : fitting::tissues_of(phantom))
    value_of.push_back(static_cast<float>(fitting::parameters_of(tissue, quantity)[index]));
  std::vector<float> values;
  for (const std::uint8_t label : fitting::labels(grid, phantom)) values.push_back(value_of[label]);
  return values;
}

void fill(SimulatedSeries& series, const fitting::Geometry& grid, std::vector<float> plane) {
  series.contrasts = {{.echo_time_ms = kEchoTimes_ms.front(), .flip_angle_deg = 90}};
  series.series = {grid, {fitting::Axis::SaturationDelayMs, {0}, kSymriRepetitionTime_ms}, {}};
  series.series.planes.emplace_back(std::move(plane));
}

std::vector<Acquired> exported_map(const SimulateOptions& options, bool after, std::size_t index) {
  static constexpr std::array kNames{"T1", "T2", "PD"};
  const int number = (after ? kMapsPost : kMapsPre) + static_cast<int>(index);
  SimulatedSeries series = symri_series(options, after, number, std::string("SyMRI ") + kNames[index] + " map",
                                        {"DERIVED", "PRIMARY", "QMAP", kNames[index]});
  const fitting::Geometry grid = symri_grid(options);
  fill(series, grid, map_of(options, grid, symri(after), index));
  return only({std::move(series), after ? "symri_post" : "symri_pre"});
}

std::vector<Acquired> encrypted_bundle(const SimulateOptions& options) {
  SimulatedSeries series = symri_series(options, false, kMapsPre + 3, "MAGiC maps",
                                        {"DERIVED", "PRIMARY", "MULTI_QMAP", "ENCRYPTED", "T1", "T2", "PD"});
  const fitting::Geometry grid = symri_grid(options);
  std::mt19937_64 cipher(options.seed);
  std::vector<float> noise(grid.voxels());
  for (float& value : noise) value = static_cast<float>(cipher() & 0x7FFF);
  fill(series, grid, std::move(noise));
  return only({std::move(series), "ignore: encrypted maps"});
}

// --- diffusion

std::vector<Acquired> diffusion(const SimulateOptions& options) {
  SimulatedSeries weighted = ge_series(options, kDiffusion, "Ax MUSE DWI b0 800 1000");
  weighted.scanning_sequence = "EP\\SE";
  weighted.sequence_name = "epi2";
  weighted.scan_options = "EPI_GEMS\\FS";
  weighted.start_s = kDiffusion_s;
  weighted.contrasts = directions(kBValues_s_mm2, 81.9);
  weighted.series = acquire(options, stack_2d(options, options.matrix / 2, {.field_mm = 340, .spacing_mm = 4}),
                            b_values_of(weighted.contrasts, 4885), "adc", fitting::Quantity::Adc, kDiffusion);
  SimulatedSeries derived = weighted;
  derived.series_uid = named(options, kAdc, "").series_uid;
  derived.series_number = kAdc;
  derived.description = "Apparent Diffusion Coefficient (mm2/s)";
  derived.image_type = {"DERIVED", "SECONDARY", "PROCESSED"};
  const std::span planes(weighted.series.planes);
  put_plane(derived, weighted, scanner_adc(planes[0], planes.subspan(1, 3), kBValues_s_mm2[1], options.noise));
  auto both = only({std::move(weighted), "dwi"});
  both.push_back({std::move(derived), "ignore: the workstation's own ADC"});
  return both;
}

// --- dynamic series

DynamicProtocol dynamic() {
  DynamicProtocol protocol{.noise_key = kDynamic,
                           .starts_s = {},
                           .injection_s = kBaseline * kPhase_s,
                           .field_mm = 340,
                           .repetition_time_ms = 5.6,
                           .echo_time_ms = 1.1,
                           .flip_angle_deg = 12};
  for (int phase = 0; phase < kPhases; ++phase) protocol.starts_s.push_back(phase * kPhase_s);
  return protocol;
}

std::vector<Acquired> phase(const SimulateOptions& options, int number) {
  const DynamicProtocol protocol = dynamic();
  SimulatedSeries series = ge_series(options, kDynamic, "Ax DISCO +C");
  series.scanning_sequence = "GR";
  series.sequence_variant = "SP";
  series.sequence_name = "disco";
  series.acquisition_type = "3D";
  series.seconds_per_image = 0;
  series.start_s = kDynamic_s;
  series.contrast_agent = true;
  series.first_instance = number * options.slices + 1;
  series.images_in_series = kPhases * options.slices;
  series.dynamic = {.phase = number + 1, .phases = kPhases, .since_first_s = number * kPhase_s};
  series.contrasts = {{.echo_time_ms = protocol.echo_time_ms, .flip_angle_deg = protocol.flip_angle_deg}};
  series.series = phase_of(options, protocol, number);
  return only({std::move(series), "dce"});
}

// --- the day

void add_symri(std::vector<Step>& steps, bool after, bool maps) {
  steps.emplace_back([after](const SimulateOptions& options) { return synthetic_mri(options, after); });
  for (std::size_t index = 0; maps && index < 3; ++index)
    steps.emplace_back([=](const SimulateOptions& options) { return exported_map(options, after, index); });
  if (maps && !after) steps.emplace_back(encrypted_bundle);
}

std::vector<Step> steps_of(bool maps) {
  std::vector<Step> steps{scouts};
  add_symri(steps, false, maps);
  steps.emplace_back(diffusion);
  for (int number = 0; number < kPhases; ++number)
    steps.emplace_back([number](const SimulateOptions& options) { return phase(options, number); });
  add_symri(steps, true, maps);
  return steps;
}

SlotTruth symri_truth(const char* slot, bool after, const fitting::Tissue& lesion) {
  const std::vector<double> values = fitting::parameters_of(lesion, symri(after));
  return {slot, {{"T1", values[0], "ms"}, {"T2", values[1], "ms"}, {"PD", values[2], "%"}}};
}

// The sign of the paper's Table 3, which is not that of its methods section.
std::vector<std::pair<std::string, TrueValue>> relative_changes(const fitting::Tissue& lesion) {
  static constexpr std::array<std::pair<const char*, const char*>, 3> kNames{{{"t1_d", "(T1 pre - T1 post) / T1 pre"},
                                                                              {"t2_d", "(T2 pre - T2 post) / T2 pre"},
                                                                              {"pd_d", "(PD pre - PD post) / PD pre"}}};
  const auto before = fitting::parameters_of(lesion, symri(false)), after = fitting::parameters_of(lesion, symri(true));
  std::vector<std::pair<std::string, TrueValue>> changes;
  for (std::size_t k = 0; k < kNames.size(); ++k)
    changes.push_back({kNames[k].first, {kNames[k].second, (before[k] - after[k]) / before[k], "1"}});
  return changes;
}

std::vector<SlotTruth> slots(const fitting::Tissue& lesion) {
  return {symri_truth("symri_pre", false, lesion),
          symri_truth("symri_post", true, lesion),
          {"dwi", {{"ADC", lesion.adc_um2_per_ms * 1000, "10-6.mm2/s"}}},
          {"dce", {}, true_phases(dynamic(), lesion)}};
}

}  // namespace

Profile architect_symri(bool maps) {
  return {.name = maps ? "architect-symri-maps" : "architect-symri",
          .title = maps ? "the same, with the maps that SyMRI exports and the encrypted ones of the scanner"
                        : "GE SIGNA Architect 3 T: raw SyMRI before and after contrast, MUSE-DWI, DCE",
          .scanner = dicom::Scanner::Architect,
          .steps = steps_of(maps),
          .truth = slots,
          .derived = relative_changes,
          .outlined_series = kDynamic,
          .outlined_volume = kOutlined,
          .outlined_field_mm = dynamic().field_mm};
}

}  // namespace server::simulation
