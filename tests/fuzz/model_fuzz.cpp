#include <cmath>

#include "classifier/model.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto model = classifier::parse_model({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (!model) return 0;
  const bool computes = model->task == classifier::Model::Task::Binary && !model->awaits;
  fuzz::require(computes == !model->predictors.empty() && computes == !model->worked.empty());
  for (const classifier::Cutoff& cutoff : model->cutoffs)
    fuzz::require(std::isfinite(cutoff.positive_likelihood_ratio()) &&
                  std::isfinite(cutoff.negative_likelihood_ratio()));
  return 0;
}
