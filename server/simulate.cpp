// The exam of Zhang 2025 (Quant Imaging Med Surg), Table 1, with a diffusion series as breast protocols have it: what
// the mapping needs, and around it what a scanner sends as well and a node must pass over (localizer, enhanced phase,
// the scanner's own ADC).
#include "server/simulate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <system_error>

#include "dicom/output/scanner_images.h"
#include "dicom/uid.h"
#include "fitting/phantom.h"

namespace server {
namespace {

using dicom::SimulatedSeries;
using fitting::Vec3;
template <class T>
using Expected = tl::expected<T, std::string>;

constexpr double kFieldOfView_mm = 300;
constexpr double kSlab_mm = 166;  // 104 slices of 1.6 mm
constexpr int kMost2DSlices = 30;
constexpr double k2DThickness_mm = 4, k2DSpacing_mm = 5.2;

// The day's clock, seconds after midnight.
constexpr double kStudy_s = 10 * 3600 + 15 * 60;
constexpr double kT1Pre_s = kStudy_s + 60, kT2_s = kStudy_s + 220, kT2Star_s = kStudy_s + 480,
                 kDiffusion_s = kStudy_s + 640;
constexpr double kBolus_s = kStudy_s + 800;
constexpr double kEnhanced_s = kBolus_s + 90, kT1Post_s = kBolus_s + 9 * 60 + 40;
constexpr double kFlipAngleDuration_s = 25;
constexpr const char* kDate = "20260105";
constexpr const char* kOutlineTime = "20260105112000";  // the reader sits down when the patient has left

// Series numbers; the flip angles of a T1 mapping take consecutive ones.
constexpr int kLocalizer = 1, kT1Pre = 2, kT2 = 7, kT2Star = 8, kDiffusion = 9, kAdc = 10, kEnhanced = 11, kT1Post = 12;

constexpr std::array kFlipAngles_deg{2.0, 5.0, 8.0, 12.0, 15.0};
constexpr double kHighB_s_mm2 = 800;

std::optional<std::string> out_of_range(const SimulateOptions& options) {
  if (options.profile != "skyra-mapping") return "there is no such profile; known: skyra-mapping";
  if (options.matrix < 32 || options.matrix > 1024) return "the matrix must lie between 32 and 1024";
  if (options.slices < 8 || options.slices > 256) return "the number of slices must lie between 8 and 256";
  if (!(options.noise >= 0 && options.noise <= 500)) return "the noise must lie between 0 and 500";
  return std::nullopt;
}

// Every option that changes an image changes the study: one UID never names two contents.
std::string study_uid(const SimulateOptions& options) {
  const nlohmann::json all{options.profile, options.matrix, options.slices, options.seed, options.noise};
  return dicom::uid_from_name("simulated study " + all.dump());
}

std::string uid_within(const std::string& study, const std::string& what) {
  return dicom::uid_from_name(study + "|" + what);
}

dicom::SimulatedExam exam_of(const SimulateOptions& options) {
  const std::string study = study_uid(options);
  return {.study_uid = study,
          .frame_of_reference_uid = uid_within(study, "frame of reference"),
          .patient_id = "SIMULATED-" + std::to_string(options.seed),
          .patient_name = "Simulated^Breast",
          .accession_number = "SIM" + study.substr(study.size() - 10),
          .date = kDate,
          .start_s = kStudy_s};
}

// --- where

struct Stack {
  Vec3 centre_mm = Vec3::Zero(), row = Vec3::UnitX(), column = Vec3::UnitY();
  double field_mm = kFieldOfView_mm;
  int matrix = 0, slices = 0;
  double thickness_mm = 0, spacing_mm = 0;
};

fitting::Geometry geometry_of(const Stack& stack) {
  fitting::Geometry geometry;
  geometry.columns = geometry.rows = stack.matrix;
  geometry.row_direction = stack.row;
  geometry.column_direction = stack.column;
  geometry.column_spacing_mm = geometry.row_spacing_mm = stack.field_mm / stack.matrix;
  geometry.slice_thickness_mm = stack.thickness_mm;
  const double corner_mm = (stack.field_mm - geometry.row_spacing_mm) / 2;
  const Vec3 first = stack.centre_mm - corner_mm * (stack.row + stack.column);
  for (int slice = 0; slice < stack.slices; ++slice)
    geometry.slice_origins_mm.emplace_back(first +
                                           (slice - (stack.slices - 1) / 2.0) * stack.spacing_mm * geometry.normal());
  return geometry;
}

fitting::Geometry slab(const SimulateOptions& options) {
  const double thickness_mm = kSlab_mm / options.slices;
  return geometry_of(
      {.matrix = options.matrix, .slices = options.slices, .thickness_mm = thickness_mm, .spacing_mm = thickness_mm});
}

// 2D stacks are centred on the lesion as far as they stay inside the slab.
fitting::Geometry stack_2d(const SimulateOptions& options, int matrix) {
  const int slices = std::clamp(options.slices * 5 / 16, 3, kMost2DSlices);
  const double room_mm = (kSlab_mm - slices * k2DSpacing_mm) / 2;
  const double height_mm = std::clamp(fitting::lesion_centre_mm().z(), -room_mm, room_mm);
  return geometry_of({.centre_mm = Vec3(0, 0, height_mm),
                      .matrix = matrix,
                      .slices = slices,
                      .thickness_mm = k2DThickness_mm,
                      .spacing_mm = k2DSpacing_mm});
}

// --- what

fitting::Series acquire(const SimulateOptions& options, const fitting::Geometry& geometry,
                        const fitting::Protocol& protocol, std::string_view model, fitting::Quantity quantity,
                        int series_number) {
  const std::uint64_t seed =
      options.seed ^ (static_cast<std::uint64_t>(series_number) * 0x9E3779B97F4A7C15U);  // every series its own noise
  return fitting::simulate(geometry, protocol, *fitting::find_model(model), quantity, options.noise, seed);
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

// One orientation of the localizer: three slices through the middle of the field.
SimulatedSeries localizer_plane(const SimulateOptions& options, const Vec3& row, const Vec3& column,
                                int first_instance) {
  SimulatedSeries series = named(options, kLocalizer, "localizer");
  series.first_instance = first_instance;
  series.image_type.emplace_back("NORM");
  series.scanning_sequence = "GR";
  series.sequence_variant = "SP\\OSP";
  series.sequence_name = "*fl2d1";
  series.acquisition_type = "2D";
  series.start_s = kStudy_s + first_instance;
  series.seconds_per_image = 0.9;
  series.series =
      acquire(options,
              geometry_of({.row = row,
                           .column = column,
                           .field_mm = 400,
                           .matrix = options.matrix,
                           .slices = 3,
                           .thickness_mm = 7,
                           .spacing_mm = 60}),
              flip_angles({20}, 8.6), "t1_vfa", fitting::Quantity::T1Pre, kLocalizer * 100 + first_instance);
  series.contrasts = {{.echo_time_ms = 4, .flip_angle_deg = 20}};
  return series;
}

std::vector<SimulatedSeries> localizer(const SimulateOptions& options) {
  std::vector<SimulatedSeries> planes;
  planes.push_back(localizer_plane(options, Vec3::UnitX(), Vec3::UnitY(), 1));
  planes.push_back(localizer_plane(options, Vec3::UnitY(), -Vec3::UnitZ(), 4));
  planes.push_back(localizer_plane(options, Vec3::UnitX(), -Vec3::UnitZ(), 7));
  return planes;
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

void enhance(SimulatedSeries& series) {
  series.contrast_agent = true;
  series.contrast_start_s = kBolus_s;
}

// A series for each flip angle, as the scanner's protocol queue runs them.
std::vector<SimulatedSeries> t1_mapping(const SimulateOptions& options, bool after) {
  const int first_number = after ? kT1Post : kT1Pre;
  auto signal = acquire(options, slab(options), flip_angles({kFlipAngles_deg.begin(), kFlipAngles_deg.end()}, 4.54),
                        "t1_vfa", after ? fitting::Quantity::T1Post : fitting::Quantity::T1Pre, first_number);
  std::vector<SimulatedSeries> all;
  for (std::size_t k = 0; k < kFlipAngles_deg.size(); ++k) {
    const std::string angle = std::to_string(std::lround(kFlipAngles_deg[k]));
    auto& series = all.emplace_back(
        spoiled_3d(options, first_number + static_cast<int>(k), (after ? "T1Map_post_fa" : "T1Map_pre_fa") + angle));
    series.start_s = (after ? kT1Post_s : kT1Pre_s) + kFlipAngleDuration_s * static_cast<double>(k);
    if (after) enhance(series);
    series.contrasts = {{.echo_time_ms = 2.02, .flip_angle_deg = kFlipAngles_deg[k]}};
    series.series = {signal.geometry, flip_angles({kFlipAngles_deg[k]}, 4.54), {}};
    series.series.planes.push_back(std::move(signal.planes[k]));
  }
  return all;
}

// The phase 90 s after the injection, on which lesions are outlined. It is one image stack: no fit can use it.
std::vector<SimulatedSeries> enhanced_phase(const SimulateOptions& options) {
  SimulatedSeries series = spoiled_3d(options, kEnhanced, "t1_vibe_dyn_90s");
  series.start_s = kEnhanced_s;
  enhance(series);
  series.contrasts = {{.echo_time_ms = 2.39, .flip_angle_deg = 10}};
  series.series =
      acquire(options, slab(options), flip_angles({10}, 4.95), "t1_vfa", fitting::Quantity::T1Post, kEnhanced);
  return {std::move(series)};
}

std::vector<SimulatedSeries> multi_echo(const SimulateOptions& options, SimulatedSeries series, double spacing_ms,
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
  return {std::move(series)};
}

std::vector<SimulatedSeries> t2_mapping(const SimulateOptions& options) {
  SimulatedSeries series = named(options, kT2, "T2Map");
  series.start_s = kT2_s;
  series.scanning_sequence = "SE";
  series.sequence_name = "*se2d8";
  return multi_echo(options, std::move(series), 13.8, 180, 2410, fitting::Quantity::T2);
}

std::vector<SimulatedSeries> t2star_mapping(const SimulateOptions& options) {
  SimulatedSeries series = named(options, kT2Star, "T2*Map");
  series.start_s = kT2Star_s;
  series.scanning_sequence = "GR";
  series.sequence_name = "*fl2d8";
  return multi_echo(options, std::move(series), 3.54, 60, 724, fitting::Quantity::T2star);
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

// What the scanner computes inline, in 1e-6 mm2/s: mean of the directions' coefficients, 0 where there is little more
// than noise.
std::vector<float> scanner_adc(const std::vector<fitting::Plane>& planes, double noise) {
  const std::span directions(planes.begin() + 1, planes.end());
  std::vector<float> adc(planes[0].size());
  for (std::size_t voxel = 0; voxel < adc.size(); ++voxel) {
    if (planes[0][voxel] <= 5 * noise) continue;
    double decay = 0;
    for (const auto& plane : directions) decay += std::log(planes[0][voxel] / std::max(plane[voxel], 1.0F));
    adc[voxel] = static_cast<float>(std::max(0.0, decay / static_cast<double>(directions.size()) / kHighB_s_mm2 * 1e6));
  }
  return adc;
}

// One b = 0 image and three orthogonal directions, each slice at half the matrix, and the ADC series that the scanner
// adds.
std::vector<SimulatedSeries> diffusion(const SimulateOptions& options) {
  SimulatedSeries weighted = echo_planar(options, kDiffusion, "ep2d_diff_tra_b0_b800", "NONE");
  const fitting::Protocol protocol{fitting::Axis::BValueSPerMm2, {0, kHighB_s_mm2, kHighB_s_mm2, kHighB_s_mm2}, 6500};
  weighted.series =
      acquire(options, stack_2d(options, options.matrix / 2), protocol, "adc", fitting::Quantity::Adc, kDiffusion);
  weighted.seconds_per_image = protocol.repetition_time_ms / 1000 / weighted.series.geometry.slices();
  weighted.contrasts = {{.echo_time_ms = 58, .flip_angle_deg = 90, .b_value_s_mm2 = 0, .sequence_name = "*ep_b0"}};
  for (int axis = 0; axis < 3; ++axis) {
    const Vec3 direction = Vec3::Unit(axis);
    weighted.contrasts.push_back({.echo_time_ms = 58,
                                  .flip_angle_deg = 90,
                                  .b_value_s_mm2 = kHighB_s_mm2,
                                  .direction = {{direction.x(), direction.y(), direction.z()}},
                                  .sequence_name = "*ep_b800#" + std::to_string(axis + 1)});
  }
  SimulatedSeries derived = echo_planar(options, kAdc, "ep2d_diff_tra_b0_b800_ADC", "ADC");
  derived.seconds_per_image = weighted.seconds_per_image;
  derived.contrasts = {{.echo_time_ms = 58, .flip_angle_deg = 90}};
  derived.series = {weighted.series.geometry, {protocol.axis_kind, {0}, protocol.repetition_time_ms}, {}};
  derived.series.planes.push_back(scanner_adc(weighted.series.planes, options.noise));
  std::vector<SimulatedSeries> both;
  both.push_back(std::move(weighted));
  both.push_back(std::move(derived));
  return both;
}

// In the order of the day. Each step is a function so that only one acquisition at a time is held in memory.
using Step = std::vector<SimulatedSeries> (*)(const SimulateOptions&);
constexpr std::array<Step, 7> kProtocol{
    localizer,
    [](const SimulateOptions& options) { return t1_mapping(options, false); },
    t2_mapping,
    t2star_mapping,
    diffusion,
    enhanced_phase,
    [](const SimulateOptions& options) { return t1_mapping(options, true); },
};

// --- files

struct WrittenSeries {
  int number = 0;
  std::string description;
  std::vector<dicom::Written> images;
};

Expected<std::vector<WrittenSeries>> write_exam(const SimulateOptions& options, const dicom::SimulatedExam& exam,
                                                const std::filesystem::path& folder) {
  std::vector<WrittenSeries> all;
  for (const Step step : kProtocol) {
    for (const SimulatedSeries& series : step(options)) {
      auto images = dicom::write_skyra_series(exam, series, folder);
      if (!images) return tl::unexpected(images.error().what);
      if (all.empty() || all.back().number != series.series_number)
        all.push_back({series.series_number, series.description, {}});
      std::ranges::move(*images, std::back_inserter(all.back().images));
    }
  }
  return all;
}

fitting::Mask lesion(const SimulateOptions& options) {
  fitting::Mask mask{slab(options), {}};
  const std::vector<std::uint8_t> labels = fitting::labels(mask.geometry);
  std::ranges::transform(labels, std::back_inserter(mask.inside),
                         [](std::uint8_t label) { return static_cast<std::uint8_t>(label == fitting::kLesionLabel); });
  return mask;
}

Expected<dicom::Written> write_outline(const SimulateOptions& options, const fitting::Mask& mask,
                                       const std::vector<WrittenSeries>& exam, const std::filesystem::path& folder) {
  const auto& images = std::ranges::find(exam, kEnhanced, &WrittenSeries::number)->images;
  const std::string study = study_uid(options);
  dicom::OutlineRequest request{.template_image = images.front().file,
                                .drawn_on = {},
                                .mask = mask,
                                .label = "Lesion 1",
                                .tracking_id = "Lesion 1",
                                .tracking_uid = uid_within(study, "lesion 1"),
                                .series_uid = uid_within(study, "outlines"),
                                .content_datetime = kOutlineTime};
  for (const auto& image : images)
    request.drawn_on.push_back({image.sop_class_uid, image.sop_instance_uid, image.series_uid});
  auto written =
      dicom::write_segmentation(request, {.manufacturer = "Simulated", .serial = "0", .version = "1"}, folder);
  if (!written) return tl::unexpected(written.error().what);
  return *written;
}

// --- truth

using Json = nlohmann::ordered_json;
constexpr const char* kOutlineKey = "outline_sop_instance_uid";

Json truth_of(std::string_view quantity, double value, std::string_view unit) {
  return {{"quantity", quantity}, {"value", value}, {"unit", unit}};
}

Json tissue_table() {
  Json table = Json::array();
  for (const fitting::Tissue& tissue : fitting::tissues())
    table.push_back({{"label", table.size()},
                     {"name", tissue.name},
                     {"t1_pre_ms", tissue.t1_pre_ms},
                     {"t1_post_ms", tissue.t1_post_ms},
                     {"t2_ms", tissue.t2_ms},
                     {"t2star_ms", tissue.t2star_ms},
                     {"adc_um2_per_ms", tissue.adc_um2_per_ms},
                     {"proton_density", tissue.proton_density}});
  return table;
}

Json lesion_truth(const fitting::Mask& mask) {
  const fitting::Tissue& tissue = fitting::tissues()[fitting::kLesionLabel];
  const Vec3 centre = fitting::lesion_centre_mm();
  const double difference_ms = tissue.t1_pre_ms - tissue.t1_post_ms;
  return {{"label", "Lesion 1"},
          {"centre_mm", {centre.x(), centre.y(), centre.z()}},
          {"voxels", mask.count()},
          {"volume_mm3", mask.volume_mm3()},
          {"slots",
           {{"t1_pre", truth_of("T1", tissue.t1_pre_ms, "ms")},
            {"t1_post", truth_of("T1", tissue.t1_post_ms, "ms")},
            {"t2", truth_of("T2", tissue.t2_ms, "ms")},
            {"t2star", truth_of("T2star", tissue.t2star_ms, "ms")},
            {"dwi", truth_of("ADC", tissue.adc_um2_per_ms * 1000, "10-6.mm2/s")}}},
          {"delta_t1", truth_of("T1 pre - T1 post", difference_ms, "ms")},
          {"delta_t1_relative", truth_of("(T1 pre - T1 post) / T1 pre", difference_ms / tissue.t1_pre_ms, "1")}};
}

Json truth(const SimulateOptions& options, const dicom::SimulatedExam& exam, const fitting::Mask& mask,
           const std::vector<WrittenSeries>& written) {
  Json series = Json::array();
  for (const auto& one : written)
    series.push_back({{"series_number", one.number},
                      {"series_description", one.description},
                      {"series_instance_uid", one.images.front().series_uid},
                      {"images", one.images.size()}});
  return {{"profile", options.profile},
          {"matrix", options.matrix},
          {"slices", options.slices},
          {"seed", options.seed},
          {"noise_sd", options.noise},
          {"study_instance_uid", exam.study_uid},
          {"accession_number", exam.accession_number},
          {"lesion", lesion_truth(mask)},
          {"tissues", tissue_table()},
          {"series", series}};
}

Expected<void> write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text << '\n';
  file.close();
  if (!file) return tl::unexpected("cannot write " + path.filename().string());
  return {};
}

// Whether `out` holds the exam of these very options, which may be written over: it would be the same bytes.
bool holds_this_exam(const std::filesystem::path& out, const SimulateOptions& options) {
  std::ifstream file(out / "truth.json", std::ios::binary);
  const Json known = Json::parse(file, nullptr, false);
  return known.is_object() && known.value("study_instance_uid", Json()) == study_uid(options) &&
         known.contains(kOutlineKey) == options.outline;
}

Expected<void> prepare(const std::filesystem::path& out, const SimulateOptions& options) {
  std::error_code failed;
  std::filesystem::create_directories(out / "exam", failed);
  const bool empty = !failed && std::filesystem::is_empty(out / "exam", failed);
  if (failed) return tl::unexpected("cannot use the output folder: " + failed.message());
  if (!empty && !holds_this_exam(out, options))
    return tl::unexpected(std::string("the output folder holds another exam"));
  return {};
}

}  // namespace

tl::expected<std::vector<SimulatedFile>, std::string> simulate(const SimulateOptions& options,
                                                               const std::filesystem::path& out) {
  if (auto wrong = out_of_range(options)) return tl::unexpected(*wrong);
  if (auto ready = prepare(out, options); !ready) return tl::unexpected(ready.error());

  const dicom::SimulatedExam exam = exam_of(options);
  const auto written = write_exam(options, exam, out / "exam");
  if (!written) return tl::unexpected(written.error());
  std::vector<SimulatedFile> files;
  for (const auto& series : *written)
    for (const auto& image : series.images)
      files.push_back({image.file, image.sop_class_uid, image.sop_instance_uid, false});

  const fitting::Mask mask = lesion(options);
  Json known = truth(options, exam, mask, *written);
  if (options.outline) {
    const auto outline = write_outline(options, mask, *written, out / "outline");
    if (!outline) return tl::unexpected(outline.error());
    files.push_back({outline->file, outline->sop_class_uid, outline->sop_instance_uid, true});
    known[kOutlineKey] = outline->sop_instance_uid;
  }
  if (auto stored = write_text(out / "truth.json", known.dump(2)); !stored) return tl::unexpected(stored.error());
  return files;
}

}  // namespace server
