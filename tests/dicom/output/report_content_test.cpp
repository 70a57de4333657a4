// What the reports say besides the measurements themselves, in the words of the standard.
#include <gmock/gmock.h>

#include <set>

#include "tests/dicom/output/report_case.h"

namespace dicom {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;

std::string value_of(DcmItem& item) { return text(Object::item(item, DCM_ConceptCodeSequence), DCM_CodeValue); }
DcmItem& measured_value(DcmItem& item) { return Object::item(item, DCM_MeasuredValueSequence); }

TEST(MeasurementReport, GivesShapeAndEntropyWithTheWidthOfItsBins) {
  Case c;
  Object object(c.measured().file);
  DcmItem& group = *groups_of(object.data())[0];
  EXPECT_THAT(numbers_of(group),
              IsSupersetOf({"T1 pre skewness", "T1 pre excess kurtosis", "T1 pre entropy (bin 20 ms)"}));
  DcmItem& skewness = child(group, "T1 pre skewness");
  EXPECT_EQ(value_of(child(skewness, "Derivation")), "126051");
  EXPECT_EQ(text(Object::item(measured_value(skewness), DCM_MeasurementUnitsCodeSequence), DCM_CodeValue), "1");
  DcmItem& width = child(child(group, "T1 pre entropy (bin 20 ms)"), "Bin width");
  EXPECT_EQ(*number(measured_value(width), DCM_NumericValue), 20);
  c.measurements[0].statistics.entropy_bin_width = 0;
  Object without(c.measured().file);
  for (const std::string& name : numbers_of(*groups_of(without.data())[1]))
    EXPECT_THAT(name, Not(HasSubstr("entropy")));
}

TEST(MeasurementReport, SaysTheSideOnlyWhereItIsKnown) {
  Case c;
  c.measurements[0].laterality = "R";
  Object object(c.measured().file);
  const auto groups = groups_of(object.data());
  EXPECT_EQ(value_of(child(child(*groups[1], "Finding Site"), "Laterality")), "24028007");
  EXPECT_THAT(children(child(*groups[0], "Finding Site")), IsEmpty());
  c.measurements[0].laterality = "right";
  EXPECT_FALSE(write_measurement_report(c.measurements, {}, {}, c.source, c.folder.path()));
}

TEST(MeasurementReport, NamesReadersOnceAndGivesEachOutlineItsReaderAndOwnTrackingUid) {
  Case c;
  c.fill();
  Object object(c.measured().file);
  std::vector<std::string> persons, labels;
  for (DcmItem* item : children(object.data())) {
    if (name_of(*item) == "Person Observer Name") persons.push_back(text(*item, DCM_PersonName));
    if (name_of(*item) == "Identifier within Person Observer's Role") labels.push_back(text(*item, DCM_TextValue));
  }
  EXPECT_THAT(persons, ElementsAre("Ahlstr\xC3\xB6m^Eva", "Berg^Ole"));
  EXPECT_THAT(labels, ElementsAre("Reader 1", "Reader 2"));
  std::set<std::string> tracking, sessions;
  const auto groups = groups_of(object.data());
  ASSERT_EQ(groups.size(), 4u);
  for (DcmItem* group : groups) {
    tracking.insert(text(child(*group, "Tracking Unique Identifier"), DCM_UID));
    sessions.insert(text(child(*group, "Activity Session"), DCM_TextValue));
  }
  EXPECT_EQ(tracking.size(), 4u);
  EXPECT_EQ(sessions, (std::set<std::string>{"Reader 1", "Reader 2"}));
  EXPECT_THAT(text(child(child(*groups[0], "T1 pre mean (consensus)"), "Equation"), DCM_TextValue),
              HasSubstr("mean of 2 readers"));
}

TEST(MeasurementReport, SaysOfANumberThatCouldNotBeGivenThatItIsMissingAndWhy) {
  Case c;
  c.fill();
  Object object(c.measured().file);
  DcmItem& missing = child(*groups_of(object.data())[0], "T1 change (pre - post)");
  EXPECT_TRUE(missing.tagExists(DCM_MeasuredValueSequence));
  EXPECT_THAT(Object::items(missing, DCM_MeasuredValueSequence), IsEmpty());
  EXPECT_EQ(text(Object::item(missing, DCM_NumericValueQualifierCodeSequence), DCM_CodeValue), "114007");
  EXPECT_EQ(text(child(missing, "Comment"), DCM_TextValue), "T1 after contrast was not measured");
  c.derived[2].missing.clear();
  EXPECT_FALSE(write_measurement_report(c.measurements, c.derived, {}, c.source, c.folder.path()));
}

TEST(MeasurementReport, UsesStandardConceptsWhereTheCallerHasThemAndPrivateOnesOtherwise) {
  Case c;
  c.fill();
  Object object(c.measured().file);
  DcmItem& group = *groups_of(object.data())[0];
  const auto concept_of = [&](const char* name) {
    DcmItem& code = Object::item(child(group, name), DCM_ConceptNameCodeSequence);
    return text(code, DCM_CodingSchemeDesignator) + " " + text(code, DCM_CodeValue);
  };
  EXPECT_EQ(concept_of("Maximum diameter"), "SCT 103339001");
  EXPECT_EQ(concept_of("Volume (lesion)"), "SCT 118565006");
  EXPECT_EQ(concept_of("T1 change (pre - post)"), "99HERALD " + private_code("T1 change (pre - post)").value);
}

// Beside the comments: a finding in words inside a group is no part of TID 1410 in all its editions.
TEST(MeasurementReport, GivesFindingsInWordsWithTheirLesionAndSource) {
  Case c;
  c.fill();
  Object object(c.measured().file);
  DcmItem& evaluations = child(object.data(), "Qualitative Evaluations");
  DcmItem& curve = child(evaluations, "Kinetic curve type");
  EXPECT_EQ(text(curve, DCM_ValueType), "CODE");
  EXPECT_EQ(text(Object::item(curve, DCM_ConceptCodeSequence), DCM_CodeMeaning), "washout");
  EXPECT_EQ(text(child(curve, "Tracking Unique Identifier"), DCM_UID), kRoot + ".7.1");
  EXPECT_THAT(text(child(curve, "Determined by"), DCM_TextValue), HasSubstr("proposed"));
  EXPECT_EQ(children(child(evaluations, "ER status")).size(), 1u);
}

TEST(SegmentReport, GivesEachLesionAndMapAGroupWithItsSegmentAndTheLesionsTracking) {
  Case c;
  c.fill();
  Object object(c.segment_report().file);
  const auto groups = groups_of(object.data());
  ASSERT_EQ(groups.size(), 2u);  // of two readers; the other slices are of the same lesion and map
  for (DcmItem* group : groups) {
    EXPECT_EQ(text(Object::item(*group, DCM_ContentTemplateSequence), DCM_TemplateIdentifier), "1411");
    EXPECT_EQ(text(child(*group, "Tracking Identifier"), DCM_TextValue), "lesion-1");
    EXPECT_EQ(text(child(*group, "Tracking Unique Identifier"), DCM_UID), kRoot + ".7.1");
    DcmItem& segment = Object::item(child(*group, "Referenced Segment"), DCM_ReferencedSOPSequence);
    EXPECT_EQ(text(segment, DCM_ReferencedSOPInstanceUID), kRoot + ".4.1");
    EXPECT_EQ(*number(segment, DCM_ReferencedSegmentNumber), 2);
    EXPECT_EQ(text(child(*group, "Source series for segmentation"), DCM_UID), kRoot + ".1.10");
    EXPECT_EQ(value_of(child(child(*group, "Finding Site"), "Laterality")), "7771000");
    DcmItem& mean = child(*group, "T1 pre mean");
    EXPECT_EQ(*number(measured_value(mean), DCM_NumericValue), 1500);
    EXPECT_EQ(value_of(child(mean, "Derivation")), "373098007");
    EXPECT_EQ(text(child(mean, "Algorithm Version"), DCM_TextValue), "0.1.0");
    EXPECT_EQ(text(Object::item(child(mean, "Source of Measurement"), DCM_ReferencedSOPSequence),
                   DCM_ReferencedSOPInstanceUID),
              kRoot + ".6.1");
    EXPECT_EQ(*number(measured_value(child(*group, "Volume")), DCM_NumericValue), 523.6);
  }
}

TEST(SegmentReport, ListsTheParametricMapsInItsImageLibraryOnce) {
  Case c;
  c.fill();
  Object object(c.segment_report().file);
  std::vector<std::string> maps;
  for (DcmItem* item : children(*children(child(object.data(), "Image Library")).at(0)))
    if (text(*item, DCM_ValueType) == "IMAGE")
      maps.push_back(text(Object::item(*item, DCM_ReferencedSOPSequence), DCM_ReferencedSOPInstanceUID));
  EXPECT_THAT(maps, testing::UnorderedElementsAre(kRoot + ".6.1", kRoot + ".6.2"));
}

TEST(SegmentReport, RefusesSegmentsOfASeriesThatNobodyKnows) {
  Case c;
  MeasuredSegments segments = c.segments();
  for (const char* unknown : {"", "no uid"}) {
    segments.source_series_uid = unknown;
    const auto written = write_segment_report(c.measurements, segments, c.source, c.folder.path());
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().fault, Fault::Malformed);
  }
}

