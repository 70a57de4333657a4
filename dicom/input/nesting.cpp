#include "dicom/input/nesting.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "dicom/dcmtk.h"

// The guard is worth as much as it agrees with DCMTK on where elements begin: what one of the two skips as a value and
// the other one enters is a way around it. So DCMTK itself is asked about transfer syntaxes (1) and value
// representations (2), and what only a broken file has is refused where the two might differ (3).
namespace dicom {
namespace {

constexpr std::uint32_t kUndefinedLength = 0xFFFFFFFFu;
constexpr std::uint32_t kItem = 0xFFFEE000u, kItemDelimiter = 0xFFFEE00Du, kSequenceDelimiter = 0xFFFEE0DDu;
constexpr std::uint32_t kMetaLength = 0x00020000u, kTransferSyntax = 0x00020010u, kPixelData = 0x7FE00010u;
constexpr std::uint64_t kNoEnd = ~std::uint64_t{0};
constexpr std::size_t kMostInflated = 256u << 20;

[[noreturn]] void malformed(std::uint64_t offset, const char* what) {
  fail(Fault::Malformed, std::string(what) + " at offset " + std::to_string(offset));
}

// Random access to a stream through one window, so that skipping a value costs nothing.
class Bytes {
 public:
  explicit Bytes(std::unique_ptr<std::istream> stream) : stream_(std::move(stream)) {
    stream_->seekg(0, std::ios::end);
    size_ = static_cast<std::uint64_t>(stream_->tellg());
  }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] const unsigned char* at(std::uint64_t offset, std::size_t count) {
    if (offset > size_ || count > size_ - offset) malformed(offset, "the file ends inside an element");
    if (offset < start_ || offset + count > start_ + window_.size()) refill(offset);
    return window_.data() + (offset - start_);
  }

 private:
  void refill(std::uint64_t offset) {
    start_ = offset;
    window_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kWindow, size_ - offset)));
    stream_->clear();
    stream_->seekg(static_cast<std::streamoff>(offset));
    stream_->read(reinterpret_cast<char*>(window_.data()), static_cast<std::streamsize>(window_.size()));
    if (!stream_->good()) fail(Fault::Io, "the file cannot be read");
  }

  static constexpr std::uint64_t kWindow = 16384;
  std::unique_ptr<std::istream> stream_;
  std::uint64_t size_ = 0, start_ = 0;
  std::vector<unsigned char> window_;
};

struct Encoding {
  bool explicit_vr = true;
  bool big_endian = false;
};

std::uint32_t integer(const unsigned char* bytes, int count, bool big_endian) {
  std::uint32_t value = 0;
  for (int i = 0; i < count; ++i) value = value << 8 | bytes[big_endian ? i : count - 1 - i];
  return value;
}

struct Element {
  std::uint32_t tag = 0;
  std::string vr;  // empty for implicit VR, items and delimiters
  std::uint32_t length = 0;
  std::uint64_t value = 0;  // offset
  [[nodiscard]] std::uint64_t end() const { return value + length; }
};

// (2) An illegal one ("??") has a short length for DCMTK; one of its internal names ("ox", "it") is refused.
bool has_long_length(const std::string& vr, std::uint64_t at) {
  const DcmVR known(vr.c_str());
  const bool from_the_future = known.getEVR() == EVR_UNKNOWN || known.getEVR() == EVR_UNKNOWN2B;
  if (!known.isStandard() && !from_the_future) malformed(at, "a value representation that is none");
  return known.usesExtendedLengthEncoding();
}

Element read_element(Bytes& bytes, std::uint64_t at, Encoding encoding) {
  const unsigned char* head = bytes.at(at, 8);
  Element element;
  element.tag = integer(head, 2, encoding.big_endian) << 16 | integer(head + 2, 2, encoding.big_endian);
  const bool delimits = element.tag == kItem || element.tag == kItemDelimiter || element.tag == kSequenceDelimiter;
  if (element.tag >> 16 == 0xFFFEu && !delimits) malformed(at, "an item or a delimiter that is none");  // (3)
  if (!encoding.explicit_vr || delimits) {
    element.length = integer(head + 4, 4, encoding.big_endian);
    element.value = at + 8;
    return element;
  }
  element.vr.assign(reinterpret_cast<const char*>(head) + 4, 2);
  if (has_long_length(element.vr, at)) {
    element.length = integer(bytes.at(at, 12) + 8, 4, encoding.big_endian);
    element.value = at + 12;
  } else {
    element.length = integer(head + 6, 2, encoding.big_endian);
    element.value = at + 8;
  }
  return element;
}

