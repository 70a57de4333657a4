#pragma once
// Transactions of storage commitment, in both directions: what we asked of others, and what others asked of us. They
// outlive every association and every process.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/outbox.h"

namespace storage {

// When a delivery that failed is tried again, and when no more.
struct Again {
  Duration first, longest, give_up_after;
  double unit = 0;  // jitter in [0, 1), see backoff()
};

class Commitments {
 public:
  explicit Commitments(Database& database) : database_(&database) {}

  // --- asked of others -------------------------------------------------------------------------------------------

  // Before the request leaves: the transaction names these Sent rows, and each of them is asked about again at
  // `ask_again` unless an answer comes first. Counts a question for each.
  Result<void> begin(std::string_view transaction_uid, std::string_view destination, std::span<const std::int64_t> rows,
                     Time now, Time ask_again);
  // The request did not leave: the transaction is forgotten, its questions do not count.
  Result<void> retract(std::string_view transaction_uid, Time now, Time ask_again, std::string_view problem);
  // Whom a transaction was begun with; nullopt: no such transaction.
  Result<std::optional<std::string>> destination_of(std::string_view transaction_uid) const;

  struct Failed {
    std::string sop_instance_uid;
    int reason = 0;
    std::string problem;  // a sentence
  };
  struct Outcome {
    std::string study_uid;
    std::size_t committed = 0;    // that became Delivered
    std::size_t again = 0;        // that are Waiting again
    std::size_t dead = 0;         // that had been tried for too long
    std::size_t passed_over = 0;  // named in the answer and not in the transaction, or settled before
  };
  // The answer, in one transaction: what the peer keeps is Delivered in whatever state it was, for the peer has it;
  // what failed is Waiting again, if it was not sent once more since the question. What the answer does not name is
  // asked about again. Twice is once. Fault::Missing without the transaction.
  Result<Outcome> settle(std::string_view transaction_uid, std::span<const std::string> committed,
                         std::span<const Failed> failed, Time now, const Again& again);

  // --- asked by others -------------------------------------------------------------------------------------------

  struct Reference {
    std::string sop_class_uid, sop_instance_uid;
  };
  struct Request {
    std::int64_t id = 0;
    std::string calling, transaction_uid;
    int attempts = 0;
    Time received{};
    std::vector<Reference> instances;
  };
  // A report is owed from `not_before`. The same transaction asked for again by the same peer is owed again.
  Result<void> asked(std::string_view calling, std::string_view transaction_uid, std::span<const Reference> instances,
                     Time now, Time not_before);
  Result<std::optional<Request>> owed_to(std::string_view calling, std::string_view transaction_uid) const;
  Result<std::optional<Request>> next_owed(Time now) const;  // the one that is due longest
  Result<void> hurry(std::int64_t id, Time now);             // a report that is owed is due now
  // After a start, before anybody may ask: the associations on which first reports were to go are gone; those are due.
  Result<void> hurry_first_reports(Time now);
  // The peer has the report; the instances are forgotten.
  Result<void> reported(std::int64_t id, Time now);
  Result<void> postpone(std::int64_t id, Time now, Time not_before, std::string_view problem);  // counts an attempt
  Result<void> dead(std::int64_t id, Time now, std::string_view problem);
  struct Summary {
    std::uint64_t owed = 0, reported = 0, dead = 0;
  };
  Result<Summary> summary() const;

 private:
  Database* database_;
};

}  // namespace storage
