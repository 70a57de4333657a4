#pragma once
// Private to classifier/: an exam held against the conditions of a model.
#include <map>
#include <string>
#include <vector>

#include "classifier/evaluate.h"

namespace classifier {

struct Verdict {
  std::vector<std::string> refusals;           // the whole model does not speak about this exam
  std::map<std::string, std::string> invalid;  // source -> why what rests on it is refused
  std::vector<std::string> flags;              // not met, or not known
};
[[nodiscard]] Verdict check_conditions(const Model& model, const Facts& facts, const Exam& exam);

}  // namespace classifier
