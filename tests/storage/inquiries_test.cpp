#include "storage/inquiries.h"

#include <gmock/gmock.h>

#include "tests/storage/scene.h"

namespace {

using scene::at;
using scene::must;
using scene::value_of;
using storage::Fault;
using storage::Inquiry;
using storage::InquiryState;
using storage::PeerSeries;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kStudy = "1.2.3";

class InquiriesTest : public testing::Test {
 protected:
  void SetUp() override { index.add(scene::instance("1.1")).value(); }

  static Inquiry inquiry(InquiryState state, storage::Time not_before = at(0), std::uint64_t instances = 1) {
    return {.study_uid = kStudy, .instances = instances, .state = state, .not_before = not_before, .asked = at(0)};
  }
  static PeerSeries series(const std::string& uid, std::int64_t number, std::uint64_t instances) {
    return {.series_uid = uid, .number = number, .modality = "MR", .instances = instances};
  }
  std::size_t due(double seconds) const { return value_of(inquiries.due(at(seconds))).size(); }

  support::TempFolder folder;
  storage::Database database = scene::open(folder / "index.db");
  storage::Index index{database};
  storage::Inquiries inquiries{database};
};

TEST_F(InquiriesTest, RememberWhatWasLastSaved) {
  EXPECT_FALSE(value_of(inquiries.find(kStudy)));
  must(inquiries.save({.study_uid = kStudy,
                       .instances = 1,
                       .state = InquiryState::Asking,
                       .failures = 2,
                       .not_before = at(60),
                       .problem = "nobody listens",
                       .asked = at(5)}));
  const auto found = value_of(inquiries.find(kStudy));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->state, InquiryState::Asking);
  EXPECT_EQ(found->failures, 2);
  EXPECT_EQ(found->not_before, at(60));
  EXPECT_EQ(found->problem, "nobody listens");
  EXPECT_EQ(found->asked, at(5));
  must(inquiries.save(inquiry(InquiryState::Settled)));
  EXPECT_EQ(value_of(inquiries.find(kStudy))->state, InquiryState::Settled);
}

TEST_F(InquiriesTest, AreDueWhenTheirTimeHasComeAndNothingElseArrived) {
  must(inquiries.save(inquiry(InquiryState::Fetching, at(60))));
  EXPECT_EQ(due(59), 0u);
  EXPECT_EQ(due(60), 1u);
  index.add(scene::instance("1.2")).value();
  EXPECT_EQ(due(60), 0u);
  must(inquiries.save(inquiry(InquiryState::Settled, at(0), 2)));
  EXPECT_EQ(due(60), 0u);
}

TEST_F(InquiriesTest, KeepTheAttemptsWhenTheAnswerChanges) {
  must(inquiries.save_answer(inquiry(InquiryState::Fetching),
                             std::vector{series("1.7", 7, 30), series("1.10", 10, 5), series("1.8", 8, 2)}));
  must(inquiries.begin_fetch(kStudy, "1.7"));
  must(inquiries.end_fetch(kStudy, "1.7", 12, "the connection was lost"));
  must(
      inquiries.save_answer(inquiry(InquiryState::Fetching), std::vector{series("1.7", 7, 31), series("1.10", 10, 5)}));
  const auto all = value_of(inquiries.series_of(kStudy));
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].series_uid, "1.7");
  EXPECT_EQ(all[0].instances, 31u);
  EXPECT_EQ(all[0].fetches, 1);
  EXPECT_EQ(all[0].fetched, 12u);
  EXPECT_EQ(all[0].problem, "the connection was lost");
  EXPECT_EQ(all[1].series_uid, "1.8");
  EXPECT_EQ(all[1].instances, std::nullopt) << "the peer no longer has it";
  EXPECT_EQ(all[2].number, 10);
}

TEST_F(InquiriesTest, CountAnAttemptBeforeItIsMade) {
  must(inquiries.save_answer(inquiry(InquiryState::Fetching), std::vector{series("1.7", 7, 30)}));
  must(inquiries.begin_fetch(kStudy, "1.7"));
  const auto all = value_of(inquiries.series_of(kStudy));
  EXPECT_EQ(all[0].fetches, 1);
  EXPECT_NE(all[0].problem, "");
  const auto unknown = inquiries.begin_fetch(kStudy, "9.9");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().fault, Fault::Missing);
}

TEST_F(InquiriesTest, WakeTheStudyWhenTheyAreSettled) {
  const auto before = value_of(index.pending_studies()).front();
  must(index.set_grouped(kStudy, before.last_arrival, true, "{}", ""));
  must(inquiries.save(inquiry(InquiryState::Fetching)));
  EXPECT_THAT(value_of(index.pending_studies()), IsEmpty());
  must(inquiries.save(inquiry(InquiryState::Settled), true));
  const auto pending = value_of(index.pending_studies());
  ASSERT_EQ(pending.size(), 1u);
  EXPECT_EQ(pending[0].last_arrival, before.last_arrival + std::chrono::milliseconds(1));
}

TEST_F(InquiriesTest, AreOfStudiesThatAreHere) {
  Inquiry stranger = inquiry(InquiryState::Settled);
  stranger.study_uid = "9.9";
  EXPECT_FALSE(inquiries.save(stranger));
  EXPECT_FALSE(inquiries.save_answer(stranger, {}));
}

TEST_F(InquiriesTest, DoNotWaitForAFutureThatAClockInvented) {
  must(inquiries.save(inquiry(InquiryState::Fetching, at(1e6))));
  EXPECT_GT(value_of(index.mend_times(at(0), std::chrono::hours(1))), 0u);
  EXPECT_EQ(due(0), 1u);
}

}  // namespace
