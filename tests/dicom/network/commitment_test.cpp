#include "dicom/network/commitment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dicom/network/commitment_data_set.h"
#include "dicom/uid.h"
#include "tests/dicom/network/objects.h"
#include "tests/support/raw_client.h"
#include "tests/dicom/network/recording_handler.h"
#include "tests/dicom/network/scripted_peer.h"

namespace {

using dicom::CommitmentReport;
using dicom::CommitmentRequest;
using dicom::read_commitment_report;
using dicom::read_commitment_request;
using support::element;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Outcome = dicom::CommitmentAsked::Outcome;

// --------------------------------------------------------------------------------------------- data sets

constexpr std::uint32_t kTransaction = 0x00081195, kReferenced = 0x00081199, kFailed = 0x00081198;
constexpr std::uint32_t kItem = 0xFFFEE000, kItemEnd = 0xFFFEE00D, kSequenceEnd = 0xFFFEE0DD;

std::string reference(const std::string& instance, const std::string& more = {}) {
  return element(0x00081150, support::kMrImage) + element(0x00081155, instance) + more;
}
std::string item(const std::string& content) { return element(kItem, content); }
// The same value without a length, up to its delimiter.
std::string open_element(std::uint32_t tag, const std::string& content, std::uint32_t end) {
  return element(tag, "").substr(0, 4) + "\xFF\xFF\xFF\xFF" + content + element(end, "");
}

TEST(CommitmentDataSet, IsReadWithAndWithoutLengths) {
  const std::string closed =
      element(kTransaction, "2.25.7") + element(kReferenced, item(reference("1.1")) + item(reference("1.2")));
  const std::string open =
      element(kTransaction, "2.25.7") +
      open_element(kReferenced, open_element(kItem, reference("1.1"), kItemEnd) + item(reference("1.2")), kSequenceEnd);
  for (const std::string& bytes : {closed, open}) {
    const auto request = read_commitment_request(bytes);
    ASSERT_TRUE(request) << request.error().what;
    EXPECT_EQ(request->transaction_uid, "2.25.7");
    EXPECT_THAT(request->instances, ElementsAre(dicom::SopReference{support::kMrImage, "1.1"},
                                                dicom::SopReference{support::kMrImage, "1.2"}));
  }
}

TEST(CommitmentDataSet, TellsWhatIsKeptFromWhatIsNotAndWhy) {
  const auto report =
      read_commitment_report(element(kTransaction, "2.25.7") +
                             element(kFailed, item(reference("1.1", element(0x00081197, std::string("\x12\x01", 2)))) +
                                                  item(reference("1.2"))) +
                             element(kReferenced, item(reference("1.3")) + item(reference("1.1"))));
  ASSERT_TRUE(report) << report.error().what;
  ASSERT_EQ(report->failed.size(), 2u);
  EXPECT_EQ(report->failed[0].reason, 0x0112);
  EXPECT_EQ(report->failed[1].reason, dicom::kProcessingFailure);  // none was given
  EXPECT_THAT(report->committed, ElementsAre(dicom::SopReference{support::kMrImage, "1.3"}));
}

TEST(CommitmentDataSet, StepsOverWhatItDoesNotKnowHoweverDeep) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += element(0x00081115, "").substr(0, 4) + "\xFF\xFF\xFF\xFF";
  for (int i = 0; i < 100'000; ++i) deep += element(kSequenceEnd, "");
  const auto request = read_commitment_request(deep + element(kTransaction, "2.25.7") + element(0x00091010, "private") +
                                               element(kReferenced, item(reference("1.1", deep))));
  ASSERT_TRUE(request) << request.error().what;
  EXPECT_EQ(request->instances.size(), 1u);
}

TEST(CommitmentDataSet, CountsAnInstanceThatIsNamedTwiceOnce) {
  const auto request = read_commitment_request(element(kTransaction, "2.25.7") +
                                               element(kReferenced, item(reference("1.1")) + item(reference("1.1"))));
  EXPECT_EQ(request->instances.size(), 1u);
}

TEST(CommitmentDataSet, IsRefusedInWordsWhereItMakesNoSense) {
  const std::string transaction = element(kTransaction, "2.25.7"), one = element(kReferenced, item(reference("1.1")));
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "there is no Transaction UID"},
      {one, "there is no Transaction UID"},
      {element(kTransaction, "seven") + one, "an identifier is no UID"},
      {transaction, "no instance is named"},
      {transaction + element(kReferenced, ""), "no instance is named"},
      {transaction + one.substr(0, one.size() - 1), "an element is longer than its data set"},
      {transaction + one + "abc", "the data set ends within an element"},
      {transaction + element(kReferenced, reference("1.1")), "a sequence holds something else than items"},
      {transaction + element(kReferenced, item(element(0x00081155, "1.1"))), "a reference lacks SOP class or instance"},
      {transaction + element(kReferenced, item(reference("a"))), "an identifier is no UID"},
      {transaction + open_element(kReferenced, item(reference("1.1")), kSequenceEnd).substr(0, 40),
       "an element is longer than its data set"},
      {transaction + open_element(kReferenced, item(reference("1.1")), kTransaction),
       "the data set ends within an element"},
  };
  for (const auto& [bytes, why] : cases) {
    const auto request = read_commitment_request(bytes);
    ASSERT_FALSE(request) << why;
    EXPECT_EQ(request.error().what, why);
  }
}

