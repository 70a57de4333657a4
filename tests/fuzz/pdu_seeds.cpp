// Writes what peers say to the acceptor, good and bad, into the folder that it is given, as pdu_fuzz.cpp reads it, for
// make_seeds and the corpus.
#include <filesystem>
#include <fstream>

#include "tests/support/raw_client.h"

namespace {

using support::element;
using support::item;
using support::little_endian;

constexpr const char* kMrImage = "1.2.840.10008.5.1.4.1.1.4";
constexpr const char* kCommitment = "1.2.840.10008.1.20.1";
constexpr const char* kImplicit = "1.2.840.10008.1.2";
// How pdu_fuzz.cpp is to begin: its Plan.
const std::string kNothing("\0", 1), kAssociated("\1"), kMessages("\2");
const std::string kMessagesOfReporter("\x22"), kMessagesWhenFull("\x42"), kMessagesReportedAtOnce("\x82");

const std::string kAbort("\7\0\0\0\0\4\0\0\0\0", 10);

std::string request(const std::string& user_items) {
  return support::associate_request("HERALD", "SCANNER",
                                    {{1, kMrImage, {kImplicit, "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.80"}},
                                     {3, kCommitment, {kImplicit}},
                                     {255, "1.2.3.4", {"1.2.3"}}},
                                    user_items);
}

std::string with_length(const std::string& text) { return support::big_endian(text.size(), 2) + text; }

// One of every kind that PS3.7 annex D and PS3.8 know.
std::string all_user_items() {
  return item(0x53, std::string("\0\1\0\1", 4)) + item(0x54, with_length(kCommitment) + std::string("\1\1", 2)) +
         item(0x55, "VERSION") + item(0x56, with_length(kMrImage) + std::string("\2\0\1\0\3\0", 6)) +
         item(0x57, with_length(kMrImage) + with_length("1.2.840.10008.4.2") + with_length(with_length(kMrImage))) +
         item(0x58, std::string("\2\1", 2) + with_length("user") + with_length("word"));
}

// A fragment as pdu_fuzz.cpp makes one. Control: 1 command, 2 last.
std::string fragment(char context, char control, const std::string& bytes) {
  return std::string{context, control} + with_length(bytes);
}

std::string commitment_command(int field, const std::string& elements) {
  return support::command_set(elements + element(0x00000100, little_endian(static_cast<unsigned>(field), 2)) +
                              element(0x00000110, little_endian(1, 2)) + element(0x00000800, little_endian(1, 2)));
}

std::string action() {
  return commitment_command(0x0130, element(0x00000003, kCommitment) + element(0x00001001, "1.2.840.10008.1.20.1.1") +
                                        element(0x00001008, little_endian(1, 2)));
}

std::string event() {
  return commitment_command(0x0100, element(0x00000002, kCommitment) + element(0x00001000, "1.2.840.10008.1.20.1.1") +
                                        element(0x00001002, little_endian(1, 2)));
}

std::string event_response() {
  return support::command_set(element(0x00000100, little_endian(0x8100, 2)) + element(0x00000120, little_endian(1, 2)) +
                              element(0x00000800, little_endian(0x0101, 2)) + element(0x00000900, little_endian(0, 2)));
}

std::string references() {
  const std::string object = element(0x00081150, kMrImage) + element(0x00081155, "1.2.3");
  return element(0x00081195, "2.25.1") + element(0x00081199, element(0xfffee000, object));
}

struct Seed {
  const char* name;
  std::string bytes;
};

std::vector<Seed> requests() {
  return {
      {"request", kNothing + request("") + support::release_request()},
      {"request_with_all_items", kNothing + request(all_user_items()) + kAbort},
      {"request_twice", kNothing + request("") + request("")},
      {"request_cut_off", kNothing + request(all_user_items()).substr(0, 300)},
      {"request_of_nobody", kNothing + support::associate_request("HERALD", "NOBODY", {{1, kMrImage, {kImplicit}}})},
      {"request_without_contexts", kNothing + support::associate_request("HERALD", "SCANNER", {})},
      {"request_of_another_protocol", kNothing + std::string("GET / HTTP/1.1\r\n\r\n")},
      {"abort_before_the_request", kNothing + kAbort},
      {"abort_before_the_request_too_long", kNothing + kAbort.substr(0, 5) + "\15cd"},
      {"release_before_the_request", kNothing + support::release_request()},
      {"four_gigabytes", kAssociated + std::string("\4\0\xff\xff\xff\xff", 6) + std::string(100, 'a')},
      {"echo_and_release",
       kAssociated + support::data_pdu(3, 3, support::echo_command(7)) + support::release_request()},
      {"two_fragments_in_a_pdu", kAssociated + std::string("\4\0\0\0\0\24\0\0\0\6\3\1abcd\0\0\0\6\3\3efgh", 26)}};
}

std::vector<Seed> messages() {
  const std::string store = fragment(1, 3, support::store_command(1, kMrImage, "1.2.3"));
  const std::string halves = fragment(1, 0, std::string(30, 'a')) + fragment(1, 2, std::string(31, 'b'));
  const std::string asked = fragment(5, 3, action()) + fragment(5, 2, references());
  const std::string told = fragment(5, 3, event()) + fragment(5, 2, references());
  return {{"store", kMessages + store + halves + store + halves},
          {"store_when_full", kMessagesWhenFull + store + halves},
          {"store_of_a_reporter", kMessagesOfReporter + store + halves},
          {"store_cut_off", kMessages + store + fragment(1, 0, std::string(30, 'a'))},
          {"store_on_two_contexts", kMessages + store + fragment(3, 2, std::string(30, 'a'))},
          {"store_without_data", kMessages + fragment(1, 3, support::store_command(1, kMrImage, "1.2.3", false))},
          {"store_of_no_uid", kMessages + fragment(1, 3, support::store_command(1, kMrImage, "../../x")) + halves},
          {"command_in_fragments", kMessages + fragment(3, 1, support::echo_command(7).substr(0, 20)) +
                                       fragment(3, 3, support::echo_command(7).substr(20))},
          {"commitment_asked", kMessagesReportedAtOnce + asked + fragment(5, 3, event_response())},
          {"commitment_told_later", kMessages + asked + told},
          {"commitment_of_a_reporter", kMessagesOfReporter + told + asked}};
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 2;
  for (const auto& seeds : {requests(), messages()})
    for (const Seed& seed : seeds)
      std::ofstream(std::filesystem::path(arguments[1]) / seed.name, std::ios::binary) << seed.bytes;
  return 0;
}
