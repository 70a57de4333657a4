#include "dicom/input/stated_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/dicom/input/dicom_files.h"
#include "tests/support/temp_folder.h"

using namespace dicom_files;
using testing::ElementsAre;
using testing::IsEmpty;

namespace {

using Fill = std::function<void(DcmDataset&)>;

struct Entry {
  const char *value, *scheme, *meaning = "meaning";
};

dicom::Result<std::vector<dicom::StatedFact>> read(const Fill& fill) {
  const support::TempFolder folder;
  DcmFileFormat file;
  put_identity(*file.getDataset(), UID_EnhancedSRStorage, "1.2.3.7.1");
  put(*file.getDataset(), DCM_ContentDate, "20260301");
  put(*file.getDataset(), DCM_ContentTime, "101112");
  fill(*file.getDataset());
  save(file, folder / "sr");
  return dicom::read_stated_facts(folder / "sr");
}

DcmItem& add_content(DcmItem& parent, const char* type, const Entry& name) {
  DcmItem& item = add_item(parent, DCM_ContentSequence);
  put(item, DCM_ValueType, type);
  put_code(item, DCM_ConceptNameCodeSequence, name.value, name.scheme, name.meaning);
  return item;
}

DcmItem& add_code(DcmItem& parent, const Entry& name, const Entry& value) {
  DcmItem& item = add_content(parent, "CODE", name);
  put_code(item, DCM_ConceptCodeSequence, value.value, value.scheme, value.meaning);
  return item;
}

void add_number(DcmItem& parent, const Entry& name, const char* value, const char* unit) {
  DcmItem& measured = add_item(add_content(parent, "NUM", name), DCM_MeasuredValueSequence);
  put(measured, DCM_NumericValue, value);
  put_code(measured, DCM_MeasurementUnitsCodeSequence, unit, "UCUM", "unit");
}

// "er=pos", or nothing.
std::string coded(const Entry& name, const Entry& value) {
  const auto facts = read([&](DcmDataset& d) { add_code(d, name, value); });
  return facts && facts->size() == 1 ? facts->front().name + "=" + facts->front().answer : "";
}

std::string numbered(const Entry& name, const char* value, const char* unit) {
  const auto facts = read([&](DcmDataset& d) { add_number(d, name, value, unit); });
  return facts && facts->size() == 1 ? facts->front().name + "=" + facts->front().answer : "";
}

constexpr Entry kPositive{"10828004", "SCT"}, kNegative{"260385009", "SCT"};

}  // namespace

TEST(StatedFacts, KnowTheStandardCodes) {
  EXPECT_EQ(coded({"16112-5", "LN"}, kPositive), "er=pos");
  EXPECT_EQ(coded({"85337-4", "LN"}, {"LA6577-6", "LN"}), "er=neg");
  EXPECT_EQ(coded({"16112-5", "LOINC"}, {"LA6576-8", "LOINC"}), "er=pos");
  EXPECT_EQ(coded({"111475", "DCM"}, kNegative), "er=neg");
  EXPECT_EQ(coded({"16113-3", "LN"}, kPositive), "pr=pos");
  EXPECT_EQ(coded({"111476", "DCM"}, kNegative), "pr=neg");
  EXPECT_EQ(coded({"121071", "DCM"}, {"4147007", "SCT"}), "lesion=mass");
  EXPECT_EQ(coded({"107644003", "SCT"}, {"84360004", "SCT"}), "shape=oval");
  EXPECT_EQ(coded({"111037", "DCM"}, {"129742005", "SCT"}), "margin=spiculated");
  EXPECT_EQ(coded({"79654002", "SCT"}, {"272519000", "SCT"}), "oedema=no");
  EXPECT_EQ(coded({"1", "99VENDOR"}, {"130599", "DCM"}), "tic=washout") << "the answer names its question";
}

TEST(StatedFacts, KnowOurOwnCodesByTheirMeaning) {
  EXPECT_EQ(coded({"1", "99HERALD", "Estrogen receptor status"}, {"2", "99HERALD", "Negative"}), "er=neg");
  EXPECT_EQ(coded({"1", "99HERALD", "lesion"}, {"2", "99HERALD", "NME"}), "lesion=nme");
  EXPECT_EQ(coded({"1", "99HERALD", "T2 hyperintensity"}, {"373066001", "SCT", "Yes"}), "t2_hyperintense=yes");
  EXPECT_EQ(coded({"1", "99HERALD", "Internal enhancement"}, {"2", "99HERALD", "rim"}), "enhancement=rim");
  EXPECT_EQ(coded({"1", "99HERALD", "Kinetic curve type"}, {"2", "99HERALD", "plateau"}), "tic=plateau");
}