// Of the elements of one item. DCMTK walks back past all that belong behind a new one: 50,000 in descending order take
// it 5 seconds.
struct Order {
  std::uint32_t highest = 0;
  std::uint64_t elements = 0;
};
constexpr std::uint64_t kMostSteps = 100'000'000;

// One open sequence. `encoding` is that of its items: the inside of an UN of undefined length is implicit VR
// (PS3.5 6.2.2 note 2).
struct Level {
  std::uint64_t end = kNoEnd;
  Encoding encoding;
  Order order = {};
};

class Walk {
 public:
  // `whole`: no value may end after the bytes.
  Walk(Bytes& bytes, Encoding encoding, bool whole) : bytes_(bytes), outermost_(encoding), whole_(whole) {}

  void run(std::uint64_t from) {
    for (std::uint64_t at = from; bytes_.size() >= 8 && at <= bytes_.size() - 8;) {
      close_finished(at);
      count(at);
      const Element element = read_element(bytes_, at, encoding());
      at = step(element);
    }
  }

 private:
  [[nodiscard]] Encoding encoding() const { return open_.empty() ? outermost_ : open_.back().encoding; }

  void close_finished(std::uint64_t at) {
    while (!open_.empty() && open_.back().end != kNoEnd && at >= open_.back().end) {
      if (at > open_.back().end) malformed(at, "an element is longer than the sequence around it");
      open_.pop_back();
    }
  }

  void count(std::uint64_t at) {
    if (++elements_ > kMostElements) malformed(at, "more than two million elements");
  }

  void walk_back(const Element& element) {
    Order& order = open_.empty() ? outermost_order_ : open_.back().order;
    if (element.tag < order.highest) steps_ += order.elements;
    if (steps_ > kMostSteps) malformed(element.value, "elements in too great a disorder");
    order.highest = std::max(order.highest, element.tag);
    ++order.elements;
  }

  std::uint64_t step(const Element& element) {
    if (element.tag == kItem) return enter_item(element);
    if (element.tag == kSequenceDelimiter && !open_.empty()) open_.pop_back();
    if (element.tag >> 16 == 0xFFFEu) return element.value;
    walk_back(element);
    if (is_sequence(element)) return enter(element);
    if (element.length == kUndefinedLength) return skip_fragments(element);
    if (whole_ && element.end() > bytes_.size()) malformed(element.value, "the file ends inside a value");
    return element.end();
  }

  [[nodiscard]] bool is_sequence(const Element& element) {
    if (element.vr == "SQ") return true;
    if (!element.vr.empty()) return element.vr == "UN" && element.length == kUndefinedLength;
    if (element.length == kUndefinedLength) return true;
    // Implicit VR does not tell: a value that begins with an item is taken for a sequence, as DCMTK may do from its
    // dictionary (of pixel data it knows better). It may claim to be longer than the file.
    return element.tag != kPixelData && element.length >= 8 && element.value + 4 <= bytes_.size() &&
           integer(bytes_.at(element.value, 4), 2, false) == 0xFFFEu &&
           integer(bytes_.at(element.value, 4) + 2, 2, false) == 0xE000u;
  }

  std::uint64_t enter(const Element& element) {
    if (open_.size() == kDeepestNesting) malformed(element.value, "sequences nest deeper than 64 levels");
    Level level{element.length == kUndefinedLength ? kNoEnd : element.end(), encoding()};
    if (element.vr == "UN") level.encoding = {.explicit_vr = false, .big_endian = false};
    if (element.length != 0) open_.push_back(level);
    return element.value;
  }

  // Items are walked into, not stacked, so none may outlast its sequence.
  std::uint64_t enter_item(const Element& item) {
    if (open_.empty()) malformed(item.value, "an item outside a sequence");  // (3)
    const bool outlasts =
        item.length != kUndefinedLength && open_.back().end != kNoEnd && item.end() > open_.back().end;
    if (outlasts) malformed(item.value, "an item is longer than the sequence around it");
    open_.back().order = {};
    return item.value;
  }

  // Encapsulated pixel data, of the image or of an icon. A file may end inside those of the image: headers are read
  // from such files too.
  std::uint64_t skip_fragments(const Element& element) {
    if (element.tag != kPixelData) malformed(element.value, "a value of undefined length is not a sequence");  // (3)
    for (std::uint64_t at = element.value;;) {
      if (open_.empty() && at + 8 > bytes_.size()) return at;
      count(at);
      const Element item = read_element(bytes_, at, encoding());
      if (item.tag == kSequenceDelimiter) return item.value;
      if (item.tag != kItem || item.length == kUndefinedLength) malformed(at, "encapsulated data without fragments");
      at = item.end();
    }
  }

