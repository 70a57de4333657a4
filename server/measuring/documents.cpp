#include "server/measuring/documents.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "server/measuring/segments.h"

namespace server::measuring {
namespace {

using nlohmann::json;

dicom::Reference reference_to(const dicom::RoiObject& roi) {
  return {roi.sop_class_uid, roi.sop_instance_uid, roi.series_uid};
}

std::vector<dicom::PersonObserver> observers(const std::vector<std::string>& readers) {
  std::vector<dicom::PersonObserver> persons;
  for (std::size_t i = 0; i < readers.size(); ++i)
    if (!readers[i].empty()) persons.push_back({readers[i], "Reader " + std::to_string(i + 1)});
  return persons;
}

dicom::ReportSource source_of(const Context& context, const json& payload, const Maps& maps, const Outlines& outlines,
                              const std::vector<dicom::Reference>& evidence, const std::string& also) {
  dicom::ReportSource source;
  source.template_image = maps.maps.front().source.file;
  source.evidence = evidence;
  source.readers = observers(outlines.readers);
  source.revision = payload.at("revision").get<int>();
  source.equipment = context.settings.equipment;
  for (const MapAtHand& map : maps.maps) {
    source.content_datetime = std::max(source.content_datetime, map.map.content_datetime);
    source.digest += map.map.sop_instance_uid + "|";
    source.evidence.push_back(map.exact);
  }
  for (const dicom::RoiObject& roi : outlines.objects) {
    source.rois.push_back(reference_to(roi));
    source.digest += roi.sop_instance_uid + "|";
    // What a person drew on a map was not there before the person drew it.
    source.content_datetime = std::max(source.content_datetime, roi.content_datetime);
  }
  source.digest = storage::sha256_hex(source.digest + also);
  return source;
}

// Whether every frame begins with a byte, and the last ends with the file's (PS3.5 8.1.1, 8.2: bits of frames follow
// each other, and what is then an odd number of bytes is padded). One frame always does, to viewers.
bool is_aligned(const dicom::SegmentationRequest& request) {
  std::size_t frames = 0;
  for (const dicom::SegmentToWrite& segment : request.segments) frames += segment.mask.occupied_slices().size();
  const std::size_t voxels = request.segments.front().mask.geometry.slice_voxels();
  return frames == 1 || (voxels % 8 == 0 && voxels / 8 * frames % 2 == 0);
}

}  // namespace

Documents::Documents(Context& context, const storage::Job& job, const Maps& maps, const Outlines& outlines,
                     const std::vector<dicom::Reference>& evidence, const std::string& also,
                     const std::string& not_before)
    : context_(context), job_(job), folder_(context.store) {
  const json payload = json::parse(job.payload);
  replaces_ = payload.at("replaces");
  source_ = source_of(context, payload, maps, outlines, evidence, also);
  source_.content_datetime = std::max(source_.content_datetime, not_before);
}

void Documents::publish_one(const dicom::Written& written, const std::string& kind, int order) {
  output_.results.push_back(publish(context_, job_, written, {kind, "", order}));
}

std::vector<dicom::Reference> Documents::predecessors(const std::string& kind) const {
  std::vector<dicom::Reference> references;
  for (const json& one : replaces_.value(kind, json::array())) references.push_back({one.at(0), one.at(1), one.at(2)});
  return references;
}

void Documents::report(const std::string& kind, dicom::ReportClass report_class, std::vector<std::string> remarks,
                       const Write& write, int order) {
  dicom::ReportSource source = source_;
  source.remarks = std::move(remarks);
  if (order > 0) source.digest = storage::sha256_hex(source.digest + "|" + std::to_string(order));
  const auto write_as = [&](const std::string& as, dicom::ReportClass form) {
    if (!is_wanted(context_, as)) return;
    source.report_class = form;
    source.predecessors = predecessors(as);
    publish_one(need(write(source, folder_.path()), "write a report"), as, order);
  };
  write_as(kind, report_class);
  write_as(kind + "_enhanced", dicom::ReportClass::Enhanced);
}

void Documents::picture(const std::string& name, const std::string& title, int series_number,
                        const classifier::Picture& picture) {
  dicom::PageRequest request{.template_image = source_.template_image,
                             .title = title,
                             .series_description = title,
                             .content_datetime = source_.content_datetime,
                             .digest = source_.digest,
                             .equipment = source_.equipment,
                             .evidence = source_.evidence,
                             .predecessors = {},
                             .revision = source_.revision,
                             .series_number = series_number};
  if (is_wanted(context_, "pdf_" + name)) {
    request.predecessors = predecessors("pdf_" + name);
    publish_one(need(dicom::write_encapsulated_pdf(request, picture.pdf, folder_.path()), "write a PDF"), "pdf_" + name,
                0);
  }
  if (!is_wanted(context_, "sc_" + name)) return;
  request.predecessors = predecessors("sc_" + name);
  ++request.series_number;
  std::vector<dicom::PageImage> pages;
  for (const classifier::Raster& page : picture.pages) pages.push_back({page.width, page.height, page.rgb});
  const auto written = need(dicom::write_secondary_capture(request, pages, folder_.path()), "write pages");
  for (std::size_t i = 0; i < written.size(); ++i) publish_one(written[i], "sc_" + name, static_cast<int>(i));
}

std::vector<dicom::MeasuredSegments> Documents::segmentations(const std::string& study, const Outlines& outlines,
                                                              const std::string& kind) {
  std::vector<dicom::MeasuredSegments> all;
  auto requests = segmentations_of(context_, study, outlines);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    dicom::SegmentationRequest& request = requests[i];
    request.template_image = source_.template_image;
    request.content_label = kind == "seg_proposal" ? "PROPOSAL" : "LESION";
    const std::string published = kind + (is_aligned(request) ? "" : "_unaligned");
    request.content_datetime = source_.content_datetime;
    request.digest = source_.digest;
    request.equipment = source_.equipment;
    request.predecessors = predecessors(published);
    request.revision = source_.revision;
    request.series_number += static_cast<int>(i);
    const auto written = need(dicom::write_result_segmentation(request, folder_.path()), "write a Segmentation");
    publish_one(written, published, static_cast<int>(i));
    dicom::MeasuredSegments measured{{written.sop_class_uid, written.sop_instance_uid, written.series_uid}, {}, {}};
    for (const auto& segment : request.segments) measured.tracking_uids.push_back(segment.tracking_uid);
    for (const auto& slice : request.per_slice)
      if (!slice.empty()) measured.source_series_uid = slice.front().series_uid;
    // A grid of its own (contours alone, another program's matrix): what was segmented is what the author says.
    if (measured.source_series_uid.empty() && outlines.drawn_on.size() == 1)
      measured.source_series_uid = *outlines.drawn_on.begin();
    all.push_back(std::move(measured));
  }
  return all;
}

