// A PACS that rejects, hangs, dies, or answers anything: what is deliverable is delivered once it is well, and what is
// not waits for a person, with the reason.
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmnet/assoc.h>
#include <gtest/gtest.h>

#include <ostream>

#include "storage/outbox.h"
#include "tests/faults/scene.h"

namespace {

using namespace faults;
using acceptance::Scanner;
using storage::OutboxState;

class Delivery {
 public:
  explicit Delivery(support::Script script) : pacs_(std::move(script)), bench_(options()) {
    bench_.start();
    Scanner scanner(exam_.files);
    EXPECT_TRUE(scanner.push(bench_.node().port()));
    acknowledged_ = scanner.acknowledged();
    bench_.let_the_quiet_pass();
  }

  support::ScriptedPeer& pacs() { return pacs_; }

  [[nodiscard]] std::vector<storage::OutboxRow> rows() const {
    auto database = storage::Database::open(bench_.store() / "herald.db").value();
    return storage::Outbox(database).rows_of("").value();
  }
  [[nodiscard]] std::size_t count(OutboxState state) const {
    return static_cast<std::size_t>(std::ranges::count(rows(), state, &storage::OutboxRow::state));
  }
  bool until(const std::function<bool()>& attempt) { return support::until(bench_.node().process(), attempt); }
  // The first attempt is over, and did not bring everything.
  bool until_tried() {
    return until([&] {
      const auto all = rows();
      return !all.empty() && std::ranges::any_of(all, [](const auto& row) { return row.attempts > 0; });
    });
  }
  bool until_settled() {
    return until([&] { return !rows().empty() && count(OutboxState::Waiting) == 0; });
  }

  void conclude(const std::string& injected, std::size_t dead) {
    EXPECT_EQ(bench_.node().stop(), 0);
    const std::size_t lost = bench_.lost(acknowledged_, exam_.digests);
    EXPECT_EQ(lost, 0u) << injected;
    EXPECT_EQ(rows().size(), exam_.results.size()) << injected;
    EXPECT_EQ(count(OutboxState::Dead), dead) << injected;
    EXPECT_EQ(count(OutboxState::Delivered), exam_.results.size() - dead) << injected;
    const bool heard = dead < exam_.results.size();
    EXPECT_EQ(heard, has_all(pacs_, exam_.results) && repeats(pacs_, exam_.results) >= 0) << injected;
    note(injected, acknowledged_.size(), lost,
         std::to_string(exam_.results.size() - dead) + " delivered" +
             (dead == 0 ? std::string() : ", " + std::to_string(dead) + " dead, with the reason"));
  }

 private:
  [[nodiscard]] support::NodeOptions options() const {
    support::NodeOptions options = patient();
    options.destination = destination(pacs_, "dimse_timeout_s = 1\nacse_timeout_s = 1\n");
    return options;
  }

