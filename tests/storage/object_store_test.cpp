#include "storage/object_store.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <set>
#include <thread>

#include "tests/storage/scene.h"

namespace {

namespace fs = std::filesystem;
using storage::Fault;
using storage::ObjectStore;
using Outcome = ObjectStore::Published::Outcome;
using testing::IsEmpty;

constexpr const char* kUid = "1.2.3.4";

class ObjectStoreTest : public testing::Test {
 protected:
  static ObjectStore store_at(const fs::path& where, std::uint64_t floor = 0) {
    return ObjectStore::open({.root = where, .floor_bytes = floor}).value();
  }
  fs::path received(const std::string& content) {
    const fs::path file = store.new_incoming().value();
    scene::write(file, content);
    return file;
  }
  auto publish(const std::string& content, const std::string& payload,
               const std::optional<std::string>& existing = std::nullopt) {
    return store.publish(received(content), kUid, payload, existing).value();
  }
  std::vector<fs::path> files(const char* part) const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator(root / part)) {
      if (entry.is_regular_file()) found.push_back(entry.path());
    }
    return found;
  }

  // One set of folders for all tests, for making 512 of them takes a second on some file systems; each test leaves it
  // empty.
  static fs::path shared_root() {
    static const support::TempFolder folder;
    return folder / "not" / "yet" / "there";
  }
  void TearDown() override {
    for (const char* part : {"incoming", "objects", "aside", "quarantine", "results"}) {
      for (const auto& file : files(part)) fs::remove(file);
    }
  }

  fs::path root = shared_root();
  ObjectStore store = store_at(root);
};

TEST_F(ObjectStoreTest, CreatesItsFoldersAndTheFanOut) {
  for (const char* part : {"incoming", "objects/00", "objects/ff", "aside", "quarantine", "results/7a"}) {
    EXPECT_TRUE(fs::is_directory(root / part)) << part;
  }
  EXPECT_EQ(256, std::distance(fs::directory_iterator(root / "objects"), {}));
}

TEST_F(ObjectStoreTest, OpensWhatIsThereWithoutTouchingIt) {
  publish("bytes", "p");
  const ObjectStore again = store_at(root);
  std::vector<fs::path> seen;
  ASSERT_TRUE(again.for_each_object([&](const fs::path& path) { seen.push_back(path); }));
  EXPECT_EQ(1, seen.size());
}

TEST_F(ObjectStoreTest, RefusesARelativeRoot) {
  EXPECT_FALSE(ObjectStore::open({.root = "here", .floor_bytes = 0}));
  EXPECT_FALSE(fs::exists("here"));
}

TEST_F(ObjectStoreTest, StoresBytesAsReceivedUnderAHashOfTheUid) {
  const auto published = publish("bytes", "p");
  EXPECT_EQ(Outcome::Stored, published.outcome);
  const std::string hash = storage::sha256_hex(kUid);
  EXPECT_EQ(root / "objects" / hash.substr(0, 2) / (hash + ".dcm"), published.path);
  EXPECT_EQ("bytes", scene::read(published.path));
  EXPECT_EQ(5, published.bytes);
  EXPECT_THAT(files("incoming"), IsEmpty());
}

TEST_F(ObjectStoreTest, NeverBuildsANameFromTheUid) {
  const auto published = store.publish(received("bytes"), "../../../evil", "p", std::nullopt).value();
  EXPECT_EQ(root / "objects", published.path.parent_path().parent_path());
  EXPECT_EQ(1, files("objects").size());
}

TEST_F(ObjectStoreTest, TakesTheSamePayloadForTheSameObject) {
  publish("meta A, data", "p");
  const auto again = publish("meta B, data", "p", "p");
  EXPECT_EQ(Outcome::AlreadyThere, again.outcome);
  EXPECT_EQ("meta A, data", scene::read(again.path));
  EXPECT_THAT(files("incoming"), IsEmpty());
  EXPECT_THAT(files("aside"), IsEmpty());
}

TEST_F(ObjectStoreTest, SetsAnotherPayloadOfTheSameUidAside) {
  const auto first = publish("first", "p");
  const auto other = publish("other", "q", "p");
  EXPECT_EQ(Outcome::SetAside, other.outcome);
  EXPECT_EQ(root / "aside" / (storage::sha256_hex(kUid) + "-" + storage::sha256_hex("other") + ".dcm"), other.path);
  EXPECT_EQ("other", scene::read(other.path));
  EXPECT_EQ("first", scene::read(first.path));
  EXPECT_THAT(files("incoming"), IsEmpty());
}

