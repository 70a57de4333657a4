// The whole pipeline on folders: simulated exams with known truth, and real scanners with third-party answers.
#include "server/process.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "dicom/input/instance.h"
#include "server/simulate.h"
#include "tests/server/processing.h"

namespace {

using namespace processing;
using testing::HasSubstr;

std::map<std::string, std::string> contents_of(const fs::path& folder) {
  std::map<std::string, std::string> contents;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ostringstream bytes;
    bytes << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    contents[fs::relative(entry.path(), folder).string()] = bytes.str();
  }
  return contents;
}

class SimulatedExam : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new support::TempFolder;
    server::SimulateOptions options;
    options.matrix = 96;
    options.slices = 24;
    const auto files = server::simulate(options, *folder_ / "exam");
    ASSERT_TRUE(files) << files.error();
    summary_ = new server::ProcessSummary(process(*folder_ / "exam", *folder_ / "out"));
  }
  static void TearDownTestSuite() {
    delete summary_;
    delete folder_;
  }
  static json truth() {
    std::ifstream file(*folder_ / "exam" / "truth.json");
    return json::parse(file);
  }

  static inline support::TempFolder* folder_ = nullptr;
  static inline server::ProcessSummary* summary_ = nullptr;
};

TEST_F(SimulatedExam, EveryMapOfTheProtocolIsComputedAndBothReportsAreWritten) {
  for (const char* file : {"t1_pre/pm_real.dcm", "t1_post/pm_real.dcm", "t2/pm_real.dcm", "t2star/pm_real.dcm",
                           "dwi/pm_real.dcm", "measurements/sr_measurements.dcm", "nomogram/sr_nomogram.dcm"}) {
    EXPECT_TRUE(fs::exists(*folder_ / "out/study-1" / file)) << file;
  }
  EXPECT_EQ(summary_->jobs_failed, 0u);
}

TEST_F(SimulatedExam, WhatWasPassedOverIsExplained) {
  const json& passed = summary_->studies.at(0).at("passed_over");
  EXPECT_GE(passed.size(), 3u);  // localizer, scanner's ADC, the single DCE phase
  for (const json& series : passed) EXPECT_FALSE(series.at("reason").get<std::string>().empty());
}

TEST_F(SimulatedExam, ASecondRunIsByteIdentical) {
  const support::TempFolder again;
  process(*folder_ / "exam", again.path());
  const auto first = contents_of(*folder_ / "out");
  const auto second = contents_of(again.path());
  ASSERT_EQ(first.size(), second.size());
  for (const auto& [name, bytes] : first) EXPECT_TRUE(second.contains(name) && second.at(name) == bytes) << name;
}

TEST_F(SimulatedExam, WithAProfileIsWhatItsDestinationIsSentInTheOrderOfSending) {
  const config::NamedProfile& ohif = config::kProfiles.at(1);
  ASSERT_EQ(ohif.name, "ohif");
  const fs::path out = *folder_ / "ohif";
  const auto summary = server::process_folder(
      settings(), {.input = *folder_ / "exam", .output = out, .profile = ohif.profile}, [](const std::string&) {});
  std::map<std::string, std::string> kind_by_turn;  // "0017" -> "mr_map"
  for (const auto& [path, bytes] : contents_of(out)) {
    const std::string name = fs::path(path).stem().string();
    const auto end = name.find_last_not_of("0123456789_");
    EXPECT_TRUE(kind_by_turn.emplace(name.substr(0, 4), name.substr(5, end - 4)).second) << path;
  }
  EXPECT_EQ(kind_by_turn.size(), summary.written);
  EXPECT_EQ(kind_by_turn.begin()->first, "0001");
  EXPECT_EQ(kind_by_turn.rbegin()->first, fmt::format("{:04}", summary.written));
  std::vector<std::string> kinds;  // each once, as they come
  for (const auto& [turn, kind] : kind_by_turn)
    if (kinds.empty() || kinds.back() != kind) kinds.push_back(kind);
  EXPECT_THAT(kinds, testing::ElementsAre("mr_map", "pm_normalised", "seg", "sr_measurements", "sr_nomogram",
                                          "pdf_results", "pdf_nomogram"));
}

