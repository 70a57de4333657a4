#pragma once
// Private to classifier/: the scales of a nomogram and the patient on them.
#include <cstddef>

#include "classifier/canvas.h"
#include "classifier/evaluate.h"

namespace classifier {

// Names of the scales stand to the left of `left`, the scales reach from `left` over `width`, level names and values
// may reach to `limit`.
struct ScaleFrame {
  double names = 0, left = 0, width = 0, limit = 0;
};

// Draws all scales from `top` on and returns where they end. The marks are called "axis NAME", from its low to its high
// end, and "patient NAME BRANCH", where NAME is the predictor's, "Points", "Total points", "Linear predictor" or
// "Probability", and BRANCH its number from 1, 0 for what does not depend on unknown facts, or kAssumed.
double draw_scales(Page& page, const Evaluation& evaluation, const ScaleFrame& frame, double top);

// The marker of a branch (from 1), of what is known (0), or of an answer that several branches assume.
inline constexpr std::size_t kAssumed = 9;
void draw_marker(Page& page, std::size_t branch, Point at, const std::string& name = {});
[[nodiscard]] Colour colour_of_branch(std::size_t branch);

// What a branch is called on the scales: with one branch nothing, with two "if ER negative", with more a letter.
[[nodiscard]] std::string tag(const Evaluation& evaluation, std::size_t branch);
[[nodiscard]] std::string short_label(const Branch& branch);  // without what stands in brackets

// False for models that are not good enough for a probability.
[[nodiscard]] bool shows_probability(const Model& model);

}  // namespace classifier