TEST(CommitmentDataSet, IsRefusedWithMoreReferencesThanAnybodyHas) {
  std::string items;
  for (std::size_t i = 0; i <= dicom::kMostReferences; ++i) items += item(reference("1." + std::to_string(i)));
  const auto request = read_commitment_request(element(kTransaction, "2.25.7") + element(kReferenced, items));
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().what, "more than 100000 references");
}

TEST(CommitmentTransaction, HasAnotherUidEachTime) {
  std::set<std::string> uids;
  for (int i = 0; i < 1000; ++i) uids.insert(dicom::new_transaction_uid());
  EXPECT_EQ(uids.size(), 1000u);
  for (const std::string& uid : uids) EXPECT_TRUE(dicom::is_uid(uid) && uid.size() <= 44) << uid;
}

// --------------------------------------------------------------------------------------------- conversations

// Answers what the test says and remembers what was said to it.
class Desk final : public dicom::CommitmentHandler {
 public:
  std::uint16_t reported(const std::string& calling, const CommitmentReport& report) override {
    const std::lock_guard lock(mutex);
    reporters.push_back(calling);
    reports.push_back(report);
    return status;
  }
  std::uint16_t asked(const std::string& calling, const CommitmentRequest& request) override {
    const std::lock_guard lock(mutex);
    askers.push_back(calling);
    requests.push_back(request);
    return status;
  }
  std::optional<CommitmentReport> report_now(const std::string&, const std::string& transaction_uid) override {
    if (!at_once) return std::nullopt;
    return CommitmentReport{transaction_uid, {{support::kMrImage, "1.1"}}, {{{support::kMrImage, "1.2"}, 0x0119}}};
  }
  void told(const std::string&, const CommitmentReport&, std::optional<std::uint16_t> answer) override {
    const std::lock_guard lock(mutex);
    answers.push_back(answer ? static_cast<int>(*answer) : -1);
  }
  void malformed(const std::string&, const std::string& why) override {
    const std::lock_guard lock(mutex);
    complaints.push_back(why);
  }

  std::mutex mutex;
  std::uint16_t status = 0;
  bool at_once = true;
  std::vector<std::string> reporters, askers, complaints;
  std::vector<CommitmentReport> reports;
  std::vector<CommitmentRequest> requests;
  std::vector<int> answers;  // -1: the association ended
};

const CommitmentRequest kRequest{"2.25.7", {{support::kMrImage, "1.1"}, {support::kMrImage, "1.2"}}};

support::Script committing(support::CommitmentScript commitment) {
  return {.accepts = {{dicom::kCommitmentClass, support::kImplicit}}, .commitment = std::move(commitment)};
}

TEST(AskingForCommitment, TakesTheReportOnTheSameAssociation) {
  Desk desk;
  support::ScriptedPeer pacs(committing({.reports = 1, .does_not_keep = {"1.2"}}));
  const auto asked = dicom::ask_commitment(pacs.peer(), kRequest, desk, {.wait = std::chrono::seconds(30)});
  EXPECT_EQ(asked.outcome, Outcome::Accepted) << asked.problem;
  ASSERT_EQ(desk.reports.size(), 1u);
  EXPECT_EQ(desk.reports[0].transaction_uid, "2.25.7");
  EXPECT_THAT(desk.reports[0].committed, ElementsAre(dicom::SopReference{support::kMrImage, "1.1"}));
  ASSERT_EQ(desk.reports[0].failed.size(), 1u);
  EXPECT_EQ(desk.reports[0].failed[0].reason, 0x0112);
  pacs.stop();
  EXPECT_THAT(pacs.report_statuses(), ElementsAre(0));
  EXPECT_THAT(pacs.endings(), ElementsAre("released"));
}

