#include "server/workers.h"

#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "dicom/output/object.h"
#include "server/context.h"
#include "server/job.h"
#include "server/log.h"

extern char** environ;

namespace server {
namespace {

constexpr std::chrono::seconds kRestartPause{1};
constexpr timespec kLookAgain{0, 200'000'000};

// True when SIGTERM came; else waits a moment.
bool told_to_stop(const sigset_t& signals) { return sigtimedwait(&signals, nullptr, &kLookAgain) == SIGTERM; }
bool told_to_stop_already(const sigset_t& signals) {
  constexpr timespec kNow{0, 0};
  return sigtimedwait(&signals, nullptr, &kNow) == SIGTERM;
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return fmt::format("killed by signal {}", WTERMSIG(status));
  return fmt::format("exit {}", WEXITSTATUS(status));
}

pid_t spawn(const std::filesystem::path& settings_file) {
  const std::string program = "/proc/self/exe";  // not its name: the package may have been upgraded meanwhile
  const std::string parent = std::to_string(getpid());
  const std::string settings = settings_file.string();
  std::array<const char*, 7> arguments{program.c_str(), "worker",       "--config", settings.c_str(),
                                       "--parent",      parent.c_str(), nullptr};
  pid_t pid = 0;
  const int error =
      posix_spawn(&pid, program.c_str(), nullptr, nullptr, const_cast<char* const*>(arguments.data()), environ);
  if (error != 0) throw Failure{{std::string("start a worker: ") + std::strerror(error)}};
  return pid;
}

}  // namespace

std::string worker_owner(pid_t pid) { return fmt::format("worker {}", pid); }

int run_worker(const std::filesystem::path& settings_file, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // a worker never outlives its service: its leases would look alive
  if (getppid() != parent) return 1;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGINT, SIG_IGN);  // Ctrl-C in a terminal reaches the whole group; the service decides

  config::Settings settings = need(config::load_settings(settings_file), "read the settings");
  log::open(settings.logging);
  dicom::warm_up_writers();
  Context context = open_context(std::move(settings));
  const std::string owner = worker_owner(getpid());
  const auto lease_s = static_cast<unsigned>(context.settings.job_lease.count());
  while (true) {
    alarm(lease_s);  // a job that outlasts its lease is nobody's any more: SIGALRM ends this process
    const bool worked = run_next_job(context, owner);
    alarm(0);
    if (worked ? told_to_stop_already(signals) : told_to_stop(signals)) return 0;
  }
}

void Workers::start_missing(std::chrono::steady_clock::time_point at) {
  if (running_.size() >= count_ ||
      (last_end_ != std::chrono::steady_clock::time_point{} && at - last_end_ < kRestartPause))
    return;
  while (running_.size() < count_) {
    const pid_t pid = spawn(settings_file_);
    running_[pid] = at;
    log::worker_started(pid);
  }
}

void Workers::reap(const std::function<void(pid_t, const std::string&)>& ended) {
  int status = 0;
  for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
    if (running_.erase(pid) == 0) continue;
    last_end_ = std::chrono::steady_clock::now();
    ended(pid, how_it_ended(status));
  }
}

void Workers::stop(std::chrono::seconds patience) {
  for (const auto& [pid, since] : running_) kill(pid, SIGTERM);
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!running_.empty()) {
    const bool out_of_patience = std::chrono::steady_clock::now() >= until;
    for (auto worker = running_.begin(); worker != running_.end();) {
      if (out_of_patience) kill(worker->first, SIGKILL);
      const pid_t gone = waitpid(worker->first, nullptr, out_of_patience ? 0 : WNOHANG);
      worker = gone == 0 ? std::next(worker) : running_.erase(worker);
    }
    if (!running_.empty()) usleep(20'000);
  }
}

}  // namespace server
