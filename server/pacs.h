#pragma once
// Asks a PACS, when a study has become quiet, what it has of the study, and fetches what is missing: a thread, so that
// nobody waits for a network. What it learns are rows; the grouping reads them (pacs_evidence.h).
//
// (1) A study is asked about once it was grouped as it is now and has been quiet; its quiet grouping waits for the
//     answer, or for as many failures as the settings allow.
// (2) An answer is about the images that were here. As soon as another one comes, the answer is out of date, and the
//     PACS is asked anew at the next quiet look: that is how the effect of a fetch is seen.
// (3) Every attempt at a series is counted before it is made, and there are at most `attempts` in the life of a study.
//     Nothing here can loop, whatever the PACS says and whenever this process ends.
// (4) Between two rounds, and after the last, `wait` passes: a PACS may be behind the scanner, and may send what it was
//     asked for later than it says so. Then the study is looked at again, with what came.
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "config/settings.h"
#include "dicom/network/query.h"
#include "dicom/network/retrieve.h"
#include "server/ingest.h"
#include "storage/inquiries.h"

namespace server {

// Whether the PACS has answered about the study as it is now, or was asked in vain often enough. Pure.
[[nodiscard]] bool is_answered(const std::optional<storage::Inquiry>& inquiry, const storage::StudyState& study);

// What follows from a question without an answer. `before`: the study's inquiry until now. Pure.
[[nodiscard]] storage::Inquiry unanswered(const std::optional<storage::Inquiry>& before,
                                          const storage::StudyState& study, const std::string& problem,
                                          const config::Query& query, storage::Time now);

class Inquirer {
 public:
  // Starts the thread; destruction stops it in bounded time, in the middle of a transfer too. `ingest` outlives this.
  Inquirer(config::Query query, config::Grouping grouping, Ingest& ingest, std::filesystem::path database);

 private:
  void run(const std::stop_token& stop);
  void work_until(const std::stop_token& stop, std::chrono::milliseconds& pause);
  void wait(const std::stop_token& stop, std::chrono::milliseconds longest);
  bool ask_next(storage::Database& database);
  bool fetch_next(storage::Database& database, const std::stop_token& stop);
  void ask(storage::Database& database, const storage::StudyState& study,
           const std::optional<storage::Inquiry>& before);
  dicom::Result<std::vector<storage::PeerSeries>> series_at_peer(const std::string& study_uid) const;
  void fetch(storage::Database& database, storage::Inquiry inquiry, const std::stop_token& stop);
  void fetch_one(storage::Inquiries& inquiries, const std::string& study_uid, const storage::PeerSeries& series);
  dicom::Result<dicom::Retrieved> retrieve(const std::string& study_uid, const storage::PeerSeries& series);

  config::Query query_;
  config::Grouping grouping_;
  Ingest& ingest_;
  std::filesystem::path database_;
  dicom::StopSignal stop_signal_;
  std::uint64_t association_;  // of the last C-GET
  std::mutex mutex_;           // of stopped_ alone
  std::condition_variable_any stopped_;
  std::jthread thread_;
};

}  // namespace server
