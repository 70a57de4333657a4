#pragma once
// A program of ours or a peer's, started by a test: its standard error is read line by line as it comes, it is ended by
// its process id, and nothing here waits for luck: a test waits for a line, for the end of the process, or gives up
// after a generous patience.
#include <signal.h>
#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace support {

class Child {
 public:
  // Standard output goes to `output` where given, else to /dev/null.
  explicit Child(const std::vector<std::string>& arguments, const std::filesystem::path& output = "/dev/null");
  ~Child();  // kills what still runs
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  // The next line of standard error, or nullopt when the program has closed it or `patience` is over.
  std::optional<std::string> line(std::chrono::milliseconds patience = std::chrono::seconds(60));
  // Reads lines until one satisfies; nullopt when none came.
  std::optional<std::string> wait_for(const std::function<bool(const std::string&)>& satisfies,
                                      std::chrono::milliseconds patience = std::chrono::seconds(60));
  void send(int signal) const;
  // Waits for the end: exit code, or 128 + signal.
  int wait();
  [[nodiscard]] bool running();

 private:
  void read_lines(int descriptor);

  pid_t pid_ = -1;
  std::optional<int> status_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::string> lines_;  // guarded by mutex_
  bool closed_ = false;            // guarded by mutex_
  std::thread reader_;
};

// Runs to the end and returns exit code and standard output.
struct Finished {
  int code = -1;
  std::string output;
};
Finished run(const std::vector<std::string>& arguments);

// Calls `attempt` until it is true; between attempts waits for `child` to end or a short while. False when `patience`
// is over or it ended.
bool until(Child& child, const std::function<bool()>& attempt,
           std::chrono::milliseconds patience = std::chrono::seconds(60));

// A TCP port on loopback that was free a moment ago; only for peers that cannot choose their own.
int free_port();

}  // namespace support
