// Faults while a scanner sends: kill -9 at every step of receiving an image, a disk that is full or fails, many
// associations at once, a second Herald on the same store.
#include <gtest/gtest.h>

#include <cerrno>
#include <fstream>
#include <thread>

#include "tests/dicom/network/objects.h"
#include "tests/faults/scene.h"
#include "tests/support/raw_client.h"

namespace {

using namespace faults;
using acceptance::Scanner;

constexpr Calls kService{.process = Process::Service};

Scanner scanner_of(const Exam& exam, std::size_t first, std::size_t count) {
  const auto begin = exam.files.begin() + static_cast<std::ptrdiff_t>(first);
  return Scanner({begin, begin + static_cast<std::ptrdiff_t>(count)});
}

void add(std::set<std::string>& all, const Scanner& scanner) {
  all.insert(scanner.acknowledged().begin(), scanner.acknowledged().end());
}

// The service's calls between the connection and the row in the index, for one image.
std::uint64_t steps_of_one_image(Bench& bench, const Exam& exam) {
  Scanner scanner = scanner_of(exam, 0, 1);
  bench.faults().count(kService);
  EXPECT_TRUE(scanner.push(bench.node().port()));
  EXPECT_TRUE(bench.wait_for_event("association_closed"));
  bench.faults().off();
  return bench.faults().matched();
}

TEST(Kill, AtEveryStepOfReceivingAnImageLosesNothing) {
  const Exam exam = whole_exam();
  Bench bench(patient());
  bench.start();
  const std::uint64_t steps = steps_of_one_image(bench, exam);
  ASSERT_GT(steps, 8u);
  ASSERT_LT(steps, exam.files.size());
  std::set<std::string> acknowledged;
  int kills = 0;
  for (std::uint64_t step = 1; step <= steps; ++step) {
    Scanner scanner = scanner_of(exam, step, 1);
    bench.faults().strike(kService, step, 1, kKill);
    const bool answered = scanner.push(bench.node().port());
    const bool died = bench.dies_before("association_closed");
    bench.faults().off();
    add(acknowledged, scanner);
    kills += died ? 1 : 0;
    if (died) bench.start();
    EXPECT_EQ(bench.files_in("incoming"), 0u);
    const std::size_t lost = bench.lost(acknowledged, exam.digests);
    EXPECT_EQ(lost, 0u) << "killed at step " << step << " of " << steps;
    if (!answered) {
      EXPECT_TRUE(scanner.push(bench.node().port()));
      EXPECT_TRUE(bench.wait_for_event("association_closed"));
    }
    add(acknowledged, scanner);
    if (died)
      note("SIGKILL before " + bench.faults().last_struck() + ", step " + std::to_string(step), acknowledged.size(),
           lost, answered ? "it had been answered" : "it was sent again");
  }
  EXPECT_GT(kills, static_cast<int>(steps) - 4) << "the steps of one image are not those of the next";
  EXPECT_EQ(bench.node().stop(), 0);
  EXPECT_EQ(bench.lost(acknowledged, exam.digests), 0u);
  EXPECT_EQ(bench.half_files(exam.digests), 0u);
}

struct DiskFault {
  Calls calls;
  int error;
};

std::vector<DiskFault> disk_faults() {
  std::vector<DiskFault> all;
  for (const int error : {ENOSPC, EIO}) {
    for (const Calls& calls : std::vector<Calls>{{Operation::Create, Place::Incoming, Process::Service},
                                                 {Operation::Write, Place::Incoming, Process::Service},
                                                 {Operation::Sync, Place::Incoming, Process::Service},
                                                 {Operation::Rename, Place::Objects, Process::Service},
                                                 {Operation::Sync, Place::Objects, Process::Service},
                                                 {Operation::Write, Place::Database, Process::Service}})
      all.push_back({calls, error});
  }
  return all;
}

TEST(Disk, ThatIsFullOrFailsWhileReceivingLosesNothing) {
  const Exam exam = whole_exam();
  Bench bench(patient());
  bench.start();
  std::set<std::string> acknowledged;
  std::size_t next = 0;
  constexpr std::size_t kImages = 8;
  for (const DiskFault& fault : disk_faults()) {
    Scanner scanner = scanner_of(exam, next, kImages);
    next += kImages;
    bench.faults().strike(fault.calls, 2, 3, fault.error);
    const bool at_once = scanner.push(bench.node().port());
    EXPECT_TRUE(push_all(scanner, bench.node()));
    add(acknowledged, scanner);
    // Rows are written late; the next association must find a database that works again.
    EXPECT_TRUE(support::until(bench.node().process(), [&] { return bench.lost(acknowledged, exam.digests) == 0; }));
    const std::uint64_t struck = bench.faults().struck();
    bench.faults().off();
    EXPECT_EQ(struck, 3u) << in_words(fault.calls);
    EXPECT_EQ(bench.files_in("incoming"), 0u);
    note((fault.error == ENOSPC ? "ENOSPC, " : "EIO, ") + in_words(fault.calls) + ", " + std::to_string(struck) +
             " times",
         acknowledged.size(), bench.lost(acknowledged, exam.digests),
         at_once ? "nobody noticed" : "some were refused, and sent again");
  }
  bench.node().kill();
  bench.start();
  EXPECT_EQ(bench.lost(acknowledged, exam.digests), 0u);
  EXPECT_EQ(bench.half_files(exam.digests), 0u);
  EXPECT_EQ(bench.node().stop(), 0);
}

// The rows of images that were acknowledged are still in memory when the service dies.
TEST(Disk, ThatTakesNoRowsAndThenAKillLosesNothing) {
  const Exam exam = diffusion_exam();
  Bench bench(patient());
  bench.start();
  Scanner scanner(exam.files);
  bench.faults().strike({.operation = Operation::Write, .place = Place::Database}, 1, UINT64_MAX - 1, ENOSPC);
  EXPECT_TRUE(scanner.push(bench.node().port()));
  EXPECT_GT(bench.lost(scanner.acknowledged(), exam.digests), 0u) << "the rows were written all the same";
  bench.node().kill();
  bench.faults().off();
  bench.start();
  const std::size_t lost = bench.lost(scanner.acknowledged(), exam.digests);
  EXPECT_EQ(lost, 0u);
  note("ENOSPC for every row, then SIGKILL", scanner.acknowledged().size(), lost);
  EXPECT_EQ(bench.node().stop(), 0);
}

TEST(Associations, EightAtOnceOfOneNewStudyMakeOneSetOfResults) {
  const Exam exam = two_map_exam();
  support::ScriptedPeer pacs(willing());
  support::NodeOptions options = patient();
  options.destination = destination(pacs);
  Bench bench(options);
  bench.start();
  constexpr std::size_t kAtOnce = 8;
  std::vector<Scanner> scanners;
  for (std::size_t i = 0; i < kAtOnce; ++i) {
    std::vector<server::SimulatedFile> share;
    for (std::size_t k = i; k < exam.files.size(); k += kAtOnce) share.push_back(exam.files[k]);
    share.push_back(exam.files[(i + 1) % kAtOnce]);  // and one that another brings as well
    scanners.emplace_back(share);
  }
  {
    std::vector<std::jthread> threads;
    for (Scanner& scanner : scanners) threads.emplace_back([&] { EXPECT_TRUE(scanner.push(bench.node().port())); });
  }
  std::set<std::string> acknowledged;
  for (const Scanner& scanner : scanners) add(acknowledged, scanner);
  EXPECT_EQ(acknowledged.size(), exam.files.size());
  bench.let_the_quiet_pass();
  EXPECT_TRUE(support::until(bench.node().process(), [&] {
    return has_all(pacs, exam.results) && bench.unfinished().empty();
  })) << bench.unfinished();
  EXPECT_EQ(bench.node().stop(), 0);
  const std::size_t lost = bench.lost(acknowledged, exam.digests);
  EXPECT_EQ(lost, 0u);
  EXPECT_EQ(repeats(pacs, exam.results), 0);
  note("eight associations of one new study, eight images twice", acknowledged.size(), lost);
}

// The second one comes while the first is in the middle of an image.
TEST(TwoHeralds, OnOneStoreByMistakeTheSecondEndsAndTheFirstIsUnharmed) {
  const support::TempFolder images;
  const auto image = support::make_object(images.path(), 1, {.transfer_syntax = support::kImplicit});
  const std::string bytes = support::data_set_of(image.file);
  Bench bench(patient());
  bench.start();
  support::RawClient client(static_cast<std::uint16_t>(bench.node().port()));
  client.send(support::associate_request("HERALD", "SCANNER", {{1, support::kMrImage, {support::kImplicit}}}));
  client.read_pdu();
  client.send(support::data_pdu(1, 3, support::store_command(1, image.sop_class_uid, image.sop_instance_uid)));
  client.send(support::data_pdu(1, 0, bytes.substr(0, 100)));
  ASSERT_TRUE(support::until(bench.node().process(), [&] { return bench.files_in("incoming") == 1; }));

  support::Child second({HERALD_PROGRAM, "serve", "--config", bench.node().settings_file().string()});
  std::string said;
  while (const auto line = second.line()) said += *line + "\n";
  EXPECT_EQ(second.wait(), 1);
  EXPECT_NE(said.find("another Herald serves from"), std::string::npos) << said;

  EXPECT_EQ(bench.files_in("incoming"), 1u);
  client.send(support::data_pdu(1, 2, bytes.substr(100)));
  EXPECT_EQ(support::status_in(client.read_pdu()), 0);
  client.send(support::release_request());
  ASSERT_TRUE(bench.wait_for_event("association_closed"));
  const Digests digests{{image.sop_instance_uid, dicom::read_identity(image.file).value().payload_digest}};
  const std::size_t lost = bench.lost({image.sop_instance_uid}, digests);
  EXPECT_EQ(lost, 0u);
  note("a second Herald on the store, in the middle of an image", 1, lost, "the second ended with exit code 1");
  EXPECT_EQ(bench.node().stop(), 0);
}

}  // namespace
