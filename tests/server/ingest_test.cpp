#include "server/ingest.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "server/context.h"
#include "server/log.h"
#include "server/simulate.h"
#include "tests/support/temp_folder.h"

namespace {

namespace fs = std::filesystem;
using dicom::StoreStatus;

class Receiving : public testing::Test {
 protected:
  void SetUp() override {
    config::Logging quiet;
    quiet.file = folder_ / "log";
    server::log::open(quiet);
    open_store(0);
    server::SimulateOptions options;
    options.matrix = 32;
    options.slices = 8;
    const auto files = server::simulate(options, folder_ / "exam");
    ASSERT_TRUE(files) << files.error();
    files_ = *files;
  }
  void TearDown() override { server::log::open({}); }

  void open_store(std::uint64_t floor_bytes) {
    auto store = storage::ObjectStore::open({folder_ / "store", floor_bytes});
    ASSERT_TRUE(store) << store.error().what;
    store_ = std::make_unique<storage::ObjectStore>(std::move(*store));
    ingest_ = std::make_unique<server::Ingest>(*store_, folder_ / "store/herald.db");
  }
  StoreStatus receive(const fs::path& file, const std::string& sop_class, const std::string& sop_instance) {
    const auto incoming = ingest_->new_file(1);
    if (!incoming) return StoreStatus::OutOfResources;
    fs::copy_file(file, *incoming);
    return ingest_->store({*incoming, sop_class, sop_instance, "1.2.840.10008.1.2.1", "SCANNER", 1});
  }
  StoreStatus receive(const server::SimulatedFile& file) {
    return receive(file.path, file.sop_class_uid, file.sop_instance_uid);
  }
  std::uint64_t indexed() const {
    EXPECT_TRUE(ingest_->flush());
    auto database = storage::Database::open(folder_ / "store/herald.db");
    return storage::Index(*database).count().value();
  }
  std::vector<storage::Index::Incident> incidents(const std::string& study) const {
    auto database = storage::Database::open(folder_ / "store/herald.db");
    return storage::Index(*database).incidents_of(study).value();
  }
  std::size_t files_in(const std::string& name) const {
    std::size_t n = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / "store" / name))
      n += entry.is_regular_file() ? 1 : 0;
    return n;
  }

  support::TempFolder folder_;
  std::unique_ptr<storage::ObjectStore> store_;
  std::unique_ptr<server::Ingest> ingest_;
  std::vector<server::SimulatedFile> files_;
};

TEST_F(Receiving, KeepsTheBytesAndIndexesThem) {
  EXPECT_EQ(receive(files_[0]), StoreStatus::Success);
  EXPECT_EQ(indexed(), 1u);
  EXPECT_EQ(files_in("objects"), 1u);
  EXPECT_EQ(files_in("incoming"), 0u);
}

TEST_F(Receiving, TheSameImageAgainIsASuccessAndNoWork) {
  receive(files_[0]);
  EXPECT_EQ(receive(files_[0]), StoreStatus::Success);
  EXPECT_EQ(indexed(), 1u);
  EXPECT_EQ(files_in("objects"), 1u);
  EXPECT_EQ(files_in("aside"), 0u);
}

