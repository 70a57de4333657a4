#include "tests/support/raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

namespace support {
namespace {

std::string pdu(std::uint8_t type, const std::string& content) {
  return std::string{static_cast<char>(type), '\0'} + big_endian(content.size(), 4) + content;
}

std::string padded(std::string ae_title) {
  ae_title.resize(16, ' ');
  return ae_title;
}

std::size_t number_at(const std::string& bytes, std::size_t at, int size) {
  std::size_t value = 0;
  for (int i = 0; i < size; ++i)
    value = value << 8 | static_cast<unsigned char>(bytes.at(at + static_cast<std::size_t>(i)));
  return value;
}

}  // namespace

RawClient::RawClient(std::uint16_t port, Nagle nagle) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const int on = 1;
  if (nagle == Nagle::Off) setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(port);
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int refused = 0;
  do {
    refused = connect(socket_, reinterpret_cast<const sockaddr*>(&where), sizeof where);
  } while (refused != 0 && errno == EINTR);
  if (refused != 0 && errno != EISCONN) throw std::runtime_error("cannot connect");
}

RawClient::~RawClient() { close(socket_); }

void RawClient::send(const std::string& bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const auto sent = ::send(socket_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return;  // the node has hung up: what it said before is for the test to read
    done += static_cast<std::size_t>(sent);
  }
}

void RawClient::hang_up() { shutdown(socket_, SHUT_WR); }

std::string RawClient::read(std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const auto got = recv(socket_, bytes.data() + done, size - done, 0);
    if (got < 0 && errno == EINTR) continue;  // libFuzzer's alarm
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

std::string RawClient::read_pdu() {
  std::string head = read(6);
  return head.size() < 6 ? std::string() : head + read(number_at(head, 2, 4));
}

std::string RawClient::read_to_the_end() {
  std::string all;
  for (std::string more = read(4096); !more.empty(); more = read(4096)) all += more;
  return all;
}

bool RawClient::hung_up_within(std::chrono::milliseconds patience) {
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(give_up - std::chrono::steady_clock::now());
    pollfd readable{socket_, POLLIN, 0};
    if (left.count() <= 0 || poll(&readable, 1, static_cast<int>(left.count())) <= 0) return false;
    char bytes[4096];
    if (recv(socket_, bytes, sizeof bytes, 0) <= 0) return true;
  }
}

std::string big_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text.push_back(static_cast<char>(value >> (8 * i)));
  return text;
}

std::string little_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text.push_back(static_cast<char>(value >> (8 * i)));
  return text;
}

std::string item(std::uint8_t type, const std::string& content) {
  return std::string{static_cast<char>(type), '\0'} + big_endian(content.size(), 2) + content;
}

std::string associate_request(const std::string& called, const std::string& calling,
                              const std::vector<RawContext>& contexts, const std::string& user_items) {
  std::string items = item(0x10, "1.2.840.10008.3.1.1.1");
  for (const auto& context : contexts) {
    std::string content{static_cast<char>(context.id), '\0', '\0', '\0'};
    content += item(0x30, context.abstract_syntax);
    for (const auto& syntax : context.transfer_syntaxes) content += item(0x40, syntax);
    items += item(0x20, content);
  }
  items += item(0x50, item(0x51, big_endian(16384, 4)) + item(0x52, "1.2.826.0.1.3680043.9.1.99") + user_items);
  return pdu(0x01,
             big_endian(1, 2) + big_endian(0, 2) + padded(called) + padded(calling) + std::string(32, '\0') + items);
}

std::string data_pdu(std::uint8_t context, std::uint8_t control, const std::string& bytes) {
  return pdu(0x04, big_endian(bytes.size() + 2, 4) + static_cast<char>(context) + static_cast<char>(control) + bytes);
}

std::string element(std::uint32_t tag, std::string value) {
  if (value.size() % 2 != 0) value.push_back('\0');
  return little_endian(tag >> 16, 2) + little_endian(tag & 0xffff, 2) + little_endian(value.size(), 4) + value;
}

std::string command_set(const std::string& elements) {
  return element(0x00000000, little_endian(elements.size(), 4)) + elements;
}

std::string echo_command(std::uint16_t message) {
  return command_set(element(0x00000002, "1.2.840.10008.1.1") + element(0x00000100, little_endian(0x0030, 2)) +
                     element(0x00000110, little_endian(message, 2)) + element(0x00000800, little_endian(0x0101, 2)));
}

std::string store_command(std::uint16_t message, const std::string& sop_class, const std::string& sop_instance,
                          bool with_data) {
  return command_set(element(0x00000002, sop_class) + element(0x00000100, little_endian(1, 2)) +
                     element(0x00000110, little_endian(message, 2)) + element(0x00000700, little_endian(0, 2)) +
                     element(0x00000800, little_endian(with_data ? 1 : 0x0101, 2)) + element(0x00001000, sop_instance));
}

std::string release_request() { return pdu(0x05, std::string(4, '\0')); }

int status_in(const std::string& pdu) {
  constexpr std::size_t kHead = 12;  // of the PDU and its one fragment
  const auto number = [&](std::size_t at, int size) {
    std::size_t value = 0;
    for (int i = size - 1; i >= 0; --i)
      value = value << 8 | static_cast<unsigned char>(pdu[at + static_cast<std::size_t>(i)]);
    return value;
  };
  if (pdu.empty() || pdu[0] != 4) return -1;
  for (std::size_t at = kHead; at + 8 <= pdu.size(); at += 8 + number(at + 4, 4))
    if (number(at + 2, 2) == 0x0900 && at + 10 <= pdu.size()) return static_cast<int>(number(at + 8, 2));
  return -1;
}

std::vector<std::string> contexts_in(const std::string& pdu) {
  std::vector<std::string> found;
  for (std::size_t at = 74; at + 4 <= pdu.size(); at += 4 + number_at(pdu, at + 2, 2)) {
    if (pdu[at] != 0x21) continue;
    const auto syntax_size = number_at(pdu, at + 10, 2);
    found.push_back(std::to_string(number_at(pdu, at + 4, 1)) + ":" + std::to_string(number_at(pdu, at + 6, 1)) + ":" +
                    (pdu[at + 6] == 0 ? pdu.substr(at + 12, syntax_size) : ""));
  }
  return found;
}

}  // namespace support