  Bytes& bytes_;
  Encoding outermost_;
  bool whole_;
  std::vector<Level> open_;
  Order outermost_order_;
  std::size_t elements_ = 0;
  std::uint64_t steps_ = 0;
};

struct Inflating {
  z_stream stream{};
  Inflating() {
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) fail(Fault::Malformed, "zlib cannot start");
  }
  ~Inflating() { inflateEnd(&stream); }
  Inflating(const Inflating&) = delete;
  Inflating& operator=(const Inflating&) = delete;
};

std::string inflated(Bytes& bytes, std::uint64_t from) {
  Inflating inflating;
  z_stream& stream = inflating.stream;
  std::string out;
  std::array<unsigned char, 16384> buffer{};
  std::vector<unsigned char> packed;
  int state = Z_OK;
  while (state != Z_STREAM_END) {
    if (stream.avail_in == 0) {
      const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(8192, bytes.size() - from));
      if (count == 0) malformed(from, "the deflated data set ends too early");
      packed.assign(bytes.at(from, count), bytes.at(from, count) + count);
      from += count;
      stream.next_in = packed.data();
      stream.avail_in = static_cast<unsigned>(count);
    }
    stream.next_out = buffer.data();
    stream.avail_out = buffer.size();
    state = inflate(&stream, Z_NO_FLUSH);
    if (state != Z_OK && state != Z_STREAM_END) malformed(from, "the deflated data set is broken");
    out.append(reinterpret_cast<const char*>(buffer.data()), buffer.size() - stream.avail_out);
    if (out.size() > kMostInflated) fail(Fault::Malformed, "the deflated data set is larger than 256 MiB");
  }
  return out;
}

struct Meta {
  std::string transfer_syntax;
  std::uint64_t end = 0;
};

Meta read_meta(Bytes& bytes) {
  if (bytes.size() < 140 || std::memcmp(bytes.at(128, 4), "DICM", 4) != 0) fail(Fault::Malformed, "not a DICOM file");
  Meta meta;
  meta.end = 132;
  std::uint64_t told_end = 0;
  bool has_syntax = false;
  while (meta.end + 8 <= bytes.size()) {
    if (integer(bytes.at(meta.end, 2), 2, false) != 0x0002u) break;
    const Element element = read_element(bytes, meta.end, {});
    if (element.length == kUndefinedLength || element.vr == "SQ")
      malformed(meta.end, "the meta header holds a sequence");
    // (3) DCMTK believes the length, this guard the group numbers.
    if (element.tag == kMetaLength && element.length == 4)
      told_end = element.end() + integer(bytes.at(element.value, 4), 4, false);
    if (element.tag == kTransferSyntax) {
      // (3) DCMTK takes another one of two than this guard.
      if (std::exchange(has_syntax, true)) malformed(meta.end, "there are two transfer syntaxes");
      if (element.length > 64) malformed(meta.end, "the transfer syntax is not a UID");
      meta.transfer_syntax.assign(reinterpret_cast<const char*>(bytes.at(element.value, element.length)),
                                  element.length);
    }
    meta.end = element.end();
    if (meta.end > kLongestMeta) malformed(meta.end, "the meta header is longer than 1 MiB");
  }
  if (told_end != 0 && told_end != meta.end) malformed(meta.end, "the meta header is not as long as it says");
  while (!meta.transfer_syntax.empty() && (meta.transfer_syntax.back() == '\0' || meta.transfer_syntax.back() == ' '))
    meta.transfer_syntax.pop_back();
  return meta;
}

}  // namespace

Result<void> check_nesting(const std::filesystem::path& file) {
  return guarded([&] {
    auto stream = std::make_unique<std::ifstream>(file, std::ios::binary);
    if (!*stream) fail(Fault::Io, "the file cannot be opened");
    Bytes bytes(std::move(stream));
    const Meta meta = read_meta(bytes);
    const DcmXfer syntax(meta.transfer_syntax.c_str());  // (1)
    if (syntax.getXfer() == EXS_Unknown) fail(Fault::Unsupported, "the transfer syntax is missing or unknown");
    const Encoding encoding{.explicit_vr = syntax.isExplicitVR() != OFFalse,
                            .big_endian = syntax.isBigEndian() != OFFalse};
    if (syntax.getStreamCompression() != ESC_none) {
      // DCMTK reserves memory for a deflated value before it reads it.
      Bytes unpacked(std::make_unique<std::istringstream>(inflated(bytes, meta.end)));
      Walk(unpacked, encoding, true).run(0);
      return;
    }
    Walk(bytes, encoding, false).run(meta.end);
  });
}

}  // namespace dicom
