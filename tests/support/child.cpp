#include "tests/support/child.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "tests/support/temp_folder.h"

extern char** environ;

namespace support {
namespace {

pid_t start(const std::vector<std::string>& arguments, const std::filesystem::path& output, int error_descriptor) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (error_descriptor >= 0) posix_spawn_file_actions_adddup2(&actions, error_descriptor, STDERR_FILENO);
  pid_t pid = -1;
  const int error = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error("cannot start " + arguments.front());
  return pid;
}

int code_of(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

}  // namespace

Child::Child(const std::vector<std::string>& arguments, const std::filesystem::path& output) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  pid_ = start(arguments, output, ends[1]);
  close(ends[1]);
  reader_ = std::thread([this, descriptor = ends[0]] { read_lines(descriptor); });
}

Child::~Child() {
  if (running()) {
    kill(pid_, SIGKILL);
    wait();
  }
  reader_.join();
}

// Always reading: a program that logs must never block on a test that does not listen.
void Child::read_lines(int descriptor) {
  FILE* stream = fdopen(descriptor, "r");
  char* text = nullptr;
  std::size_t capacity = 0;
  for (ssize_t length = getline(&text, &capacity, stream); length > 0; length = getline(&text, &capacity, stream)) {
    if (text[length - 1] == '\n') --length;
    const std::scoped_lock lock(mutex_);
    lines_.emplace_back(text, static_cast<std::size_t>(length));
    arrived_.notify_all();
  }
  free(text);
  fclose(stream);
  const std::scoped_lock lock(mutex_);
  closed_ = true;
  arrived_.notify_all();
}

std::optional<std::string> Child::line(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  arrived_.wait_for(lock, patience, [this] { return closed_ || !lines_.empty(); });
  if (lines_.empty()) return std::nullopt;
  std::string line = std::move(lines_.front());
  lines_.pop_front();
  return line;
}

std::optional<std::string> Child::wait_for(const std::function<bool(const std::string&)>& satisfies,
                                           std::chrono::milliseconds patience) {
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(give_up - std::chrono::steady_clock::now());
    auto next = line(std::max(left, std::chrono::milliseconds(0)));
    if (!next || satisfies(*next)) return next;
  }
}

void Child::send(int signal) const { kill(pid_, signal); }

int Child::wait() {
  if (!status_) {
    int status = 0;
    waitpid(pid_, &status, 0);
    status_ = code_of(status);
  }
  return *status_;
}

bool Child::running() {
  if (status_) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return true;
  status_ = code_of(status);
  return false;
}

Finished run(const std::vector<std::string>& arguments) {
  const TempFolder folder;
  const auto file = folder / "output";
  const pid_t pid = start(arguments, file, -1);
  int status = 0;
  waitpid(pid, &status, 0);
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return {code_of(status), text.str()};
}

bool until(Child& child, const std::function<bool()>& attempt, std::chrono::milliseconds patience) {
  const int process = static_cast<int>(syscall(SYS_pidfd_open, child.pid(), 0));
  const auto give_up = std::chrono::steady_clock::now() + patience;
  bool done = attempt();
  while (!done && std::chrono::steady_clock::now() < give_up) {
    pollfd ended{process, POLLIN, 0};
    if (poll(&ended, 1, 100) > 0) break;
    done = attempt();
  }
  close(process);
  return done;
}

int free_port() {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(descriptor, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("no free port");
  }
  close(descriptor);
  return ntohs(address.sin_port);
}

}  // namespace support
