#include "server/measuring/numbers.h"

#include <algorithm>
#include <array>

namespace server::measuring {
namespace {

constexpr std::array kChanges{
    Change{"dT1", "T1 change (pre - post)", "t1_pre", "t1_post", false,
           "mean T1 before - mean T1 after contrast, each on its largest slice"},
    Change{"dT1_pre", "T1 change (pre - post) / pre", "t1_pre", "t1_post", true,
           "(T1 before - T1 after) / T1 before contrast, of the means on the largest slices"},
    Change{"T1_D", "SyMRI T1 change (pre - post) / pre", "symri_pre", "symri_post", true,
           "(pre - post) / pre of the means on the largest slices, the sign of the paper's tables; its Methods print "
           "(post - pre) / pre, which is this number with the other sign"},
    Change{"T2_D", "SyMRI T2 change (pre - post) / pre", "symri_pre_t2", "symri_post_t2", true,
           "(pre - post) / pre of the means on the largest slices, the sign of the paper's tables; its Methods print "
           "(post - pre) / pre, which is this number with the other sign"},
    Change{"PD_D", "SyMRI PD change (pre - post) / pre", "symri_pre_pd", "symri_post_pd", true,
           "(pre - post) / pre of the means on the largest slices, the sign of the paper's tables; its Methods print "
           "(post - pre) / pre, which is this number with the other sign"},
};

std::optional<double> statistic_of(const fitting::Statistics& s, std::string_view name) {
  if (name == "mean") return s.mean;
  if (name == "median") return s.median;
  if (name == "p5") return s.p5;
  if (name == "p95") return s.p95;
  if (name == "sd") return s.sd;
  if (name == "skewness") return s.skewness;
  if (name == "excess_kurtosis") return s.excess_kurtosis;
  if (name == "entropy" && s.entropy_bin_width > 0) return s.entropy_bits;
  return std::nullopt;
}

const SlotNumbers* slot_named(const LesionNumbers& numbers, std::string_view slot) {
  const auto found = numbers.slots.find(std::string(slot));
  return found == numbers.slots.end() ? nullptr : &found->second;
}

// T1 by inversion recovery less T1 by flip angles is mostly the difference of the methods.
bool comparable(const SlotNumbers& a, const SlotNumbers& b) {
  return a.unit == b.unit && (a.method.empty() || b.method.empty() || a.method == b.method);
}

classifier::Value diameter_of(const LesionNumbers& numbers) {
  if (!numbers.max_diameter_mm) return {std::nullopt, "", "the lesion has no diameter"};
  return {numbers.max_diameter_mm->value, "mm", ""};
}

classifier::Value change_named(const Change& change, const LesionNumbers& numbers) {
  if (const auto value = value_of(change, numbers))
    return {value->value, value->unit, "", slot_named(numbers, change.pre)->method};
  return {std::nullopt, "",
          std::string(change.pre) + " and " + std::string(change.post) +
              " were not both measured in one unit by one method"};
}

classifier::Value find_value(const std::string& source, const std::string& statistic, const std::string& region,
                             const LesionNumbers& numbers) {
  if (source == "max_diameter") return diameter_of(numbers);
  const auto all = changes();
  if (const auto change = std::ranges::find(all, source, &Change::name); change != all.end())
    return change_named(*change, numbers);
  if (const auto found = numbers.slots.find(source); found != numbers.slots.end()) {
    const auto number = found->second.of(statistic, region.empty() ? "largest slice" : region);
    if (number) return {number->value, found->second.unit, "", found->second.method, found->second.contrast};
    return {std::nullopt, found->second.unit, "the statistic " + statistic + " is not computed"};
  }
  const auto why = numbers.missing.find(source);
  return {std::nullopt, "", why != numbers.missing.end() ? why->second : "the study has no map for " + source};
}

}  // namespace

std::optional<fitting::Consensus> SlotNumbers::of(std::string_view statistic, std::string_view region) const {
  std::vector<fitting::Reading> values;
  for (const ReadingNumbers& reading : readings) {
    const auto value = statistic_of(region == "whole lesion" ? reading.whole : reading.slice, statistic);
    if (!value) return std::nullopt;
    values.push_back({std::to_string(reading.reader), *value});
  }
  return fitting::consensus(values);
}

std::span<const Change> changes() { return kChanges; }

std::optional<ChangeValue> value_of(const Change& change, const LesionNumbers& numbers) {
  const SlotNumbers* pre = slot_named(numbers, change.pre);
  const SlotNumbers* post = slot_named(numbers, change.post);
  if (pre == nullptr || post == nullptr || !comparable(*pre, *post)) return std::nullopt;
  const auto before = pre->of("mean", "largest slice"), after = post->of("mean", "largest slice");
  if (!before || !after || before->value == 0) return std::nullopt;
  if (change.relative) return ChangeValue{(before->value - after->value) / before->value, "1"};
  return ChangeValue{before->value - after->value, pre->unit};
}

classifier::Values values_for(const classifier::Model& model, const LesionNumbers& numbers) {
  classifier::Values values;
  for (const classifier::Predictor& predictor : model.predictors) {
    if (!predictor.is_fact())
      values[predictor.name] = find_value(predictor.source, predictor.statistic, predictor.region, numbers);
  }
  for (const classifier::Cutoff& cutoff : model.cutoffs) {
    if (cutoff.on != "probability" && cutoff.fact.empty())
      values.try_emplace(cutoff.on, find_value(cutoff.source, cutoff.statistic, cutoff.region, numbers));
  }
  return values;
}

}  // namespace server::measuring