TEST(AskingForCommitment, DoesNotHoldTheAssociationForAPeerThatReportsLater) {
  Desk desk;
  support::ScriptedPeer pacs(committing({}));
  const auto asked = dicom::ask_commitment(pacs.peer(), kRequest, desk, {.wait = std::chrono::seconds(0)});
  EXPECT_EQ(asked.outcome, Outcome::Accepted) << asked.problem;
  pacs.stop();
  EXPECT_THAT(desk.reports, IsEmpty());
  EXPECT_THAT(pacs.endings(), ElementsAre("released"));
  EXPECT_THAT(pacs.transactions(), ElementsAre("2.25.7"));
}

TEST(AskingForCommitment, AnswersAReportThatNobodyWantsAllTheSame) {
  Desk desk;
  desk.status = dicom::kProcessingFailure;
  support::ScriptedPeer pacs(committing({.reports = 1, .transaction = "2.25.8"}));
  const auto asked = dicom::ask_commitment(pacs.peer(), kRequest, desk, {.wait = std::chrono::seconds(30)});
  EXPECT_EQ(asked.outcome, Outcome::Accepted);
  pacs.stop();
  EXPECT_THAT(pacs.report_statuses(), ElementsAre(0x0110));
}

TEST(AskingForCommitment, TellsARefusalForGoodFromOneForNow) {
  Desk desk;
  support::ScriptedPeer other(support::Script{.accepts = {{support::kMrImage, support::kImplicit}}});
  const auto refused = dicom::ask_commitment(other.peer(), kRequest, desk);
  EXPECT_EQ(refused.outcome, Outcome::Refused);
  EXPECT_EQ(refused.problem, "peer does not accept storage commitment");

  support::ScriptedPeer unwilling(committing({.status = 0x0122}));
  EXPECT_EQ(dicom::ask_commitment(unwilling.peer(), kRequest, desk).outcome, Outcome::Refused);

  support::ScriptedPeer busy(committing({.status = 0x0213}));
  const auto failed = dicom::ask_commitment(busy.peer(), kRequest, desk);
  EXPECT_EQ(failed.outcome, Outcome::Failed);
  EXPECT_THAT(failed.problem, HasSubstr("0x0213: resource limitation"));

  support::ScriptedPeer gone(committing({}));
  const dicom::Peer nobody = gone.peer();
  gone.stop();
  EXPECT_NE(dicom::ask_commitment(nobody, kRequest, desk).outcome, Outcome::Accepted);
}

class CommittingNode : public testing::Test {
 protected:
  void start(dicom::AcceptorOptions options = support::loopback()) {
    auto started = dicom::Acceptor::start(std::move(options), handler_, &desk_);
    ASSERT_TRUE(started);
    acceptor_ = std::move(*started);
  }
  [[nodiscard]] dicom::Peer peer(const std::string& calling = "SCANNER") const {
    dicom::Peer peer = support::peer_at(*acceptor_);
    peer.calling_ae_title = calling;
    return peer;
  }
  support::RecordingHandler handler_;
  Desk desk_;
  std::unique_ptr<dicom::Acceptor> acceptor_;
};

TEST_F(CommittingNode, ReportsOnTheScannersAssociation) {
  start();
  Desk scanner;
  const auto asked = dicom::ask_commitment(peer(), kRequest, scanner, {.wait = std::chrono::seconds(30)});
  EXPECT_EQ(asked.outcome, Outcome::Accepted) << asked.problem;
  EXPECT_EQ(handler_.wait_for_event("closed"), "closed released");
  acceptor_->stop();
  ASSERT_EQ(scanner.reports.size(), 1u);
  EXPECT_EQ(scanner.reports[0].failed.at(0).reason, 0x0119);
  EXPECT_THAT(desk_.askers, ElementsAre("SCANNER"));
  EXPECT_EQ(desk_.requests.at(0).instances, kRequest.instances);
  EXPECT_THAT(desk_.answers, ElementsAre(0));
}

TEST_F(CommittingNode, KnowsThatTheScannerLeftBeforeTheReport) {
  start();
  Desk scanner;
  ASSERT_EQ(dicom::ask_commitment(peer(), kRequest, scanner, {.wait = std::chrono::seconds(0)}).outcome,
            Outcome::Accepted);
  handler_.wait_for_event("closed");
  acceptor_->stop();
  EXPECT_THAT(desk_.answers, ElementsAre(-1));
}

