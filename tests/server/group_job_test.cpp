// Grouping a study again when more of it has come: what was queued or computed for less gives way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dicom/input/identity.h"
#include "server/job.h"
#include "server/simulate.h"
#include "tests/server/processing.h"

namespace {

using processing::json;
using storage::JobState;

class GroupedTwice : public testing::Test {
 protected:
  void SetUp() override {
    server::SimulateOptions options;
    options.profile = "skyra-dki";
    options.matrix = 32;
    options.slices = 8;
    options.outline = false;
    files_ = server::simulate(options, folder_ / "sim").value();
    config::Settings settings = processing::settings();
    settings.recipe = processing::fs::path(HERALD_SOURCE_DIR) / "config/recipes/skyra-dki.toml";
    settings.store = {folder_ / "store", 0};
    settings.destinations.resize(1);
    settings.destinations.front().name = "pacs";
    dicom::warm_up_writers();
    server::log::open(settings.logging);
    context_.emplace(server::open_context(settings));
  }

  // The last phase of the dynamic series is what comes late.
  static bool is_late(const server::SimulatedFile& file) {
    const auto header = dicom::read_instance(file.path).value();
    return header.series_number == 5 && header.instance_number > 40;
  }

  void index(bool late) {
    storage::Index index(context_->database);
    for (const auto& file : files_) {
      if (is_late(file) != late) continue;
      const auto identity = dicom::read_identity(file.path).value();
      index
          .add({identity.sop_instance_uid, identity.sop_class_uid, identity.study_uid, identity.series_uid,
                identity.transfer_syntax_uid, file.path, identity.payload_digest, 1, "test", server::now()})
          .value();
    }
  }

  void group() {
    const auto pending = storage::Index(context_->database).pending_studies().value();
    ASSERT_EQ(pending.size(), 1u);
    server::queue_grouping(*context_, pending.front(), true);
    study_ = pending.front().study_uid;
    auto job = storage::JobQueue(context_->database).jobs_of(study_).value().back();
    ASSERT_EQ(job.kind, "group");
    server::run_group_job(*context_, job);
    storage::JobQueue(context_->database).cancel(job.id, server::now()).value();  // done by hand
  }

  void work() {
    while (server::run_next_job(*context_, "test")) {
    }
  }

  std::vector<storage::Job> dynamic_jobs() {
    auto jobs = storage::JobQueue(context_->database).jobs_of(study_).value();
    std::erase_if(jobs, [](const storage::Job& job) { return job.kind != "map" || !job.key.starts_with("dce:"); });
    return jobs;
  }

  std::vector<storage::OutboxRow> outbox() { return storage::Outbox(context_->database).rows_of(study_).value(); }
  std::vector<storage::ResultRow> results() { return storage::JobQueue(context_->database).results_of(study_).value(); }

  support::TempFolder folder_;
  std::vector<server::SimulatedFile> files_;
  std::optional<server::Context> context_;
  std::string study_;
};

TEST_F(GroupedTwice, AJobThatNobodyHasBegunIsCancelledWhenItsImagesAreNotAllOfThem) {
  index(false);
  group();
  ASSERT_EQ(dynamic_jobs().size(), 1u);
  EXPECT_EQ(dynamic_jobs()[0].state, JobState::Waiting);
  index(true);
  group();
  const auto jobs = dynamic_jobs();
  ASSERT_EQ(jobs.size(), 2u);
  EXPECT_EQ(jobs[0].state, JobState::Cancelled);
  EXPECT_EQ(jobs[0].reason, "the images of this job are put together otherwise now");
  EXPECT_EQ(jobs[1].state, JobState::Waiting);
  EXPECT_EQ(json::parse(jobs[1].payload).at("revision"), 1);  // nothing was computed before
  work();
  for (const auto& result : results()) EXPECT_NE(result.job_id, jobs[0].id);
}

TEST_F(GroupedTwice, MapsThatHaveNotLeftAreWithdrawnAndNamedByTheRevision) {
  index(false);
  group();
  work();
  const auto first = dynamic_jobs().at(0);
  ASSERT_EQ(first.state, JobState::Done);
  index(true);
  group();
  const auto second = dynamic_jobs().at(1);
  EXPECT_EQ(json::parse(second.payload).at("revision"), 2);
  std::set<std::string> series;
  for (const auto& result : results())
    if (result.job_id == first.id) series.insert(result.series_uid);
  EXPECT_EQ(json::parse(second.payload).at("replaces").get<std::set<std::string>>(), series);
  std::size_t withdrawn = 0;
  for (const auto& row : outbox())
    if (row.state == storage::OutboxState::Cancelled) ++withdrawn;
  EXPECT_GT(withdrawn, 0u);
  work();
  EXPECT_EQ(dynamic_jobs().at(1).state, JobState::Done);
}

TEST_F(GroupedTwice, WithNothingNewQueuesNothingAgain) {
  index(false);
  group();
  work();
  const auto before = dynamic_jobs().size();
  ASSERT_TRUE(storage::Index(context_->database).mark_for_grouping(study_));
  group();
  EXPECT_EQ(dynamic_jobs().size(), before);
  for (const auto& row : outbox()) EXPECT_NE(row.state, storage::OutboxState::Cancelled);
}

}  // namespace
