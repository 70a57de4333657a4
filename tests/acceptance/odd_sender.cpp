#include "tests/acceptance/odd_sender.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <utility>

#include "tests/support/raw_client.h"

namespace acceptance {
namespace {

constexpr std::size_t kBatch = 100, kFragment = 16000, kLongestUid = 64;
constexpr const char* kMrImage = "1.2.840.10008.5.1.4.1.1.4";
constexpr const char* kImplicit = "1.2.840.10008.1.2";
constexpr const char* kExplicit = "1.2.840.10008.1.2.1";

std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::uint32_t number_at(const std::string& bytes, std::size_t at, int size) {
  std::uint32_t value = 0;
  for (int i = size - 1; i >= 0; --i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

// The meta header ends where group 2 does; one that is not written as it should be belongs to the data set.
std::size_t end_of_meta(const std::string& bytes) {
  static const std::set<std::string> kLong{"OB", "UN", "OW", "SQ", "UT"};
  std::size_t at = 132;
  while (at + 12 <= bytes.size() && number_at(bytes, at, 2) == 2) {
    const bool is_long = kLong.contains(bytes.substr(at + 4, 2));
    at += is_long ? 12 + number_at(bytes, at + 8, 4) : 8 + number_at(bytes, at + 6, 2);
  }
  return at <= bytes.size() ? at : 132;
}

// The first element with this tag, found by its bytes: files that cannot be parsed have UIDs too.
std::string uid_in(const std::string& bytes, const std::string& tag, bool explicit_vr) {
  const std::size_t at = bytes.find(explicit_vr ? tag + "UI" : tag);
  if (at == std::string::npos || at + 8 > bytes.size()) return {};
  const std::size_t length = explicit_vr ? number_at(bytes, at + 6, 2) : number_at(bytes, at + 4, 4);
  std::string uid = length <= kLongestUid ? bytes.substr(at + 8, length) : std::string();
  while (!uid.empty() && (uid.back() == '\0' || uid.back() == ' ')) uid.pop_back();
  return uid;
}

bool is_dotted(const std::string& uid) {
  return !uid.empty() && uid.find_first_not_of("0123456789.") == std::string::npos;
}

bool looks_explicit(const std::string& data_set) {
  const auto upper = [&](std::size_t at) { return data_set[at] >= 'A' && data_set[at] <= 'Z'; };
  return data_set.size() >= 8 && upper(4) && upper(5);
}

std::string uid_of(const std::string& data_set, const std::string& tag) {
  return uid_in(data_set, tag, looks_explicit(data_set));
}

Answer answer_in(const std::string& pdu) {
  static const std::map<int, Answer> kKnown{{0x0000, Answer::Success},  {0xC000, Answer::CannotUnderstand},
                                            {0xA900, Answer::Mismatch}, {0x0124, Answer::Refused},
                                            {0xA700, Answer::Busy},     {0x0117, Answer::InvalidInstance}};
  if (pdu.empty() || pdu[0] != 4) return Answer::Aborted;
  const auto known = kKnown.find(support::status_in(pdu));
  return known == kKnown.end() ? Answer::Other : known->second;
}

// One association with a context for every class and syntax of the objects.
class Line {
 public:
  Line(std::uint16_t port, const OddObject* first, const OddObject* last) : client_(port) {
    std::vector<support::RawContext> contexts;
    for (; first != last; ++first) {
      const auto id = static_cast<std::uint8_t>(2 * contexts.size() + 1);
      if (ids_.emplace(std::pair(first->sop_class_uid, first->transfer_syntax), id).second)
        contexts.push_back({id, first->sop_class_uid, {first->transfer_syntax}});
    }
    client_.send(support::associate_request("HERALD", "ODD", contexts));
    const std::string reply = client_.read_pdu();
    if (reply.empty() || reply[0] != 2) throw std::runtime_error("the association was not accepted");
    for (const std::string& context : support::contexts_in(reply))
      if (context.find(":0:") != std::string::npos) accepted_.insert(std::stoi(context));
  }
  ~Line() {
    client_.send(support::release_request());
    client_.read_pdu();
  }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  Answer store(const OddObject& object) {
    const std::uint8_t id = ids_.at({object.sop_class_uid, object.transfer_syntax});
    if (!accepted_.contains(id)) return Answer::NotOffered;
    client_.send(
        support::data_pdu(id, 3, support::store_command(++message_, object.sop_class_uid, object.sop_instance_uid)));
    std::size_t at = 0;
    for (; object.data_set.size() - at > kFragment; at += kFragment)
      client_.send(support::data_pdu(id, 0, object.data_set.substr(at, kFragment)));
    client_.send(support::data_pdu(id, 2, object.data_set.substr(at)));
    return answer_in(client_.read_pdu());
  }

 private:
  support::RawClient client_;
  std::map<std::pair<std::string, std::string>, std::uint8_t> ids_;
  std::set<int> accepted_;
  std::uint16_t message_ = 0;
};

}  // namespace

OddObject odd_object(const std::filesystem::path& file, const std::filesystem::path& below, int number) {
  const std::string bytes = bytes_of(file);
  const bool part10 = bytes.size() > 132 && bytes.compare(128, 4, "DICM") == 0;
  const std::size_t begin = part10 ? end_of_meta(bytes) : 0;
  OddObject object;
  object.name = file.lexically_relative(below).string();
  object.data_set = bytes.substr(begin);
  object.transfer_syntax = part10 ? uid_in(bytes.substr(0, begin), {"\2\0\x10\0", 4}, true) : "";
  if (!is_dotted(object.transfer_syntax))
    object.transfer_syntax = looks_explicit(object.data_set) ? kExplicit : kImplicit;
  // Deflated data sets and those of broken files do not show their UIDs; the meta header says them once more.
  const std::string meta = part10 ? bytes.substr(0, begin) : std::string();
  const auto uid = [&](const char* in_meta, const char* in_data_set) {
    const std::string own = uid_of(object.data_set, std::string(in_data_set, 4));
    return is_dotted(own) ? own : uid_in(meta, std::string(in_meta, 4), true);
  };
  object.sop_class_uid = uid("\2\0\2\0", "\x08\0\x16\0");
  object.sop_instance_uid = uid("\2\0\3\0", "\x08\0\x18\0");
  object.told_identity = is_dotted(object.sop_class_uid) && is_dotted(object.sop_instance_uid);
  if (!is_dotted(object.sop_class_uid)) object.sop_class_uid = kMrImage;
  if (!is_dotted(object.sop_instance_uid))
    object.sop_instance_uid = "1.2.826.0.1.3680043.9.1." + std::to_string(number + 1);
  return object;
}

const char* to_string(Answer answer) {
  static constexpr std::array kWords{"success",          "cannot understand", "mismatch", "refused", "invalid instance",
                                     "out of resources", "not offered",       "aborted",  "other"};
  return kWords[static_cast<std::size_t>(answer)];
}

std::vector<Answer> send_odd(std::uint16_t port, const std::vector<OddObject>& objects) {
  std::vector<Answer> answers;
  while (answers.size() < objects.size()) {
    const auto* first = objects.data() + answers.size();
    const auto* last = first + std::min(kBatch, objects.size() - answers.size());
    Line line(port, first, last);
    for (; first != last; ++first) {
      answers.push_back(line.store(*first));
      if (answers.back() == Answer::Aborted) break;
    }
  }
  return answers;
}

}  // namespace acceptance