TEST_F(ObjectStoreTest, KeepsOneCopyOfWhatIsSetAsideTwice) {
  publish("first", "p");
  EXPECT_EQ(publish("other", "q", "p").path, publish("other", "q", "p").path);
  EXPECT_EQ(1, files("aside").size());
  EXPECT_THAT(files("incoming"), IsEmpty());
}

TEST_F(ObjectStoreTest, ComparesBytesWhereTheRowWasLost) {
  publish("bytes", "p");
  EXPECT_EQ(Outcome::AlreadyThere, publish("bytes", "p").outcome);
  EXPECT_EQ(Outcome::SetAside, publish("other", "q").outcome);
  EXPECT_EQ(1, files("objects").size());
  EXPECT_EQ(1, files("aside").size());
}

TEST_F(ObjectStoreTest, StoresAgainWhereTheFileWasLost) {
  fs::remove(publish("bytes", "p").path);
  EXPECT_EQ(Outcome::Stored, publish("bytes", "p", "p").outcome);
  EXPECT_EQ(1, files("objects").size());
}

TEST_F(ObjectStoreTest, LetsOneOfManySendersOfTheSameObjectStoreIt) {
  std::atomic<int> stored = 0, there = 0;
  std::vector<std::thread> senders;
  for (int i = 0; i < 8; ++i) {
    senders.emplace_back([&] {
      const auto outcome = publish("same", "p").outcome;
      stored += outcome == Outcome::Stored;
      there += outcome == Outcome::AlreadyThere;
    });
  }
  for (auto& sender : senders) sender.join();
  EXPECT_EQ(1, stored);
  EXPECT_EQ(7, there);
  EXPECT_THAT(files("incoming"), IsEmpty());
}

TEST_F(ObjectStoreTest, LosesNothingWhenManySendOtherBytesAtOnce) {
  std::vector<std::thread> senders;
  for (int i = 0; i < 8; ++i) {
    senders.emplace_back([&, i] { publish(scene::numbered("bytes ", i), scene::numbered("p", i)); });
  }
  for (auto& sender : senders) sender.join();
  std::set<std::string> contents;
  for (const char* part : {"objects", "aside"}) {
    for (const auto& file : files(part)) contents.insert(scene::read(file));
  }
  EXPECT_EQ(1, files("objects").size());
  EXPECT_EQ(8, contents.size());
}

TEST_F(ObjectStoreTest, SaysSoWhenTheIncomingFileIsGone) {
  const auto published = store.publish(root / "incoming" / "gone", kUid, "p", std::nullopt);
  ASSERT_FALSE(published);
  EXPECT_EQ(Fault::Missing, published.error().fault);
  EXPECT_THAT(files("objects"), IsEmpty());
}

TEST_F(ObjectStoreTest, RemovesTheIncomingFileWhenPublishingFails) {
  const std::string hash = storage::sha256_hex(kUid);
  fs::remove(root / "objects" / hash.substr(0, 2));
  EXPECT_FALSE(store.publish(received("bytes"), kUid, "p", std::nullopt));
  EXPECT_THAT(files("incoming"), IsEmpty());
}

TEST_F(ObjectStoreTest, QuarantinesWithTheReasonBesideIt) {
  const fs::path kept = store.quarantine(received("not DICOM"), "no preamble").value();
  EXPECT_EQ(root / "quarantine" / (storage::sha256_hex("not DICOM") + ".dcm"), kept);
  EXPECT_EQ("not DICOM", scene::read(kept));
  EXPECT_EQ("no preamble", scene::read(fs::path(kept).replace_extension(".reason")));
  EXPECT_THAT(files("incoming"), IsEmpty());
}

TEST_F(ObjectStoreTest, QuarantinesTheSameBytesOnceWithTheNewerReason) {
  const fs::path first = store.quarantine(received("junk"), "first").value();
  EXPECT_EQ(first, store.quarantine(received("junk"), "second").value());
  EXPECT_EQ(2, files("quarantine").size());
  EXPECT_EQ("second", scene::read(root / "quarantine" / (storage::sha256_hex("junk") + ".reason")));
}

