// What a PACS said, as evidence for the grouping and in words.
#include "server/pacs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/pacs_evidence.h"
#include "server/slots.h"
#include "tests/support/temp_folder.h"

namespace {

using namespace std::chrono_literals;
using server::PacsEvidence;
using storage::Inquiry;
using storage::InquiryState;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const storage::Time kNow{9'000'000ms};

storage::StudyState study(std::uint64_t instances) { return {.study_uid = "1.2.3", .instances = instances}; }

TEST(Inquiry, IsAnsweredForTheImagesThatWereHereOnly) {
  const auto answered = [](InquiryState state, std::uint64_t instances) {
    return server::is_answered(Inquiry{.study_uid = "1.2.3", .instances = instances, .state = state}, study(30));
  };
  EXPECT_TRUE(answered(InquiryState::Settled, 30));
  EXPECT_TRUE(answered(InquiryState::Fetching, 30));
  EXPECT_FALSE(answered(InquiryState::Asking, 30));
  EXPECT_FALSE(answered(InquiryState::Settled, 29));
  EXPECT_FALSE(server::is_answered(std::nullopt, study(30)));
}

TEST(Inquiry, GivesUpAfterItsAttemptsAndBeginsAnewWithOtherImages) {
  config::Query query;
  query.wait = 60s;
  query.attempts = 2;
  const auto first = server::unanswered(std::nullopt, study(30), "nobody listens", query, kNow);
  EXPECT_EQ(first.state, InquiryState::Asking);
  EXPECT_EQ(first.not_before, kNow + 60s);
  const auto second = server::unanswered(first, study(30), "nobody listens", query, kNow);
  EXPECT_EQ(second.state, InquiryState::Settled);
  EXPECT_EQ(second.problem, "nobody listens");
  EXPECT_EQ(server::unanswered(first, study(31), "nobody listens", query, kNow).state, InquiryState::Asking);
  EXPECT_EQ(server::unanswered(second, study(30), "nobody listens", query, kNow).failures, 1);
}

// An acquisition of series 7, and a recipe with a slot for it.
struct OneSeries {
  config::Recipe recipe;
  dicom::Grouping grouping;
  std::vector<dicom::Instance> instances{1};

  OneSeries() {
    recipe.slots = {{"t2", {"t2_me"}, "", true, 8, std::nullopt, {}}};
    instances[0].series_uid = "1.7";
    instances[0].series_number = 7;
    dicom::Acquisition acquisition;
    acquisition.kind = dicom::Kind::T2MultiEcho;
    acquisition.volumes.resize(8);
    acquisition.geometry.slice_origins_mm.resize(30);
    acquisition.instances = {0};
    grouping.acquisitions.push_back(acquisition);
  }
  dicom::Acquisition& acquisition() { return grouping.acquisitions.front(); }
  server::Placement placed(const PacsEvidence& pacs) const {
    return server::place(grouping, instances, recipe, true, pacs).front();
  }
};

TEST(PacsEvidence, ClosesAnAcquisitionWhoseCountsAgree) {
  const OneSeries exam;
  EXPECT_EQ(exam.placed({.series = {{"1.7", {240, 240}}}}).closed_by,
            "the PACS has as many images of its series as are here");
  EXPECT_EQ(exam.placed({}).closed_by, "the quiet period of the study is over");
  EXPECT_EQ(exam.placed({.series = {{"1.7", {239, 240}}}}).closed_by, "the quiet period of the study is over");
}

TEST(PacsEvidence, KeepsAnAcquisitionOpenWhileItsImagesAreFetchedAndNoLonger) {
  const OneSeries exam;
  const auto open = exam.placed({.series = {{"1.7", {240, 200}}}, .fetching = true});
  EXPECT_EQ(open.closed_by, "");
  EXPECT_THAT(open.waiting_for, HasSubstr("the PACS has 240 images of series 7, 200 are here"));
  EXPECT_EQ(exam.placed({.series = {{"1.7", {240, 200}}}}).closed_by,
            "the quiet period of the study is over; the PACS has 240 images of series 7, 200 are here");
}

TEST(PacsEvidence, DoesNotHoldUpWhatIsComplete) {
  const OneSeries exam;
  EXPECT_NE(exam.placed({.series = {{"1.7", {240, 240}}}, .fetching = true}).closed_by, "");
}

TEST(PacsEvidence, HoldsUpWhatTheRecipeExpectsMoreOf) {
  OneSeries exam;
  exam.acquisition().volumes.resize(6);
  EXPECT_EQ(exam.placed({.fetching = true}).closed_by, "");
  EXPECT_NE(exam.placed({}).closed_by, "");
}

TEST(PacsEvidence, WhatCannotBeFittedYetIsRefusedWhenNothingMoreComes) {
  OneSeries exam;
  exam.acquisition().problem = "echo 3 has 29 of 30 slices";
  EXPECT_EQ(exam.placed({.fetching = true}).waiting_for, "more images: echo 3 has 29 of 30 slices");
  EXPECT_EQ(exam.placed({}).refused, "echo 3 has 29 of 30 slices");
}

void must(const storage::Result<void>& result) { ASSERT_TRUE(result) << result.error().what; }

class PacsAccount : public testing::Test {
 protected:
  PacsAccount() : database_(storage::Database::open(folder_ / "herald.db").value()) {
    storage::Index index(database_);
    for (const char* uid : {"1.7.1", "1.7.2"}) index.add(instance(uid)).value();
    rows_ = index.instances_of("1.2.3").value();
  }
  static storage::InstanceRow instance(const std::string& uid) {
    return {.sop_instance_uid = uid,
            .sop_class_uid = "1.2.840.10008.5.1.4.1.1.4",
            .study_uid = "1.2.3",
            .series_uid = "1.7",
            .transfer_syntax_uid = "1.2.840.10008.1.2.1",
            .path = "/objects/" + uid,
            .payload_digest = uid,
            .source = "SKYRA",
            .received = kNow};
  }
  void answer(InquiryState state, std::uint64_t images) {
    const storage::PeerSeries series{.series_uid = "1.7", .number = 7, .modality = "MR", .instances = images};
    must(storage::Inquiries(database_).save_answer({.study_uid = "1.2.3", .instances = rows_.size(), .state = state},
                                                   {&series, 1}));
  }
  std::vector<std::string> in_words() { return server::inquiry_in_words(server::describe_inquiry(database_, "1.2.3")); }

