// SR-A. The form that viewers show (reference: viewers.md 3): nothing but TID 1410 groups with one outline each,
// numbers flat in the group, the full name of a number as the meaning of its concept, since OHIF prints that and
// ignores the Derivation.
#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <span>

#include "dicom/output/quantity.h"
#include "dicom/output/report_document.h"

namespace dicom {

using namespace output;

namespace {

using Points = std::vector<std::pair<float, float>>;

const Code kDerivation{"121401", "DCM", "Derivation"};

// "T1 pre" for T1 in slot "t1_pre", "T1 symri pre" for T1 in slot "symri_pre".
std::string printed_name(const SliceMeasurement& m) {
  std::string name = quantity_title(m.quantity), slot = m.slot, lower = m.quantity;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (slot == lower) return name;
  if (slot.starts_with(lower + "_")) slot.erase(0, lower.size() + 1);
  std::replace(slot.begin(), slot.end(), '_', ' ');
  return slot.empty() ? name : name + " " + slot;
}

// A statistic of the map: its concept is the quantity, its name says which statistic.
ContentItem statistic(const SliceMeasurement& m, const std::string& name, double value, const Code& derivation) {
  Code concept_name = quantity_code(m.quantity);
  concept_name.meaning = name;
  ContentItem item{kContains, concept_name, Number{value, m.unit}, {}};
  item.children.push_back({kModifier, {"370129005", "SCT", "Measurement Method"}, method_code(m.method), {}});
  item.children.push_back({kModifier, kDerivation, derivation, {}});
  return item;
}

ContentItem plain_number(const Code& name, double value, const std::string& unit) {
  return {kContains, name, Number{value, unit}, {}};
}

struct Row {
  const char* word;
  double fitting::Statistics::*value;
  Code derivation;
};
// Viewers print the first five numbers of a group beside its outline: the ones that are read come first.
const std::array<Row, 3> kHeadline{{{"mean", &fitting::Statistics::mean, {"373098007", "SCT", "Mean"}},
                                    {"SD", &fitting::Statistics::sd, {"386136009", "SCT", "Standard Deviation"}},
                                    {"median", &fitting::Statistics::median, {"373099004", "SCT", "Median"}}}};
const std::array<Row, 4> kSpread{
    {{"5th percentile", &fitting::Statistics::p5, {"371888009", "SCT", "5th Percentile Value of population"}},
     {"95th percentile", &fitting::Statistics::p95, {"371889001", "SCT", "95th Percentile Value of population"}},
     {"minimum", &fitting::Statistics::minimum, {"255605001", "SCT", "Minimum"}},
     {"maximum", &fitting::Statistics::maximum, {"56851009", "SCT", "Maximum"}}}};

void add_rows(ContentItem& group, const SliceMeasurement& m, const fitting::Statistics& statistics,
              std::span<const Row> rows, const std::string& whose) {
  for (const Row& row : rows)
    group.children.push_back(
        statistic(m, printed_name(m) + " " + row.word + whose, statistics.*row.value, row.derivation));
}

void add_region_numbers(ContentItem& group, const SliceMeasurement& m, const fitting::Statistics& statistics,
                        const std::string& whose) {
  const Code area{"42798000", "SCT", "Area" + whose};
  group.children.push_back(plain_number(area, statistics.area_mm2, "mm2"));
  group.children.push_back(plain_number(private_code("Voxels" + whose), static_cast<double>(statistics.voxels), "1"));
  group.children.push_back(plain_number(private_code(printed_name(m) + " voxels without a value" + whose),
                                        100 * statistics.failed_share(), "%"));
}

ContentItem derived_number(const DerivedMeasurement& d) {
  ContentItem item = plain_number(private_code(d.name), d.value, d.unit);
  if (!d.how.empty()) item.children.push_back({kInferredFrom, {"121420", "DCM", "Equation"}, Text{d.how}, {}});
  return item;
}

// Area enclosed by a closed outline, in voxels (shoelace formula).
double enclosed(const Points& points) {
  double twice = 0;
  for (std::size_t i = 0; i + 1 < points.size(); ++i)
    twice += static_cast<double>(points[i].first) * points[i + 1].second -
             static_cast<double>(points[i + 1].first) * points[i].second;
  return std::abs(twice) / 2;
}

ContentItem group_head(const SliceMeasurement& m, const Points& outline, const std::string& part) {
  const std::string where = m.region + " " + printed_name(m) + " slice " + std::to_string(m.slice + 1) + part;
  ContentItem group = measurement_group(
      "1410", where, m.region_uid + "|" + m.quantity + "|" + m.slot + "|" + m.image.sop_instance_uid + "|" + where);
  const Code finding = m.finding.value.empty() ? Code{"108369006", "SCT", "Neoplasm"} : m.finding;
  group.children.push_back({kContains, {"121071", "DCM", "Finding"}, finding, {}});
  ContentItem region{kContains, {"111030", "DCM", "Image Region"}, Outline{outline}, {}};
  region.children.push_back({kSelectedFrom, {}, m.image, {}});
  group.children.push_back(region);
  group.children.push_back({kModifier, {"363698007", "SCT", "Finding Site"}, Code{"76752008", "SCT", "Breast"}, {}});
  return group;
}

ContentItem main_group(const SliceMeasurement& m, const Points& outline,
                       const std::vector<DerivedMeasurement>& derived) {
  ContentItem group = group_head(m, outline, "");
  add_rows(group, m, m.statistics, kHeadline, "");
  if (m.whole) add_rows(group, m, *m.whole, kHeadline, " (lesion)");
  for (const DerivedMeasurement& d : derived) group.children.push_back(derived_number(d));
  add_rows(group, m, m.statistics, kSpread, "");
  add_region_numbers(group, m, m.statistics, "");
  if (!m.whole) return group;
  add_rows(group, m, *m.whole, kSpread, " (lesion)");
  add_region_numbers(group, m, *m.whole, " (lesion)");
  return group;
}

// TID 1410 allows one outline. A further piece of the region gets a group with its outline and area; the statistics,
// which are of all pieces together, are given once.
ContentItem piece_group(const SliceMeasurement& m, const Points& outline, std::size_t number) {
  ContentItem group = group_head(m, outline, " piece " + std::to_string(number));
  const double voxel_mm2 =
      m.statistics.voxels == 0 ? 0 : m.statistics.area_mm2 / static_cast<double>(m.statistics.voxels);
  group.children.push_back(
      plain_number({"42798000", "SCT", "Area of this piece"}, enclosed(outline) * voxel_mm2, "mm2"));
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

std::vector<Reference> all_evidence(const std::vector<SliceMeasurement>& measurements, const ReportSource& source) {
  std::vector<Reference> all;
  for (const SliceMeasurement& m : measurements) all.push_back(m.image);
  all.push_back(source.roi);
  all.insert(all.end(), source.evidence.begin(), source.evidence.end());
  return all;
}

}  // namespace

Result<Written> write_measurement_report(const std::vector<SliceMeasurement>& measurements,
                                         const std::vector<DerivedMeasurement>& derived, const ReportSource& source,
                                         const std::filesystem::path& folder) {
  return guarded([&] {
    if (measurements.empty()) fail(Fault::Malformed, "there is nothing measured to report");
    ReportDocument document{{"126000", "DCM", "Imaging Measurement Report"},
                            "measurement report",
                            "Lesion measurements",
                            9020,
                            "sr_measurements",
                            {},
                            source.remarks,
                            all_evidence(measurements, source)};
    for (const SliceMeasurement& m : measurements)
      add_groups(document.groups, m, derived_for(m, measurements, derived));
    const auto header = read_template(source.template_image);
    return write_report(document, *header, source, folder);
  });
}

}  // namespace dicom