TEST(StatedFacts, TakeNothingElse) {
  EXPECT_EQ(coded({"16112-5", "LN"}, {"42425007", "SCT", "Equivocal"}), "");
  EXPECT_EQ(coded({"16112-5", "99VENDOR"}, kPositive), "") << "the scheme is part of a code";
  EXPECT_EQ(coded({"111037", "DCM"}, {"129741003", "SCT", "Indistinct lesion"}), "");
  EXPECT_EQ(coded({"48676-1", "LN", "HER2"}, kPositive), "") << "what the models are about is no fact of theirs";
  EXPECT_EQ(coded({"1", "99HERALD", "Shape"}, {"2", "99HERALD", "rim"}), "");
  EXPECT_EQ(coded({"1", "99VENDOR", "Estrogen receptor status"}, {"2", "99VENDOR", "Positive"}), "");
}

TEST(StatedFacts, TakeKi67AsAPercentageOnly) {
  EXPECT_EQ(numbered({"29593-1", "LN"}, "23", "%"), "ki67=23");
  EXPECT_EQ(numbered({"85330-9", "LN"}, "7.5", "%"), "ki67=7.5");
  EXPECT_EQ(numbered({"1", "99HERALD", "Ki-67"}, "100", "%"), "ki67=100");
  EXPECT_EQ(numbered({"29593-1", "LN"}, "0.23", "1"), "") << "a fraction, or less than one percent?";
  EXPECT_EQ(numbered({"29593-1", "LN"}, "101", "%"), "");
  EXPECT_EQ(numbered({"29593-1", "LN"}, "-1", "%"), "");
  EXPECT_EQ(numbered({"14228-1", "LN", "Cells.estrogen receptor/cells"}, "90", "%"), "") << "no status";
}

TEST(StatedFacts, SayWhoSaidThemAndWhen) {
  const auto facts = read([](DcmDataset& d) {
    put(add_content(d, "PNAME", {"121008", "DCM"}), DCM_PersonName, "Outer^Reader");
    add_code(d, {"16112-5", "LN"}, kPositive);
    DcmItem& group = add_content(d, "CONTAINER", {"125007", "DCM"});
    put(add_content(group, "PNAME", {"121008", "DCM"}), DCM_PersonName, "Inner^Reader");
    put(add_code(group, {"16113-3", "LN"}, kPositive), DCM_ObservationDateTime, "20260228093000.25");
  });
  ASSERT_TRUE(facts && facts->size() == 2);
  EXPECT_EQ((*facts)[0].said_by, "Outer^Reader");
  EXPECT_EQ((*facts)[0].said_at, "20260301101112");
  EXPECT_EQ((*facts)[1].said_by, "Inner^Reader");
  EXPECT_EQ((*facts)[1].said_at, "20260228093000");
}

namespace {

constexpr Entry kEr{"16112-5", "LN"}, kFinding{"121071", "DCM"}, kMass{"4147007", "SCT"}, kShape{"107644003", "SCT"},
    kOval{"84360004", "SCT"};

DcmItem& add_group(DcmItem& parent, const std::string& tracking_uid) {
  DcmItem& group = add_content(parent, "CONTAINER", {"125007", "DCM"});
  if (!tracking_uid.empty()) put(add_content(group, "UIDREF", {"112040", "DCM"}), DCM_UID, tracking_uid);
  return group;
}

std::vector<std::string> answers(const Fill& fill) {
  std::vector<std::string> all;
  const auto facts = read(fill);
  EXPECT_TRUE(facts.has_value());
  if (facts)
    for (const dicom::StatedFact& fact : *facts) all.push_back(fact.name + "=" + fact.answer);
  return all;
}

}  // namespace

TEST(StatedFacts, AreSaidOnceHoweverOftenTheyAreRepeated) {
  EXPECT_THAT(answers([](DcmDataset& d) {
                for (int i = 0; i < 3; ++i) add_code(d, kEr, kPositive);
              }),
              ElementsAre("er=pos"));
}

