#include "dicom/network/commitment_data_set.h"

#include <optional>
#include <set>

#include "dicom/dcmtk.h"
#include "dicom/uid.h"

namespace dicom {
namespace {

constexpr std::uint32_t kItem = 0xFFFEE000, kItemEnd = 0xFFFEE00D, kSequenceEnd = 0xFFFEE0DD;
constexpr std::uint32_t kClass = 0x00081150, kInstance = 0x00081155, kTransaction = 0x00081195;
constexpr std::uint32_t kReason = 0x00081197, kFailed = 0x00081198, kReferenced = 0x00081199;
constexpr std::uint32_t kUndefined = 0xFFFFFFFF;
constexpr std::size_t kHead = 8;  // tag and length

std::uint32_t number_at(std::string_view bytes, std::size_t at, unsigned size) {
  std::uint32_t number = 0;
  for (unsigned i = 0; i < size; ++i) number |= std::uint32_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  return number;
}

struct Head {
  std::uint32_t tag = 0, length = 0;
};

// One element after the other of a data set, of a sequence (whose elements are items) or of an item.
class Elements {
 public:
  struct Element {
    std::uint32_t tag = 0;
    std::string_view value;
  };

  explicit Elements(std::string_view bytes) : bytes_(bytes) {}

  std::optional<Element> next() {
    if (at_ == bytes_.size()) return std::nullopt;
    const Head head = read_head();
    const std::size_t from = at_;
    if (head.length != kUndefined) {
      step_over(head.length);
      return Element{head.tag, bytes_.substr(from, head.length)};
    }
    return Element{head.tag, bytes_.substr(from, end_of_open_value() - from)};
  }

 private:
  Head read_head() {
    if (bytes_.size() - at_ < kHead) fail(Fault::Malformed, "the data set ends within an element");
    const Head head{number_at(bytes_, at_, 2) << 16 | number_at(bytes_, at_ + 2, 2), number_at(bytes_, at_ + 4, 4)};
    at_ += kHead;
    return head;
  }
  void step_over(std::uint32_t length) {
    if (length > bytes_.size() - at_) fail(Fault::Malformed, "an element is longer than its data set");
    at_ += length;
  }
  // Of a value without a length, which goes on to its delimiter; what is within may be open too.
  std::size_t end_of_open_value() {
    for (std::size_t open = 1;;) {
      const std::size_t here = at_;
      const Head head = read_head();
      if (head.tag == kItemEnd || head.tag == kSequenceEnd) {
        if (--open == 0) return here;
      } else if (head.length == kUndefined) {
        ++open;
      } else {
        step_over(head.length);
      }
    }
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
};

std::string uid_of(std::string_view value) {
  while (!value.empty() && (value.back() == '\0' || value.back() == ' ')) value.remove_suffix(1);
  if (!is_uid(value)) fail(Fault::Malformed, "an identifier is no UID");
  return std::string(value);
}

struct Listed {
  SopReference object;
  std::uint16_t reason = kProcessingFailure;
};

Listed read_item(std::string_view bytes) {
  Listed listed;
  Elements elements(bytes);
  while (const auto element = elements.next()) {
    if (element->tag == kClass) listed.object.sop_class_uid = uid_of(element->value);
    if (element->tag == kInstance) listed.object.sop_instance_uid = uid_of(element->value);
    if (element->tag == kReason && element->value.size() == 2)
      listed.reason = static_cast<std::uint16_t>(number_at(element->value, 0, 2));
  }
  if (listed.object.sop_class_uid.empty() || listed.object.sop_instance_uid.empty())
    fail(Fault::Malformed, "a reference lacks SOP class or instance");
  return listed;
}

std::vector<Listed> read_sequence(std::string_view bytes) {
  std::vector<Listed> all;
  Elements items(bytes);
  while (const auto item = items.next()) {
    if (item->tag != kItem) fail(Fault::Malformed, "a sequence holds something else than items");
    if (all.size() == kMostReferences)
      fail(Fault::Malformed, "more than " + std::to_string(kMostReferences) + " references");
    all.push_back(read_item(item->value));
  }
  return all;
}

struct Content {
  std::string transaction_uid;
  std::vector<Listed> referenced, failed;
};

Content read_content(std::string_view bytes) {
  Content content;
  Elements elements(bytes);
  while (const auto element = elements.next()) {
    if (element->tag == kTransaction) content.transaction_uid = uid_of(element->value);
    if (element->tag == kReferenced) content.referenced = read_sequence(element->value);
    if (element->tag == kFailed) content.failed = read_sequence(element->value);
  }
  if (content.transaction_uid.empty()) fail(Fault::Malformed, "there is no Transaction UID");
  return content;
}

}  // namespace

Result<CommitmentRequest> read_commitment_request(std::string_view bytes) {
  return guarded([&] {
    Content content = read_content(bytes);
    CommitmentRequest request{std::move(content.transaction_uid), {}};
    std::set<std::string> known;
    for (Listed& listed : content.referenced)
      if (known.insert(listed.object.sop_instance_uid).second) request.instances.push_back(std::move(listed.object));
    if (request.instances.empty()) fail(Fault::Malformed, "no instance is named");
    return request;
  });
}

Result<CommitmentReport> read_commitment_report(std::string_view bytes) {
  return guarded([&] {
    Content content = read_content(bytes);
    CommitmentReport report{std::move(content.transaction_uid), {}, {}};
    std::set<std::string> known;
    for (Listed& listed : content.failed)
      if (known.insert(listed.object.sop_instance_uid).second)
        report.failed.push_back({std::move(listed.object), listed.reason});
    for (Listed& listed : content.referenced)
      if (known.insert(listed.object.sop_instance_uid).second) report.committed.push_back(std::move(listed.object));
    return report;
  });
}

}  // namespace dicom
