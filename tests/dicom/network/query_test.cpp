#include "dicom/network/query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "dicom/network/flat_data_set.h"
#include "tests/dicom/network/objects.h"
#include "tests/dicom/network/scripted_peer.h"

namespace {

using dicom::Fault;
using dicom::find_instances;
using dicom::find_series;
using support::element;
using support::Script;
using support::ScriptedPeer;
using support::Step;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kFind = "1.2.840.10008.5.1.4.1.2.2.1";
constexpr std::uint16_t kPending = 0xFF00;
constexpr std::uint32_t kModality = 0x00080060, kDescription = 0x0008103E, kStudy = 0x0020000D, kSeries = 0x0020000E,
                        kNumber = 0x00200011, kCount = 0x00201209, kInstance = 0x00080018;

Script answering(std::vector<Step> steps) {
  return {.accepts = {{kFind, support::kImplicit}}, .steps = std::move(steps)};
}

Step found(std::string data_set) { return {.status = kPending, .data_set = std::move(data_set)}; }

Step series(const std::string& uid, const std::string& number, const std::string& count) {
  return found(element(kModality, "MR") + element(kDescription, "t2 map") + element(kStudy, "1.2") +
               element(kSeries, uid) + element(kNumber, number) + element(kCount, count));
}

TEST(Query, ListsTheSeriesOfAStudyWithTheirCounts) {
  ScriptedPeer pacs(answering({series("1.2.7", "7", "30"), series("1.2.8", "8 ", "240"), {}}));
  const auto all = find_series(pacs.peer(), "1.2");
  ASSERT_TRUE(all) << all.error().what;
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ(all->at(0).series_uid, "1.2.7");
  EXPECT_EQ(all->at(0).number, 7);
  EXPECT_EQ(all->at(0).modality, "MR");
  EXPECT_EQ(all->at(0).description, "t2 map");
  EXPECT_EQ(all->at(0).instances, 30);
  EXPECT_EQ(all->at(1).number, 8);
  EXPECT_EQ(all->at(1).instances, 240);
  pacs.stop();
  EXPECT_THAT(pacs.asked(), ElementsAre("FIND SERIES 1.2 "));
  EXPECT_THAT(pacs.endings(), ElementsAre("released"));
}

TEST(Query, AStudyThatThePacsDoesNotKnowHasNoSeries) {
  ScriptedPeer pacs(answering({Step{}}));
  const auto all = find_series(pacs.peer(), "1.2");
  ASSERT_TRUE(all);
  EXPECT_TRUE(all->empty());
}

TEST(Query, ListsTheInstancesOfASeriesEachOnce) {
  ScriptedPeer pacs(answering({found(element(kInstance, "1.2.7.1")),
                               found(element(kInstance, "1.2.7.2")),
                               found(element(kInstance, "1.2.7.1")),
                               {}}));
  const auto all = find_instances(pacs.peer(), "1.2", "1.2.7");
  ASSERT_TRUE(all) << all.error().what;
  EXPECT_THAT(*all, ElementsAre("1.2.7.1", "1.2.7.2"));
  pacs.stop();
  EXPECT_THAT(pacs.asked(), ElementsAre("FIND IMAGE 1.2 1.2.7"));
}

TEST(Query, ACountThatIsNoneIsAbsent) {
  for (const char* count : {"", "many", "-1", "99999999999", "3.5", "1\\2"}) {
    ScriptedPeer pacs(answering({series("1.2.7", "seven", count), {}}));
    const auto all = find_series(pacs.peer(), "1.2");
    ASSERT_TRUE(all) << all.error().what;
    ASSERT_EQ(all->size(), 1u);
    EXPECT_EQ(all->at(0).instances, std::nullopt) << count;
    EXPECT_EQ(all->at(0).number, std::nullopt);
  }
}

TEST(Query, PassesOverAnswersThatAreNotOfTheStudyOrNameNoSeries) {
  ScriptedPeer pacs(answering({found(element(kStudy, "1.3") + element(kSeries, "1.3.1")),
                               found(element(kSeries, "../../etc/passwd")),
                               found(element(kModality, "MR")),
                               series("1.2.7", "7", "30"),
                               series("1.2.7", "7", "31"),
                               {}}));
  const auto all = find_series(pacs.peer(), "1.2");
  ASSERT_TRUE(all) << all.error().what;
  ASSERT_EQ(all->size(), 1u);
  EXPECT_EQ(all->at(0).instances, 30);
}

TEST(Query, TakesNothingButPrintableText) {
  ScriptedPeer pacs(
      answering({found(element(kModality, "M\nR") + element(kDescription, "a\x1b[2Jb\xe4" + std::string(200, 'x')) +
                       element(kSeries, "1.2.7")),
                 {}}));
  const auto all = find_series(pacs.peer(), "1.2");
  ASSERT_TRUE(all) << all.error().what;
  EXPECT_EQ(all->at(0).modality, "M?R");
  EXPECT_EQ(all->at(0).description.substr(0, 7), "a?[2Jb?");
  EXPECT_EQ(all->at(0).description.size(), 64u);
}

TEST(Query, StopsAPeerThatGivesTooManyAnswers) {
  ScriptedPeer pacs(answering(
      {series("1.2.7", "7", "1"), series("1.2.8", "8", "1"), series("1.2.9", "9", "1"), {.kind = Step::Kind::Hang}}));
  const auto all = find_series(pacs.peer(), "1.2", {.most_answers = 2});
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().fault, Fault::Malformed);
  EXPECT_EQ(all.error().what, "peer gives more than 2 answers");
  pacs.stop();
  EXPECT_THAT(pacs.asked(), ElementsAre("FIND SERIES 1.2 ", "CANCEL"));
  EXPECT_THAT(pacs.endings(), ElementsAre("aborted"));
}

