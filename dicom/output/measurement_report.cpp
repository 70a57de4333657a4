// SR-A. The form that viewers show (reference: viewers.md 3): nothing but TID 1410 groups with one outline each,
// numbers flat in the group, the full name of a number as the meaning of its concept, since OHIF prints that and
// ignores the Derivation.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "dicom/output/measurement_items.h"
#include "dicom/output/quantity.h"
#include "dicom/output/report_document.h"
#include "dicom/uid.h"

namespace dicom {

using namespace output;

namespace {

using Points = std::vector<std::pair<float, float>>;

// Area enclosed by a closed outline, in voxels (shoelace formula).
double enclosed(const Points& points) {
  double twice = 0;
  for (std::size_t i = 0; i + 1 < points.size(); ++i)
    twice += static_cast<double>(points[i].first) * points[i + 1].second -
             static_cast<double>(points[i + 1].first) * points[i].second;
  return std::abs(twice) / 2;
}

// Viewers merge groups of one Tracking UID: every outline of every reader gets its own.
ContentItem group_head(const SliceMeasurement& m, const Points& outline, const std::string& part) {
  const std::string reader = m.reader.empty() ? "" : " " + m.reader;
  const std::string where = m.region + " " + printed_name(m) + " slice " + std::to_string(m.slice + 1) + reader + part;
  ContentItem group = measurement_group("1410", where,
                                        uid_from_name("tracking|" + m.region_uid + "|" + m.quantity + "|" + m.slot +
                                                      "|" + m.image.sop_instance_uid + "|" + where),
                                        m.reader);
  group.children.push_back(finding(m));
  ContentItem region{kContains, {"111030", "DCM", "Image Region"}, Outline{outline}, {}};
  region.children.push_back({kSelectedFrom, {}, m.image, {}});
  group.children.push_back(region);
  group.children.push_back(finding_site(m.laterality));
  return group;
}

ContentItem main_group(const SliceMeasurement& m, const Points& outline,
                       const std::vector<DerivedMeasurement>& derived) {
  constexpr const char* kLesion = " (lesion)";
  ContentItem group = group_head(m, outline, "");
  std::vector<ContentItem>& items = group.children;
  add_statistics(items, m, m.statistics, Share::Headline, "");
  if (m.whole) add_statistics(items, m, *m.whole, Share::Headline, kLesion);
  for (const DerivedMeasurement& d : derived) items.push_back(derived_number(d));
  add_statistics(items, m, m.statistics, Share::Rest, "");
  add_extent(items, m, m.statistics, "");
  if (!m.whole) return group;
  add_statistics(items, m, *m.whole, Share::Rest, kLesion);
  add_extent(items, m, *m.whole, kLesion);
  add_volume(items, m, kLesion);
  return group;
}

// TID 1410 allows one outline. A further piece of the region gets a group with its outline and area; the statistics,
// which are of all pieces together, are given once.
ContentItem piece_group(const SliceMeasurement& m, const Points& outline, std::size_t number) {
  ContentItem group = group_head(m, outline, " piece " + std::to_string(number));
  const double voxel_mm2 =
      m.statistics.voxels == 0 ? 0 : m.statistics.area_mm2 / static_cast<double>(m.statistics.voxels);
  group.children.push_back(plain_number(area_code("Area of this piece"), enclosed(outline) * voxel_mm2, "mm2"));
  return group;
}

void add_groups(std::vector<ContentItem>& groups, const SliceMeasurement& m,
                const std::vector<DerivedMeasurement>& derived) {
  if (m.outlines.empty()) fail(Fault::Malformed, "a measured slice has no outline");
  std::vector<Points> pieces = m.outlines;
  std::stable_sort(pieces.begin(), pieces.end(),
                   [](const Points& a, const Points& b) { return enclosed(a) > enclosed(b); });
  groups.push_back(main_group(m, pieces[0], derived));
  for (std::size_t piece = 1; piece < pieces.size(); ++piece)
    groups.push_back(piece_group(m, pieces[piece], piece + 1));
}

// The largest slice of a lesion on the first map that shows it, the lower one of equals; nullptr when it was not
// measured.
const SliceMeasurement* largest(const std::vector<SliceMeasurement>& measurements, const std::string& region_uid) {
  const SliceMeasurement* best = nullptr;
  for (const SliceMeasurement& m : measurements) {
    if (m.region_uid != region_uid) continue;
    const bool same_map = best != nullptr && m.quantity == best->quantity && m.slot == best->slot;
    if (best == nullptr || (same_map && m.statistics.voxels > best->statistics.voxels)) best = &m;
  }
  return best;
}

std::vector<DerivedMeasurement> derived_for(const SliceMeasurement& measurement,
                                            const std::vector<SliceMeasurement>& measurements,
                                            const std::vector<DerivedMeasurement>& derived) {
  std::vector<DerivedMeasurement> own;
  for (const DerivedMeasurement& d : derived)
    if (largest(measurements, d.region_uid) == &measurement) own.push_back(d);
  return own;
}

// Viewers open the first group: the slices with the numbers of the whole lesion, which are the largest, come first.
std::vector<const SliceMeasurement*> in_order_of_display(const std::vector<SliceMeasurement>& measurements) {
  std::vector<const SliceMeasurement*> order;
  for (const SliceMeasurement& m : measurements) order.push_back(&m);
  std::ranges::stable_partition(order, [](const SliceMeasurement* m) { return m->whole.has_value(); });
  return order;
}

std::vector<Reference> all_evidence(const std::vector<SliceMeasurement>& measurements, const ReportSource& source) {
  std::vector<Reference> all;
  for (const SliceMeasurement& m : measurements) all.push_back(m.image);
  all.insert(all.end(), source.rois.begin(), source.rois.end());
  all.insert(all.end(), source.evidence.begin(), source.evidence.end());
  return all;
}

// --- lesions that were measured on no map

std::string sentence(const std::string& region, const std::string& what, const std::string& how) {
  const std::string brackets = how.empty() ? "" : " (" + how + ")";
  return (region.empty() ? "A lesion that was not measured" : region) + ": " + what + brackets;
}

std::string in_words(const DerivedMeasurement& d) {
  if (!d.value) return sentence(d.region, d.name + " not computed", d.missing);
  char number[32];
  std::snprintf(number, sizeof number, " %.4g ", *d.value);
  return sentence(d.region, d.name + number + printed_unit(d.unit), d.how);
}

void add_unmeasured(std::vector<std::string>& remarks, const std::vector<SliceMeasurement>& measurements,
                    const std::vector<DerivedMeasurement>& derived) {
  for (const DerivedMeasurement& d : derived)
    if (largest(measurements, d.region_uid) == nullptr) remarks.push_back(in_words(d));
}

void add_qualitative(ReportDocument& document, const std::vector<SliceMeasurement>& measurements,
                     const std::vector<Qualitative>& qualitative) {
  for (const Qualitative& q : qualitative) {
    if (q.region_uid.empty() || largest(measurements, q.region_uid) != nullptr)
      document.qualitative.push_back(qualitative_item(q));
    else
      document.remarks.push_back(sentence(q.region, q.name + ": " + q.value, q.how));
  }
}

}  // namespace

Result<Written> write_measurement_report(const std::vector<SliceMeasurement>& measurements,
                                         const std::vector<DerivedMeasurement>& derived,
                                         const std::vector<Qualitative>& qualitative, const ReportSource& source,
                                         const std::filesystem::path& folder) {
  return guarded([&] {
    if (measurements.empty()) fail(Fault::Malformed, "there is nothing measured to report");
    ReportDocument document{{"126000", "DCM", "Imaging Measurement Report"},
                            "measurement report",
                            "Lesion measurements",
                            9020,
                            "sr_measurements",
                            {},
                            {},
                            {},
                            source.remarks,
                            all_evidence(measurements, source)};
    for (const SliceMeasurement* m : in_order_of_display(measurements))
      add_groups(document.groups, *m, derived_for(*m, measurements, derived));
    add_unmeasured(document.remarks, measurements, derived);
    add_qualitative(document, measurements, qualitative);
    const auto header = read_template(source.template_image);
    return write_report(document, *header, source, folder);
  });
}

}  // namespace dicom