TEST_F(ObjectStoreTest, PublishesTheSameResultTwiceWithoutHarm) {
  const auto first = store.publish_result(received("map"), "2.25.1").value();
  EXPECT_EQ(Outcome::Stored, first.outcome);
  const auto second = store.publish_result(received("map"), "2.25.1").value();
  EXPECT_EQ(Outcome::AlreadyThere, second.outcome);
  EXPECT_EQ(first.path, second.path);
  EXPECT_EQ("results", first.path.parent_path().parent_path().filename());
}

TEST_F(ObjectStoreTest, RefusesOtherBytesUnderTheUidOfAResult) {
  const auto first = store.publish_result(received("map"), "2.25.1").value();
  const auto other = store.publish_result(received("another map"), "2.25.1");
  ASSERT_FALSE(other);
  EXPECT_EQ(Fault::Corrupt, other.error().fault);
  EXPECT_EQ("map", scene::read(first.path));
  EXPECT_THAT(files("incoming"), IsEmpty());
}

TEST_F(ObjectStoreTest, SweepsWhatACrashLeftInIncoming) {
  received("half a file");
  received("another half");
  publish("whole", "p");
  EXPECT_EQ(2, store.sweep_incoming().value());
  EXPECT_THAT(files("incoming"), IsEmpty());
  EXPECT_EQ(1, files("objects").size());
}

TEST_F(ObjectStoreTest, GivesEveryReceiverAnotherPath) {
  std::set<fs::path> paths;
  for (int i = 0; i < 100; ++i) paths.insert(store.new_incoming().value());
  EXPECT_EQ(100, paths.size());
}

TEST_F(ObjectStoreTest, TakesNothingNewBelowTheFloor) {
  ObjectStore full = store_at(root, std::uint64_t{1} << 62);
  const auto path = full.new_incoming();
  ASSERT_FALSE(path);
  EXPECT_EQ(Fault::Full, path.error().fault);
  EXPECT_GT(full.free_bytes(), 0);
}

TEST_F(ObjectStoreTest, LeavesNothingHalfWhenTheDiskFillsUp) {
  const fs::path file = received("junk");
  // The size limit of a process stands in for a full disk; a child, because it cannot be lifted again under SIGXFSZ.
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit none{0, 0};
    setrlimit(RLIMIT_FSIZE, &none);
    const auto kept = store.quarantine(file, "reason");
    _exit(!kept && kept.error().fault == Fault::Full ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(0, status);
  EXPECT_THAT(files("quarantine"), IsEmpty());
  EXPECT_THAT(files("incoming"), IsEmpty());
}

TEST_F(ObjectStoreTest, KeepsTheSameFilesWhenItDoesNotWaitForTheDisk) {
  ObjectStore relaxed =
      ObjectStore::open({.root = root, .floor_bytes = 0, .durability = storage::Durability::Relaxed}).value();
  const auto stored = relaxed.publish(received("bytes"), kUid, "p", std::nullopt).value();
  EXPECT_EQ(Outcome::Stored, stored.outcome);
  EXPECT_EQ("bytes", scene::read(stored.path));
  EXPECT_EQ(Outcome::AlreadyThere, relaxed.publish(received("bytes"), kUid, "p", "p").value().outcome);
  EXPECT_EQ(Outcome::SetAside, relaxed.publish(received("other"), kUid, "q", "p").value().outcome);
  EXPECT_THAT(files("incoming"), IsEmpty());
}

TEST_F(ObjectStoreTest, ReportsAFolderItCannotList) {
  fs::rename(root / "objects", root / "elsewhere");
  int visits = 0;
  EXPECT_FALSE(store.for_each_object([&](const fs::path&) { ++visits; }));
  EXPECT_EQ(0, visits);
  fs::rename(root / "elsewhere", root / "objects");
}

TEST(Sha256, AgreesWithTheStandard) {  // FIPS 180-4, examples of NIST
  EXPECT_EQ("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", storage::sha256_hex(""));
  EXPECT_EQ("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", storage::sha256_hex("abc"));
}

TEST(Sha256, OfAFileIsThatOfItsContent) {
  support::TempFolder folder;
  const std::string content(1'000'003, 'a');  // several buffers and a rest
  scene::write(folder / "file", content);
  EXPECT_EQ(storage::sha256_hex(content), storage::sha256_file(folder / "file").value());
  EXPECT_EQ(Fault::Missing, storage::sha256_file(folder / "none").error().fault);
}

}  // namespace
