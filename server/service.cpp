#include "server/service.h"

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "dicom/network/acceptor.h"
#include "dicom/output/object.h"
#include "server/certificates.h"
#include "server/clinical_http.h"
#include "server/commitment_desk.h"
#include "server/confirmation.h"
#include "server/delivery.h"
#include "server/folder_lock.h"
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

// Everything that lives on the one Asio thread: signals, timers, the schedule of groupings, the workers' processes.
class Service {
 public:
  Service(Context& context, const std::filesystem::path& settings_file)
      : context_(context),
        ingest_(context.store, database_file(context.settings)),
        desk_(context.settings, database_file(context.settings)),
        workers_(context.settings.workers, settings_file) {}

  void run() {
    signals_.add(SIGHUP);  // read certificates again
    log_start();
    need(storage::Commitments(context_.database).hurry_first_reports(now()), "look at commitments");
    acceptor_ =
        need(dicom::Acceptor::start(acceptor_options(), ingest_, offers_commitment() ? &desk_ : nullptr), "listen");
    log::service_started(context_.settings.receive.ae_title, acceptor_->port(),
                         need(storage::Index(context_.database).count(), "count"), version());
    certificates_.emplace(context_.settings, *acceptor_, std::chrono::floor<std::chrono::seconds>(now()));
    name_orphans();
    for (const config::Destination& destination : context_.settings.destinations) {
      couriers_.push_back(std::make_unique<Courier>(destination, database_file(context_.settings), desk_));
    }
    reporter_ = std::make_unique<Reporter>(desk_, database_file(context_.settings));
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
    comparison_ = std::jthread([this](const std::stop_token& stop) { compare_files_with_index(stop); });
    wait_for_signals();
    tick();
    io_.run();
    shut_down();
  }

 private:
  [[nodiscard]] bool offers_commitment() const {
    return context_.settings.commitment || !acceptor_options().reporting_ae_titles.empty();
  }

  // Whoever is asked for commitment has to be able to report it, also where it may not store here.
  [[nodiscard]] dicom::AcceptorOptions acceptor_options() const {
    dicom::AcceptorOptions options = context_.settings.receive;
    for (const config::Destination& destination : context_.settings.destinations)
      if (std::ranges::count(destination.confirm.by, config::Confirm::Commitment) > 0)
        options.reporting_ae_titles.push_back(destination.peer.ae_title);
    return options;
  }

  void log_start() {
    swept_ = need(context_.store.sweep_incoming(), "sweep unfinished receptions");
    const auto returned = need(storage::JobQueue(context_.database).release("", now()), "take leases back");
    if (!returned.empty()) log::leases_returned(returned.size(), "they were held when the service ended");
  }

  // Beside everything else: with a hundred thousand files it takes seconds, in which scanners are served already. Only
  // studies are not looked at before its end.
  void compare_files_with_index(const std::stop_token& stop) {
    try {
      storage::Database database = need(storage::Database::open(database_file(context_.settings)), "open the database");
      const Reconciled done =
          reconcile(context_.store, database, Reading::Names, [&] { return stop.stop_requested(); });
      if (!stop.stop_requested()) log::reconciled(swept_, done.indexed, done.missing);
    } catch (const Failure& failure) {
      log::trouble("reconcile", failure.error.what);
    } catch (const std::exception& e) {
      log::trouble("reconcile", e.what());
    }
    compared_ = true;
  }

  // Results for a destination that the settings no longer name would wait for ever in silence.
  void name_orphans() {
    for (const auto& row : need(storage::Outbox(context_.database).summary(), "summarise the outbox")) {
      const auto& known = context_.settings.destinations;
      const bool named = std::any_of(known.begin(), known.end(),
                                     [&](const auto& destination) { return destination.name == row.destination; });
      const auto open = row.waiting + row.sent;
      if (!named && open > 0) log::destination_unknown(row.destination, open);
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
      if (const auto swept = context_.store.sweep_work_of(pid); !swept) log::trouble("sweep", swept.error().what);
      log::worker_ended(pid, how, returned ? returned->size() : 0);
    });
  }

  void tick() {
    timer_.expires_after(kTick);
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      try {
        if (compared_) look_at_studies();
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
      longest = std::max<storage::Duration>({longest, destination.longest_retry, destination.confirm.timeout});
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
    comparison_ = {};
    http_.reset();
    inquirer_.reset();
    acceptor_->stop();
    couriers_.clear();
    reporter_.reset();
    workers_.stop(kPatience);
    log::service_stopped();
    log::flush();
  }

  Context& context_;
  std::size_t swept_ = 0;  // unfinished receptions
  std::atomic<bool> compared_ = false;
  Ingest ingest_;
  CommitmentDesk desk_;
  std::unique_ptr<dicom::Acceptor> acceptor_;
  std::optional<CertificateWatch> certificates_;
  std::vector<std::unique_ptr<Courier>> couriers_;
  std::unique_ptr<Reporter> reporter_;
  std::unique_ptr<Inquirer> inquirer_;
  Workers workers_;
  boost::asio::io_context io_{1};
  boost::asio::signal_set signals_{io_, SIGTERM, SIGINT, SIGCHLD};
  boost::asio::steady_timer timer_{io_};
  std::unique_ptr<HttpServer> http_;
  std::chrono::steady_clock::time_point next_sweep_ = std::chrono::steady_clock::now();
  std::jthread comparison_;
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
