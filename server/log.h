#pragma once
// The node's log: one line per decision, made of ids and counts, never of patient data. Every event is a named
// function, so that the full list of what Herald can say stands in this file; its code is stable and can be searched
// and alarmed on.
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.h"

namespace server::log {

// Opens the log as configured. Call once; before it everything goes to standard error as text. Safe from any thread
// afterwards.
void open(const config::Logging& logging);
void flush();

// Life of the service and its workers.
void service_started(std::string_view ae_title, int port, std::size_t instances, std::string_view version);
void service_stopping(std::string_view why);
void service_stopped();
void worker_started(int pid);
void worker_ended(int pid, std::string_view how, std::size_t leases_returned);
void instance_corrupt(std::string_view sop_instance_uid, std::string_view why);
void reconciled(std::size_t swept, std::size_t indexed, std::size_t missing);
void leases_returned(std::size_t jobs, std::string_view why);
void clock_set_back(std::size_t rows);
void destination_unknown(std::string_view destination, std::size_t waiting);
void trouble(std::string_view where, std::string_view what);

// Receiving.
void association_opened(std::uint64_t association, std::string_view calling);
void association_closed(std::uint64_t association, std::string_view how, std::size_t stored, std::size_t refused);
void association_rejected(std::string_view calling, std::string_view called, std::string_view why);
// TLS: connections that came to nothing by it, our certificates, and files that were read anew or could not be.
void tls_refused(std::string_view address, std::string_view why);
void tls_listening(int port, std::string_view certificate, std::string_view until);
void tls_reloaded(std::string_view certificate, std::string_view until);
void tls_reload_failed(std::string_view why);
// `days` to the end of a certificate of ours; negative: since.
void certificate_expires(std::string_view file, std::string_view certificate, std::string_view until, long days);
void instance_stored(std::uint64_t association, std::string_view sop_instance_uid, std::uint64_t bytes);
void instance_set_aside(std::string_view sop_instance_uid);
void instance_quarantined(std::uint64_t association, std::string_view why);
void instance_refused(std::string_view sop_instance_uid, std::string_view why);

// Grouping and computing.
void study_grouped(std::string_view study, std::size_t instances, std::size_t acquisitions, std::size_t queued,
                   std::size_t waiting, bool quiet);
void job_done(std::int64_t job, std::string_view kind, std::string_view slot, std::size_t objects,
              std::chrono::milliseconds took);
void map_took(std::int64_t job, std::chrono::milliseconds reading, std::chrono::milliseconds aligning,
              std::chrono::milliseconds fitting, std::chrono::milliseconds writing);
void map_left_out(std::int64_t job, std::string_view slot, std::string_view why);
void job_refused(std::int64_t job, std::string_view kind, std::string_view why);
void job_failed(std::int64_t job, std::string_view kind, std::string_view why, int attempts, bool dead);

// Facts from people and reports: how many and by which way, never what they say or who said it.
void facts_stated(std::string_view study, std::size_t facts, std::string_view how);
void http_listening(std::string_view address, int port);
void http_refused(std::string_view why);

// Asking a PACS.
void pacs_answered(std::string_view study, std::size_t series, std::size_t to_fetch);
void pacs_silent(std::string_view study, std::string_view why, int failures, bool given_up);
void series_fetched(std::string_view study, std::string_view series, std::size_t images, int attempt,
                    std::string_view problem);

// Delivering.
void delivered(std::string_view destination, std::string_view study, std::size_t instances);
void delivery_postponed(std::string_view destination, std::string_view study, std::size_t instances,
                        std::string_view why, std::chrono::milliseconds retry_in);
// `objects` of another kind go, or went, in the place of `replaced` ones; the sentence names the kind.
void delivery_replaced(std::string_view destination, std::string_view sop_instance_uid, std::size_t replaced,
                       std::size_t objects, std::string_view kind, std::string_view why);
void delivery_dead(std::string_view destination, std::string_view sop_instance_uid, int status, std::string_view why);
// Stored by the peer; what counts as delivered is told by `confirmed`, with its proof.
void sent(std::string_view destination, std::string_view study, std::size_t instances);
void confirmed(std::string_view destination, std::string_view study, std::size_t instances, std::string_view proof);
void confirmation_postponed(std::string_view destination, std::string_view study, std::size_t instances,
                            std::string_view why, std::chrono::milliseconds retry_in);
void unconfirmed_accepted(std::string_view destination, std::string_view study, std::size_t instances,
                          std::string_view why);
void destination_down(std::string_view destination, int failures, std::string_view why,
                      std::chrono::milliseconds probe_in);
void destination_back(std::string_view destination, std::size_t due);
void deliveries_given_up(std::string_view destination, std::size_t instances, std::string_view why);

// Storage commitment: asked of a destination, and by a scanner.
void commitment_asked(std::string_view destination, std::string_view study, std::string_view transaction,
                      std::size_t instances);
void commitment_answered(std::string_view destination, std::string_view transaction, std::size_t committed,
                         std::size_t failed, std::string_view why);
void commitment_unknown(std::string_view calling, std::string_view transaction);
void commitment_malformed(std::string_view calling, std::string_view why);
void commitment_requested(std::string_view calling, std::string_view transaction, std::size_t instances);
// `where`: on the "same" association or on a "new" one.
void commitment_reported(std::string_view calling, std::string_view transaction, std::size_t committed,
                         std::size_t failed, std::string_view where);
void commitment_report_postponed(std::string_view calling, std::string_view transaction, std::string_view why,
                                 std::chrono::milliseconds retry_in);
void commitment_report_dead(std::string_view calling, std::string_view transaction, std::string_view why);

}  // namespace server::log
