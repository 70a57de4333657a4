#include <algorithm>

#include "server/job.h"
#include "server/measuring/documents.h"
#include "server/measuring/page.h"
#include "server/measuring/proposals.h"
#include "server/nomogram_text.h"

namespace server {
namespace {

using measuring::Documents;
using measuring::Measured;

void write_measurements(Documents& documents, const Measured& measured) {
  const measuring::Findings& findings = measured.findings;
  documents.report("sr_measurements", dicom::ReportClass::Comprehensive, findings.remarks,
                   [&](const dicom::ReportSource& source, const std::filesystem::path& folder) {
                     return dicom::write_measurement_report(findings.slices, findings.derived, findings.qualitative,
                                                            source, folder);
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

void write_segments(Documents& documents, const storage::Job& job, Measured& measured, const std::string& kind) {
  const auto segmentations = documents.segmentations(job.study_uid, measured.outlines, kind);
  int order = 0;
  for (const dicom::MeasuredSegments& segments : segmentations) {
    const auto measurements = of_segments(measured.findings.slices, segments);
    if (measurements.empty()) continue;
    if (segments.source_series_uid.empty()) {  // TID 1411 must name it
      measured.findings.remarks.emplace_back(
          "There is no report of the segments of one grid: no image that is here lies on it, and the outlines do not "
          "name one series that they were drawn on.");
      continue;
    }
    const auto write = [&](const dicom::ReportSource& source, const std::filesystem::path& folder) {
      return dicom::write_segment_report(measurements, segments, source, folder);
    };
    documents.report("sr_segments", dicom::ReportClass::Comprehensive3D, measured.findings.remarks, write, order++);
  }
}

void write_page(Documents& documents, const Measured& measured) {
  const auto labels = measuring::labels_for("Lesion results", documents.content_datetime(), "");
  const auto picture = classifier::draw_results(
      measuring::results_page(measured.maps, measured.outlines.lesions, measured.findings, labels));
  if (!picture) throw Failure{{"draw the results: " + picture.error().what}};
  documents.picture("results", "Lesion results", 9030, *picture);
}

// Who outlined something that cannot be measured learns why in the PACS.
void write_refusals(Documents& documents, const Measured& measured) {
  const std::vector<dicom::ReportItem> items{line("Not measured", "Nothing that was outlined could be measured.")};
  documents.report("sr_measurements", dicom::ReportClass::Comprehensive, measured.findings.remarks,
                   [&](const dicom::ReportSource& source, const std::filesystem::path& folder) {
                     return dicom::write_text_report(items, "Lesion measurements (RESEARCH)", source, folder);
                   });
}

JobOutcome write_all(Context& context, const storage::Job& job, Measured& measured, const std::string& seg_kind) {
  Documents documents(context, job, measured.maps, measured.outlines, measured.findings.evidence, seg_kind);
  if (measured.nothing()) {
    write_refusals(documents, measured);
  } else {
    write_segments(documents, job, measured, seg_kind);
    write_measurements(documents, measured);
    write_page(documents, measured);
  }
  JobOutput output = documents.take();
  output.left_out = measured.refused();
  return output;
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
