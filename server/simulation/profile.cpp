#include "server/simulation/profile.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>

#include "dicom/uid.h"

namespace server::simulation {

using dicom::SimulatedSeries;
using fitting::Vec3;

const std::vector<Profile>& profiles() {
  static const std::vector<Profile> kProfiles{skyra_mapping(), architect_symri(false), architect_symri(true),
                                              skyra_dki(), aera_radiomics()};
  return kProfiles;
}

const Profile* find_profile(std::string_view name) {
  const auto found = std::ranges::find(profiles(), name, &Profile::name);
  return found == profiles().end() ? nullptr : &*found;
}

// An initializer list would copy the planes.
std::vector<Acquired> only(Acquired acquired) {
  std::vector<Acquired> all;
  all.push_back(std::move(acquired));
  return all;
}

// --- identity

namespace {

constexpr const char* kDate = "20260105";
constexpr double kSlab_mm = 166;  // 104 slices of 1.6 mm
constexpr int kMost2DSlices = 30;
constexpr int kLocalizer = 1;
constexpr double kWeight_kg = 65, kAgent_mmol_per_ml = 0.5;

}  // namespace

std::string study_uid(const SimulateOptions& options) {
  nlohmann::json all{options.profile, options.matrix, options.slices, options.seed, options.noise};
  if (columns(options) != options.matrix) all.push_back({"columns", columns(options)});
  if (options.enhanced) all.push_back("enhanced");
  if (options.dose_mmol_per_kg) all.push_back({"dose", *options.dose_mmol_per_kg});
  if (options.field_strength_t) all.push_back({"field", *options.field_strength_t});
  if (options.lesion_diameter_mm != SimulateOptions{}.lesion_diameter_mm)
    all.push_back({"lesion", options.lesion_diameter_mm});
  return dicom::uid_from_name("simulated study " + all.dump());
}

std::string uid_within(const std::string& study, const std::string& what) {
  return dicom::uid_from_name(study + "|" + what);
}

dicom::SimulatedExam exam_of(const SimulateOptions& options) {
  const std::string study = study_uid(options);
  const Profile& profile = *find_profile(options.profile);
  dicom::SimulatedExam::Injection injection = profile.injection;
  injection.volume_ml = dose_mmol_per_kg(options) * kWeight_kg / kAgent_mmol_per_ml;
  return {.study_uid = study,
          .frame_of_reference_uid = uid_within(study, "frame of reference"),
          .patient_id = "SIMULATED-" + std::to_string(options.seed),
          .patient_name = "Simulated^Breast",
          .accession_number = "SIM" + study.substr(study.size() - 10),
          .date = kDate,
          .start_s = kStudy_s,
          .scanner = options.enhanced ? *profile.enhanced : profile.scanner,
          .field_strength_t = options.field_strength_t,
          .weight_kg = kWeight_kg,
          .injection = injection};
}

// --- where

namespace {

struct Stack {
  Vec3 centre_mm = Vec3::Zero(), row = Vec3::UnitX(), column = Vec3::UnitY();
  double field_mm = 0;
  int rows = 0, columns = 0, slices = 0;
  double thickness_mm = 0, spacing_mm = 0;
};

fitting::Geometry geometry_of(const Stack& stack) {
  fitting::Geometry geometry;
  geometry.rows = stack.rows;
  geometry.columns = stack.columns;
  geometry.row_direction = stack.row;
  geometry.column_direction = stack.column;
  // Square pixels: the shorter side has less field.
  geometry.column_spacing_mm = geometry.row_spacing_mm = stack.field_mm / std::max(stack.rows, stack.columns);
  geometry.slice_thickness_mm = stack.thickness_mm;
  const Vec3 corner = (stack.columns - 1) * stack.row + (stack.rows - 1) * stack.column;
  const Vec3 first = stack.centre_mm - geometry.row_spacing_mm / 2 * corner;
  for (int slice = 0; slice < stack.slices; ++slice)
    geometry.slice_origins_mm.emplace_back(first +
                                           (slice - (stack.slices - 1) / 2.0) * stack.spacing_mm * geometry.normal());
  return geometry;
}

}  // namespace

int columns(const SimulateOptions& options) { return options.columns.value_or(options.matrix); }

fitting::Geometry slab(const SimulateOptions& options, double field_mm) {
  const double thickness_mm = kSlab_mm / options.slices;
  return geometry_of({.field_mm = field_mm,
                      .rows = options.matrix,
                      .columns = columns(options),
                      .slices = options.slices,
                      .thickness_mm = thickness_mm,
                      .spacing_mm = thickness_mm});
}

fitting::Geometry stack_2d(const SimulateOptions& options, int rows, const Stack2D& stack) {
  const int slices = std::clamp(options.slices * 5 / 16, 3, kMost2DSlices);
  const double room_mm = (kSlab_mm - slices * stack.spacing_mm) / 2;
  const double height_mm = std::clamp(fitting::lesion_centre_mm().z(), -room_mm, room_mm);
  return geometry_of({.centre_mm = Vec3(0, 0, height_mm),
                      .field_mm = stack.field_mm,
                      .rows = rows,
                      .columns = columns(options) * rows / options.matrix,
                      .slices = slices,
                      .thickness_mm = stack.thickness_mm,
                      .spacing_mm = stack.spacing_mm});
}

// --- what

fitting::Series acquire(const SimulateOptions& options, const fitting::Geometry& geometry,
                        const fitting::Protocol& protocol, std::string_view model, fitting::Quantity quantity,
                        int noise_key, const fitting::Exposure& exposure) {
  const std::uint64_t seed = options.seed ^ (static_cast<std::uint64_t>(noise_key) * 0x9E3779B97F4A7C15U);
  fitting::Exposure of_patient = exposure;
  of_patient.phantom = phantom_of(options);
  return fitting::simulate(geometry, protocol, *fitting::find_model(model), quantity, options.noise, seed, of_patient);
}

fitting::Protocol flip_angles(std::vector<double> angles_deg, double repetition_time_ms) {
  return {fitting::Axis::FlipAngleDeg, std::move(angles_deg), repetition_time_ms};
}

SimulatedSeries named(const SimulateOptions& options, int number, std::string description) {
  SimulatedSeries series;
  series.series_uid = uid_within(study_uid(options), "series " + std::to_string(number));
  series.series_number = number;
  series.protocol = description;
  series.description = std::move(description);
  series.image_type = {"ORIGINAL", "PRIMARY", "M", "ND"};
  return series;
}

SimulatedSeries spoiled_3d(const SimulateOptions& options, int number, std::string description) {
  SimulatedSeries series = named(options, number, std::move(description));
  series.image_type.emplace_back("NORM");
  series.scanning_sequence = "GR";
  series.sequence_variant = "SP\\OSP";
  series.sequence_name = "*fl3d1";
  series.acquisition_type = "3D";
  series.seconds_per_image = 0;
  return series;
}

void put_plane(SimulatedSeries& derived, const SimulatedSeries& source, std::vector<float> plane) {
  const auto& protocol = source.series.protocol;
  derived.seconds_per_image = source.seconds_per_image;
  derived.contrasts = {{.echo_time_ms = source.contrasts.front().echo_time_ms,
                        .flip_angle_deg = source.contrasts.front().flip_angle_deg}};
  derived.series = {source.series.geometry, {protocol.axis_kind, {0}, protocol.repetition_time_ms}, {}};
  derived.series.planes.emplace_back(std::move(plane));
}

namespace {

Acquired localizer_plane(const SimulateOptions& options, const SimulatedSeries& like, const Vec3& row,
                         const Vec3& column, int first_instance) {
  SimulatedSeries series = like;
  series.first_instance = first_instance;
  series.start_s = kStudy_s + first_instance;
  series.seconds_per_image = 0.9;
  series.images_in_series = 9;
  series.series =
      acquire(options,
              geometry_of({.row = row,
                           .column = column,
                           .field_mm = 400,
                           .rows = options.matrix,
                           .columns = columns(options),
                           .slices = 3,
                           .thickness_mm = 7,
                           .spacing_mm = 60}),
              flip_angles({20}, 8.6), "t1_vfa", fitting::Quantity::T1Pre, kLocalizer * 100 + first_instance);
  series.contrasts = {{.echo_time_ms = 4, .flip_angle_deg = 20}};
  return {std::move(series), "ignore: localizer"};
}

}  // namespace

std::vector<Acquired> localizer(const SimulateOptions& options, const SimulatedSeries& like) {
  std::vector<Acquired> planes;
  planes.push_back(localizer_plane(options, like, Vec3::UnitX(), Vec3::UnitY(), 1));
  planes.push_back(localizer_plane(options, like, Vec3::UnitY(), -Vec3::UnitZ(), 4));
  planes.push_back(localizer_plane(options, like, Vec3::UnitX(), -Vec3::UnitZ(), 7));
  return planes;
}

std::vector<Acquired> siemens_localizer(const SimulateOptions& options) {
  SimulatedSeries series = spoiled_3d(options, kLocalizer, "localizer");
  series.sequence_name = "*fl2d1";
  series.acquisition_type = "2D";
  return localizer(options, series);
}

std::vector<SimulatedSeries::Parameters> directions(std::span<const double> b_values, double echo_time_ms) {
  std::vector<SimulatedSeries::Parameters> contrasts;
  for (const double b : b_values) {
    SimulatedSeries::Parameters contrast{.echo_time_ms = echo_time_ms, .flip_angle_deg = 90, .b_value_s_mm2 = b};
    const std::string name = "*ep_b" + std::to_string(std::lround(b));
    for (int axis = 0; axis < (b > 0 ? 3 : 1); ++axis) {
      const Vec3 direction = Vec3::Unit(axis);
      contrast.sequence_name = b > 0 ? name + "#" + std::to_string(axis + 1) : name;
      if (b > 0) contrast.direction = {{direction.x(), direction.y(), direction.z()}};
      contrasts.push_back(contrast);
    }
  }
  return contrasts;
}

fitting::Protocol b_values_of(std::span<const SimulatedSeries::Parameters> contrasts, double repetition_time_ms) {
  fitting::Protocol protocol{fitting::Axis::BValueSPerMm2, {}, repetition_time_ms};
  for (const auto& contrast : contrasts) protocol.axis.push_back(*contrast.b_value_s_mm2);
  return protocol;
}

std::vector<float> scanner_adc(const fitting::Plane& unweighted, std::span<const fitting::Plane> directions,
                               double b_s_mm2, double noise) {
  std::vector<float> adc(unweighted.size());
  for (std::size_t voxel = 0; voxel < adc.size(); ++voxel) {
    if (unweighted[voxel] <= 5 * noise) continue;
    double decay = 0;
    for (const auto& plane : directions) decay += std::log(unweighted[voxel] / std::max(plane[voxel], 1.0F));
    adc[voxel] = static_cast<float>(std::max(0.0, decay / static_cast<double>(directions.size()) / b_s_mm2 * 1e6));
  }
  return adc;
}

// --- dynamic series

namespace {

std::vector<double> after_injection_s(const DynamicProtocol& dynamic) {
  std::vector<double> times_s;
  for (const double start_s : dynamic.starts_s) times_s.push_back(start_s - dynamic.injection_s);
  return times_s;
}

}  // namespace

fitting::Series phase_of(const SimulateOptions& options, const DynamicProtocol& dynamic, int phase) {
  const auto protocol = flip_angles({dynamic.flip_angle_deg}, dynamic.repetition_time_ms);
  const std::vector<double> times_s = after_injection_s(dynamic);
  const double gain = fitting::receiver_gain(protocol, *fitting::find_model("t1_vfa"), fitting::Quantity::T1Pre,
                                             times_s, phantom_of(options));
  return acquire(options, slab(options, dynamic.field_mm), protocol, "t1_vfa", fitting::Quantity::T1Pre,
                 dynamic.noise_key * 1000 + phase,
                 {.after_injection_s = times_s[static_cast<std::size_t>(phase)], .gain = gain});
}

std::vector<float> subtraction(const SimulateOptions& options, const DynamicProtocol& dynamic, int phase) {
  const auto before = phase_of(options, dynamic, 0), after = phase_of(options, dynamic, phase);
  std::vector<float> difference = after.planes.front().values();
  for (std::size_t voxel = 0; voxel < difference.size(); ++voxel)
    difference[voxel] = std::max(0.0F, difference[voxel] - before.planes.front()[voxel]);
  return difference;
}

std::vector<TruePhase> true_phases(const DynamicProtocol& dynamic, const fitting::Tissue& lesion) {
  std::vector<TruePhase> phases;
  for (const double time_s : after_injection_s(dynamic))
    phases.push_back({time_s, fitting::relative_enhancement(lesion.uptake, time_s)});
  return phases;
}

// --- the patient

double dose_mmol_per_kg(const SimulateOptions& options) {
  return options.dose_mmol_per_kg.value_or(find_profile(options.profile)->dose_mmol_per_kg);
}

fitting::Phantom phantom_of(const SimulateOptions& options) {
  return {.agent = dose_mmol_per_kg(options) / find_profile(options.profile)->dose_mmol_per_kg,
          .lesion_diameter_mm = options.lesion_diameter_mm};
}

fitting::Tissue lesion_tissue(const SimulateOptions& options) {
  return fitting::tissues_of(phantom_of(options))[fitting::kLesionLabel];
}

fitting::Mask lesion(const SimulateOptions& options, double field_mm) {
  fitting::Mask mask{slab(options, field_mm), {}};
  const std::vector<std::uint8_t> labels = fitting::labels(mask.geometry, phantom_of(options));
  std::ranges::transform(labels, std::back_inserter(mask.inside),
                         [](std::uint8_t label) { return static_cast<std::uint8_t>(label == fitting::kLesionLabel); });
  return mask;
}

}  // namespace server::simulation