TEST(Query, StopsAPeerWhoseAnswersAreTooLong) {
  ScriptedPeer pacs(answering({found(element(kDescription, std::string(70000, 'x'))), {.kind = Step::Kind::Hang}}));
  const auto one = find_series(pacs.peer(), "1.2");
  ASSERT_FALSE(one);
  EXPECT_THAT(one.error().what, HasSubstr("longer than 65536 bytes"));
  const auto endless = find_series(pacs.peer(), "1.2", {.most_bytes = 100});
  ASSERT_FALSE(endless);
  EXPECT_THAT(endless.error().what, HasSubstr("longer than 100 bytes"));
}

TEST(Query, GivesUpOnAPeerThatHangs) {
  ScriptedPeer pacs(answering({series("1.2.7", "7", "30"), {.kind = Step::Kind::Hang}}));
  dicom::Peer peer = pacs.peer();
  peer.dimse_timeout = std::chrono::seconds(1);
  const auto all = find_series(peer, "1.2");
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().fault, Fault::Network);
  EXPECT_EQ(all.error().what, "peer was silent for 1 s");
  pacs.stop();
  EXPECT_THAT(pacs.asked(), ElementsAre("FIND SERIES 1.2 ", "CANCEL"));
}

TEST(Query, EndsWhenItsTimeIsOver) {
  ScriptedPeer pacs(answering({Step{.kind = Step::Kind::Hang}}));
  const auto all = find_series(pacs.peer(), "1.2", {.longest = std::chrono::seconds(0)});
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().what, "it took too long");
}

TEST(Query, EndsAtOnceWhenToldToStop) {
  ScriptedPeer pacs(answering({Step{.kind = Step::Kind::Hang}}));
  dicom::StopSignal stop;
  EXPECT_FALSE(stop.requested());
  std::thread other([&] { stop.request(); });
  const auto all = find_series(pacs.peer(), "1.2", {.stop = &stop});
  other.join();
  EXPECT_TRUE(stop.requested());
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().fault, Fault::Network);
}

TEST(Query, SaysWhatThePeerAnswered) {
  const auto refused = [](std::uint16_t status) {
    ScriptedPeer pacs(answering({Step{.status = status}}));
    return find_series(pacs.peer(), "1.2").error();
  };
  EXPECT_EQ(refused(0xA700).fault, Fault::Network);
  EXPECT_EQ(refused(0xC001).fault, Fault::Network);
  EXPECT_EQ(refused(0x0124).fault, Fault::Rejected);
  EXPECT_EQ(refused(0x0122).what, "peer answered status 0x0122: SOP class not supported");
}

TEST(Query, APeerThatAbortsOrAnswersSomethingElseIsAnErrorOfTheNetwork) {
  for (const auto kind : {Step::Kind::Abort, Step::Kind::Other}) {
    ScriptedPeer pacs(answering({series("1.2.7", "7", "30"), {.kind = kind}}));
    const auto all = find_series(pacs.peer(), "1.2");
    ASSERT_FALSE(all);
    EXPECT_EQ(all.error().fault, Fault::Network);
    EXPECT_NE(all.error().what, "");
  }
}

TEST(Query, APeerWithoutTheServiceIsRejected) {
  ScriptedPeer pacs({.accepts = {{support::kMrImage, support::kExplicit}}});
  const auto all = find_series(pacs.peer(), "1.2");
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().fault, Fault::Rejected);
}

TEST(FlatDataSet, StepsOverSequencesOfEveryKind) {
  const std::string inner = element(kSeries, "9.9");
  const std::string undefined(4, '\xff');
  const auto head = [](std::uint32_t tag, const std::string& length) { return element(tag, "").substr(0, 4) + length; };
  const std::string item_of_a_length = element(0xFFFEE000, inner);
  const std::string open_item = head(0xFFFEE000, undefined) + inner + element(0xFFFEE00D, "");
  const std::string bytes = head(0x00081110, undefined) + item_of_a_length + open_item + element(0xFFFEE0DD, "") +
                            element(0x00081115, item_of_a_length) + element(kSeries, "1.2.7");
  EXPECT_EQ(dicom::flat_data_set(bytes).at(kSeries), "1.2.7");
}

TEST(FlatDataSet, SurvivesEveryTruncationAndAnyDepth) {
  const std::string whole = element(kStudy, "1.2") + element(kSeries, "1.2.7") + element(kNumber, "7");
  std::size_t most = 0;
  for (std::size_t size = 0; size <= whole.size(); ++size)
    most = std::max(most, dicom::flat_data_set(whole.substr(0, size)).size());
  EXPECT_EQ(most, 3u);
  std::string deep = element(kStudy, "1.2");
  for (int i = 0; i < 100000; ++i) deep += element(0x00081110, "").substr(0, 4) + std::string(4, '\xff');
  EXPECT_EQ(dicom::flat_data_set(deep).size(), 1u);
}

}  // namespace