  support::TempFolder folder_;
  storage::Database database_;
  std::vector<storage::InstanceRow> rows_;
};

TEST_F(PacsAccount, IsEmptyWhereNobodyWasAsked) {
  EXPECT_THAT(server::pacs_evidence(database_, "1.2.3", rows_).series, IsEmpty());
  EXPECT_THAT(in_words(), IsEmpty());
}

TEST_F(PacsAccount, IsEvidenceForTheImagesThatWereHereOnly) {
  answer(InquiryState::Fetching, 3);
  const auto evidence = server::pacs_evidence(database_, "1.2.3", rows_);
  EXPECT_TRUE(evidence.fetching);
  EXPECT_EQ(evidence.series.at("1.7").there, 3u);
  EXPECT_EQ(evidence.series.at("1.7").here, 2u);
  rows_.push_back(instance("1.7.3"));
  EXPECT_FALSE(server::pacs_evidence(database_, "1.2.3", rows_).fetching);
  EXPECT_THAT(server::pacs_evidence(database_, "1.2.3", rows_).series, IsEmpty());
}

TEST_F(PacsAccount, OfAQuestionWithoutAnAnswerIsNoEvidence) {
  answer(InquiryState::Settled, 2);
  must(storage::Inquiries(database_).save(
      {.study_uid = "1.2.3", .instances = 2, .state = InquiryState::Settled, .failures = 3, .problem = "silent"}));
  EXPECT_THAT(server::pacs_evidence(database_, "1.2.3", rows_).series, IsEmpty());
  EXPECT_THAT(in_words(), ElementsAre("PACS could not be asked: silent"));
}

TEST_F(PacsAccount, SaysWhatWasFetchedAndWhatIsMissing) {
  answer(InquiryState::Settled, 2);
  EXPECT_THAT(in_words(), ElementsAre("asked PACS: it has nothing more that is needed"));
  const storage::PeerSeries other{.series_uid = "1.9", .number = 9, .modality = "MR", .instances = 16};
  must(storage::Inquiries(database_).save_answer({.study_uid = "1.2.3", .instances = 2, .state = InquiryState::Settled},
                                                 {&other, 1}));
  EXPECT_THAT(in_words(),
              ElementsAre("asked PACS: it has nothing more that is needed; further MR series there, not needed: 1"));
  answer(InquiryState::Fetching, 3);
  EXPECT_THAT(in_words(), ElementsAre("asked PACS: series 7 has 3 images there, 2 here; being fetched"));
  storage::Inquiries inquiries(database_);
  must(inquiries.begin_fetch("1.2.3", "1.7"));
  must(inquiries.end_fetch("1.2.3", "1.7", 0, "peer aborted the association"));
  answer(InquiryState::Settled, 3);
  EXPECT_THAT(in_words(),
              ElementsAre("fetching series 7 from PACS brought 0 images, attempt 1: peer aborted the association",
                          "asked PACS: series 7 has 3 images there, 2 here"));
  must(inquiries.begin_fetch("1.2.3", "1.7"));
  must(inquiries.end_fetch("1.2.3", "1.7", 3, ""));
  EXPECT_EQ(in_words().front(), "fetched series 7 (3 images) from PACS");
  storage::Index(database_).add(instance("1.7.3")).value();
  EXPECT_EQ(in_words().back(), "asked PACS; images have come since, it is asked again when they stop coming");
}

}  // namespace