std::vector<std::string> comments_of(DcmItem& document) {
  std::vector<std::string> texts;
  for (DcmItem* item : children(child(document, "Qualitative Evaluations")))
    if (name_of(*item) == "Comment") texts.push_back(text(*item, DCM_TextValue));
  return texts;
}

TEST(MeasurementReport, SaysInWordsWhatIsKnownOfALesionThatWasMeasuredOnNoMap) {
  Case c;
  const std::string unmeasured = kRoot + ".7.2";
  c.derived.push_back({.region_uid = unmeasured,
                       .name = "Maximum diameter",
                       .unit = "mm",
                       .value = 8.1,
                       .how = "as outlined",
                       .region = "Lesion 2"});
  c.derived.push_back({.region_uid = unmeasured,
                       .name = "T1 change",
                       .unit = "ms",
                       .value = {},
                       .missing = "there is no T1",
                       .region = "Lesion 2"});
  c.qualitative = {{unmeasured, "Kinetic curve type", "washout", "proposed", "Lesion 2"},
                   {c.measurements[0].region_uid, "Kinetic curve type", "plateau", "proposed", "Lesion 1"}};
  Object object(c.measured().file);
  EXPECT_THAT(comments_of(object.data()), testing::IsSupersetOf({"Lesion 2: Maximum diameter 8.1 mm (as outlined)",
                                                                 "Lesion 2: T1 change not computed (there is no T1)",
                                                                 "Lesion 2: Kinetic curve type: washout (proposed)"}));
  for (DcmItem* group : groups_of(object.data()))
    EXPECT_THAT(numbers_of(*group), testing::Not(testing::Contains("Maximum diameter")));
  std::vector<std::string> curves;
  for (DcmItem* item : children(child(object.data(), "Qualitative Evaluations")))
    if (name_of(*item) == "Kinetic curve type") curves.push_back(value_of(*item));
  EXPECT_EQ(curves.size(), 1u) << "nothing may refer to the Tracking UID of a lesion without a group";
}

