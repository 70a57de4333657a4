#pragma once
// Private to classifier/: the pages before they are painted. Tests ask them where everything stands.
#include <vector>

#include "classifier/canvas.h"
#include "classifier/nomogram_picture.h"
#include "classifier/results_page.h"

namespace classifier {

[[nodiscard]] Result<std::vector<Page>> lay_out_nomogram(const std::vector<Evaluation>& evaluations,
                                                         const PictureLabels& labels);
[[nodiscard]] Result<std::vector<Page>> lay_out_results(const ResultsPage& page);

}  // namespace classifier
