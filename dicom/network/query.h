#pragma once
// What a PACS has of a study: C-FIND of the study root model (PS3.4 C.4.1, C.6.2).
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "dicom/network/sender.h"
#include "dicom/network/stop_signal.h"
#include "dicom/result.h"

namespace dicom {

inline constexpr const char* kFindClass = "1.2.840.10008.5.1.4.1.2.2.1";

struct QueryOptions {
  std::size_t most_answers = 10000;
  std::size_t most_bytes = 16u << 20;  // of all answers together
  std::chrono::seconds longest{300};   // for the whole query; the peer's timeouts bound every single wait
  const StopSignal* stop = nullptr;    // ends it early
};

struct SeriesAtPeer {
  std::string series_uid;
  std::optional<int> number;
  std::string description;       // printable ASCII, at most 64 characters
  std::string modality;          // likewise; empty where the peer does not say
  std::optional<int> instances;  // (0020,1209); absent where the peer does not count
};

// The series of one study, in the order of the answers, each once. Answers without a series UID that is one, or about
// another study, are passed over. Blocks for at most `longest` and the farewell. Safe from several threads.
// Fault::Network: peer or connection failed or were too slow, may pass; Fault::Rejected: people have to change
// something; Fault::Malformed: more or longer answers than allowed.
[[nodiscard]] Result<std::vector<SeriesAtPeer>> find_series(const Peer& peer, const std::string& study_uid,
                                                            const QueryOptions& options = {});

// The SOP Instance UIDs of one series, each once; otherwise as find_series().
[[nodiscard]] Result<std::vector<std::string>> find_instances(const Peer& peer, const std::string& study_uid,
                                                              const std::string& series_uid,
                                                              const QueryOptions& options = {});

}  // namespace dicom