TEST(SegmentReport, RefusesARegionWithoutSegmentAndNothingMeasuredAsAWhole) {
  Case c;
  MeasuredSegments other = c.segments();
  other.tracking_uids = {kRoot + ".7.9"};
  EXPECT_FALSE(write_segment_report(c.measurements, other, c.source, c.folder.path()));
  c.measurements[1].whole.reset();
  EXPECT_FALSE(write_segment_report(c.measurements, c.segments(), c.source, c.folder.path()));
}

TEST(Reports, NameWhatTheyReplaceWithinTheStudyAndSayTheirRevision) {
  Case first, second;
  second.fill();
  for (const Written& written : {second.measured(), second.segment_report(), second.text_report()}) {
    Object object(written.file);
    DcmItem& study = Object::item(object.data(), DCM_PredecessorDocumentsSequence);
    EXPECT_EQ(text(study, DCM_StudyInstanceUID), kRoot + ".1.1");
    DcmItem& series = Object::item(study, DCM_ReferencedSeriesSequence);
    EXPECT_EQ(text(series, DCM_SeriesInstanceUID), kRoot + ".5");
    EXPECT_EQ(text(Object::item(series, DCM_ReferencedSOPSequence), DCM_ReferencedSOPInstanceUID), kRoot + ".5.1");
    EXPECT_THAT(text(object.data(), DCM_SeriesDescription), EndsWith(" rev 2 (RESEARCH)"));
    EXPECT_FALSE(object.data().tagExists(DCM_IdenticalDocumentsSequence));
  }
  EXPECT_FALSE(Object(first.measured().file).data().tagExists(DCM_PredecessorDocumentsSequence));
  EXPECT_NE(first.measured().series_uid, second.measured().series_uid);
}

