// What is measured again when outlines and facts come one after the other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dicom/input/identity.h"
#include "server/clinical.h"
#include "server/job.h"
#include "server/simulate.h"
#include "tests/server/processing.h"

namespace {

using processing::json;
using storage::JobState;
using storage::OutboxState;

class MeasuredTwice : public testing::Test {
 protected:
  void SetUp() override {
    server::SimulateOptions options;
    options.matrix = 48;
    options.slices = 24;
    options.noise = 3;
    options.lesion_diameter_mm = 36;
    options.readers = 2;
    const auto files = server::simulate(options, folder_ / "sim").value();
    config::Settings settings = processing::settings();
    settings.store = {folder_ / "store", 0};
    settings.destinations.resize(1);
    settings.destinations.front().name = "pacs";
    dicom::warm_up_writers();
    server::log::open(settings.logging);
    context_.emplace(server::open_context(settings));
    for (const auto& file : files) {
      if (file.outline)
        outlines_.push_back(file.path);
      else
        add(file.path);
    }
    ASSERT_EQ(outlines_.size(), 2u);
  }

  void add(const processing::fs::path& file) {
    const auto identity = dicom::read_identity(file).value();
    study_ = identity.study_uid;
    storage::Index(context_->database)
        .add({identity.sop_instance_uid, identity.sop_class_uid, identity.study_uid, identity.series_uid,
              identity.transfer_syntax_uid, file, identity.payload_digest, 1, "test", server::now()})
        .value();
  }

  // Until nothing more is asked for.
  void work() {
    for (auto pending = storage::Index(context_->database).pending_studies().value(); !pending.empty();
         pending = storage::Index(context_->database).pending_studies().value()) {
      server::queue_grouping(*context_, pending.front(), true);
      ASSERT_TRUE(server::run_next_job(*context_, "test"));
      while (server::run_next_job(*context_, "test")) {
      }
    }
  }

  void state(const std::string& name, const std::string& answer) {
    const std::vector<server::Statement> said{{name, answer}};
    server::state_facts(context_->database, study_, said, "N.N.", "test");
  }

  std::vector<storage::Job> jobs(const std::string& kind) {
    auto all = storage::JobQueue(context_->database).jobs_of(study_).value();
    std::erase_if(all, [&](const storage::Job& job) { return job.kind != kind; });
    return all;
  }
  // SOP Instance UIDs of what a job made, of one kind.
  std::vector<std::string> made_by(const storage::Job& job, const std::string& kind) {
    std::vector<std::string> uids;
    const auto results = storage::JobQueue(context_->database).results_of(study_).value();
    for (const auto& row : results)
      if (row.job_id == job.id && row.kind == kind) uids.push_back(row.sop_instance_uid);
    return uids;
  }
  // What of a kind still waits to be sent.
  std::vector<std::string> waiting(const std::string& kind) {
    std::vector<std::string> uids;
    const auto rows = storage::Outbox(context_->database).rows_of(study_).value();
    for (const auto& row : rows)
      if (row.state == OutboxState::Waiting && row.object.kind == kind) uids.push_back(row.object.sop_instance_uid);
    return uids;
  }

  support::TempFolder folder_;
  std::vector<processing::fs::path> outlines_;
  std::optional<server::Context> context_;
  std::string study_;
};

TEST_F(MeasuredTwice, ASecondReaderMakesARevisionThatNamesAndWithdrawsTheFirst) {
  add(outlines_[0]);
  work();
  ASSERT_EQ(jobs("measure").size(), 1u);
  const auto first = made_by(jobs("measure")[0], "sr_measurements");
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(waiting("sr_measurements"), first);
  add(outlines_[1]);
  work();
  ASSERT_EQ(jobs("measure").size(), 2u);
  const json payload = json::parse(jobs("measure")[1].payload);
  EXPECT_EQ(payload.at("revision"), 2);
  EXPECT_EQ(payload.at("replaces").at("sr_measurements").at(0).at(1), first[0]);
  ASSERT_EQ(jobs("measure")[1].state, JobState::Done) << jobs("measure")[1].reason;
  EXPECT_EQ(waiting("sr_measurements"), made_by(jobs("measure")[1], "sr_measurements"));
  EXPECT_NE(waiting("sr_measurements"), first);
}

TEST_F(MeasuredTwice, AFactMakesTheNomogramAloneAgain) {
  add(outlines_[0]);
  work();
  state("er", "neg");
  work();
  EXPECT_EQ(jobs("measure").size(), 1u);
  ASSERT_EQ(jobs("nomogram").size(), 2u);
  EXPECT_EQ(json::parse(jobs("nomogram")[1].payload).at("revision"), 2);
  EXPECT_EQ(waiting("sr_nomogram"), made_by(jobs("nomogram")[1], "sr_nomogram"));
}

TEST_F(MeasuredTwice, AFactThatIsTakenBackMakesANewNomogramWithoutIt) {
  add(outlines_[0]);
  work();
  const auto before = made_by(jobs("nomogram").at(0), "sr_nomogram");
  state("er", "neg");
  work();
  state("er", "unknown");
  work();
  ASSERT_EQ(jobs("nomogram").size(), 3u);
  const storage::Job last = jobs("nomogram")[2];
  EXPECT_EQ(last.state, JobState::Done) << last.reason;
  const json payload = json::parse(last.payload);
  EXPECT_TRUE(payload.at("facts").empty());
  EXPECT_EQ(payload.at("revision"), 3);
  EXPECT_EQ(waiting("sr_nomogram"), made_by(last, "sr_nomogram"));
  EXPECT_NE(waiting("sr_nomogram"), before);
  ASSERT_TRUE(storage::Index(context_->database).mark_for_grouping(study_));
  work();
  EXPECT_EQ(jobs("nomogram").size(), 3u) << "looking again queues nothing";
  EXPECT_EQ(waiting("sr_nomogram"), made_by(last, "sr_nomogram"));
}

}  // namespace
