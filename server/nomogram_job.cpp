#include <fmt/chrono.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "classifier/nomogram_picture.h"
#include "server/clinical.h"
#include "server/job.h"
#include "server/measuring/documents.h"
#include "server/measuring/page.h"
#include "server/nomogram_text.h"

namespace server {
namespace {

using measuring::Measured;
using nlohmann::json;

// From the injection to what was measured after it: T1 of mapping exams, else synthetic MRI.
std::optional<double> post_contrast_delay_s(const measuring::Maps& maps) {
  for (const char* slot : {"t1_post", "symri_post"}) {
    for (const measuring::MapAtHand& map : maps.maps)
      if (map.placed_in == slot && map.start_s && map.source.contrast_start_s)
        return *map.start_s - *map.source.contrast_start_s;
  }
  return std::nullopt;
}

// What the headers say of the exam, as far as models ask.
classifier::Exam exam_of(const Measured& measured) {
  classifier::Exam exam;
  for (const measuring::MapAtHand& map : measured.maps.maps) {
    const dicom::Instance& image = map.source;
    if (image.field_strength_t) exam.field_strength_t = image.field_strength_t;
    if (image.contrast_dose_mmol_per_kg) exam.contrast_dose_mmol_per_kg = image.contrast_dose_mmol_per_kg;
  }
  exam.post_contrast_delay_s = post_contrast_delay_s(measured.maps);
  exam.multifocal = measuring::distinct_lesions(measured.outlines.lesions) > 1;
  return exam;
}

measuring::LesionNumbers numbers_of(const Measured& measured) {
  if (measured.for_models != nullptr) return measured.findings.numbers.at(measured.for_models->tracking_uid);
  measuring::LesionNumbers none;
  none.missing = measured.maps.missing;
  for (const measuring::MapAtHand& map : measured.maps.maps)
    none.missing[map.slot] = "no outline is marked as a lesion";
  return none;
}

// A model, what it was given and what it says.
struct Evaluated {
  std::vector<classifier::Evaluation> evaluations;
  std::vector<classifier::Values> values;
};

Evaluated evaluate_all(const Context& context, const Measured& measured, const classifier::Facts& facts) {
  const measuring::LesionNumbers numbers = numbers_of(measured);
  classifier::Exam exam = exam_of(measured);
  if (numbers.max_diameter_mm) exam.max_diameter_mm = numbers.max_diameter_mm->value;
  Evaluated all;
  for (const classifier::Model& model : context.models) {
    all.values.push_back(measuring::values_for(model, numbers));
    all.evaluations.push_back(classifier::evaluate(model, all.values.back(), facts, exam));
  }
  return all;
}

std::vector<dicom::ReportItem> items_of(const Evaluated& all, const Measured& measured,
                                        const std::vector<storage::FactRow>& facts) {
  std::vector<dicom::ReportItem> items;
  if (measured.for_models != nullptr) items.push_back(line("Lesion", measured.for_models->tracking_id));
  for (const storage::FactRow& fact : facts) items.push_back(line("Stated fact", in_words(fact)));
  if (facts.empty()) items.push_back(line("Stated fact", "none: nobody has stated pathology or a reader's findings"));
  for (const std::string& sentence : classifier::disagreements(all.evaluations))
    items.push_back(line("Models disagree", sentence));
  for (std::size_t i = 0; i < all.evaluations.size(); ++i) {
    const classifier::Evaluation& evaluation = all.evaluations[i];
    items.push_back({evaluation.model->id, "", std::nullopt, "", nomogram_items(evaluation, all.values[i])});
  }
  return items;
}

std::vector<std::string> remarks_of(const Measured& measured, const std::vector<storage::FactRow>& facts) {
  std::vector<std::string> remarks = measured.findings.remarks;
  if (measured.outlines.lesions.size() > 1 && !facts.empty())
    remarks.emplace_back("Facts are stated of the study, not of one of its lesions.");
  return remarks;
}

// When the last of the facts was said, YYYYMMDDHHMMSS; empty without facts.
std::string newest_of(const std::vector<storage::FactRow>& facts) {
  if (facts.empty()) return {};
  const auto last = std::ranges::max(facts, {}, &storage::FactRow::said_at).said_at;
  return fmt::format("{:%Y%m%d%H%M%S}", fmt::gmtime(std::chrono::system_clock::to_time_t(last)));
}

// A page stands alone: which lesion it is about, what was stated, where models disagree, and every remark.
classifier::PictureLabels labels_of(const Evaluated& all, const Measured& measured,
                                    const std::vector<storage::FactRow>& facts, const std::string& content_datetime) {
  auto labels = measuring::labels_for("HER2 nomogram", content_datetime,
                                      measuring::number_of(measured.outlines.lesions, measured.for_models));
  labels.notes = classifier::disagreements(all.evaluations);
  if (measured.for_models != nullptr && measured.for_models->several())
    labels.notes.push_back(measuring::told_of_readings(*measured.for_models, "The lesion"));
  for (const storage::FactRow& fact : facts) labels.notes.push_back(in_words(fact));
  const auto remarks = measuring::numbered(remarks_of(measured, facts), measured.outlines.lesions);
  labels.notes.insert(labels.notes.end(), remarks.begin(), remarks.end());
  return labels;
}

}  // namespace

JobOutcome run_nomogram_job(Context& context, const storage::Job& job) {
  auto outcome = measuring::measure_outlines(context, job);
  if (auto* refusal = std::get_if<fitting::Refusal>(&outcome)) return *refusal;
  const Measured& measured = std::get<Measured>(outcome);
  if (measured.nothing()) return fitting::Refusal{measured.refused()};
  const json stated = json::parse(job.payload).at("facts");
  const auto facts = facts_from_json(stated);
  const Evaluated all = evaluate_all(context, measured, answers_of(facts));

  std::string also = stated.dump();
  for (const classifier::Model& model : context.models) also += model.sha256;
  measuring::Documents documents(context, job, measured.maps, measured.outlines, measured.findings.evidence, also,
                                 newest_of(facts));
  const auto items = items_of(all, measured, facts);
  documents.report("sr_nomogram", dicom::ReportClass::Comprehensive, remarks_of(measured, facts),
                   [&](const dicom::ReportSource& source, const std::filesystem::path& folder) {
                     return dicom::write_text_report(items, "HER2 nomogram (RESEARCH)", source, folder);
                   });
  const auto picture =
      classifier::draw_nomogram(all.evaluations, labels_of(all, measured, facts, documents.content_datetime()));
  if (!picture) throw Failure{{"draw the nomogram: " + picture.error().what}};
  documents.picture("nomogram", "HER2 nomogram", 9040, *picture);
  return documents.take();
}

}  // namespace server
