#include "dicom/network/query.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <set>

#include "dicom/dcmtk.h"
#include "dicom/network/exchange.h"
#include "dicom/network/flat_data_set.h"
#include "dicom/uid.h"

namespace dicom {
namespace {

constexpr std::size_t kLongestAnswer = 65536;
constexpr int kMostInstances = 10'000'000;  // of a series; a count beyond is none

// One answer: values by tag, "" where there is none.
class Answer {
 public:
  explicit Answer(std::string_view bytes) : elements_(flat_data_set(bytes)) {}
  [[nodiscard]] std::string_view operator[](const DcmTagKey& tag) const {
    const auto found = elements_.find(std::uint32_t{tag.getGroup()} << 16 | tag.getElement());
    return found == elements_.end() ? std::string_view() : found->second;
  }
  // A UID or nothing.
  [[nodiscard]] std::string uid(const DcmTagKey& tag) const {
    const std::string_view value = (*this)[tag];
    return is_uid(value) ? std::string(value) : std::string();
  }
  [[nodiscard]] std::optional<int> whole(const DcmTagKey& tag, int low, int high) const {
    std::string_view value = (*this)[tag];
    if (value.starts_with('+')) value.remove_prefix(1);
    int number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || number < low || number > high)
      return std::nullopt;
    return number;
  }
  // A unique key that the peer leaves out was matched all the same.
  [[nodiscard]] bool is_about(const DcmTagKey& tag, std::string_view uid) const {
    return (*this)[tag].empty() || (*this)[tag] == uid;
  }

 private:
  std::map<std::uint32_t, std::string_view> elements_;
};

void query(const Peer& peer, const Identifier& identifier, const QueryOptions& options,
           const std::function<void(const Answer&)>& take) {
  Exchange exchange(peer, kFindClass, {}, options.longest, options.stop);
  T_DIMSE_Message request{};
  request.CommandField = DIMSE_C_FIND_RQ;
  exchange.ask(request, identifier);
  std::size_t bytes_left = options.most_bytes;
  for (std::size_t answers = 0;; ++answers) {
    const Exchange::Message message = exchange.next();
    const auto& response = message.command.msg.CFindRSP;
    if (message.command.CommandField != DIMSE_C_FIND_RSP || response.MessageIDBeingRespondedTo != kRequestId) {
      exchange.cancel();
      fail(Fault::Network, "peer answered something else");
    }
    const bool more = is_pending(response.DimseStatus);
    if (more && answers == options.most_answers) {
      exchange.cancel();
      fail(Fault::Malformed, "peer gives more than " + std::to_string(options.most_answers) + " answers");
    }
    std::string bytes;
    if (response.DataSetType != DIMSE_DATASET_NULL)
      bytes = exchange.data_set(message, std::min(kLongestAnswer, bytes_left));
    bytes_left -= bytes.size();
    if (!more && response.DimseStatus != STATUS_Success) throw Failure{as_error(response.DimseStatus)};
    if (!more) return;
    take(Answer(bytes));
  }
}

}  // namespace

Result<std::vector<SeriesAtPeer>> find_series(const Peer& peer, const std::string& study_uid,
                                              const QueryOptions& options) {
  return guarded([&] {
    std::vector<SeriesAtPeer> all;
    std::set<std::string> known;
    const Identifier identifier{"SERIES",
                                {{DCM_StudyInstanceUID, study_uid},
                                 {DCM_SeriesInstanceUID, ""},
                                 {DCM_SeriesNumber, ""},
                                 {DCM_SeriesDescription, ""},
                                 {DCM_Modality, ""},
                                 {DCM_NumberOfSeriesRelatedInstances, ""}}};
    query(peer, identifier, options, [&](const Answer& answer) {
      const std::string series_uid = answer.uid(DCM_SeriesInstanceUID);
      if (series_uid.empty() || !answer.is_about(DCM_StudyInstanceUID, study_uid) || !known.insert(series_uid).second)
        return;
      all.push_back({series_uid, answer.whole(DCM_SeriesNumber, INT_MIN, INT_MAX),
                     printable(answer[DCM_SeriesDescription]), printable(answer[DCM_Modality]),
                     answer.whole(DCM_NumberOfSeriesRelatedInstances, 0, kMostInstances)});
    });
    return all;
  });
}

Result<std::vector<std::string>> find_instances(const Peer& peer, const std::string& study_uid,
                                                const std::string& series_uid, const QueryOptions& options) {
  return guarded([&] {
    std::vector<std::string> all;
    std::set<std::string> known;
    const Identifier identifier{
        "IMAGE", {{DCM_StudyInstanceUID, study_uid}, {DCM_SeriesInstanceUID, series_uid}, {DCM_SOPInstanceUID, ""}}};
    query(peer, identifier, options, [&](const Answer& answer) {
      std::string uid = answer.uid(DCM_SOPInstanceUID);
      if (!uid.empty() && answer.is_about(DCM_SeriesInstanceUID, series_uid) && known.insert(uid).second)
        all.push_back(std::move(uid));
    });
    return all;
  });
}

}  // namespace dicom