TEST_F(CommittingNode, SaysNoToARequestThatItCannotKeep) {
  desk_.status = dicom::kProcessingFailure;
  start();
  Desk scanner;
  const auto asked = dicom::ask_commitment(peer(), kRequest, scanner);
  EXPECT_EQ(asked.outcome, Outcome::Failed);
  EXPECT_EQ(asked.status, 0x0110);
  EXPECT_THAT(scanner.reports, IsEmpty());
}

TEST_F(CommittingNode, TakesAReportOnAnAssociationThatThePacsOpens) {
  start();
  const CommitmentReport report{"2.25.7", {{support::kMrImage, "1.1"}}, {{{support::kMrImage, "1.2"}, 0x0112}}};
  for (int twice = 0; twice < 2; ++twice) {
    const auto answered = dicom::report_commitment(peer(), report);
    ASSERT_TRUE(answered) << answered.error().what;
    EXPECT_EQ(*answered, 0);
  }
  EXPECT_THAT(desk_.reporters, ElementsAre("SCANNER", "SCANNER"));
  EXPECT_EQ(desk_.reports.at(1).failed.at(0).reason, 0x0112);
}

TEST_F(CommittingNode, LetsWhoMayOnlyReportReportAndNothingElse) {
  auto options = support::loopback();
  options.reporting_ae_titles = {"PACS"};
  start(options);
  EXPECT_TRUE(dicom::report_commitment(peer("PACS"), {"2.25.7", {{support::kMrImage, "1.1"}}, {}}));
  EXPECT_FALSE(dicom::report_commitment(peer("OTHER"), {"2.25.7", {{support::kMrImage, "1.1"}}, {}}));
  Desk scanner;
  EXPECT_NE(dicom::ask_commitment(peer("PACS"), kRequest, scanner).outcome, Outcome::Accepted);
  const auto object = support::make_object(handler_.folder.path(), 1, {});
  const auto verdicts = dicom::send(peer("PACS"), std::vector{object});
  EXPECT_EQ(verdicts.at(0).kind, dicom::Verdict::Kind::Never);
  EXPECT_TRUE(verdicts.at(0).class_refused);
  EXPECT_THAT(desk_.askers, IsEmpty());
}

// P-DATA of an N-EVENT-REPORT-RQ or N-ACTION-RQ command.
std::string number(int value) { return {static_cast<char>(value), static_cast<char>(value >> 8)}; }
std::string event_command(const std::string& sop_class, int event_type) {
  const std::string body = element(0x00000002, sop_class) + element(0x00000100, number(0x0100)) +
                           element(0x00000110, number(3)) + element(0x00000800, number(1)) +
                           element(0x00001000, "1.2.840.10008.1.20.1.1") + element(0x00001002, number(event_type));
  return element(0x00000000, number(static_cast<int>(body.size())) + std::string(2, '\0')) + body;
}

TEST_F(CommittingNode, AnswersWhatItCannotReadAndGoesOn) {
  start();
  support::RawClient client(acceptor_->port());
  client.send(support::associate_request("HERALD", "SCANNER", {{1, dicom::kCommitmentClass, {support::kImplicit}}}));
  ASSERT_THAT(support::contexts_in(client.read_pdu()), ElementsAre(HasSubstr("1:0:")));
  const auto answer_to = [&](int event_type, const std::string& data_set) {
    client.send(support::data_pdu(1, 3, event_command(dicom::kCommitmentClass, event_type)));
    client.send(support::data_pdu(1, 2, data_set));
    const std::string pdu = client.read_pdu();
    const auto at = pdu.find(element(0x00000900, "  ").substr(0, 8));
    return at == std::string::npos
               ? -1
               : static_cast<unsigned char>(pdu[at + 8]) | static_cast<unsigned char>(pdu[at + 9]) << 8;
  };
  EXPECT_EQ(answer_to(1, "rubbish"), dicom::kInvalidArgument);
  EXPECT_EQ(answer_to(7, element(kTransaction, "2.25.7")), 0x0113);
  EXPECT_EQ(answer_to(1, element(kTransaction, "2.25.7") + element(kReferenced, item(reference("1.1")))), 0);
  EXPECT_THAT(desk_.complaints, ElementsAre("the data set ends within an element"));
  EXPECT_EQ(desk_.reports.size(), 1u);
}

TEST_F(CommittingNode, RefusesTheServiceWhereItIsNotOffered) {
  auto plain = support::started(support::loopback(), handler_);
  Desk scanner;
  EXPECT_EQ(dicom::ask_commitment(support::peer_at(*plain), kRequest, scanner).outcome, Outcome::Refused);
}

}  // namespace