// OHIF 3.13.2 draws the second frame of such a segmentation beside its place.
TEST(Process, SendsOhifNoSegmentationWhoseFramesBeginWithinBytes) {
  const support::TempFolder folder;
  ASSERT_TRUE(server::simulate({.matrix = 45, .slices = 16, .columns = 51}, folder / "exam"));
  const auto made = [&](const std::string& name, const config::Profile& profile) {
    server::process_folder(settings(), {.input = folder / "exam", .output = folder / name, .profile = profile},
                           [](const std::string&) {});
    std::string all;
    for (const auto& [path, bytes] : contents_of(folder / name)) all += path + "\n";
    return all;
  };
  EXPECT_THAT(made("full", {}), HasSubstr("_seg_unaligned.dcm"));
  const std::string sent = made("ohif", config::kProfiles.at(1).profile);
  EXPECT_THAT(sent, HasSubstr("_sr_measurements.dcm"));
  EXPECT_THAT(sent, testing::Not(HasSubstr("_seg")));
}

TEST_F(SimulatedExam, NothingIsLeftBesideTheResults) {
  for (const auto& entry : fs::directory_iterator(*folder_ / "out")) EXPECT_EQ(entry.path().filename(), "study-1");
}

TEST_F(SimulatedExam, OwnResultsAreNotReadAgain) {
  const support::TempFolder out;
  const auto summary = process(*folder_ / "out", out.path());
  EXPECT_EQ(summary.read, 0u);
  EXPECT_GT(summary.ignored, 0u);
}

TEST_F(SimulatedExam, AMissingSliceIsExplainedNeverGuessed) {
  const support::TempFolder copy;
  fs::copy(*folder_ / "exam", copy / "exam", fs::copy_options::recursive);
  // Take one image of the T2 series out of the middle.
  std::vector<fs::path> t2;
  for (const auto& entry : fs::recursive_directory_iterator(copy / "exam")) {
    auto instance = dicom::read_instance(entry.path());
    if (instance && instance->spin_echo && !instance->echo_planar && instance->echo_train_length.value_or(1) > 1)
      t2.push_back(entry.path());
  }
  std::sort(t2.begin(), t2.end());
  ASSERT_GT(t2.size(), 10u);
  fs::remove(t2[t2.size() / 2]);
  const auto summary = process(copy / "exam", copy / "out");
  EXPECT_FALSE(fs::exists(copy / "out/study-1/t2"));
  EXPECT_TRUE(fs::exists(copy / "out/study-1/t2star"));
  bool explained = false;
  for (const json& line : summary.studies.at(0).at("acquisitions")) {
    if (line.at("kind") == "t2_me") explained = !line.at("refused").get<std::string>().empty();
  }
  EXPECT_TRUE(explained);
}

// The exam with its outline changed by `change` on the way.
server::ProcessSummary process_with_outline(const fs::path& exam, const fs::path& work,
                                            const std::function<void(DcmDataset&)>& change) {
  fs::copy(exam, work / "exam", fs::copy_options::recursive);
  const fs::path outline = fs::directory_iterator(work / "exam/outline")->path();
  DcmFileFormat file;
  EXPECT_TRUE(file.loadFile(outline.c_str()).good());
  EXPECT_TRUE(file.loadAllDataIntoMemory().good());  // it is written over itself
  change(*file.getDataset());
  EXPECT_TRUE(file.saveFile(outline.c_str(), EXS_LittleEndianExplicit).good());
  return process(work / "exam", work / "out");
}

std::string reason_of_measure_job(const server::ProcessSummary& summary) {
  for (const json& job : summary.studies.at(0).at("jobs")) {
    if (job.at("kind") == "measure") return job.value("reason", "");
  }
  return "there is no measure job";
}

// The text of a report, as dsrdump would print it: every text value of the tree.
std::string texts_of(const fs::path& report) {
  DcmFileFormat file;
  EXPECT_TRUE(file.loadFile(report.c_str()).good());
  std::ostringstream text;
  file.getDataset()->print(text);
  return text.str();
}

