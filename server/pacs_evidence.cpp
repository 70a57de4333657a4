#include "server/pacs_evidence.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/result.h"
#include "storage/jobs.h"

namespace server {
namespace {

using nlohmann::json;
using storage::InquiryState;

// Series of the acquisition: UID and number.
std::map<std::string, int> series_of(const dicom::Acquisition& acquisition,
                                     std::span<const dicom::Instance> instances) {
  std::map<std::string, int> series;
  for (const std::size_t i : acquisition.instances) series[instances[i].series_uid] = instances[i].series_number;
  return series;
}

std::string name_of(const json& line) {
  return "series " + (line.at("number").is_null() ? line.at("series_uid").get<std::string>()
                                                  : std::to_string(line.at("number").get<std::int64_t>()));
}

std::string fetch_in_words(const json& line) {
  const auto images = line.at("fetched").get<std::uint64_t>();
  const std::string problem = line.at("problem").get<std::string>();
  const std::string attempts = fmt::format("attempt {}", line.at("fetches").get<int>());
  if (problem.empty()) return fmt::format("fetched {} ({} images) from PACS", name_of(line), images);
  return fmt::format("fetching {} from PACS brought {} images, {}: {}", name_of(line), images, attempts, problem);
}

bool lacks_images(const json& line) {
  return !line.at("there").is_null() && line.at("here").get<std::uint64_t>() > 0 &&
         line.at("there").get<std::uint64_t>() > line.at("here").get<std::uint64_t>();
}

// MR series that the PACS has, that did not come, and that nobody asked for.
std::size_t series_not_here(const json& inquiry) {
  const json& series = inquiry.at("series");
  return static_cast<std::size_t>(std::count_if(series.begin(), series.end(), [](const json& line) {
    return line.at("modality") == "MR" && !line.at("ours").get<bool>() && line.at("here") == 0 &&
           line.at("there").is_number() && line.at("fetches") == 0;
  }));
}

std::string state_in_words(const json& inquiry) {
  const std::string state = inquiry.at("state").get<std::string>();
  const std::string problem = inquiry.at("problem").get<std::string>();
  if (state == storage::to_string(InquiryState::Asking)) return "PACS did not answer, it is asked again: " + problem;
  if (!problem.empty()) return "PACS could not be asked: " + problem;
  if (!inquiry.at("current").get<bool>())
    return "asked PACS; images have come since, it is asked again when they stop coming";
  std::string lacking;
  for (const json& line : inquiry.at("series")) {
    if (lacks_images(line))
      lacking += fmt::format("{}{} has {} images there, {} here", lacking.empty() ? "" : "; ", name_of(line),
                             line.at("there").get<std::uint64_t>(), line.at("here").get<std::uint64_t>());
  }
  if (state == storage::to_string(InquiryState::Fetching))
    return "asked PACS: " + (lacking.empty() ? "a required measurement is missing here" : lacking) + "; being fetched";
  const std::size_t others = series_not_here(inquiry);
  return "asked PACS: " + (lacking.empty() ? "it has nothing more that is needed" : lacking) +
         (others == 0 ? "" : fmt::format("; further MR series there, not needed: {}", others));
}

}  // namespace

std::map<std::string, std::uint64_t> images_by_series(std::span<const storage::InstanceRow> instances) {
  std::map<std::string, std::uint64_t> images;
  for (const storage::InstanceRow& row : instances) ++images[row.series_uid];
  return images;
}

std::set<std::string> our_series(storage::Database& database, const std::string& study_uid) {
  std::set<std::string> ours;
  for (const storage::ResultRow& result : need(storage::JobQueue(database).results_of(study_uid), "list results"))
    ours.insert(result.series_uid);
  return ours;
}

PacsEvidence pacs_evidence(storage::Database& database, const std::string& study_uid,
                           std::span<const storage::InstanceRow> instances) {
  const storage::Inquiries inquiries(database);
  const auto inquiry = need(inquiries.find(study_uid), "look up what the PACS said");
  if (!inquiry || inquiry->instances != instances.size() || !inquiry->problem.empty()) return {};
  PacsEvidence evidence;
  evidence.fetching = inquiry->state == InquiryState::Fetching;
  const auto images = images_by_series(instances);
  for (const storage::PeerSeries& series : need(inquiries.series_of(study_uid), "list what the PACS has")) {
    const auto here = images.find(series.series_uid);
    if (here != images.end() && series.instances)
      evidence.series[series.series_uid] = {*series.instances, here->second};
  }
  return evidence;
}

std::string lacking_images(const dicom::Acquisition& acquisition, std::span<const dicom::Instance> instances,
                           const PacsEvidence& pacs) {
  std::string words;
  for (const auto& [uid, number] : series_of(acquisition, instances)) {
    const auto found = pacs.series.find(uid);
    if (found == pacs.series.end() || found->second.there <= found->second.here) continue;
    words += fmt::format("{}the PACS has {} images of series {}, {} are here", words.empty() ? "" : "; ",
                         found->second.there, number, found->second.here);
  }
  return words;
}

bool counts_agree(const dicom::Acquisition& acquisition, std::span<const dicom::Instance> instances,
                  const PacsEvidence& pacs) {
  const auto series = series_of(acquisition, instances);
  return !series.empty() && std::all_of(series.begin(), series.end(), [&](const auto& one) {
    const auto found = pacs.series.find(one.first);
    return found != pacs.series.end() && found->second.there == found->second.here;
  });
}

json describe_inquiry(storage::Database& database, const std::string& study_uid) {
  const storage::Inquiries inquiries(database);
  const auto inquiry = need(inquiries.find(study_uid), "look up what the PACS said");
  if (!inquiry) return {};
  const auto instances = need(storage::Index(database).instances_of(study_uid), "list instances");
  const auto images = images_by_series(instances);
  const auto ours = our_series(database, study_uid);
  json lines = json::array();
  for (const storage::PeerSeries& series : need(inquiries.series_of(study_uid), "list what the PACS has")) {
    const auto here = images.find(series.series_uid);
    lines.push_back({{"series_uid", series.series_uid},
                     {"number", series.number ? json(*series.number) : json()},
                     {"modality", series.modality},
                     {"there", series.instances ? json(*series.instances) : json()},
                     {"here", here == images.end() ? 0 : here->second},
                     {"ours", ours.contains(series.series_uid)},
                     {"fetches", series.fetches},
                     {"fetched", series.fetched},
                     {"problem", series.problem}});
  }
  return {{"state", storage::to_string(inquiry->state)},
          {"current", inquiry->instances == instances.size()},
          {"failures", inquiry->failures},
          {"problem", inquiry->problem},
          {"series", std::move(lines)}};
}

std::vector<std::string> inquiry_in_words(const json& inquiry) {
  std::vector<std::string> sentences;
  if (inquiry.is_null()) return sentences;
  for (const json& line : inquiry.at("series")) {
    if (line.at("fetches").get<int>() > 0) sentences.push_back(fetch_in_words(line));
  }
  sentences.push_back(state_in_words(inquiry));
  return sentences;
}

}  // namespace server