TEST(Reports, OfAnotherClassAreOtherObjectsInOtherSeriesAndFiles) {
  Case c;
  const Written one = c.measured();
  c.source.report_class = ReportClass::Enhanced;
  const Written other = c.measured();
  EXPECT_NE(one.file, other.file);
  EXPECT_NE(one.series_uid, other.series_uid);
  EXPECT_EQ(other.sop_class_uid, UID_EnhancedSRStorage);
}

void expect_known_private_codes(DcmItem& item, const std::set<std::string>& known) {
  for (const DcmTagKey& tag : {DCM_ConceptNameCodeSequence, DCM_ConceptCodeSequence})
    for (DcmItem* code : Object::items(item, tag))
      if (text(*code, DCM_CodingSchemeDesignator) == kPrivateScheme) {
        EXPECT_TRUE(known.contains(text(*code, DCM_CodeValue))) << text(*code, DCM_CodeMeaning);
      }
  for (DcmItem* below : children(item)) expect_known_private_codes(*below, known);
}

TEST(Reports, UsePrivateCodesOfTheTableAndOfTheCallersWordsOnly) {
  Case c;
  c.fill();
  std::set<std::string> known;
  for (const Code& code : private_codes()) known.insert(code.value);
  for (const DerivedMeasurement& d : c.derived)
    known.insert({private_code(d.name).value, private_code(d.method).value});
  for (const Qualitative& q : c.qualitative) known.insert({private_code(q.name).value, private_code(q.value).value});
  for (const SliceMeasurement& m : c.measurements) known.insert(private_code(m.method).value);
  Object measured(c.measured().file), segments(c.segment_report().file);
  expect_known_private_codes(measured.data(), known);
  expect_known_private_codes(segments.data(), known);
}

TEST(PrivateCodes, HaveDistinctValuesOfAtMostSixteenCharacters) {
  std::set<std::string> values;
  const std::vector<Code> codes = private_codes();
  for (const Code& code : codes) {
    EXPECT_LE(code.value.size(), 16u);
    EXPECT_EQ(code.scheme, kPrivateScheme);
    EXPECT_FALSE(code.meaning.empty());
    values.insert(code.value);
  }
  EXPECT_EQ(values.size(), codes.size());
  EXPECT_GT(codes.size(), 10u);
}

}  // namespace
}  // namespace dicom
