// The scanner reads strictly forward, in constant memory, and hashes what it reads; nothing it allocates depends on a
// length in the file.
//
// (1) Only the top level matters. Elements of no interest are skipped by their length; those of undefined length by
//     counting how many containers (sequences, items, encapsulated pixels) are open. The nesting depth is a number,
//     never a call stack.
// (2) An element of VR UN and undefined length holds implicit VR little endian, whatever surrounds it (PS3.5 6.2.2):
//     the scanner remembers the depth at which that began.
// (3) In a deflated file the scanner sees the inflated bytes; the digest is always of the bytes in the file.
#include "dicom/input/identity.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "dicom/sha256.h"
#include "dicom/uid.h"

namespace dicom {
namespace {

constexpr std::uint64_t kMostBytes = 16ull << 20;
constexpr std::uint32_t kMostElements = 65536;
constexpr std::size_t kLongestText = 1024;  // of an attribute that is kept
constexpr std::uint32_t kUndefined = 0xFFFFFFFF;
constexpr std::size_t kWhole = 65536, kBeginning = 8192;  // bytes read at a time

constexpr std::uint32_t kTransferSyntax = 0x00020010;
constexpr std::uint32_t kSopClass = 0x00080016;
constexpr std::uint32_t kSopInstance = 0x00080018;
constexpr std::uint32_t kModel = 0x00081090;
constexpr std::uint32_t kStudy = 0x0020000D;
constexpr std::uint32_t kSeries = 0x0020000E;
constexpr std::uint32_t kItem = 0xFFFEE000;
constexpr std::uint32_t kItemEnd = 0xFFFEE00D;
constexpr std::uint32_t kSequenceEnd = 0xFFFEE0DD;

// Unwinds inside this file; read_identity turns it into an Error.
struct Trouble {
  Error error;
};

[[noreturn]] void malformed(std::uint32_t tag, std::uint64_t at, const char* what) {
  std::array<char, 96> text{};
  std::snprintf(text.data(), text.size(), "(%04X,%04X) at byte %llu: %s", tag >> 16, tag & 0xFFFF,
                static_cast<unsigned long long>(at), what);
  throw Trouble{{Fault::Malformed, text.data()}};
}

[[noreturn]] void io_trouble(const char* doing) {
  throw Trouble{{Fault::Io, std::string(doing) + ": " + std::strerror(errno)}};
}

// Bytes one after the other; fewer than asked for at the end only.
class Source {
 public:
  virtual ~Source() = default;
  virtual std::size_t read(std::span<std::uint8_t> into) = 0;
};

class FileSource final : public Source {
 public:
  FileSource(const std::filesystem::path& file, std::size_t at_a_time)
      : descriptor_(open(file.c_str(), O_RDONLY | O_CLOEXEC)), buffer_(at_a_time) {
    if (descriptor_ < 0) io_trouble("open the file");
  }
  ~FileSource() override { close(descriptor_); }
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  std::size_t read(std::span<std::uint8_t> into) override {
    std::size_t done = 0;
    while (done < into.size() && !rest().empty()) {
      const auto from = rest().first(std::min(rest().size(), into.size() - done));
      std::copy(from.begin(), from.end(), into.begin() + static_cast<std::ptrdiff_t>(done));
      done += from.size();
      consume(from.size());
    }
    return done;
  }

  // What is buffered; empty at the end of the file only.
  std::span<const std::uint8_t> rest() {
    if (next_ == filled_) fill();
    return std::span(buffer_).subspan(next_, filled_ - next_);
  }
  void consume(std::size_t size) {
    if (hashing_) digest_.add({reinterpret_cast<const char*>(buffer_.data()) + next_, size});
    next_ += size;
  }

