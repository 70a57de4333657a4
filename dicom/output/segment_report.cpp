// The numbers of whole lesions beside the segments they were measured in: TID 1411. A document of its own: one group
// without an outline would blacken SR-A in viewers, and PixelMed takes every group of a document for TID 1411 when one
// of them names a segment (reference: viewers.md 2, dicom.md 2.3).
#include <algorithm>

#include "dicom/output/measurement_items.h"
#include "dicom/output/quantity.h"
#include "dicom/output/report_document.h"
#include "dicom/uid.h"

namespace dicom {

using namespace output;

namespace {

int segment_of(const SliceMeasurement& m, const MeasuredSegments& segments) {
  const auto& uids = segments.tracking_uids;
  const auto found = std::find(uids.begin(), uids.end(), m.region_uid);
  if (found == uids.end()) fail(Fault::Malformed, "a measured region has no segment");
  return static_cast<int>(found - uids.begin()) + 1;
}

// TID 4019 and TID 320: which program made the number, and of which map.
void add_provenance(ContentItem& number, const SliceMeasurement& m, const Equipment& equipment) {
  number.children.push_back(
      {kModifier, {"111001", "DCM", "Algorithm Name"}, Text{std::string(kModelName) + " region statistics"}, {}});
  number.children.push_back({kModifier, {"111003", "DCM", "Algorithm Version"}, Text{equipment.version}, {}});
  if (!m.map.sop_instance_uid.empty())
    number.children.push_back({kInferredFrom, {"121112", "DCM", "Source of Measurement"}, m.map, {}});
}

ContentItem group_of(const SliceMeasurement& m, const MeasuredSegments& segments, const Equipment& equipment) {
  ContentItem group = measurement_group("1411", m.region, m.region_uid, m.reader);
  group.children.push_back(finding(m));
  group.children.push_back({kContains,
                            {"121191", "DCM", "Referenced Segment"},
                            SegmentImage{segments.segmentation, segment_of(m, segments)},
                            {}});
  group.children.push_back(
      {kContains, {"121232", "DCM", "Source series for segmentation"}, Uid{segments.source_series_uid}, {}});
  group.children.push_back(finding_site(m.laterality));
  std::vector<ContentItem> numbers;
  add_statistics(numbers, m, *m.whole, Share::Headline, "");
  add_statistics(numbers, m, *m.whole, Share::Rest, "");
  add_extent(numbers, m, *m.whole, "");
  add_volume(numbers, m, "");
  for (ContentItem& number : numbers) add_provenance(number, m, equipment);
  group.children.insert(group.children.end(), numbers.begin(), numbers.end());
  return group;
}

// Each once.
std::vector<Reference> maps_among(const std::vector<Reference>& evidence) {
  std::vector<Reference> maps;
  for (const SeriesReferences& series : by_series(evidence))
    for (const Reference& instance : series.instances)
      if (instance.sop_class_uid == UID_ParametricMapStorage) maps.push_back(instance);
  return maps;
}

std::vector<Reference> all_evidence(const std::vector<SliceMeasurement>& measurements, const MeasuredSegments& segments,
                                    const ReportSource& source) {
  std::vector<Reference> all{segments.segmentation};
  for (const SliceMeasurement& m : measurements)
    if (m.whole && !m.map.sop_instance_uid.empty()) all.push_back(m.map);
  all.insert(all.end(), source.rois.begin(), source.rois.end());
  all.insert(all.end(), source.evidence.begin(), source.evidence.end());
  return all;
}

}  // namespace

Result<Written> write_segment_report(const std::vector<SliceMeasurement>& measurements,
                                     const MeasuredSegments& segments, const ReportSource& source,
                                     const std::filesystem::path& folder) {
  return guarded([&] {
    if (!is_uid(segments.source_series_uid)) fail(Fault::Malformed, "the segmented series has no UID");
    ReportDocument document{{"126000", "DCM", "Imaging Measurement Report"},
                            "segment report",
                            "Lesion segment measurements",
                            9022,
                            "sr_segments",
                            {},
                            {},
                            {},
                            source.remarks,
                            all_evidence(measurements, segments, source)};
    document.library = maps_among(document.evidence);
    for (const SliceMeasurement& m : measurements)
      if (m.whole) document.groups.push_back(group_of(m, segments, source.equipment));
    if (document.groups.empty()) fail(Fault::Malformed, "no region was measured as a whole");
    const auto header = read_template(source.template_image);
    return write_report(document, *header, source, folder);
  });
}

}  // namespace dicom
