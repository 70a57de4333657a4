#pragma once
// What a stranger says first, looked at before DCMTK sees it. For the .cpp files of this folder only.
//
// DCMTK 3.6.7 does not free what it has read of an association request that it cannot read to its end: lists, roles and
// extended negotiations, up to 16 times the bytes of a request of at most 1 MB, and anybody who can connect may send as
// many as he likes. Such requests therefore never reach it. They are refused by the rules by which DCMTK itself gives
// up, so that no peer is turned away that it would have understood, but for one: a user may identify himself once.
#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace dicom {

// Of a whole A-ASSOCIATE-RQ (PS3.8 9.3.2, PS3.7 annex D), with its head of six bytes. Lengths and numbers of items are
// looked at; whether titles, UIDs and contexts make sense is for others to say.
[[nodiscard]] bool is_readable_request(std::string_view pdu);

// Stands between DCMTK and a connection that was accepted. For one thread.
class RequestScreen {
 public:
  // Like recv(): the number of bytes, 0 at the end, -1 with errno for failure.
  using Receive = std::function<ssize_t(void* buffer, std::size_t size)>;

  // Likewise. The first call reads the first PDU whole, if it is a request of a size that DCMTK takes, and fails with
  // EPROTO, now and always, when that is not readable or does not come. All else passes as it does.
  ssize_t read(void* buffer, std::size_t size, const Receive& receive);
  [[nodiscard]] bool is_unread() const { return state_ == State::Unread; }
  [[nodiscard]] bool has_passed() const { return state_ == State::Passed; }
  // There are bytes for which nobody need wait.
  [[nodiscard]] bool has_bytes() const { return !ahead_.empty(); }

 private:
  enum class State { Unread, Refused, Passed };
  State read_ahead(const Receive& receive);

  State state_ = State::Unread;
  std::string ahead_;
};

}  // namespace dicom