  // Up to four of the next bytes, which are read again afterwards.
  std::span<const std::uint8_t> peek() {
    if (filled_ - next_ < 4) {
      std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(next_),
                buffer_.begin() + static_cast<std::ptrdiff_t>(filled_), buffer_.begin());
      filled_ -= next_;
      next_ = 0;
      while (filled_ < 4 && read_more()) {
      }
    }
    return std::span(buffer_).subspan(next_, std::min<std::size_t>(4, filled_ - next_));
  }

  void start_digest() { hashing_ = true; }
  [[nodiscard]] std::string digest_of_all() {
    while (!rest().empty()) consume(rest().size());
    return digest_.hex();
  }

 private:
  void fill() {
    next_ = filled_ = 0;
    read_more();
  }
  bool read_more() {
    for (;;) {
      const ssize_t got = ::read(descriptor_, buffer_.data() + filled_, buffer_.size() - filled_);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) io_trouble("read the file");
      filled_ += static_cast<std::size_t>(got);
      return got > 0;
    }
  }

  int descriptor_;
  std::vector<std::uint8_t> buffer_;
  std::size_t next_ = 0, filled_ = 0;
  bool hashing_ = false;
  Sha256 digest_;
};

// Raw deflate (PS3.5 A.5), a window at a time; how much comes out is bounded by how much the scanner asks for.
class Inflater final : public Source {
 public:
  explicit Inflater(FileSource& from) : from_(from) {
    if (inflateInit2(&stream_, -MAX_WBITS) != Z_OK) throw Trouble{{Fault::Io, "no memory to inflate the data set"}};
  }
  ~Inflater() override { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  std::size_t read(std::span<std::uint8_t> into) override {
    stream_.next_out = into.data();
    stream_.avail_out = static_cast<uInt>(into.size());
    while (stream_.avail_out > 0 && !ended_) step();
    return into.size() - stream_.avail_out;
  }

 private:
  void step() {
    const auto bytes = from_.rest();
    stream_.next_in = const_cast<Bytef*>(bytes.data());  // zlib only reads it
    stream_.avail_in = static_cast<uInt>(bytes.size());
    const int result = inflate(&stream_, Z_NO_FLUSH);
    from_.consume(bytes.size() - stream_.avail_in);
    ended_ = result != Z_OK || bytes.empty();  // the end, or bytes that are not deflated: the scanner finds too few
  }

  FileSource& from_;
  z_stream stream_{};
  bool ended_ = false;
};

struct Encoding {
  bool explicit_vr = true;
  bool big_endian = false;
};

struct Element {
  std::uint32_t tag = 0;
  std::uint64_t at = 0;
  std::uint32_t length = 0;
  bool unknown_vr = false;  // UN
};

// PS3.5 7.1.2: these have a 16-bit length; all others, also those yet to be invented, two reserved bytes and 32 bits.
bool has_short_length(std::string_view vr) {
  constexpr std::array<std::string_view, 20> kShort{"AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS",
                                                    "LO", "LT", "PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL"};
  return vr == "US" || std::find(kShort.begin(), kShort.end(), vr) != kShort.end();
}

bool is_delimiter(std::uint32_t tag) { return tag == kItem || tag == kItemEnd || tag == kSequenceEnd; }

class Scanner {
 public:
  Scanner(Source& source, Encoding encoding, std::uint64_t at)
      : source_(source), encoding_(encoding), at_(at), end_(at + kMostBytes) {}

  // False at the end of the data set, when it ends between two elements.
  bool next(Element& element) {
    element = {.at = at_};
    std::array<std::uint8_t, 4> tag{};
    const std::size_t got = read(tag);
    if (got == 0) return false;
    if (got < tag.size()) malformed(0, element.at, "the file ends inside a tag");
    if (++elements_ > kMostElements) malformed(0, element.at, "too many elements");
    element.tag = number(std::span(tag).first(2)) << 16 | number(std::span(tag).last(2));
    if (is_delimiter(element.tag) || !current().explicit_vr) {
      element.length = take_number<4>(element);
    } else {
      read_vr_and_length(element);
    }
    return true;
  }

