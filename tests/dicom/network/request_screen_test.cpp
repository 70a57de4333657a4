// Association requests that DCMTK would read half and lose.
#include "dicom/network/request_screen.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <functional>

#include "tests/dicom/network/objects.h"
#include "tests/support/raw_client.h"

namespace {

using dicom::is_readable_request;
using support::item;

const std::string kAbstract = item(0x30, support::kMrImage);
const std::string kTransfer = item(0x40, support::kImplicit);

std::string text(const std::string& content) { return support::big_endian(content.size(), 2) + content; }

std::string request_with(const std::string& user_items) {
  return support::associate_request("HERALD", "SCANNER", {{1, support::kMrImage, {support::kImplicit}}}, user_items);
}

// Behind what every request has.
std::string request_and(const std::string& items) { return request_with("") + items; }

std::string context(const std::string& items) { return item(0x20, std::string("\1\0\0\0", 4) + items); }
std::string identity(const std::string& texts, char type = 2) { return item(0x58, std::string{type, '\0'} + texts); }

TEST(RequestScreen, PassesWhatPeersSay) {
  EXPECT_TRUE(is_readable_request(request_with("")));
  EXPECT_TRUE(is_readable_request(support::associate_request("HERALD", "SCANNER", {})));
  EXPECT_TRUE(is_readable_request(request_with(
      item(0x53, std::string("\0\1\0\1", 4)) + item(0x54, text(support::kMrImage) + std::string("\1\1", 2)) +
      item(0x55, "VERSION") + item(0x56, text(support::kMrImage) + "anything") + item(0x57, "") +
      identity(text("user") + text("word")) + item(0x7f, "of another day"))));
  EXPECT_TRUE(is_readable_request(request_with(identity(text("user") + text(""), 1))));
  EXPECT_TRUE(is_readable_request(request_and(context(kAbstract + kTransfer + item(0x99, "?")) + item(0x60, ""))));
}

TEST(RequestScreen, StopsWhatEndsTooEarly) {
  const std::string whole = request_with(item(0x55, "VERSION"));
  std::size_t readable = 0;
  for (std::size_t size = 0; size < whole.size(); ++size)
    readable += is_readable_request(std::string_view(whole).substr(0, size)) ? 1 : 0;
  EXPECT_EQ(readable, 3u);  // before each of its three items
}

TEST(RequestScreen, StopsContextsThatDcmtkGivesUp) {
  for (const std::string& bad :
       {item(0x20, ""), item(0x20, "\1\1\1"), context(kAbstract), context(""), item(0x21, "\1\1\1\1" + kTransfer),
        context(kTransfer + item(0x30, std::string(65, '1'))), context(item(0x40, std::string(65, '1'))),
        context(kTransfer + std::string("\x40\0\0\2\0", 5)), item(0x10, std::string(65, '1'))})
    EXPECT_FALSE(is_readable_request(request_and(bad)));
}

TEST(RequestScreen, StopsUserItemsThatDcmtkGivesUp) {
  for (const std::string& bad :
       {item(0x51, "\1\1\1"), item(0x52, std::string(65, '1')), item(0x54, text("1.2") + "\1"), item(0x54, ""),
        item(0x56, "\1"), item(0x56, support::big_endian(4, 2) + "1.2"), identity(text("user")),
        identity(text("user") + support::big_endian(5, 2) + "word"), identity(text("user") + text("word"), 1),
        identity(text("user") + text("word") + "?"), item(0x58, ""), item(0x59, text("")),
        identity(text("") + text("")) + identity(text("") + text("")), std::string("\x55\0\0\5a", 5)})
    EXPECT_FALSE(is_readable_request(request_with(bad)));
}

// What is received, a byte at a time.
class Received {
 public:
  explicit Received(std::string bytes) : bytes_(std::move(bytes)) {}
  ssize_t operator()(void* buffer, std::size_t size) {
    if (bytes_.empty() || size == 0) return 0;
    *static_cast<char*>(buffer) = bytes_.front();
    bytes_.erase(0, 1);
    return 1;
  }
  [[nodiscard]] std::size_t left() const { return bytes_.size(); }

 private:
  std::string bytes_;
};

std::string read_through(dicom::RequestScreen& screen, const std::string& bytes) {
  Received received(bytes);
  std::string all;
  char buffer[7];
  for (;;) {
    const ssize_t got = screen.read(buffer, sizeof buffer, std::ref(received));
    if (got < 0) return errno == EPROTO ? "refused" : "failed";
    if (got == 0) return all;
    all.append(buffer, static_cast<std::size_t>(got));
  }
}

TEST(RequestScreen, PassesEveryByteOfAReadableRequestAndOfAllThatFollows) {
  dicom::RequestScreen screen;
  const std::string bytes = request_with("") + support::release_request();
  EXPECT_EQ(read_through(screen, bytes), bytes);
  EXPECT_FALSE(screen.has_bytes());
}

TEST(RequestScreen, PassesWhatIsNoRequest) {
  for (const std::string& bytes : {support::release_request(), std::string("GET / HTTP/1.1\r\n\r\n"), std::string("\1"),
                                   request_with("").substr(0, 100), std::string("\1\0\xff\xff\xff\xff twice", 12)}) {
    dicom::RequestScreen screen;
    EXPECT_EQ(read_through(screen, bytes), bytes);
  }
}

TEST(RequestScreen, RefusesForGood) {
  dicom::RequestScreen screen;
  const std::string bad = request_with(item(0x56, "\1"));
  EXPECT_EQ(read_through(screen, bad), "refused");
  EXPECT_EQ(read_through(screen, request_with("")), "refused");
}

}  // namespace
