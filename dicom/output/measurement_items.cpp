#include "dicom/output/measurement_items.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "dicom/output/elements.h"
#include "dicom/output/quantity.h"

namespace dicom::output {

namespace {

const Code kDerivation{"121401", "DCM", "Derivation"};
const Code kMethod{"370129005", "SCT", "Measurement Method"};

struct Row {
  const char* word;
  double fitting::Statistics::*value;
  Code derivation;
  bool in_unit = true;  // of the map; else without unit
};
const std::array<Row, 3> kHeadline{{{"mean", &fitting::Statistics::mean, {"373098007", "SCT", "Mean"}},
                                    {"SD", &fitting::Statistics::sd, {"386136009", "SCT", "Standard Deviation"}},
                                    {"median", &fitting::Statistics::median, {"373099004", "SCT", "Median"}}}};
const std::array<Row, 6> kRest{
    {{"5th percentile", &fitting::Statistics::p5, {"371888009", "SCT", "5th Percentile Value of population"}},
     {"95th percentile", &fitting::Statistics::p95, {"371889001", "SCT", "95th Percentile Value of population"}},
     {"minimum", &fitting::Statistics::minimum, {"255605001", "SCT", "Minimum"}},
     {"maximum", &fitting::Statistics::maximum, {"56851009", "SCT", "Maximum"}},
     {"skewness", &fitting::Statistics::skewness, {"126051", "DCM", "Skewness"}, false},
     {"excess kurtosis", &fitting::Statistics::excess_kurtosis, {"126052", "DCM", "Kurtosis"}, false}}};

// A statistic of the map: its concept is the quantity, its name says which statistic.
ContentItem statistic(const SliceMeasurement& m, const std::string& name, const Number& value, const Code& derivation) {
  Code concept_name = quantity_code(m.quantity);
  concept_name.meaning = name;
  ContentItem item{kContains, concept_name, value, {}};
  item.children.push_back({kModifier, kMethod, method_code(m.method), {}});
  item.children.push_back({kModifier, kDerivation, derivation, {}});
  return item;
}

// An entropy means nothing without the width of its bins: that is in the name, and a derivation parameter beside it.
ContentItem entropy(const SliceMeasurement& m, const fitting::Statistics& statistics, const std::string& whose) {
  const double width = statistics.entropy_bin_width;
  const std::string bins = " entropy (bin " + decimal_string(width) + " " + printed_unit(m.unit) + ")";
  ContentItem item = statistic(m, printed_name(m) + bins + whose, Number{statistics.entropy_bits, "bit"},
                               fixed_code("Entropy of the histogram"));
  item.children.push_back({kInferredFrom, fixed_code("Bin width"), Number{width, m.unit}, {}});
  return item;
}

Code named(Code code, const std::string& meaning) {
  code.meaning = meaning;
  return code;
}

}  // namespace

Code laterality_code(const std::string& laterality) {
  if (laterality == "R") return {"24028007", "SCT", "Right"};
  if (laterality == "L") return {"7771000", "SCT", "Left"};
  if (laterality == "B") return {"51440002", "SCT", "Bilateral"};
  fail(Fault::Malformed, "a side is none of R, L and B");
}

std::string printed_name(const SliceMeasurement& m) {
  std::string name = quantity_title(m.quantity), slot = m.slot, lower = m.quantity;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (slot == lower) return name;
  if (slot.starts_with(lower + "_")) slot.erase(0, lower.size() + 1);
  std::replace(slot.begin(), slot.end(), '_', ' ');
  return slot.empty() ? name : name + " " + slot;
}

ContentItem finding(const SliceMeasurement& m) {
  const Code code = m.finding.value.empty() ? Code{"108369006", "SCT", "Neoplasm"} : m.finding;
  return {kContains, {"121071", "DCM", "Finding"}, code, {}};
}

ContentItem finding_site(const std::string& laterality) {
  ContentItem site{kModifier, {"363698007", "SCT", "Finding Site"}, Code{"76752008", "SCT", "Breast"}, {}};
  if (!laterality.empty())
    site.children.push_back({kModifier, {"272741003", "SCT", "Laterality"}, laterality_code(laterality), {}});
  return site;
}

void add_statistics(std::vector<ContentItem>& to, const SliceMeasurement& m, const fitting::Statistics& statistics,
                    Share share, const std::string& whose) {
  const std::span<const Row> rows = share == Share::Headline ? std::span<const Row>(kHeadline) : kRest;
  for (const Row& row : rows)
    to.push_back(statistic(m, printed_name(m) + " " + row.word + whose,
                           Number{statistics.*row.value, row.in_unit ? m.unit : "1"}, row.derivation));
  if (share == Share::Rest && statistics.entropy_bin_width > 0) to.push_back(entropy(m, statistics, whose));
}

void add_extent(std::vector<ContentItem>& to, const SliceMeasurement& m, const fitting::Statistics& statistics,
                const std::string& whose) {
  to.push_back(plain_number(area_code("Area" + whose), statistics.area_mm2, "mm2"));
  to.push_back(
      plain_number(named(fixed_code("Voxels"), "Voxels" + whose), static_cast<double>(statistics.voxels), "1"));
  to.push_back(
      plain_number(named(fixed_code("Voxels without a value"), printed_name(m) + " voxels without a value" + whose),
                   100 * statistics.failed_share(), "%"));
}

void add_volume(std::vector<ContentItem>& to, const SliceMeasurement& m, const std::string& whose) {
  if (m.volume_mm3 > 0) to.push_back(plain_number(volume_code("Volume" + whose), m.volume_mm3, "mm3"));
}

ContentItem plain_number(const Code& name, double value, const std::string& unit) {
  return {kContains, name, Number{value, unit}, {}};
}

ContentItem derived_number(const DerivedMeasurement& d) {
  const Code name = d.code.value.empty() ? private_code(d.name) : named(d.code, d.name);
  ContentItem item = plain_number(name, d.value.value_or(0), d.unit);
  if (!d.value) {
    if (d.missing.empty()) fail(Fault::Malformed, "a number that could not be given lacks its reason");
    item.value = NoNumber{{"114007", "DCM", "Measurement not attempted"}};
    item.children.push_back({kProperties, {"121106", "DCM", "Comment"}, Text{d.missing}, {}});
  }
  if (!d.method.empty()) item.children.push_back({kModifier, kMethod, method_code(d.method), {}});
  if (!d.how.empty()) item.children.push_back({kInferredFrom, {"121420", "DCM", "Equation"}, Text{d.how}, {}});
  return item;
}

ContentItem qualitative_item(const Qualitative& q) {
  ContentItem item{kContains, private_code(q.name), private_code(q.value), {}};
  if (!q.region_uid.empty())
    item.children.push_back({kProperties, {"112040", "DCM", "Tracking Unique Identifier"}, Uid{q.region_uid}, {}});
  if (!q.how.empty()) item.children.push_back({kInferredFrom, fixed_code("Determined by"), Text{q.how}, {}});
  return item;
}

}  // namespace dicom::output
