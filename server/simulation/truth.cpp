#include "server/simulation/truth.h"

namespace server::simulation {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const TrueValue& truth) {
  return {{"quantity", truth.quantity}, {"value", truth.value}, {"unit", truth.unit}};
}

Json json_of(const std::vector<TruePhase>& phases) {
  Json table = Json::array();
  for (const TruePhase& phase : phases)
    table.push_back({{"phase", table.size() + 1},
                     {"after_injection_s", phase.after_injection_s},
                     {"relative_enhancement", phase.relative_enhancement}});
  return table;
}

Json json_of(const SlotTruth& slot) {
  if (slot.values.size() == 1) return json_of(slot.values.front());
  Json several = Json::object();
  for (const TrueValue& truth : slot.values) several[truth.quantity] = {{"value", truth.value}, {"unit", truth.unit}};
  if (!slot.phases.empty()) several["phases"] = json_of(slot.phases);
  return several;
}

Json tissue_table(const SimulateOptions& options) {
  Json table = Json::array();
  const std::vector<fitting::Tissue> tissues = fitting::tissues_of(phantom_of(options));
  for (const fitting::Tissue& tissue : tissues)
    table.push_back({{"label", table.size()},
                     {"name", tissue.name},
                     {"t1_pre_ms", tissue.t1_pre_ms},
                     {"t1_post_ms", tissue.t1_post_ms},
                     {"t2_ms", tissue.t2_ms},
                     {"t2_post_ms", tissue.t2_post_ms},
                     {"t2star_ms", tissue.t2star_ms},
                     {"adc_um2_per_ms", tissue.adc_um2_per_ms},
                     {"diffusivity_um2_per_ms", tissue.diffusivity_um2_per_ms},
                     {"kurtosis", tissue.kurtosis},
                     {"pd_pre_percent", tissue.pd_pre_percent},
                     {"pd_post_percent", tissue.pd_post_percent},
                     {"uptake",
                      {{"amplitude", tissue.uptake.amplitude},
                       {"rise_s", tissue.uptake.rise_s},
                       {"washout_s", tissue.uptake.washout_s}}}});
  return table;
}

Json lesion_truth(const SimulateOptions& options, const Profile& profile, const fitting::Mask& mask) {
  const fitting::Vec3 centre = fitting::lesion_centre_mm();
  Json truth{{"label", "Lesion 1"},
             {"centre_mm", {centre.x(), centre.y(), centre.z()}},
             {"voxels", mask.count()},
             {"volume_mm3", mask.volume_mm3()},
             {"max_diameter_mm", options.lesion_diameter_mm},  // of the mass; voxels make it longer or shorter
             {"slots", Json::object()}};
  const fitting::Tissue tissue = lesion_tissue(options);
  for (const SlotTruth& slot : profile.truth(tissue)) truth["slots"][slot.slot] = json_of(slot);
  if (profile.derived == nullptr) return truth;
  for (const auto& [name, value] : profile.derived(tissue)) truth[name] = json_of(value);
  return truth;
}

Json contrast_truth(const SimulateOptions& options, const Profile& profile, const dicom::SimulatedExam& exam) {
  return {{"agent", profile.injection.agent},
          {"dose_mmol_per_kg", dose_mmol_per_kg(options)},
          {"volume_ml", exam.injection.volume_ml},
          {"weight_kg", exam.weight_kg}};
}

// The tissues keep the values of 3 T whatever the header says.
Json field_truth(const SimulateOptions& options, const Profile& profile) {
  const bool low = profile.scanner == dicom::Scanner::AeraE11;
  return {{"header", options.field_strength_t.value_or(low ? 1.5 : 3)}, {"tissues", 3}};
}

Json series_table(const std::vector<WrittenSeries>& written) {
  Json table = Json::array();
  for (const WrittenSeries& series : written)
    table.push_back({{"series_number", series.number},
                     {"series_description", series.description},
                     {"series_instance_uid", series.images.front().series_uid},
                     {"images", series.images.size()},
                     {"role", series.role}});
  return table;
}

}  // namespace

Json truth(const SimulateOptions& options, const Profile& profile, const fitting::Mask& lesion,
           const std::vector<WrittenSeries>& written) {
  const dicom::SimulatedExam exam = exam_of(options);
  return {{"profile", options.profile},
          {"enhanced", options.enhanced},
          {"matrix", options.matrix},
          {"columns", columns(options)},
          {"slices", options.slices},
          {"seed", options.seed},
          {"noise_sd", options.noise},
          {"contrast", contrast_truth(options, profile, exam)},
          {"field_strength_t", field_truth(options, profile)},
          {"study_instance_uid", exam.study_uid},
          {"accession_number", exam.accession_number},
          {"lesion", lesion_truth(options, profile, lesion)},
          {"tissues", tissue_table(options)},
          {"series", series_table(written)}};
}

}  // namespace server::simulation