std::string Measured::refused() const {
  std::vector<std::string> all = outlines.refused;
  all.insert(all.end(), findings.refused.begin(), findings.refused.end());
  if (nothing() && all.empty()) all.emplace_back("the outlines are empty");
  return fmt::format("{}", fmt::join(all, "; "));
}

std::variant<Measured, fitting::Refusal> measure_lesions(Context& context, const storage::Job& job, Outlines outlines) {
  Measured measured;
  measured.outlines = std::move(outlines);
  measured.maps = read_maps(context, job.study_uid, json::parse(job.payload));
  if (measured.maps.maps.empty()) return fitting::Refusal{"there is no map that could be measured"};
  measured.findings = measure(context, measured.maps, measured.outlines.lesions);
  const auto& first = measured.outlines.remarks;
  measured.findings.remarks.insert(measured.findings.remarks.begin(), first.begin(), first.end());
  return measured;
}

std::variant<Measured, fitting::Refusal> measure_outlines(Context& context, const storage::Job& job) {
  Outlines outlines = read_outlines(context, json::parse(job.payload).at("rois").get<std::vector<std::string>>());
  const Lesion* for_models = lesion_for_models(outlines.lesions, outlines.remarks);  // moving a vector moves no lesion
  auto measured = measure_lesions(context, job, std::move(outlines));
  if (auto* found = std::get_if<Measured>(&measured)) found->for_models = for_models;
  return measured;
}

}  // namespace server::measuring
