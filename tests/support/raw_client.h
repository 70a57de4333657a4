#pragma once
// A client that says whatever it is told to, byte by byte.
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace support {

class RawClient {
 public:
  enum class Nagle { On, Off };  // the system's default, and what storescu does when told so
  explicit RawClient(std::uint16_t port, Nagle nagle = Nagle::On);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void send(const std::string& bytes);
  void hang_up();                      // the sending half only
  std::string read(std::size_t size);  // fewer at the end of the connection
  std::string read_pdu();              // empty at the end of the connection
  std::string read_to_the_end();
  // Waits for the end of the connection that long, passing over what comes before it; true when it came.
  bool hung_up_within(std::chrono::milliseconds patience);

 private:
  int socket_;
};

struct RawContext {
  std::uint8_t id;
  std::string abstract_syntax;
  std::vector<std::string> transfer_syntaxes;
};

std::string big_endian(std::uint64_t value, int bytes);
std::string little_endian(std::uint64_t value, int bytes);
// An item of an association request or of what stands within it.
std::string item(std::uint8_t type, const std::string& content);
// `user_items` stand behind those that every request has: maximum length and implementation class.
std::string associate_request(const std::string& called, const std::string& calling,
                              const std::vector<RawContext>& contexts, const std::string& user_items = {});
// P-DATA-TF with one fragment. `control`: 1 command, 2 last.
std::string data_pdu(std::uint8_t context, std::uint8_t control, const std::string& bytes);
// An element as a data set in implicit little endian has it, and a command set of such elements with its group length.
std::string element(std::uint32_t tag, std::string value);
std::string command_set(const std::string& elements);
std::string echo_command(std::uint16_t message);
std::string store_command(std::uint16_t message, const std::string& sop_class, const std::string& sop_instance,
                          bool with_data = true);
std::string release_request();
// Status of a C-STORE-RSP or C-ECHO-RSP as P-DATA-TF; -1 when it is something else.
int status_in(const std::string& pdu);
// Result and transfer syntax of each context in an A-ASSOCIATE-AC, as "id:result:syntax".
std::vector<std::string> contexts_in(const std::string& pdu);

}  // namespace support
