#pragma once
// The results page: crops of the maps around the lesion, the table of its numbers, and what speaks against them.
#include "classifier/results_page.h"
#include "server/measuring/findings.h"

namespace server::measuring {

// `study_date` as printed; lesions are numbered, for what their author called them may name a person.
[[nodiscard]] classifier::ResultsPage results_page(const Maps& maps, const std::vector<Lesion>& lesions,
                                                   const Findings& findings, const classifier::PictureLabels& labels);

// Sentences in which the lesions are called by number, not as their author called them, who may have named a person.
[[nodiscard]] std::vector<std::string> numbered(std::vector<std::string> sentences, const std::vector<Lesion>& lesions);
// "Lesion 1 of 2"; empty for null.
[[nodiscard]] std::string number_of(const std::vector<Lesion>& lesions, const Lesion* lesion);

// Title, date, software and notice of a picture; `content_datetime` as YYYYMMDDHHMMSS.
[[nodiscard]] classifier::PictureLabels labels_for(std::string title, const std::string& content_datetime,
                                                   std::string lesion);

}  // namespace server::measuring
