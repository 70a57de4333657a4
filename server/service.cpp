#include "server/service.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <vector>

#include "dicom/network/acceptor.h"
#include "dicom/output/object.h"
#include "server/certificates.h"
#include "server/clinical_http.h"
#include "server/delivery.h"
#include "server/ingest.h"
#include "server/job.h"
#include "server/log.h"
#include "server/pacs.h"
#include "server/reconcile.h"
#include "server/schedule.h"
#include "server/workers.h"

namespace server {
namespace {

constexpr std::chrono::milliseconds kTick{250};
constexpr std::chrono::seconds kSweepEvery{60};
constexpr std::chrono::seconds kPatience{20};

// Two services on one folder would give each other's leases away. The lock goes with the process, however it ends.
class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder)
      : descriptor_(open((folder / "lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644)) {
    if (descriptor_ < 0 || flock(descriptor_, LOCK_EX | LOCK_NB) != 0)
      throw Failure{{"another Herald serves from " + folder.string()}};
  }
  ~FolderLock() { close(descriptor_); }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_;
};

// Everything that lives on the one Asio thread: signals, timers, the schedule of groupings, the workers' processes.
class Service {
 public:
  Service(Context& context, const std::filesystem::path& settings_file)
      : context_(context),
        ingest_(context.store, database_file(context.settings)),
        workers_(context.settings.workers, settings_file) {}

  void run() {
    signals_.add(SIGHUP);  // read certificates again
    log_start();
    acceptor_ = need(dicom::Acceptor::start(context_.settings.receive, ingest_), "listen");
    log::service_started(context_.settings.receive.ae_title, acceptor_->port(),
                         need(storage::Index(context_.database).count(), "count"), version());
    certificates_.emplace(context_.settings, *acceptor_, std::chrono::floor<std::chrono::seconds>(now()));
    name_orphans();
    for (const config::Destination& destination : context_.settings.destinations) {
      couriers_.push_back(std::make_unique<Courier>(destination, database_file(context_.settings)));
    }
    if (context_.settings.query) {
      inquirer_ = std::make_unique<Inquirer>(*context_.settings.query, context_.settings.grouping, ingest_,
                                             database_file(context_.settings));
    }
    if (context_.settings.http) {
      http_ = std::make_unique<HttpServer>(io_, *context_.settings.http, [this](const HttpRequest& request) {
        return answer_clinical(context_.database, request);
      });
    }
    workers_.start_missing(std::chrono::steady_clock::now());
    wait_for_signals();
    tick();
    io_.run();
    shut_down();
  }

 private:
  void log_start() {
    const Reconciled done = reconcile(context_);
    log::reconciled(done.swept, done.indexed, done.missing);
    const auto returned = need(storage::JobQueue(context_.database).release("", now()), "take leases back");
    if (!returned.empty()) log::leases_returned(returned.size(), "they were held when the service ended");
  }

  // Results for a destination that the settings no longer name would wait for ever in silence.
  void name_orphans() {
    for (const auto& row : need(storage::Outbox(context_.database).summary(), "summarise the outbox")) {
      const auto& known = context_.settings.destinations;
      const bool named = std::any_of(known.begin(), known.end(),
                                     [&](const auto& destination) { return destination.name == row.destination; });
      if (!named && row.waiting > 0) log::destination_unknown(row.destination, row.waiting);
    }
  }

  void wait_for_signals() {
    signals_.async_wait([this](const boost::system::error_code& error, int signal) {
      if (error) return;
      if (signal == SIGCHLD || signal == SIGHUP) {
        signal == SIGCHLD ? reap() : certificates_->reload();
        wait_for_signals();
        return;
      }
      log::service_stopping(signal == SIGINT ? "interrupted" : "told to stop");
      io_.stop();
    });
  }

  void reap() {
    workers_.reap([this](pid_t pid, const std::string& how) {
      const auto returned = storage::JobQueue(context_.database).release(worker_owner(pid), now());
      log::worker_ended(pid, how, returned ? returned->size() : 0);
    });
  }

  void tick() {
    timer_.expires_after(kTick);
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      try {
        look_at_studies();
        sweep_leases();
        workers_.start_missing(std::chrono::steady_clock::now());
      } catch (const Failure& failure) {
        log::trouble("schedule", failure.error.what);
      } catch (const std::exception& e) {
        log::trouble("schedule", e.what());
      }
      tick();
    });
  }

  void look_at_studies() {
    for (const storage::StudyState& study : need(storage::Index(context_.database).pending_studies(), "list studies")) {
      const auto look = due_look(study, ingest_.receiving(study.study_uid, context_.settings.grouping.quiet),
                                 context_.settings.grouping, now());
      if (!look) continue;
      const bool ask_first = *look == Look::Quiet && inquirer_ && !is_answered(inquiry_of(study), study);
      if (!ask_first || study.changed) queue_grouping(context_, study, *look == Look::Quiet && !ask_first);
    }
  }

  std::optional<storage::Inquiry> inquiry_of(const storage::StudyState& study) {
    return need(storage::Inquiries(context_.database).find(study.study_uid), "look up an inquiry");
  }

  void mend_clock() {
    storage::Duration longest = std::chrono::hours(1);
    for (const config::Destination& destination : context_.settings.destinations) {
      longest = std::max<storage::Duration>(longest, destination.longest_retry);
    }
    if (context_.settings.query) longest = std::max(longest, context_.settings.query->wait);
    const auto mended = need(storage::Index(context_.database).mend_times(now(), longest), "mend times");
    if (mended > 0) log::clock_set_back(mended);
  }

  void sweep_leases() {
    const auto at = std::chrono::steady_clock::now();
    if (at < next_sweep_) return;
    next_sweep_ = at + kSweepEvery;
    certificates_->look(std::chrono::floor<std::chrono::seconds>(now()));
    mend_clock();
    const auto expired = need(storage::JobQueue(context_.database).sweep(now()), "sweep leases");
    if (!expired.empty()) log::leases_returned(expired.size(), "their time was up");
  }

  void shut_down() {
    http_.reset();
    inquirer_.reset();
    acceptor_->stop();
    couriers_.clear();
    workers_.stop(kPatience);
    log::service_stopped();
    log::flush();
  }

  Context& context_;
  Ingest ingest_;
  std::unique_ptr<dicom::Acceptor> acceptor_;
  std::optional<CertificateWatch> certificates_;
  std::vector<std::unique_ptr<Courier>> couriers_;
  std::unique_ptr<Inquirer> inquirer_;
  Workers workers_;
  boost::asio::io_context io_{1};
  boost::asio::signal_set signals_{io_, SIGTERM, SIGINT, SIGCHLD};
  boost::asio::steady_timer timer_{io_};
  std::unique_ptr<HttpServer> http_;
  std::chrono::steady_clock::time_point next_sweep_ = std::chrono::steady_clock::now();
};

}  // namespace

int run_service(const std::filesystem::path& settings_file) {
  signal(SIGPIPE, SIG_IGN);  // whoever reads the log may go away
  config::Settings settings = need(config::load_settings(settings_file), "read the settings");
  log::open(settings.logging);
  dicom::warm_up_writers();
  Context context = open_context(std::move(settings));
  const FolderLock lock(context.settings.store.root);
  Service(context, settings_file).run();
  return 0;
}

}  // namespace server
