// The index is lost, and a file has rotted: the node is made whole by its own command.
#include <gtest/gtest.h>

#include <fstream>

#include "storage/index.h"
#include "tests/acceptance/scene.h"
#include "tests/support/temp_folder.h"

namespace {

using namespace acceptance;

class Repair : public testing::Test {
 protected:
  void SetUp() override {
    node_.start();
    const auto files = small_exam(folder_ / "exam", 31);
    images_ = files.size();
    ASSERT_TRUE(Scanner(files).push(node_.port()));
    ASSERT_EQ(node_.stop(), 0);
  }
  storage::Database database() const { return storage::Database::open(store() / "herald.db").value(); }
  fs::path store() const { return folder_ / "node/store"; }

  support::TempFolder folder_;
  support::Node node_{HERALD_PROGRAM, folder_ / "node", {.settle_s = 3600, .quiet_s = 7200}};
  std::size_t images_ = 0;
};

TEST_F(Repair, MakesTheIndexAgainFromTheFiles) {
  for (const char* name : {"herald.db", "herald.db-wal", "herald.db-shm"}) fs::remove(store() / name);
  std::ofstream(store() / "herald.db") << "this is no database";
  EXPECT_EQ(node_.herald({"reindex"}).code, 1);
  const auto done = node_.herald({"reindex", "--rebuild"});
  EXPECT_EQ(done.code, 0) << done.output;
  auto rebuilt = database();
  EXPECT_EQ(storage::Index(rebuilt).count().value(), images_) << done.output;
}

TEST_F(Repair, TakesOutWhatIsNoLongerAsItCame) {
  fs::path spoiled;
  {
    auto before = database();
    spoiled = storage::Index(before).instances_of("").value().front().path;
  }
  std::fstream(spoiled, std::ios::in | std::ios::out | std::ios::binary).seekp(-2, std::ios::end).put('\x7f');
  EXPECT_EQ(node_.herald({"reindex", "--verify"}).code, 0);
  EXPECT_FALSE(fs::exists(spoiled));
  auto after = database();
  EXPECT_EQ(storage::Index(after).count().value(), images_ - 1);
}

TEST_F(Repair, IsRefusedWhileAServiceRuns) {
  node_.start();
  EXPECT_EQ(node_.herald({"reindex"}).code, 1);
  EXPECT_EQ(node_.stop(), 0);
}

}  // namespace
