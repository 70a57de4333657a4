#include "server/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <initializer_list>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

namespace server::log {
namespace {

using Field = std::pair<const char*, nlohmann::json>;

struct Log {
  std::shared_ptr<spdlog::logger> logger;
  bool json = false;
};

Log& current() {
  static Log log = [] {
    auto logger = std::make_shared<spdlog::logger>("herald", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
    return Log{logger, false};
  }();
  return log;
}

// Peers choose their AE titles: what came from outside is kept printable and short.
std::string clean(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 512)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return out;
}

void event(spdlog::level::level_enum level, const char* code, const std::string& sentence,
           std::initializer_list<Field> fields) {
  Log& log = current();
  if (!log.logger->should_log(level)) return;
  if (!log.json) {
    log.logger->log(level, clean(sentence));
    return;
  }
  nlohmann::json line{{"event", code}, {"message", clean(sentence)}};
  for (const auto& [name, value] : fields) line[name] = value;
  const std::string members = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  log.logger->log(level, members.substr(1));  // the pattern writes the opening brace with time and level
}

constexpr auto kInfo = spdlog::level::info;
constexpr auto kWarn = spdlog::level::warn;
constexpr auto kError = spdlog::level::err;

std::string counted(std::size_t n, std::string_view noun) { return fmt::format("{} {}{}", n, noun, n == 1 ? "" : "s"); }

}  // namespace

void open(const config::Logging& logging) {
  spdlog::sink_ptr sink;
  if (logging.file.empty()) {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  } else {
    sink =
        std::make_shared<spdlog::sinks::basic_file_sink_mt>(logging.file.string());  // appends: workers write to it too
  }
  auto logger = std::make_shared<spdlog::logger>("herald", std::move(sink));
  logger->set_level(logging.level == "warn" ? kWarn : spdlog::level::from_str(logging.level));
  logger->flush_on(kInfo);
  const bool json = logging.format == config::Logging::Format::Json;
  logger->set_pattern(json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v)" : "%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  current() = Log{std::move(logger), json};
}

void flush() { current().logger->flush(); }

void service_started(std::string_view ae_title, int port, std::size_t instances, std::string_view version) {
  event(kInfo, "service_started",
        fmt::format("Herald {} listens as {} on port {}; {} in the index", version, ae_title, port,
                    counted(instances, "instance")),
        {{"ae_title", ae_title}, {"port", port}, {"instances", instances}, {"version", version}});
}
void service_stopping(std::string_view why) {
  event(kInfo, "service_stopping", fmt::format("stopping: {}", why), {{"why", why}});
}
void service_stopped() { event(kInfo, "service_stopped", "stopped", {}); }
void worker_started(int pid) { event(kInfo, "worker_started", fmt::format("worker {} started", pid), {{"pid", pid}}); }
void worker_ended(int pid, std::string_view how, std::size_t leases) {
  event(kWarn, "worker_ended", fmt::format("worker {} ended ({}); {} returned", pid, how, counted(leases, "lease")),
        {{"pid", pid}, {"how", how}, {"leases", leases}});
}
void reconciled(std::size_t swept, std::size_t indexed, std::size_t missing) {
  event(swept + indexed + missing == 0 ? kInfo : kWarn, "reconciled",
        fmt::format("files and index compared: {} unfinished removed, {} indexed again, {} missing", swept,
                    counted(indexed, "file"), counted(missing, "file")),
        {{"swept", swept}, {"indexed", indexed}, {"missing", missing}});
}
void instance_corrupt(std::string_view uid, std::string_view why) {
  event(kError, "instance_corrupt", fmt::format("instance {} moved to quarantine: {}", uid, why),
        {{"instance", uid}, {"why", why}});
}
void leases_returned(std::size_t jobs, std::string_view why) {
  event(kWarn, "leases_returned", fmt::format("{} returned to the queue: {}", counted(jobs, "job"), why),
        {{"jobs", jobs}, {"why", why}});
}
void clock_set_back(std::size_t rows) {
  event(kWarn, "clock_set_back", fmt::format("the clock was set back: {} moved to now", counted(rows, "waiting row")),
        {{"rows", rows}});
}
void destination_unknown(std::string_view destination, std::size_t waiting) {
  event(kWarn, "destination_unknown",
        fmt::format("{} wait for destination {}, which the settings do not name", counted(waiting, "object"),
                    destination),
        {{"destination", destination}, {"waiting", waiting}});
}
void trouble(std::string_view where, std::string_view what) {
  event(kError, "trouble", fmt::format("{}: {}", where, what), {{"where", where}, {"what", what}});
}

void association_opened(std::uint64_t association, std::string_view calling) {
  event(spdlog::level::debug, "association_opened", fmt::format("association {} from {}", association, calling),
        {{"association", association}, {"calling", clean(calling)}});
}
void association_closed(std::uint64_t association, std::string_view how, std::size_t stored, std::size_t refused) {
  event(kInfo, "association_closed",
        fmt::format("association {} {}: {} stored, {} refused", association, how, counted(stored, "image"), refused),
        {{"association", association}, {"how", how}, {"stored", stored}, {"refused", refused}});
}
void association_rejected(std::string_view calling, std::string_view called, std::string_view why) {
  event(kWarn, "association_rejected",
        fmt::format("association rejected, calling {} called {}: {}", calling, called, why),
        {{"calling", clean(calling)}, {"called", clean(called)}, {"why", why}});
}
void tls_refused(std::string_view address, std::string_view why) {
  event(kWarn, "tls_refused", fmt::format("connection from {} refused: {}", address, why),
        {{"address", address}, {"why", clean(why)}});
}
void tls_listening(int port, std::string_view certificate, std::string_view until) {
  event(kInfo, "tls_listening",
        fmt::format("TLS on port {}, with the certificate of {}, valid until {}", port, certificate, until),
        {{"port", port}, {"certificate", certificate}, {"until", until}});
}
void tls_reloaded(std::string_view certificate, std::string_view until) {
  event(kInfo, "tls_reloaded",
        fmt::format("files of TLS read again: certificate of {}, valid until {}", certificate, until),
        {{"certificate", certificate}, {"until", until}});
}
void tls_reload_failed(std::string_view why) {
  event(kError, "tls_reload_failed", fmt::format("files of TLS not taken, the old ones stay in force: {}", why),
        {{"why", why}});
}
void certificate_expires(std::string_view file, std::string_view certificate, std::string_view until, long days) {
  event(kWarn, "certificate_expires",
        days < 0 ? fmt::format("certificate of {} in {} has expired on {}", certificate, file, until)
                 : fmt::format("certificate of {} in {} expires on {}, in {}", certificate, file, until,
                               counted(static_cast<std::size_t>(days), "day")),
        {{"file", file}, {"certificate", certificate}, {"until", until}, {"days", days}});
}
void instance_stored(std::uint64_t association, std::string_view uid, std::uint64_t bytes) {
  event(spdlog::level::debug, "instance_stored",
        fmt::format("association {}: instance {} stored, {} bytes", association, uid, bytes),
        {{"association", association}, {"instance", uid}, {"bytes", bytes}});
}
void instance_set_aside(std::string_view uid) {
  event(kWarn, "instance_set_aside", fmt::format("instance {} came again with other bytes: kept aside", uid),
        {{"instance", uid}});
}
void instance_quarantined(std::uint64_t association, std::string_view why) {
  event(kWarn, "instance_quarantined", fmt::format("association {}: a data set is quarantined: {}", association, why),
        {{"association", association}, {"why", clean(why)}});
}
void instance_refused(std::string_view uid, std::string_view why) {
  event(kWarn, "instance_refused", fmt::format("instance {} refused: {}", uid, why), {{"instance", uid}, {"why", why}});
}

void study_grouped(std::string_view study, std::size_t instances, std::size_t acquisitions, std::size_t queued,
                   std::size_t waiting, bool quiet) {
  event(kInfo, "study_grouped",
        fmt::format("study {}: {} in {}, {} queued, {} waiting{}", study, counted(instances, "instance"),
                    counted(acquisitions, "acquisition"), counted(queued, "job"), waiting,
                    quiet ? ", quiet period over" : ""),
        {{"study", study},
         {"instances", instances},
         {"acquisitions", acquisitions},
         {"queued", queued},
         {"waiting", waiting},
         {"quiet", quiet}});
}
void job_done(std::int64_t job, std::string_view kind, std::string_view slot, std::size_t objects,
              std::chrono::milliseconds took) {
  event(kInfo, "job_done",
        fmt::format("job {} done: {} {}, {} in {} ms", job, kind, slot, counted(objects, "object"), took.count()),
        {{"job", job}, {"kind", kind}, {"slot", slot}, {"objects", objects}, {"ms", took.count()}});
}
void map_took(std::int64_t job, std::chrono::milliseconds reading, std::chrono::milliseconds aligning,
              std::chrono::milliseconds fitting, std::chrono::milliseconds writing) {
  event(spdlog::level::debug, "map_took",
        fmt::format("job {} took {} ms to read, {} ms to align, {} ms to fit, {} ms to write", job, reading.count(),
                    aligning.count(), fitting.count(), writing.count()),
        {{"job", job},
         {"reading_ms", reading.count()},
         {"aligning_ms", aligning.count()},
         {"fitting_ms", fitting.count()},
         {"writing_ms", writing.count()}});
}
void map_left_out(std::int64_t job, std::string_view slot, std::string_view why) {
  event(kWarn, "map_left_out",
        fmt::format("job {} left something out{}{}: {}", job, slot.empty() ? "" : " of ", slot, why),
        {{"job", job}, {"slot", slot}, {"why", clean(why)}});
}
void job_refused(std::int64_t job, std::string_view kind, std::string_view why) {
  event(kWarn, "job_refused", fmt::format("job {} refused ({}): {}", job, kind, why),
        {{"job", job}, {"kind", kind}, {"why", clean(why)}});
}
void job_failed(std::int64_t job, std::string_view kind, std::string_view why, int attempts, bool dead) {
  event(dead ? kError : kWarn, "job_failed",
        fmt::format("job {} failed ({}), attempt {}{}: {}", job, kind, attempts, dead ? ", given up" : "", why),
        {{"job", job}, {"kind", kind}, {"why", clean(why)}, {"attempts", attempts}, {"dead", dead}});
}

void facts_stated(std::string_view study, std::size_t facts, std::string_view how) {
  event(kInfo, "facts_stated", fmt::format("study {}: {} stated by {}", study, counted(facts, "fact"), how),
        {{"study", study}, {"facts", facts}, {"how", how}});
}
void http_listening(std::string_view address, int port) {
  event(kInfo, "http_listening", fmt::format("HTTP on {} port {}", address, port),
        {{"address", address}, {"port", port}});
}
void http_refused(std::string_view why) {
  event(kWarn, "http_refused", fmt::format("an HTTP request was refused: {}", why), {{"why", clean(why)}});
}

void pacs_answered(std::string_view study, std::size_t series, std::size_t to_fetch) {
  event(kInfo, "pacs_answered",
        fmt::format("study {}: the PACS has {} series, {} to be fetched", study, series, to_fetch),
        {{"study", study}, {"series", series}, {"to_fetch", to_fetch}});
}
void pacs_silent(std::string_view study, std::string_view why, int failures, bool given_up) {
  event(kWarn, "pacs_silent",
        fmt::format("study {}: the PACS did not say what it has, attempt {}{}: {}", study, failures,
                    given_up ? ", given up" : "", why),
        {{"study", study}, {"why", clean(why)}, {"failures", failures}, {"given_up", given_up}});
}
void series_fetched(std::string_view study, std::string_view series, std::size_t images, int attempt,
                    std::string_view problem) {
  event(problem.empty() ? kInfo : kWarn, "series_fetched",
        fmt::format("study {}: series {} fetched from the PACS, attempt {}: {}{}{}", study, series, attempt,
                    counted(images, "image"), problem.empty() ? "" : ": ", problem),
        {{"study", study}, {"series", series}, {"images", images}, {"attempt", attempt}, {"problem", clean(problem)}});
}

void delivered(std::string_view destination, std::string_view study, std::size_t instances) {
  event(kInfo, "delivered",
        fmt::format("{} of study {} delivered to {}", counted(instances, "object"), study, destination),
        {{"destination", destination}, {"study", study}, {"instances", instances}});
}
void delivery_postponed(std::string_view destination, std::string_view study, std::size_t instances,
                        std::string_view why, std::chrono::milliseconds retry_in) {
  event(kWarn, "delivery_postponed",
        fmt::format("{} of study {} not delivered to {}: {}; again in {} s", counted(instances, "object"), study,
                    destination, why, retry_in.count() / 1000),
        {{"destination", destination},
         {"study", study},
         {"instances", instances},
         {"why", clean(why)},
         {"retry_ms", retry_in.count()}});
}
void delivery_replaced(std::string_view destination, std::string_view uid, std::size_t replaced, std::size_t objects,
                       std::string_view kind, std::string_view why) {
  event(kWarn, "delivery_replaced",
        fmt::format("object {} will not reach {}: {}; {} replaced by {} of kind {}", uid, destination, why,
                    counted(replaced, "object"), objects, kind),
        {{"destination", destination},
         {"instance", uid},
         {"replaced", replaced},
         {"objects", objects},
         {"kind", kind},
         {"why", clean(why)}});
}
void delivery_dead(std::string_view destination, std::string_view uid, int status, std::string_view why) {
  event(kError, "delivery_dead", fmt::format("object {} will not reach {}: {}", uid, destination, why),
        {{"destination", destination}, {"instance", uid}, {"status", status}, {"why", clean(why)}});
}

void sent(std::string_view destination, std::string_view study, std::size_t instances) {
  event(kInfo, "sent",
        fmt::format("{} of study {} stored by {}, to be confirmed", counted(instances, "object"), study, destination),
        {{"destination", destination}, {"study", study}, {"instances", instances}});
}
void confirmed(std::string_view destination, std::string_view study, std::size_t instances, std::string_view proof) {
  event(kInfo, "delivered",
        fmt::format("{} of study {} delivered to {}, confirmed by {}", counted(instances, "object"), study, destination,
                    proof),
        {{"destination", destination}, {"study", study}, {"instances", instances}, {"proof", proof}});
}
void confirmation_postponed(std::string_view destination, std::string_view study, std::size_t instances,
                            std::string_view why, std::chrono::milliseconds retry_in) {
  event(kWarn, "confirmation_postponed",
        fmt::format("{} of study {} not confirmed by {}: {}; again in {} s", counted(instances, "object"), study,
                    destination, why, retry_in.count() / 1000),
        {{"destination", destination},
         {"study", study},
         {"instances", instances},
         {"why", clean(why)},
         {"retry_ms", retry_in.count()}});
}
void unconfirmed_accepted(std::string_view destination, std::string_view study, std::size_t instances,
                          std::string_view why) {
  event(kWarn, "unconfirmed_accepted",
        fmt::format("{} of study {} count as delivered to {} by its answer alone, as the settings say; asked for more: "
                    "{}",
                    counted(instances, "object"), study, destination, why),
        {{"destination", destination}, {"study", study}, {"instances", instances}, {"why", clean(why)}});
}
void destination_down(std::string_view destination, int failures, std::string_view why,
                      std::chrono::milliseconds probe_in) {
  event(kWarn, "destination_down",
        fmt::format(
            "{} counts as down after {} in a row: {}; nothing is sent there until it answers, asked again in {} s",
            destination, counted(static_cast<std::size_t>(failures), "failure"), why, probe_in.count() / 1000),
        {{"destination", destination}, {"failures", failures}, {"why", clean(why)}, {"retry_ms", probe_in.count()}});
}
void destination_back(std::string_view destination, std::size_t due) {
  event(kInfo, "destination_back",
        fmt::format("{} answers again; {} due earlier than planned", destination, counted(due, "object")),
        {{"destination", destination}, {"due", due}});
}
void deliveries_given_up(std::string_view destination, std::size_t instances, std::string_view why) {
  event(kError, "deliveries_given_up",
        fmt::format("{} will not reach {}: {}", counted(instances, "object"), destination, why),
        {{"destination", destination}, {"instances", instances}, {"why", clean(why)}});
}

void commitment_asked(std::string_view destination, std::string_view study, std::string_view transaction,
                      std::size_t instances) {
  event(kInfo, "commitment_asked",
        fmt::format("{} asked to commit to {} of study {}, transaction {}", destination, counted(instances, "object"),
                    study, transaction),
        {{"destination", destination}, {"study", study}, {"transaction", transaction}, {"instances", instances}});
}
void commitment_answered(std::string_view destination, std::string_view transaction, std::size_t committed,
                         std::size_t failed, std::string_view why) {
  event(failed == 0 ? kInfo : kWarn, "commitment_answered",
        fmt::format("{} keeps {} of transaction {} and does not keep {}{}{}", destination, counted(committed, "object"),
                    transaction, failed, why.empty() ? "" : ", the first because ", why),
        {{"destination", destination},
         {"transaction", transaction},
         {"committed", committed},
         {"failed", failed},
         {"why", clean(why)}});
}
void commitment_unknown(std::string_view calling, std::string_view transaction) {
  event(kWarn, "commitment_unknown",
        fmt::format("{} reports on transaction {}, which is none of ours", clean(calling), transaction),
        {{"calling", clean(calling)}, {"transaction", transaction}});
}
void commitment_malformed(std::string_view calling, std::string_view why) {
  event(kWarn, "commitment_malformed",
        fmt::format("{} sent a message of storage commitment that cannot be read: {}", clean(calling), why),
        {{"calling", clean(calling)}, {"why", clean(why)}});
}
void commitment_requested(std::string_view calling, std::string_view transaction, std::size_t instances) {
  event(kInfo, "commitment_requested",
        fmt::format("{} asks for commitment to {}, transaction {}", clean(calling), counted(instances, "object"),
                    transaction),
        {{"calling", clean(calling)}, {"transaction", transaction}, {"instances", instances}});
}
void commitment_reported(std::string_view calling, std::string_view transaction, std::size_t committed,
                         std::size_t failed, std::string_view where) {
  event(failed == 0 ? kInfo : kWarn, "commitment_reported",
        fmt::format("{} was told on the {} association that {} of transaction {} are kept and {} are not",
                    clean(calling), where, committed, transaction, failed),
        {{"calling", clean(calling)},
         {"transaction", transaction},
         {"committed", committed},
         {"failed", failed},
         {"where", where}});
}
void commitment_report_postponed(std::string_view calling, std::string_view transaction, std::string_view why,
                                 std::chrono::milliseconds retry_in) {
  event(
      kWarn, "commitment_report_postponed",
      fmt::format("report on transaction {} did not reach {}: {}; again in {} s", transaction, clean(calling), why,
                  retry_in.count() / 1000),
      {{"calling", clean(calling)}, {"transaction", transaction}, {"why", clean(why)}, {"retry_ms", retry_in.count()}});
}
void commitment_report_dead(std::string_view calling, std::string_view transaction, std::string_view why) {
  event(kError, "commitment_report_dead",
        fmt::format("report on transaction {} will not reach {}: {}", transaction, clean(calling), why),
        {{"calling", clean(calling)}, {"transaction", transaction}, {"why", clean(why)}});
}

}  // namespace server::log