TEST_F(SimulatedExam, AnAlgorithmsProposalThatNobodyReviewedIsNotMeasured) {
  const support::TempFolder work;
  const auto summary = process_with_outline(*folder_ / "exam", work.path(), [](DcmDataset& outline) {
    DcmItem* segment = nullptr;
    ASSERT_TRUE(outline.findAndGetSequenceItem(DCM_SegmentSequence, segment, 0).good());
    segment->putAndInsertString(DCM_SegmentAlgorithmType, "AUTOMATIC");
    segment->putAndInsertString(DCM_SegmentAlgorithmName, "somebody's network");
  });
  EXPECT_THAT(reason_of_measure_job(summary), HasSubstr("nobody has reviewed"));
  EXPECT_THAT(texts_of(work / "out/study-1/measurements/sr_measurements.dcm"), HasSubstr("nobody has reviewed"));
  EXPECT_FALSE(fs::exists(work / "out/study-1/measurements/seg.dcm"));
  EXPECT_FALSE(fs::exists(work / "out/study-1/nomogram"));
  EXPECT_TRUE(fs::exists(work / "out/study-1/t2/pm_real.dcm"));
}

TEST_F(SimulatedExam, AnOutlineOfAnotherFrameOfReferenceIsRefusedWithoutQuotingIt) {
  const support::TempFolder work;
  const auto summary = process_with_outline(*folder_ / "exam", work.path(), [](DcmDataset& outline) {
    outline.putAndInsertString(DCM_FrameOfReferenceUID, "1.2.3.4");
    DcmItem* segment = nullptr;
    ASSERT_TRUE(outline.findAndGetSequenceItem(DCM_SegmentSequence, segment, 0).good());
    segment->putAndInsertString(DCM_TrackingID, "Invented^Name");
  });
  EXPECT_THAT(reason_of_measure_job(summary), HasSubstr("it was outlined in another frame of reference"));
  EXPECT_EQ(summary.studies.at(0).dump().find("Invented^Name"), std::string::npos);
  EXPECT_THAT(texts_of(work / "out/study-1/measurements/sr_measurements.dcm"),
              HasSubstr("it was outlined in another frame of reference"));
  EXPECT_FALSE(fs::exists(work / "out/study-1/measurements/seg.dcm"));
}

TEST_F(SimulatedExam, AnOutlineThatIsNotCalledALesionIsTakenForOneAndMeasured) {
  const support::TempFolder work;
  process_with_outline(*folder_ / "exam", work.path(), [](DcmDataset& outline) {
    for (const auto& tag : {DCM_SegmentedPropertyCategoryCodeSequence, DCM_SegmentedPropertyTypeCodeSequence}) {
      DcmItem *segment = nullptr, *code = nullptr;
      ASSERT_TRUE(outline.findAndGetSequenceItem(DCM_SegmentSequence, segment, 0).good());
      ASSERT_TRUE(segment->findAndGetSequenceItem(tag, code, 0).good());
      code->putAndInsertString(DCM_CodeValue, "85756007");
      code->putAndInsertString(DCM_CodeMeaning, "Tissue");
    }
  });
  EXPECT_TRUE(fs::exists(work / "out/study-1/nomogram/sr_nomogram.dcm"));
}

TEST_F(SimulatedExam, ItsNomogramCarriesNoDoubtAboutFieldStrengthAndDelay) {
  const std::string text = texts_of(*folder_ / "out/study-1/nomogram/sr_nomogram.dcm");
  EXPECT_THAT(text, HasSubstr("P(HER2-positive)"));
  EXPECT_THAT(text, testing::Not(HasSubstr("field strength of this exam is not known")));
  EXPECT_THAT(text, testing::Not(HasSubstr("time from the injection to the measurement after contrast is not known")));
  EXPECT_THAT(text, testing::Not(HasSubstr("after the injection, in the paper")));
}

TEST_F(SimulatedExam, OnAnotherFieldStrengthHasNoProbability) {
  const support::TempFolder work;
  fs::copy(*folder_ / "exam", work / "exam", fs::copy_options::recursive);
  for (const auto& entry : fs::recursive_directory_iterator(work / "exam/exam")) {
    DcmFileFormat file;
    if (!entry.is_regular_file() || file.loadFile(entry.path().c_str()).bad()) continue;
    ASSERT_TRUE(file.loadAllDataIntoMemory().good());  // it is written over itself
    file.getDataset()->putAndInsertString(DCM_MagneticFieldStrength, "1.5");
    ASSERT_TRUE(file.saveFile(entry.path().c_str(), EXS_LittleEndianExplicit).good());
  }
  process(work / "exam", work / "out");
  const std::string text = texts_of(work / "out/study-1/nomogram/sr_nomogram.dcm");
  EXPECT_THAT(text, testing::Not(HasSubstr("P(HER2-positive)")));
  EXPECT_THAT(text, HasSubstr("1.5 T"));
}

}  // namespace
