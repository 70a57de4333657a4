#pragma once
// A sender without manners: it sends the bytes of a data set as they stand in a file, under what the file says about
// itself, however wrong. Nothing here parses with DCMTK: Herald's reader is to see the file first.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace acceptance {

// What goes over the wire for one file.
struct OddObject {
  std::string name;  // path below the folder
  std::string sop_class_uid, sop_instance_uid, transfer_syntax;
  std::string data_set;
  bool told_identity = false;  // class and instance are the file's own
};
// `number` makes the UID of a file that does not tell one. A file without a meta header is a data set as a whole.
OddObject odd_object(const std::filesystem::path& file, const std::filesystem::path& below, int number);

enum class Answer { Success, CannotUnderstand, Mismatch, Refused, InvalidInstance, Busy, NotOffered, Aborted, Other };
constexpr int kAnswers = static_cast<int>(Answer::Other) + 1;
const char* to_string(Answer answer);

// Up to 100 objects on one association; after an abort the rest goes on another one.
std::vector<Answer> send_odd(std::uint16_t port, const std::vector<OddObject>& objects);

}  // namespace acceptance
