#pragma once
// What a PACS said about a study, as evidence for its grouping and in words for people.
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "dicom/input/acquisition.h"
#include "storage/index.h"
#include "storage/inquiries.h"

namespace server {

struct PacsEvidence {
  struct Series {
    std::uint64_t there = 0, here = 0;  // images
  };
  std::map<std::string, Series> series{};  // by UID: those that are here and that the PACS counts
  bool fetching = false;                   // what is missing is being fetched: more may come
};

// Images of a study by series UID.
[[nodiscard]] std::map<std::string, std::uint64_t> images_by_series(std::span<const storage::InstanceRow> instances);

// Series that Herald made of a study, which a PACS got from us.
[[nodiscard]] std::set<std::string> our_series(storage::Database& database, const std::string& study_uid);

// Empty where nobody was asked, or where the answer is not about these instances.
[[nodiscard]] PacsEvidence pacs_evidence(storage::Database& database, const std::string& study_uid,
                                         std::span<const storage::InstanceRow> instances);

// "the PACS has 30 images of series 7, 25 are here", for every series of the acquisition of which some are missing;
// empty: none that is known. Pure.
[[nodiscard]] std::string lacking_images(const dicom::Acquisition& acquisition,
                                         std::span<const dicom::Instance> instances, const PacsEvidence& pacs);
// Whether the PACS has as many images of every series of the acquisition as are here. Pure.
[[nodiscard]] bool counts_agree(const dicom::Acquisition& acquisition, std::span<const dicom::Instance> instances,
                                const PacsEvidence& pacs);

// What was asked, answered and fetched, for `explain`; null where nobody was asked.
[[nodiscard]] nlohmann::json describe_inquiry(storage::Database& database, const std::string& study_uid);
// The same as sentences, in the order of events. Pure.
[[nodiscard]] std::vector<std::string> inquiry_in_words(const nlohmann::json& inquiry);

}  // namespace server
