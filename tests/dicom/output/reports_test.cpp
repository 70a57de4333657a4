#include "dicom/output/reports.h"

#include <gmock/gmock.h>

#include <array>
#include <functional>
#include <limits>
#include <set>

#include "tests/dicom/output/report_case.h"

namespace dicom {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(MeasurementReport, GivesEachSliceOfEachMapAGroupWithItsOutlineAndOwnTrackingUid) {
  const Case c;
  Object object(c.measured().file);
  const auto groups = groups_of(object.data());
  ASSERT_EQ(groups.size(), 3u);
  std::set<std::string> tracking;
  const std::array<std::size_t, 3> order = {1, 0, 2};  // the slice with the numbers of the lesion is shown first
  for (std::size_t i = 0; i < groups.size(); ++i) {
    EXPECT_EQ(text(Object::item(*groups[i], DCM_ContentTemplateSequence), DCM_TemplateIdentifier), "1410");
    tracking.insert(text(child(*groups[i], "Tracking Unique Identifier"), DCM_UID));
    DcmItem& region = child(*groups[i], "Image Region");
    EXPECT_EQ(text(region, DCM_GraphicType), "POLYLINE");
    EXPECT_EQ(*number(region, DCM_GraphicData, 2), 20);
    DcmItem& image = *children(region).at(0);
    EXPECT_EQ(text(image, DCM_RelationshipType), "SELECTED FROM");
    EXPECT_EQ(text(Object::item(image, DCM_ReferencedSOPSequence), DCM_ReferencedSOPInstanceUID),
              c.measurements[order[i]].image.sop_instance_uid);
  }
  EXPECT_EQ(tracking.size(), 3u);
  EXPECT_EQ(text(child(*groups[0], "Tracking Identifier"), DCM_TextValue), "lesion-1 T1 pre slice 5");
}

// OHIF takes the first UIDREF of a group for its tracking identity, and prints the first five numbers.
TEST(MeasurementReport, PutsFirstWhatViewersPrint) {
  const Case c;
  Object object(c.measured().file);
  const auto groups = groups_of(object.data());
  const auto numbers = numbers_of(*groups[0]);
  ASSERT_GE(numbers.size(), 3u);
  EXPECT_THAT(std::vector(numbers.begin(), numbers.begin() + 3),
              ElementsAre("T1 pre mean", "T1 pre SD", "T1 pre median"));
  for (DcmItem* item : children(*groups[0]))
    if (text(*item, DCM_ValueType) == "UIDREF") {
      EXPECT_EQ(name_of(*item), "Tracking Unique Identifier");
    }
  EXPECT_EQ(numbers_of(*groups[2])[0], "T2 mean");
  DcmItem& mean = child(*groups[0], "T1 pre mean");
  EXPECT_EQ(text(Object::item(Object::item(mean, DCM_MeasuredValueSequence), DCM_MeasurementUnitsCodeSequence),
                 DCM_CodeValue),
            "ms");
  EXPECT_EQ(text(Object::item(child(mean, "Derivation"), DCM_ConceptCodeSequence), DCM_CodeValue), "373098007");
  EXPECT_EQ(text(Object::item(child(mean, "Measurement Method"), DCM_ConceptCodeSequence), DCM_CodeValue), "126350");
}

TEST(MeasurementReport, KeepsTheExactNumberBesideTheReadableOne) {
  const Case c;
  Object object(c.measured().file);
  DcmItem& measured = Object::item(child(*groups_of(object.data())[0], "T1 pre median"), DCM_MeasuredValueSequence);
  EXPECT_EQ(text(measured, DCM_NumericValue), "1404.98");
  double exact = 0;
  ASSERT_TRUE(measured.findAndGetFloat64(DCM_FloatingPointValue, exact).good());
  EXPECT_EQ(exact, 1493.1 - 88.123456789);
}

TEST(MeasurementReport, GivesLesionAndDerivedValuesOnTheLargestSliceOfTheFirstMapOnly) {
  const Case c;
  Object object(c.measured().file);
  const auto groups = groups_of(object.data());
  EXPECT_THAT(numbers_of(*groups[0]), Contains("T1 pre mean (lesion)"));
  EXPECT_THAT(numbers_of(*groups[0]), Contains("T1 relative change"));
  for (const std::size_t other : {1u, 2u}) {
    EXPECT_THAT(numbers_of(*groups[other]), Not(Contains("T1 relative change")));
    EXPECT_THAT(numbers_of(*groups[other]), Not(Contains("T1 pre mean (lesion)")));
  }
  EXPECT_EQ(text(child(child(*groups[0], "T1 relative change"), "Equation"), DCM_TextValue),
            "(T1 post - T1 pre) / T1 pre");
}

TEST(MeasurementReport, GivesTheStatisticsOfARegionInPiecesOnce) {
  Case c;
  c.measurements.resize(1);
  c.measurements[0].outlines = {square(1, 3), square(10, 20)};
  Object object(c.measured().file);
  const auto groups = groups_of(object.data());
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(*number(child(*groups[0], "Image Region"), DCM_GraphicData, 0), 10);
  EXPECT_THAT(numbers_of(*groups[1]), ElementsAre("Area of this piece"));
  const double area =
      *number(Object::item(child(*groups[1], "Area of this piece"), DCM_MeasuredValueSequence), DCM_NumericValue);
  EXPECT_NEAR(area, 4 * 0.72, 1e-9);
}

TEST(MeasurementReport, IsCompleteUnverifiedMarkedForResearchAndSaysItsRemarks) {
  const Case c;
  Object object(c.measured().file);
  EXPECT_EQ(text(object.data(), DCM_CompletionFlag), "COMPLETE");
  EXPECT_EQ(text(object.data(), DCM_VerificationFlag), "UNVERIFIED");
  EXPECT_THAT(text(object.data(), DCM_CompletionFlagDescription), HasSubstr("RESEARCH USE ONLY"));
  EXPECT_FALSE(object.data().tagExists(DCM_VerifyingObserverSequence));
  EXPECT_EQ(text(object.data(), DCM_SeriesDescription), "Lesion measurements (RESEARCH)");
  EXPECT_EQ(text(object.data(), DCM_PatientName), "M\xC3\xBCller^Anna");
  const auto comments = children(child(object.data(), "Qualitative Evaluations"));
  ASSERT_EQ(comments.size(), 2u);
  EXPECT_EQ(text(*comments[1], DCM_TextValue), c.source.remarks[0]);
}

TEST(MeasurementReport, ListsMapSlicesRoiAndInputsAsEvidence) {
  const Case c;
  Object object(c.measured().file);
  DcmItem& study = Object::item(object.data(), DCM_CurrentRequestedProcedureEvidenceSequence);
  std::vector<std::string> listed;
  for (DcmItem* series : Object::items(study, DCM_ReferencedSeriesSequence))
    for (DcmItem* instance : Object::items(*series, DCM_ReferencedSOPSequence))
      listed.push_back(text(*instance, DCM_ReferencedSOPInstanceUID));
  EXPECT_THAT(listed, testing::UnorderedElementsAre(kRoot + ".8.1.4", kRoot + ".8.1.5", kRoot + ".8.2.5",
                                                    kRoot + ".9.1", kRoot + ".1.10.1"));
}

TEST(MeasurementReport, RefusesNothingMeasuredAndNumbersThatAreNone) {
  Case c;
  c.derived[0].value = std::numeric_limits<double>::infinity();
  EXPECT_FALSE(write_measurement_report(c.measurements, c.derived, {}, c.source, c.folder.path()));
  EXPECT_FALSE(write_measurement_report({}, {}, {}, c.source, c.folder.path()));
  c.measurements[0].outlines.clear();
  EXPECT_FALSE(write_measurement_report(c.measurements, {}, {}, c.source, c.folder.path()));
}

TEST(TextReport, NamesEveryItemAndHidesNothingBelowAValue) {
  const Case c;
  Object object(c.text_report().file);
  EXPECT_EQ(text(Object::item(object.data(), DCM_ConceptNameCodeSequence), DCM_CodeValue), "126001");
  const std::function<void(DcmItem&)> visit = [&](DcmItem& item) {
    EXPECT_FALSE(name_of(item).empty());
    if (text(item, DCM_ValueType) != "CONTAINER") {
      EXPECT_THAT(children(item), IsEmpty()) << name_of(item);
    }
    for (DcmItem* below : children(item)) visit(*below);
  };
  visit(object.data());
}

TEST(TextReport, KeepsTheOrderOfItsLines) {
  const Case c;
  Object object(c.text_report().file);
  EXPECT_EQ(text(object.data(), DCM_SeriesDescription), "HER2 nomogram (RESEARCH)");
  const auto groups = groups_of(object.data());
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(text(*children(*groups[0])[2], DCM_TextValue), kResearchNotice);
  EXPECT_EQ(name_of(*children(*groups[0])[3]), "Lesion");
  EXPECT_EQ(text(child(*groups[1], "Tracking Identifier"), DCM_TextValue), "HER2 nomogram A (research, uncalibrated)");
  DcmItem& probability = child(*groups[1], "Probability of HER2-positive status (research, uncalibrated)");
  EXPECT_EQ(text(Object::item(probability, DCM_MeasuredValueSequence), DCM_NumericValue), "0.54301");
  DcmItem& rim = child(child(*groups[1], "Predictors"), "Rim enhancement");
  EXPECT_EQ(text(child(rim, "Rim enhancement"), DCM_TextValue), "yes");
  EXPECT_EQ(text(child(rim, "Proposed by"), DCM_TextValue), "reader");
  EXPECT_EQ(name_of(*children(*groups[2])[2]), "Statement");
}

TEST(TextReport, RefusesAnItemWithoutName) {
  const Case c;
  EXPECT_FALSE(write_text_report({{"", "words", {}, {}, {}}}, "HER2 nomogram", c.source, c.folder.path()));
}

TEST(Reports, AreTheSameBytesTheSecondTimeAndChangeTheirUidWithTheirContent) {
  Case c;
  const Written a = c.measured(), b = c.text_report();
  const std::string a_bytes = synthetic::bytes(a.file), b_bytes = synthetic::bytes(b.file);
  EXPECT_EQ(synthetic::bytes(c.measured().file), a_bytes);
  EXPECT_EQ(synthetic::bytes(c.text_report().file), b_bytes);
  c.source.remarks.push_back("one more");
  c.measurements[0].statistics.mean += 1e-9;
  EXPECT_NE(c.measured().sop_instance_uid, a.sop_instance_uid);
  EXPECT_NE(c.text_report().sop_instance_uid, b.sop_instance_uid);
}

}  // namespace
}  // namespace dicom
