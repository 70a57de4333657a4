// Files and index, compared and mended; rows that are written after the answer.
#include "server/reconcile.h"

#include <gtest/gtest.h>

#include <fstream>

#include "dicom/input/identity.h"
#include "server/indexer.h"
#include "server/log.h"
#include "server/simulate.h"
#include "tests/support/temp_folder.h"

namespace {

namespace fs = std::filesystem;
using server::Reading;

class FilesAndIndex : public testing::Test {
 protected:
  void SetUp() override {
    config::Logging quiet;
    quiet.file = folder_ / "log";
    server::log::open(quiet);
    server::SimulateOptions options;
    options.matrix = 32;
    options.slices = 8;
    const auto files = server::simulate(options, folder_ / "exam").value();
    for (std::size_t i = 0; i < kImages; ++i) rows_.push_back(stored(files[i].path));
  }
  void TearDown() override { server::log::open({}); }

  // As a reception leaves it: the file under its final name; its row is the caller's to add.
  storage::InstanceRow stored(const fs::path& file) {
    const auto identity = dicom::read_identity(file).value();
    const auto incoming = store_.new_incoming().value();
    fs::copy_file(file, incoming);
    const auto published =
        store_.publish(incoming, identity.sop_instance_uid, identity.payload_digest, std::nullopt).value();
    return {identity.sop_instance_uid,
            identity.sop_class_uid,
            identity.study_uid,
            identity.series_uid,
            identity.transfer_syntax_uid,
            published.path,
            identity.payload_digest,
            published.bytes,
            "SCANNER",
            server::now()};
  }
  void spoil(const storage::InstanceRow& row) {
    std::fstream bytes(row.path, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(-2, std::ios::end);
    bytes.put('\x7f');
  }
  std::vector<storage::Index::Incident> incidents() { return index_.incidents_of(rows_[0].study_uid).value(); }

  static constexpr std::size_t kImages = 4;
  support::TempFolder folder_;
  storage::ObjectStore store_ = storage::ObjectStore::open({.root = folder_ / "store", .floor_bytes = 0}).value();
  storage::Database database_ = storage::Database::open(folder_ / "store/herald.db").value();
  storage::Index index_{database_};
  std::vector<storage::InstanceRow> rows_;
};

TEST_F(FilesAndIndex, ThatAgreeAreLeftAlone) {
  index_.add_all(rows_).value();
  const auto done = server::reconcile(store_, database_, Reading::Bytes);
  EXPECT_EQ(done.indexed + done.missing + done.corrupt, 0u);
  EXPECT_EQ(index_.count().value(), kImages);
}

TEST_F(FilesAndIndex, AFileWithoutItsRowGetsOne) {
  index_.add_all(std::span(rows_).first(1)).value();
  EXPECT_EQ(server::reconcile(store_, database_, Reading::Names).indexed, kImages - 1);
  for (const auto& row : rows_) {
    const auto found = index_.find(row.sop_instance_uid).value();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->payload_digest, row.payload_digest);
    EXPECT_EQ(found->path, row.path);
  }
}

TEST_F(FilesAndIndex, ARowWithoutItsFileIsTakenOutAndSaid) {
  index_.add_all(rows_).value();
  fs::remove(rows_[1].path);
  EXPECT_EQ(server::reconcile(store_, database_, Reading::Names).missing, 1u);
  EXPECT_FALSE(index_.find(rows_[1].sop_instance_uid).value());
  ASSERT_EQ(incidents().size(), 1u);
  EXPECT_EQ(incidents()[0].kind, "missing");
}

TEST_F(FilesAndIndex, BytesThatChangedOnTheDiskGoToQuarantineWhereTheyAreRead) {
  index_.add_all(rows_).value();
  spoil(rows_[2]);
  EXPECT_EQ(server::reconcile(store_, database_, Reading::Names).corrupt, 0u);
  EXPECT_EQ(server::reconcile(store_, database_, Reading::Bytes).corrupt, 1u);
  EXPECT_FALSE(fs::exists(rows_[2].path));
  EXPECT_FALSE(index_.find(rows_[2].sop_instance_uid).value());
  ASSERT_EQ(incidents().size(), 1u);
  EXPECT_EQ(incidents()[0].kind, "corrupt");
  EXPECT_TRUE(fs::exists(incidents()[0].path));
}

TEST_F(FilesAndIndex, NothingIsMeasuredOnBytesThatChanged) {
  index_.add_all(rows_).value();
  server::verify(store_, database_, rows_, 2);
  spoil(rows_[0]);
  try {
    server::verify(store_, database_, rows_, 2);
    FAIL() << "the change was not seen";
  } catch (const server::Failure& failure) {
    EXPECT_NE(failure.error.what.find(rows_[0].sop_instance_uid), std::string::npos) << failure.error.what;
  }
  EXPECT_EQ(index_.count().value(), kImages - 1);
  EXPECT_FALSE(index_.pending_studies().value().empty());  // to be grouped without it
}

TEST_F(FilesAndIndex, TheComparisonEndsWhenAsked) {
  EXPECT_EQ(server::reconcile(store_, database_, Reading::Names, [] { return true; }).indexed, 0u);
}

TEST_F(FilesAndIndex, RowsAreWrittenTogetherWithTheDigestsOfTheirFiles) {
  {
    server::Indexer indexer(folder_ / "store/herald.db");
    for (storage::InstanceRow row : rows_) {
      row.payload_digest.clear();
      ASSERT_TRUE(indexer.add(row));
    }
    EXPECT_TRUE(indexer.flush());
    EXPECT_FALSE(indexer.is_waiting(rows_[0].sop_instance_uid));
  }
  for (const auto& row : rows_)
    EXPECT_EQ(index_.find(row.sop_instance_uid).value()->payload_digest, row.payload_digest);
}

TEST_F(FilesAndIndex, RowsThatWaitAtTheEndAreWritten) {
  {
    server::Indexer indexer(folder_ / "store/herald.db");
    for (const storage::InstanceRow& row : rows_) ASSERT_TRUE(indexer.add(row));
  }
  EXPECT_EQ(index_.count().value(), kImages);
}

TEST_F(FilesAndIndex, ADatabaseThatTakesNothingIsToldToTheSendersInTime) {
  fs::create_directory(folder_ / "no database");
  server::Indexer indexer(folder_ / "no database");
  std::size_t taken = 0;
  while (taken < 100'000 && indexer.add(rows_[0])) ++taken;
  EXPECT_GT(taken, 1000u);
  EXPECT_LT(taken, 100'000u);
  EXPECT_FALSE(indexer.flush());
  EXPECT_TRUE(indexer.is_waiting(rows_[0].sop_instance_uid));
}

}  // namespace