  Exam exam_ = diffusion_exam();
  support::ScriptedPeer pacs_;
  Bench bench_;
  std::set<std::string> acknowledged_;
};

// What passes: everything is delivered as soon as the peer is well.
void fails_and_recovers(const std::string& injected, support::Script ill) {
  Delivery delivery(std::move(ill));
  EXPECT_TRUE(delivery.until_tried()) << injected;
  EXPECT_EQ(delivery.count(OutboxState::Dead), 0u) << injected;
  delivery.pacs().follow(willing());
  EXPECT_TRUE(delivery.until_settled()) << injected;
  delivery.conclude(injected, 0);
}

TEST(Pacs, ThatRejectsForNowGetsEverythingLater) {
  support::Script script = willing();
  script.rejects_with = ASC_REASON_SP_PRES_TEMPORARYCONGESTION;
  script.rejection_is_permanent = false;
  fails_and_recovers("the peer rejects: temporary congestion", script);
}

TEST(Pacs, ThatRejectsForGoodWithoutAReasonGetsEverythingLater) {
  support::Script script = willing();
  script.rejects_with = ASC_REASON_SU_NOREASON;
  fails_and_recovers("the peer rejects for good, no reason given", script);
}

TEST(Pacs, ThatDoesNotKnowUsIsAPersonsAffair) {
  support::Script script = willing();
  script.rejects_with = ASC_REASON_SU_CALLINGAETITLENOTRECOGNIZED;
  Delivery delivery(script);
  EXPECT_TRUE(delivery.until_settled());
  for (const auto& row : delivery.rows()) {
    EXPECT_EQ(row.state, OutboxState::Dead);
    EXPECT_NE(row.last_problem, "");
  }
  delivery.conclude("the peer rejects for good: calling AE title not known", delivery.rows().size());
}

TEST(Pacs, ThatAcceptsAndHangsGetsEverythingLater) {
  support::Script script = willing();
  script.hangs = true;
  fails_and_recovers("the peer takes an image and never answers", script);
}

TEST(Pacs, ThatDiesInTheMiddleOfAnAssociationGetsTheRestLater) {
  support::Script script = willing();
  script.aborts_after = 2;
  fails_and_recovers("the peer dies after two of the images", script);
}

struct Answer {
  std::uint16_t status;
  enum { Delivered, Later, Never } means;
};

void PrintTo(const Answer& answer, std::ostream* out) { *out << std::hex << answer.status; }

class PacsAnswers : public testing::TestWithParam<Answer> {};

TEST_P(PacsAnswers, WithAStatusAndTheResultGoesWhereThatStatusSays) {
  const Answer answer = GetParam();
  support::Script script = willing();
  script.statuses = {answer.status};
  Delivery delivery(script);
  EXPECT_TRUE(delivery.until_settled());
  char injected[64];
  std::snprintf(injected, sizeof injected, "the peer answers %04X to the first result",
                static_cast<unsigned>(answer.status));
  const auto is_dead = [&](const storage::OutboxRow& row) {
    return row.state == OutboxState::Dead && row.last_status == answer.status && !row.last_problem.empty();
  };
  const auto came_later = [](const storage::OutboxRow& row) {
    return row.attempts > 0 && row.state == OutboxState::Delivered;
  };
  EXPECT_EQ(std::ranges::count_if(delivery.rows(), is_dead), answer.means == Answer::Never ? 1 : 0) << injected;
  EXPECT_EQ(delivery.pacs().stored().size(), delivery.rows().size() + (answer.means == Answer::Later ? 1 : 0))
      << injected;
  EXPECT_GE(std::ranges::count_if(delivery.rows(), came_later), answer.means == Answer::Later ? 1 : 0) << injected;
  delivery.conclude(injected, answer.means == Answer::Never ? 1 : 0);
}

INSTANTIATE_TEST_SUITE_P(Pacs, PacsAnswers,
                         testing::Values(Answer{0x0000, Answer::Delivered}, Answer{0xB000, Answer::Delivered},
                                         Answer{0xA700, Answer::Later}, Answer{0xA900, Answer::Never},
                                         Answer{0xC000, Answer::Never}, Answer{0x0124, Answer::Never}),
                         [](const auto& test) {
                           char name[8];
                           std::snprintf(name, sizeof name, "%04X", static_cast<unsigned>(test.param.status));
                           return std::string(name);
                         });

// 0122 speaks of the SOP class, not of the one result: MR images have no simpler form.
TEST(Pacs, ThatAnswersSopClassNotSupportedHoldsUpNothingElse) {
  support::Script script = willing();
  script.statuses = {0x0122};
  Delivery delivery(script);
  EXPECT_TRUE(delivery.until_settled());
  std::size_t dead = 0;
  for (const auto& row : delivery.rows()) {
    if (row.state != OutboxState::Dead) continue;
    ++dead;
    EXPECT_EQ(row.last_status, 0x0122);
  }
  EXPECT_GE(dead, 1u);
  delivery.conclude("the peer answers 0122 to the first result", dead);
}

}  // namespace
