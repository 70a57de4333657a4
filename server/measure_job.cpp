#include <algorithm>

#include "server/job.h"
#include "server/measuring/documents.h"
#include "server/measuring/page.h"
#include "server/measuring/proposals.h"

namespace server {
namespace {

using measuring::Documents;
using measuring::Measured;

// A lesion that no map could measure is known to the report by this name only.
template <class Item>
std::vector<Item> named(std::vector<Item> items, const std::vector<measuring::Lesion>& lesions) {
  for (Item& item : items) {
    const auto lesion = std::ranges::find(lesions, item.region_uid, &measuring::Lesion::tracking_uid);
    if (lesion != lesions.end()) item.region = lesion->tracking_id;
  }
  return items;
}

void write_measurements(Documents& documents, const Measured& measured) {
  const measuring::Findings& findings = measured.findings;
  const auto derived = named(findings.derived, measured.outlines.lesions);
  const auto qualitative = named(findings.qualitative, measured.outlines.lesions);
  documents.report("sr_measurements", dicom::ReportClass::Comprehensive, findings.remarks,
                   [&](const dicom::ReportSource& source, const std::filesystem::path& folder) {
                     return dicom::write_measurement_report(findings.slices, derived, qualitative, source, folder);
                   });
}

// The whole-lesion numbers of the segments of one Segmentation; of several readings of a lesion the first one's.
std::vector<dicom::SliceMeasurement> of_segments(const std::vector<dicom::SliceMeasurement>& all,
                                                 const dicom::MeasuredSegments& segments) {
  std::vector<dicom::SliceMeasurement> own;
  for (const dicom::SliceMeasurement& m : all) {
    if (m.whole && std::ranges::count(segments.tracking_uids, m.region_uid) > 0) own.push_back(m);
  }
  return own;
}

void write_segments(Documents& documents, const storage::Job& job, const Measured& measured, const std::string& kind) {
  const auto segmentations = documents.segmentations(job.study_uid, measured.outlines, kind);
  for (dicom::MeasuredSegments segments : segmentations) {
    // Where no image lies on the grid of an outline, the series that it refers to; without any there is no such report.
    if (segments.source_series_uid.empty() && measured.outlines.drawn_on.size() == 1)
      segments.source_series_uid = *measured.outlines.drawn_on.begin();
    if (segments.source_series_uid.empty()) continue;
    const auto measurements = of_segments(measured.findings.slices, segments);
    if (measurements.empty()) continue;
    documents.report("sr_segments", dicom::ReportClass::Comprehensive3D, measured.findings.remarks,
                     [&](const dicom::ReportSource& source, const std::filesystem::path& folder) {
                       return dicom::write_segment_report(measurements, segments, source, folder);
                     });
  }
}

void write_page(Documents& documents, const Measured& measured) {
  const auto labels = measuring::labels_for("Lesion results", documents.content_datetime(), "");
  const auto picture = classifier::draw_results(
      measuring::results_page(measured.maps, measured.outlines.lesions, measured.findings, labels));
  if (!picture) throw Failure{{"draw the results: " + picture.error().what}};
  documents.picture("results", "Lesion results", 9030, *picture);
}

JobOutcome write_all(Context& context, const storage::Job& job, const Measured& measured, const std::string& seg_kind) {
  Documents documents(context, job, measured.maps, measured.outlines, measured.findings.evidence, seg_kind);
  write_segments(documents, job, measured, seg_kind);
  write_measurements(documents, measured);
  write_page(documents, measured);
  return documents.take();
}

}  // namespace

JobOutcome run_measure_job(Context& context, const storage::Job& job) {
  auto measured = measuring::measure_outlines(context, job);
  if (auto* refusal = std::get_if<fitting::Refusal>(&measured)) return *refusal;
  return write_all(context, job, std::get<Measured>(measured), "seg");
}

JobOutcome run_propose_job(Context& context, const storage::Job& job) {
  auto measured = measuring::measure_proposals(context, job);
  if (auto* refusal = std::get_if<fitting::Refusal>(&measured)) return *refusal;
  return write_all(context, job, std::get<Measured>(measured), "seg_proposal");
}

}  // namespace server
