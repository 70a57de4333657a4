#pragma once
// Storage commitment as the node decides about it: what a PACS reports about results goes into the outbox; what a
// scanner asks for is looked up, and the answer is owed to it until it has arrived.
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "config/settings.h"
#include "dicom/network/commitment.h"
#include "dicom/network/stop_signal.h"
#include "storage/commitments.h"

namespace server {

// What is here of a request, now: an instance is promised when the index has it with this SOP class and its file is
// there in full length. Digests are not computed: an exam is a gigabyte. 0112H: not here, or its file is gone; 0119H:
// here with another SOP class; 0110H: its file has another length.
[[nodiscard]] dicom::CommitmentReport look_up(storage::Database& database,
                                              const storage::Commitments::Request& request);

// Safe from all association threads at once: each call opens a database connection of its own.
class CommitmentDesk final : public dicom::CommitmentHandler {
 public:
  CommitmentDesk(const config::Settings& settings, std::filesystem::path database);

  std::uint16_t reported(const std::string& calling, const dicom::CommitmentReport& report) override;
  std::uint16_t asked(const std::string& calling, const dicom::CommitmentRequest& request) override;
  std::optional<dicom::CommitmentReport> report_now(const std::string& calling,
                                                    const std::string& transaction_uid) override;
  void told(const std::string& calling, const dicom::CommitmentReport& report,
            std::optional<std::uint16_t> status) override;
  void malformed(const std::string& calling, const std::string& why) override;

  // Sends the report that is due longest on a new association. False when none was due.
  bool report_next(storage::Database& database, const dicom::StopSignal* stop);

 private:
  void settle_report(storage::Database& database, const storage::Commitments::Request& request,
                     const dicom::CommitmentReport& report, const dicom::Result<std::uint16_t>& answer,
                     const char* where);
  [[nodiscard]] const config::Scanner* scanner(const std::string& ae_title) const;
  [[nodiscard]] config::Destination destination(const std::string& name) const;

  std::vector<config::Destination> destinations_;
  std::vector<config::Scanner> scanners_;
  bool promises_;  // to those who ask
  std::filesystem::path database_;
};

// Sends what is owed to scanners.
class Reporter {
 public:
  // Starts the thread; destruction stops it. `desk` outlives this.
  Reporter(CommitmentDesk& desk, std::filesystem::path database);

 private:
  void run(const std::stop_token& stop);
  void report_until(const std::stop_token& stop, std::chrono::milliseconds& pause);
  void wait(const std::stop_token& stop, std::chrono::milliseconds longest);

  CommitmentDesk& desk_;
  std::filesystem::path database_;
  dicom::StopSignal stop_signal_;
  std::mutex mutex_;  // of stopped_ alone
  std::condition_variable_any stopped_;
  std::jthread thread_;
};

}  // namespace server