  std::string take_text(const Element& element) {
    if (element.length > kLongestText) malformed(element.tag, element.at, "value is too long");
    std::string text(element.length, '\0');
    const std::span bytes(reinterpret_cast<std::uint8_t*>(text.data()), text.size());
    if (read(bytes) < bytes.size()) malformed(element.tag, element.at, "the file ends inside the value");
    while (!text.empty() && (text.back() == '\0' || text.back() == ' ')) text.pop_back();
    return text;
  }

  void skip_value(const Element& element) {
    if (element.length == kUndefined) {
      skip_container(element);
    } else {
      skip(element);
    }
  }

  [[nodiscard]] std::uint64_t at() const { return at_; }

 private:
  [[nodiscard]] Encoding current() const {
    return depth_ >= implicit_from_ ? Encoding{.explicit_vr = false} : encoding_;
  }

  std::size_t read(std::span<std::uint8_t> into) {
    if (into.size() > end_ - at_) malformed(0, at_, "too far into the file");
    const std::size_t got = source_.read(into);
    at_ += got;
    return got;
  }

  [[nodiscard]] std::uint32_t number(std::span<const std::uint8_t> bytes) const {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const std::size_t from = current().big_endian ? bytes.size() - 1 - i : i;
      value |= std::uint32_t{bytes[from]} << (8 * i);
    }
    return value;
  }

  template <std::size_t N>
  std::uint32_t take_number(const Element& element) {
    std::array<std::uint8_t, N> bytes{};
    if (read(bytes) < N) malformed(element.tag, element.at, "the file ends inside the element's head");
    return number(bytes);
  }

