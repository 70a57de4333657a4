#pragma once
// Invented measurements of one lesion, and content trees to look through.
#include <gtest/gtest.h>

#include <stdexcept>

#include "dicom/output/quantity.h"
#include "dicom/output/reports.h"
#include "tests/dicom/output/synthetic.h"

namespace dicom {

using synthetic::kRoot;
using synthetic::Object;

inline std::vector<std::pair<float, float>> square(float from, float to) {
  return {{from, from}, {to, from}, {to, to}, {from, to}, {from, from}};
}

inline fitting::Statistics statistics(double mean, std::size_t voxels) {
  fitting::Statistics s;
  s.voxels = voxels;
  s.measured = voxels - 1;
  s.mean = mean;
  s.sd = 235.8;
  s.median = mean - 88.123456789;
  s.p5 = mean / 2;
  s.p95 = mean * 1.5;
  s.minimum = mean / 3;
  s.maximum = mean * 2;
  s.area_mm2 = static_cast<double>(voxels) * 0.72;
  s.skewness = 0.31;
  s.excess_kurtosis = -1.25;
  s.entropy_bits = 3.75;
  s.entropy_bin_width = 20;
  return s;
}

inline SliceMeasurement slice(const std::string& quantity, const std::string& slot, int index, std::size_t voxels) {
  SliceMeasurement m;
  m.region = "lesion-1";
  m.region_uid = kRoot + ".7.1";
  m.quantity = quantity;
  m.unit = "ms";
  m.slot = slot;
  m.method = quantity == "T1" ? "T1 by Multiple Flip Angles" : "T2 by mono-exponential decay";
  m.image = {UID_MRImageStorage, kRoot + ".8." + slot.substr(1, 1) + "." + std::to_string(index + 1),
             kRoot + ".8." + slot.substr(1, 1)};
  m.slice = index;
  m.outlines = {square(10, 20)};
  m.statistics = statistics(1493.1, voxels);
  return m;
}

struct Case {
  support::TempFolder folder;
  std::vector<SliceMeasurement> measurements;
  std::vector<DerivedMeasurement> derived;
  std::vector<Qualitative> qualitative;
  ReportSource source;

  Case() {
    measurements = {slice("T1", "t1_pre", 3, 80), slice("T1", "t1_pre", 4, 100), slice("T2", "t2", 4, 110)};
    measurements[1].whole = statistics(1500, 180);
    derived = {{kRoot + ".7.1", "T1 relative change", "%", -31.4, "(T1 post - T1 pre) / T1 pre"}};
    source.template_image = synthetic::write_template(folder.path());
    source.evidence = {{UID_MRImageStorage, kRoot + ".1.10.1", kRoot + ".1.10"}};
    source.rois = {{UID_SegmentationStorage, kRoot + ".9.1", kRoot + ".9"}};
    source.content_datetime = "20261101113000";
    source.digest = "inputs and settings";
    source.remarks = {"T2* was not measured: the series has 2 echoes"};
    source.equipment.version = "0.1.0";
  }
  // Every option at once: two readers, sides, a number that is missing, findings in words, a revision.
  void fill() {
    for (SliceMeasurement& m : measurements) {
      m.laterality = "L";
      m.reader = "Reader 1";
      m.map = {UID_ParametricMapStorage, kRoot + ".6." + m.slot.substr(1, 1), kRoot + ".6"};
      source.evidence.push_back(m.map);
      if (m.whole) m.volume_mm3 = 523.6;
    }
    measurements.push_back(measurements[1]);
    measurements.back().reader = "Reader 2";
    source.readers = {{"Ahlstr\xC3\xB6m^Eva", "Reader 1"}, {"Berg^Ole", "Reader 2"}};
    source.predecessors = {{UID_ComprehensiveSRStorage, kRoot + ".5.1", kRoot + ".5"}};
    source.revision = 2;
    derived.push_back({kRoot + ".7.1",
                       "T1 pre mean (consensus)",
                       "ms",
                       1501.5,
                       "median of 3 readings of reader 1, 1 reading of reader 2; mean of 2 readers",
                       {},
                       "Consensus"});
    derived.push_back({.region_uid = kRoot + ".7.1",
                       .name = "T1 change (pre - post)",
                       .unit = "ms",
                       .value = {},
                       .missing = "T1 after contrast was not measured"});
    derived.push_back({kRoot + ".7.1", "Maximum diameter", "mm", 23.5, "longest line in the slice", long_axis_code()});
    qualitative = {
        {kRoot + ".7.1", "Kinetic curve type", "washout", "proposed: late change below -10 %, 20261101113000"},
        {"", "ER status", "positive", "stated by Reader 1, 20261101110000"}};
  }
  [[nodiscard]] Written measured() const {
    auto written = write_measurement_report(measurements, derived, qualitative, source, folder.path());
    EXPECT_TRUE(written) << written.error().what;
    return written ? *written : Written{};
  }
  [[nodiscard]] MeasuredSegments segments() const {
    return {{UID_SegmentationStorage, kRoot + ".4.1", kRoot + ".4"}, {kRoot + ".7.9", kRoot + ".7.1"}, kRoot + ".1.10"};
  }
  [[nodiscard]] Written segment_report() const {
    auto written = write_segment_report(measurements, segments(), source, folder.path());
    EXPECT_TRUE(written) << written.error().what;
    return written ? *written : Written{};
  }
  [[nodiscard]] Written text_report() const {
    const std::vector<ReportItem> items = {
        {"Lesion", "lesion-1, largest slice 5", {}, {}, {}},
        {"Largest diameter", "", 23.5, "mm", {}},
        {"HER2 nomogram A (research, uncalibrated)",
         "",
         {},
         {},
         {{"Probability of HER2-positive status (research, uncalibrated)", "", 0.54301, "1", {}},
          {"Predictors",
           "",
           {},
           {},
           {{"Lesion mean T1 before contrast", "", 1493.15, "ms", {}},
            {"Rim enhancement", "yes", {}, {}, {{"Proposed by", "reader", {}, {}, {}}}}}},
          {"Doubt", "T1 lies outside the published range", {}, {}, {}}}},
        {"Statement", "Müller is not in this line, but an umlaut is", {}, {}, {}},
    };
    auto written = write_text_report(items, "HER2 nomogram", source, folder.path());
    EXPECT_TRUE(written) << written.error().what;
    return written ? *written : Written{};
  }
};

inline std::string name_of(DcmItem& item) {
  const auto names = Object::items(item, DCM_ConceptNameCodeSequence);
  return names.empty() ? std::string{} : text(*names[0], DCM_CodeMeaning);
}

inline std::vector<DcmItem*> children(DcmItem& item) { return Object::items(item, DCM_ContentSequence); }

inline DcmItem& child(DcmItem& item, const std::string& name) {
  for (DcmItem* candidate : children(item))
    if (name_of(*candidate) == name) return *candidate;
  throw std::runtime_error("no content item " + name);
}

inline std::vector<DcmItem*> groups_of(DcmItem& document) { return children(child(document, "Imaging Measurements")); }

inline std::vector<std::string> numbers_of(DcmItem& group) {
  std::vector<std::string> names;
  for (DcmItem* item : children(group))
    if (text(*item, DCM_ValueType) == "NUM") names.push_back(name_of(*item));
  return names;
}

}  // namespace dicom