TEST(StatedFacts, ThatContradictEachOtherAreNotStated) {
  EXPECT_THAT(answers([](DcmDataset& d) {
                add_code(d, kEr, kPositive);
                add_code(d, kShape, kOval);
                add_code(add_group(d, "1.2.3"), kEr, kNegative);
              }),
              ElementsAre("shape=oval"));
  EXPECT_THAT(answers([](DcmDataset& d) {
                add_code(d, kEr, kPositive);
                add_code(d, kEr, {"42425007", "SCT", "Equivocal"});
              }),
              IsEmpty())
      << "what is not in the table contradicts what is";
  EXPECT_THAT(answers([](DcmDataset& d) {
                add_code(add_group(d, ""), kFinding, kMass);
                add_code(add_group(d, ""), kFinding, {"1", "99VENDOR", "Non-mass enhancement"});
              }),
              IsEmpty());
}

TEST(StatedFacts, OfOneOfSeveralLesionsSaySo) {
  const auto facts = read([](DcmDataset& d) {
    DcmItem &first = add_group(d, "1.2.3.1"), &second = add_group(d, "1.2.3.2");
    add_code(first, kFinding, kMass);
    add_code(second, kFinding, kMass);
    add_code(first, kShape, kOval);
    add_code(d, kEr, kPositive);
    add_number(add_group(d, "1.2.3.1"), {"1", "99VENDOR"}, "3", "mm");  // another slice of the first
  });
  ASSERT_TRUE(facts && facts->size() == 4);
  const auto expect = [&](std::size_t i, const char* name, const char* uid, bool of_all) {
    EXPECT_EQ((*facts)[i].name, name);
    EXPECT_EQ((*facts)[i].tracking_uid, uid);
    EXPECT_EQ((*facts)[i].of_all_lesions, of_all) << name;
  };
  expect(0, "lesion", "1.2.3.1", true);
  expect(1, "shape", "1.2.3.1", false);
  expect(2, "lesion", "1.2.3.2", true);
  expect(3, "er", "", true);
}

TEST(StatedFacts, OfDevicesAreNoneUnlessAPersonObservesToo) {
  const auto observed_by = [](const std::vector<const char*>& types) {
    return answers([&](DcmDataset& d) {
      for (const char* type : types) add_code(d, {"121005", "DCM"}, {type, "DCM"});
      add_code(d, kEr, kPositive);
    });
  };
  EXPECT_THAT(observed_by({"121007"}), IsEmpty());
  EXPECT_THAT(observed_by({"121007", "121006"}), ElementsAre("er=pos"));
  EXPECT_THAT(observed_by({}), ElementsAre("er=pos"));
}

TEST(StatedFacts, OfAnUnfinishedReportAreNone) {
  const auto with = [](const char* flag) {
    return answers([&](DcmDataset& d) {
      put(d, DCM_CompletionFlag, flag);
      add_code(d, kEr, kPositive);
    });
  };
  EXPECT_THAT(with("PARTIAL"), IsEmpty());
  EXPECT_THAT(with("COMPLETE"), ElementsAre("er=pos"));
}

TEST(StatedFacts, KnowTheirZoneWhereTheReportDoes) {
  const auto offset = [](const std::string& of_report, const std::string& observed) {
    const auto facts = read([&](DcmDataset& d) {
      put(d, DCM_TimezoneOffsetFromUTC, of_report);
      put(add_code(d, kEr, kPositive), DCM_ObservationDateTime, observed);
    });
    return facts && facts->size() == 1 ? facts->front().utc_offset : "no fact";
  };
  EXPECT_EQ(offset("", "20260228093000"), "");
  EXPECT_EQ(offset("+0530", "20260228093000"), "+0530");
  EXPECT_EQ(offset("+0530", ""), "+0530");
  EXPECT_EQ(offset("+0530", "20260228093000.5-0300"), "-0300");
  for (const char* wrong : {"+1500", "0100", "+0175", "-1300", "UTC"}) EXPECT_EQ(offset(wrong, ""), "") << wrong;
}

TEST(StatedFacts, ComeNeitherFromHeraldNorFromImages) {
  const auto own = read([](DcmDataset& d) {
    add_code(d, {"16112-5", "LN"}, kPositive);
    put(d, DCM_ManufacturerModelName, "Herald");
  });
  ASSERT_TRUE(own.has_value());
  EXPECT_THAT(*own, IsEmpty());
  const auto image = read([](DcmDataset& d) { put(d, DCM_SOPClassUID, UID_MRImageStorage); });
  ASSERT_FALSE(image.has_value());
  EXPECT_EQ(image.error().fault, dicom::Fault::Unsupported);
}