  void read_vr_and_length(Element& element) {
    std::array<std::uint8_t, 2> bytes{};
    if (read(bytes) < bytes.size()) malformed(element.tag, element.at, "the file ends inside the element's head");
    const std::string_view vr(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (!std::all_of(vr.begin(), vr.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) {
      malformed(element.tag, element.at, "no value representation where one is due");
    }
    element.unknown_vr = vr == "UN";
    if (has_short_length(vr)) {
      element.length = take_number<2>(element);
    } else {
      take_number<2>(element);  // reserved
      element.length = take_number<4>(element);
    }
  }

  void skip(const Element& element) {
    std::array<std::uint8_t, 4096> bytes;
    for (std::uint64_t left = element.length; left > 0;) {
      const auto piece = std::span(bytes).first(std::min<std::uint64_t>(left, bytes.size()));
      if (read(piece) < piece.size()) malformed(element.tag, element.at, "the file ends inside the value");
      left -= piece.size();
    }
  }

  void skip_container(const Element& outermost) {  // (1)
    enter(outermost);
    while (depth_ > 0) {
      Element element;
      if (!next(element)) malformed(outermost.tag, outermost.at, "the file ends inside the sequence");
      if (element.tag == kItemEnd || element.tag == kSequenceEnd) {
        leave();
      } else if (element.length == kUndefined) {
        enter(element);
      } else {
        skip(element);
      }
    }
  }

  void enter(const Element& element) {
    ++depth_;
    if (element.unknown_vr) implicit_from_ = std::min(implicit_from_, depth_);  // (2)
  }

  void leave() {
    --depth_;
    if (depth_ < implicit_from_) implicit_from_ = kNever;
  }

  static constexpr std::uint32_t kNever = 0xFFFFFFFF;
  Source& source_;
  const Encoding encoding_;
  std::uint64_t at_;
  const std::uint64_t end_;
  std::uint32_t elements_ = 0;
  std::uint32_t depth_ = 0;
  std::uint32_t implicit_from_ = kNever;
};

std::string take_uid(Scanner& scanner, const Element& element) {
  std::string text = scanner.take_text(element);
  if (!is_uid(text)) malformed(element.tag, element.at, "not a UID");
  return text;
}

constexpr std::size_t kPreamble = 128;

// Returns the transfer syntax; the source stands at the data set afterwards. Group 0002 is always explicit little
// endian.
std::pair<std::string, std::uint64_t> read_header(FileSource& source) {
  std::array<std::uint8_t, kPreamble + 4> start{};
  if (source.read(start) < start.size() || std::memcmp(start.data() + kPreamble, "DICM", 4) != 0) {
    throw Trouble{{Fault::Malformed, "not a DICOM file: no DICM at byte 128"}};
  }
  Scanner scanner(source, {}, start.size());
  std::string transfer_syntax;
  for (Element element; source.peek().size() >= 2 && source.peek()[0] == 2 && source.peek()[1] == 0;) {
    scanner.next(element);
    if (element.tag == kTransferSyntax) {
      transfer_syntax = take_uid(scanner, element);
    } else {
      scanner.skip_value(element);
    }
  }
  if (transfer_syntax.empty()) malformed(kTransferSyntax, scanner.at(), "missing");
  return {transfer_syntax, scanner.at()};
}

bool is_implicit(std::string_view transfer_syntax) {
  return transfer_syntax == "1.2.840.10008.1.2" ||
         transfer_syntax == "1.2.840.113619.5.2";  // GE's own: only its pixels are big endian
}
bool is_big_endian(std::string_view transfer_syntax) { return transfer_syntax == "1.2.840.10008.1.2.2"; }
bool is_deflated(std::string_view transfer_syntax) {
  return transfer_syntax == "1.2.840.10008.1.2.1.99" || transfer_syntax == "1.2.840.10008.1.2.4.95";
}

// The place of an attribute in an Identity; nullptr for all others.
std::string* place_of(Identity& identity, std::uint32_t tag) {
  switch (tag) {
    case kSopClass:
      return &identity.sop_class_uid;
    case kSopInstance:
      return &identity.sop_instance_uid;
    case kStudy:
      return &identity.study_uid;
    case kSeries:
      return &identity.series_uid;
    default:
      return nullptr;
  }
}

void read_attributes(Scanner& scanner, Identity& identity) {
  Element element;
  while (scanner.next(element) && element.tag <= kSeries) {
    std::string* const place = place_of(identity, element.tag);
    if (place != nullptr && place->empty()) {
      *place = take_uid(scanner, element);
    } else if (element.tag == kModel && element.length <= kLongestText) {
      identity.manufacturer_model = scanner.take_text(element);
    } else {
      scanner.skip_value(element);
    }
    if (element.tag == kSeries) return;
  }
}

void insist_on_all(Identity& identity, std::uint64_t at) {
  for (const std::uint32_t tag : {kSopClass, kSopInstance, kStudy, kSeries}) {
    if (place_of(identity, tag)->empty()) malformed(tag, at, "missing");
  }
}

Identity scan(const std::filesystem::path& file, Digest digest) {
  FileSource source(file, digest == Digest::Wanted ? kWhole : kBeginning);
  auto [transfer_syntax, data_set_at] = read_header(source);
  if (digest == Digest::Wanted) source.start_digest();
  Identity identity;
  identity.transfer_syntax_uid = transfer_syntax;

  std::unique_ptr<Source> inflater;
  if (is_deflated(transfer_syntax)) inflater = std::make_unique<Inflater>(source);  // (3)
  Scanner scanner(inflater ? *inflater : source,
                  {.explicit_vr = !is_implicit(transfer_syntax), .big_endian = is_big_endian(transfer_syntax)},
                  inflater ? 0 : data_set_at);
  read_attributes(scanner, identity);
  insist_on_all(identity, scanner.at());
  if (digest == Digest::Wanted) identity.payload_digest = source.digest_of_all();
  return identity;
}

}  // namespace

Result<Identity> read_identity(const std::filesystem::path& file, Digest digest) {
  try {
    return scan(file, digest);
  } catch (Trouble& trouble) {
    return tl::unexpected(std::move(trouble.error));
  } catch (const std::exception& e) {
    return tl::unexpected(Error{Fault::Io, e.what()});
  }
}

}  // namespace dicom