TEST_F(Receiving, TheSameUidWithOtherBytesIsKeptAsideAndSaid) {
  receive(files_[0]);
  const fs::path altered = folder_ / "altered.dcm";
  fs::copy_file(files_[0].path, altered);
  {
    std::fstream bytes(altered, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(-2, std::ios::end);
    bytes.put('\x7f');
  }
  EXPECT_EQ(receive(altered, files_[0].sop_class_uid, files_[0].sop_instance_uid), StoreStatus::Success);
  EXPECT_EQ(indexed(), 1u);
  EXPECT_EQ(files_in("aside"), 1u);
  const auto identity = dicom::read_identity(files_[0].path);
  ASSERT_EQ(incidents(identity->study_uid).size(), 1u);
  EXPECT_EQ(incidents(identity->study_uid)[0].kind, "aside");
}

TEST_F(Receiving, AnUnreadableFileIsQuarantinedWithItsReason) {
  const fs::path garbage = folder_ / "garbage.dcm";
  std::ofstream(garbage, std::ios::binary) << std::string(128, '\0') << "DICM"
                                           << "this is not a data set";
  EXPECT_EQ(receive(garbage, files_[0].sop_class_uid, files_[0].sop_instance_uid), StoreStatus::CannotUnderstand);
  EXPECT_EQ(indexed(), 0u);
  EXPECT_GE(files_in("quarantine"), 1u);
  ASSERT_EQ(incidents("").size(), 1u);
  EXPECT_FALSE(incidents("")[0].reason.empty());
}

TEST_F(Receiving, ADataSetThatContradictsItsCommandIsNotTaken) {
  EXPECT_EQ(receive(files_[0].path, files_[0].sop_class_uid, "1.2.3.4"), StoreStatus::DataSetMismatch);
  EXPECT_EQ(indexed(), 0u);
}

TEST_F(Receiving, AFullDiskAnswersOutOfResourcesAndLeavesNothing) {
  open_store(std::uint64_t{1} << 60);
  EXPECT_EQ(receive(files_[0]), StoreStatus::OutOfResources);
  EXPECT_EQ(files_in("incoming"), 0u);
  EXPECT_EQ(files_in("objects"), 0u);
}

TEST_F(Receiving, AFileWithoutItsRowIsIndexedWhenItComesAgain) {
  receive(files_[0]);
  ingest_.reset();
  for (const char* name : {"herald.db", "herald.db-wal", "herald.db-shm"}) fs::remove(folder_ / "store" / name);
  open_store(0);
  EXPECT_EQ(receive(files_[0]), StoreStatus::Success);
  EXPECT_EQ(indexed(), 1u);
  EXPECT_EQ(files_in("aside"), 0u);
}

// A PACS that writes itself as the maker, or gives new UIDs, still sends back what came from here.
TEST_F(Receiving, AnAlteredResultIsRefusedAndCounted) {
  const auto image = dicom::read_identity(files_[0].path);
  constexpr const char* kMr = "1.2.840.10008.5.1.4.1.1.4";
  {
    auto database = storage::Database::open(folder_ / "store/herald.db");
    storage::JobQueue queue(*database);
    const auto at = server::now();
    const auto id = queue.enqueue("map", "k", image->study_uid, "{}", at, at).value().value();
    ASSERT_TRUE(queue.claim("w", at, std::chrono::seconds(60)).value());
    storage::ResultRow result;
    result.study_uid = image->study_uid;
    result.sop_instance_uid = "2.25.1";
    result.sop_class_uid = kMr;
    result.series_uid = image->series_uid;  // as if the series had been ours
    result.kind = "mr_map";
    result.path = folder_ / "result";
    ASSERT_EQ(true, queue.finish(id, "w", at, {result}, {}));
  }
  const auto of_our_series = std::find_if(files_.begin(), files_.end(), [&](const auto& file) {
    return dicom::read_identity(file.path)->series_uid == image->series_uid;
  });
  EXPECT_EQ(receive(*of_our_series), StoreStatus::Refused);
  const auto of_another = std::find_if(files_.begin(), files_.end(), [&](const auto& file) {
    return dicom::read_identity(file.path)->series_uid != image->series_uid;
  });
  EXPECT_EQ(receive(*of_another), StoreStatus::Success);
  EXPECT_EQ(indexed(), 1u);
  ASSERT_EQ(incidents(image->study_uid).size(), 1u);
  EXPECT_EQ(incidents(image->study_uid)[0].kind, "own-result");

  auto database = storage::Database::open(folder_ / "store/herald.db");
  const storage::Index index(*database);  // of an outline only the instance is looked for
  EXPECT_EQ(true, index.made_here("2.25.1", ""));
  EXPECT_EQ(false, index.made_here("2.25.2", ""));
}

TEST_F(Receiving, AnOpenAssociationCountsAsReceivingItsStudies) {
  const auto identity = dicom::read_identity(files_[0].path);
  ingest_->opened(1, "SCANNER");
  EXPECT_FALSE(ingest_->receiving(identity->study_uid, std::chrono::hours(1)));
  receive(files_[0]);
  EXPECT_TRUE(ingest_->receiving(identity->study_uid, std::chrono::hours(1)));
  ingest_->closed(1, "released");
  EXPECT_FALSE(ingest_->receiving(identity->study_uid, std::chrono::hours(1)));
}

}  // namespace
