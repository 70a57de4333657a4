#pragma once
// The nomogram as the field draws it (Harrell's rms::nomogram) with the patient on it, and beside it everything that
// speaks against believing it.
#include <vector>

#include "classifier/evaluate.h"
#include "classifier/picture.h"
#include "classifier/result.h"

namespace classifier {

// A page for each evaluation, A4 landscape; a further one where its sentences do not fit. From top to bottom: the
// notice, the scales (Points, one for each predictor, Total points, Linear predictor, Probability), the published
// cut-offs, model and provenance, doubts and limits.
//
// The patient is a red dot on every scale, with a line up to Points; a line leads from Total points to the probability.
// While facts are unknown each branch has a marker of its own. A value beyond the end of its scale is an arrow there
// and is called extrapolation. Where the evaluation was refused the scales are empty and the reasons stand below them.
// A probability never stands without its label. Models without predictors, and disabled ones, have no scales.
//
// Error: no evaluation, one without a model or with numbers that are not finite, labels or more predictors than a page
// can hold, a font that is not installed. Pure; safe from any thread.
[[nodiscard]] Result<Picture> draw_nomogram(const std::vector<Evaluation>& evaluations, const PictureLabels& labels);

}  // namespace classifier
