// Grouping in one page: sort out what is never fitted; divide the rest by physics (spin echo, gradient echo,
// diffusion), by grid, by the constants of the kind and into stacks; where a stack has enough values of the parameter
// that varies, make sets of it, one acquisition each; say of everything else why it was passed over. Indices are in the
// order of SOP Instance UIDs throughout, so the order in which images arrived cannot show.
#include "dicom/input/acquisition.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "dicom/input/contrast.h"
#include "dicom/input/describe.h"
#include "dicom/input/dynamic.h"
#include "dicom/input/grid.h"
#include "dicom/input/mdme.h"
#include "dicom/input/recovery.h"
#include "dicom/input/versions.h"
#include "dicom/input/volumes.h"
#include "dicom/sha256.h"

namespace dicom {
namespace {

constexpr double kT2WeightedFromMs = 50;  // shorter echo times weight by proton density or T1

double tr_tolerance(double tr_ms) { return std::max(0.05, 1e-3 * tr_ms); }
double te_tolerance(double) { return 0.02; }
double angle_tolerance(double) { return 0.05; }
std::optional<double> tr_of(const Instance& i) { return i.repetition_time_ms; }
std::optional<double> te_of(const Instance& i) { return i.echo_time_ms; }
std::optional<double> angle_of(const Instance& i) { return i.flip_angle_deg; }

// --- what was passed over ---

class PassedList {
 public:
  explicit PassedList(Instances instances) : instances_(instances) {}

  void add(std::size_t i, const std::string& reason) {
    const Instance& instance = instances_[i];
    PassedOver& entry = entries_[{instance.series_number, instance.series_uid, reason}];
    if (entry.images++ > 0) return;
    entry.series_uid = instance.series_uid;
    entry.series_number = instance.series_number;
    entry.series_description = instance.series_description;
    entry.reason = reason;
  }
  void add(const Indices& images, const std::string& reason) {
    for (const std::size_t i : images) add(i, reason);
  }
  [[nodiscard]] std::vector<PassedOver> entries() const {
    std::vector<PassedOver> result;
    for (const auto& [key, entry] : entries_) result.push_back(entry);
    return result;
  }

 private:
  Instances instances_;
  std::map<std::tuple<int, std::string, std::string>, PassedOver> entries_;
};

// --- grouping ---

class Grouper {
 public:
  explicit Grouper(Instances instances)
      : instances_(instances),
        passed_(instances),
        complex_recovery_(
            std::any_of(instances.begin(), instances.end(),
                        [](const Instance& i) { return i.content == Content::Imaginary && i.inversion; })),
        many_times_(series_of_many_times(instances)) {}

  Grouping run() {
    sort_out();
    for (const Indices& grid : split_by_plane(spin_, instances_)) group_spin_echo(grid);
    for (const Indices& grid : split_by_plane(gradient_, instances_)) group_gradient_echo(grid);
    for (const Indices& grid : split_by_plane(maps_, instances_)) keep_rest(fit_stacks(grid, Kind::SyntheticMaps));
    for (const Indices& grid : split_by_plane(diffusion_, instances_)) group_diffusion(grid);
    group_inversion_recovery();
    for (auto& [kind, images] : left_) finish(rules_of(kind), by_uid(images, instances_));
    return finished();
  }

 private:
  void sort_out() {
    Indices all(instances_.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    const auto key = [&](std::size_t i) {
      return std::tie(instances_[i].sop_instance_uid, instances_[i].frame, instances_[i].file);
    };
    std::sort(all.begin(), all.end(), [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
    for (std::size_t k = 0; k < all.size(); ++k) {
      const bool again = k > 0 && same_image(instances_[all[k]], instances_[all[k - 1]]);
      again ? passed_.add(all[k], "the same object once more") : place(all[k]);
    }
  }

  void place(std::size_t i) {
    const Instance& instance = instances_[i];
    if (instance.content == Content::Roi) return result_.rois.push_back(i);
    if (const std::string reason = unusable(instance); !reason.empty()) return passed_.add(i, reason);
    if (instance.content == Content::QuantityMap) return maps_.push_back(i);
    if (instance.echo_planar) return diffusion_.push_back(i);
    if (instance.inversion || (instance.inversion_time_ms && many_times_.contains(instance.series_uid)))
      return inversion_.push_back(i);
    (instance.spin_echo ? spin_ : gradient_).push_back(i);
  }

  // Why this image alone can be in no fit; empty when it can.
  [[nodiscard]] std::string unusable(const Instance& instance) const {
    if (instance.content == Content::QuantityMap)
      return instance.has_geometry ? "" : "no position, orientation, matrix or pixel spacing in the header";
    const bool trace = instance.content == Content::TraceWeighted;
    const bool signed_image = is_signed_recovery(instance) && !complex_recovery_;
    if (instance.content != Content::Magnitude && !trace && !signed_image)
      return instance.why_not.empty() ? std::string(to_string(instance.content)) : instance.why_not;
    if (!instance.has_geometry) return "no position, orientation, matrix or pixel spacing in the header";
    if (!instance.echo_time_ms || !instance.repetition_time_ms) return "no echo time or repetition time in the header";
    if (instance.echo_planar && !instance.b_value_s_mm2) return "echo-planar images without a b-value: nothing to fit";
    if (instance.echo_planar) return {};
    if (trace) return "trace-weighted diffusion image that is not echo-planar";
    if (instance.b_value_s_mm2.value_or(0) > 0) return "diffusion-weighted images that are not echo-planar";
    if (instance.inversion)
      return instance.inversion_time_ms ? "" : "inversion recovery without an inversion time in the header";
    return instance.spin_echo || instance.gradient_echo ? "" : "neither spin echo nor gradient echo: nothing to fit";
  }

  void group_spin_echo(const Indices& grid) {
    for (const Indices& tr : split_by_value(grid, instances_, tr_of, tr_tolerance))
      for (const Indices& pool : split_by_value(tr, instances_, angle_of, angle_tolerance))
        keep(Kind::T2MultiEcho, fit_stacks(pool, Kind::T2MultiEcho));
  }

  void group_gradient_echo(const Indices& grid) {
    for (const Indices& tr : split_by_value(grid, instances_, tr_of, tr_tolerance)) {
      Indices rest;
      for (const Indices& pool : split_by_value(tr, instances_, angle_of, angle_tolerance)) {
        const Indices left = fit_stacks(pool, Kind::T2StarMultiEcho);
        rest.insert(rest.end(), left.begin(), left.end());
      }
      group_flip_angles(by_uid(std::move(rest), instances_));
    }
  }

  void group_flip_angles(const Indices& images) {
    Indices spoiled;
    for (const std::size_t i : images) {
      const bool usable = instances_[i].spoiled && instances_[i].flip_angle_deg;
      usable ? spoiled.push_back(i) : left_[Kind::T2StarMultiEcho].push_back(i);
    }
    for (const Indices& pool : split_by_value(spoiled, instances_, te_of, te_tolerance)) {
      const Indices left = fit_stacks(pool, Kind::T1Vfa);
      for (const Indices& stack : split_into_stacks(left, instances_))
        for (const Indices& angle : split_by_value(stack, instances_, angle_of, angle_tolerance))
          if (!make_dynamic(angle)) keep(Kind::T1Vfa, angle);
    }
  }

  // Phases of two versions of one series (ND and DIS2D, water and fat) are not twice as many: one of them is used.
  bool make_dynamic(const Indices& images) {
    DynamicVersion version = one_version(images, instances_);
    std::vector<Indices> phases = phases_of(version.images, instances_);
    const Indices aborted = take_out_aborted(phases, instances_);
    bool made = false;
    std::set<std::size_t> used(aborted.begin(), aborted.end());
    for (std::vector<Indices>& run : split_by_injection(std::move(phases), instances_)) {
      if (run.size() < kLeastPhases) continue;
      families_.push_back({result_.acquisitions.size(), 1});
      result_.acquisitions.push_back(dynamic_acquisition(std::move(run), instances_));
      Acquisition& dynamic = result_.acquisitions.back();
      if (dynamic.problem.empty()) dynamic.problem = version.problem;
      used.insert(dynamic.instances.begin(), dynamic.instances.end());
      made = true;
    }
    if (!made) return false;
    passed_.add(aborted, "a dynamic series that was aborted and acquired again");
    for (const Rest& rest : version.rests) passed_.add(rest.images, rest.reason);
    for (const std::size_t i : version.images)
      if (!used.contains(i)) passed_.add(i, "phase that belongs to no dynamic series, or is not complete");
    return true;
  }

  void group_diffusion(const Indices& grid) {
    for (const Indices& tr : split_by_value(grid, instances_, tr_of, tr_tolerance))
      for (const Indices& pool : split_by_value(tr, instances_, te_of, te_tolerance))
        for (const Indices& stack : split_into_stacks(pool, instances_))
          keep(Kind::Diffusion, fit_stacks(without_copies(stack), Kind::Diffusion));
  }

  // TR is not part of the key: scanners lengthen it with TI.
  void group_inversion_recovery() {
    for (const Indices& grid : split_by_plane(take_out_delays_with_echoes(inversion_, instances_), instances_))
      for (const Indices& pool : split_by_value(grid, instances_, angle_of, angle_tolerance))
        keep(Kind::Mdme, fit_stacks(pool, Kind::Mdme));
    for (const Indices& grid : split_by_plane(inversion_, instances_))
      for (const Indices& te : split_by_value(grid, instances_, te_of, te_tolerance))
        for (const Indices& pool : split_by_value(te, instances_, angle_of, angle_tolerance))
          for (const Indices& stack : split_into_stacks(pool, instances_)) fit_recovery(stack);
  }

  void fit_recovery(const Indices& stack) {
    const RecoveryImages chosen = one_reconstruction(stack, instances_);
    for (const Rest& rest : chosen.rests) passed_.add(rest.images, rest.reason);
    keep(Kind::T1InversionRecovery, fit_stacks(chosen.images, Kind::T1InversionRecovery));
  }

  // Directions and traces of one b-value are never mixed: directions win where they make a fit by themselves.
  Indices without_copies(const Indices& stack) {
    const Rules& rules = rules_of(Kind::Diffusion);
    const auto is_trace = [&](std::size_t i) { return instances_[i].content == Content::TraceWeighted; };
    Indices directions, traces;
    for (const std::size_t i : stack) (is_trace(i) ? traces : directions).push_back(i);
    if (axes_of(directions, instances_, rules).size() >= rules.least &&
        (traces.empty() || has_three_directions(directions))) {
      passed_.add(traces, "trace-weighted copies of images whose directions are here");
      return without_combined(directions);
    }
    return traces.empty() ? directions : completed(traces, directions);
  }

  // Fewer than three directions of a slice and b-value are no substitute for a trace.
  [[nodiscard]] bool has_three_directions(const Indices& directions) const {
    for (const Volume& volume : volumes_of(directions, instances_, rules_of(Kind::Diffusion)))
      for (const Indices& slice : volume.slices)
        if (volume.axis > 1 && slice.size() < 3) return false;
    return true;
  }

  // Within a vendor's original images the combined one of a b-value has no direction.
  Indices without_combined(const Indices& images) {
    std::vector<double> axes = axes_of(images, instances_, rules_of(Kind::Diffusion));
    std::set<std::size_t> directed;
    const auto axis = [&](std::size_t i) { return class_of(axes, *instances_[i].b_value_s_mm2); };
    for (const std::size_t i : images)
      if (instances_[i].gradient_direction) directed.insert(axis(i));
    Indices kept;
    for (const std::size_t i : images) {
      const bool copy =
          *instances_[i].b_value_s_mm2 > 1 && !instances_[i].gradient_direction && directed.count(axis(i)) > 0;
      copy ? passed_.add(i, "combined copies of images whose directions are here") : kept.push_back(i);
    }
    return kept;
  }

  // Traces with the b-values that only the original images have, usually b = 0.
  Indices completed(Indices traces, const Indices& originals) {
    const Rules& rules = rules_of(Kind::Diffusion);
    const std::vector<double> known = axes_of(traces, instances_, rules);
    for (const std::size_t i : originals) {
      const double b = *instances_[i].b_value_s_mm2;
      const bool same = std::any_of(known.begin(), known.end(),
                                    [&](double k) { return std::abs(k - b) <= rules.tolerance(std::min(k, b)); });
      same ? passed_.add(i, "directions of a b-value whose trace-weighted images are fitted") : traces.push_back(i);
    }
    return by_uid(std::move(traces), instances_);
  }

  // Makes acquisitions of every stack with enough values; returns the other images.
  Indices fit_stacks(const Indices& pool, Kind kind) {
    const Rules& rules = rules_of(kind);
    Indices left;
    for (const Indices& stack : split_into_stacks(pool, instances_)) {
      if (axes_of(stack, instances_, rules).size() < rules.least || !make_sets(stack, rules))
        left.insert(left.end(), stack.begin(), stack.end());
    }
    return by_uid(std::move(left), instances_);
  }

  bool make_sets(const Indices& stack, const Rules& rules) {
    const Sets sets = sets_of(stack, instances_, rules);
    const auto enough = [&](const Set& set) { return axes_of(set.images, instances_, rules).size() >= rules.least; };
    if (std::none_of(sets.sets.begin(), sets.sets.end(), enough)) return false;
    for (const Rest& rest : sets.rests)
      if (!rest.dynamic || !make_dynamic(rest.images)) passed_.add(rest.images, rest.reason);
    families_.push_back({result_.acquisitions.size(), sets.sets.size()});
    for (const Set& set : sets.sets) result_.acquisitions.push_back(acquisition_of(set, instances_, rules));
    return true;
  }

  void keep_rest(const Indices& images) { passed_.add(images, "maps that cannot be put together"); }
  void keep(Kind kind, const Indices& images) { left_[kind].insert(left_[kind].end(), images.begin(), images.end()); }

  // --- what no set took ---

  void finish(const Rules& rules, const Indices& images) {
    for (const Indices& left : split_by_orientation(without_odd_ones(images), instances_))
      for (const Indices& pool : split_by_constants(left, rules.kind))
        if (!make_unequal(pool, rules)) pass_stacks(pool, rules);
  }

  // By what does not vary within an acquisition of the kind.
  [[nodiscard]] std::vector<Indices> split_by_constants(const Indices& images, Kind kind) const {
    const bool recovery = kind == Kind::T1InversionRecovery;
    const bool same_echo = recovery || kind == Kind::T1Vfa || kind == Kind::Diffusion;
    std::vector<Indices> pools;
    for (const Indices& part : recovery ? split_by_value(images, instances_, angle_of, angle_tolerance)
                                        : split_by_value(images, instances_, tr_of, tr_tolerance))
      for (Indices& pool : same_echo ? split_by_value(part, instances_, te_of, te_tolerance)
                                     : split_by_value(part, instances_, angle_of, angle_tolerance))
        pools.push_back(std::move(pool));
    return pools;
  }

  // Images of a series that is fitted, on another grid: the series is not what it should be.
  Indices without_odd_ones(const Indices& images) {
    Indices others;
    for (const std::size_t i : images) {
      Acquisition* owner = acquisition_with(instances_[i]);
      if (owner == nullptr) {
        others.push_back(i);
        continue;
      }
      owner->instances.push_back(i);
      owner->instances = by_uid(std::move(owner->instances), instances_);
      owner->images = owner->instances.size();
      owner->echoes_agree = owner->images_agree = false;
      if (owner->problem.empty()) owner->problem = unequal_matrix(owner->instances);
    }
    return others;
  }

  Acquisition* acquisition_with(const Instance& instance) {
    for (Acquisition& acquisition : result_.acquisitions) {
      const Instance& first = instances_[acquisition.instances.front()];
      if (first.series_uid == instance.series_uid && matrix(first) != matrix(instance)) return &acquisition;
    }
    return nullptr;
  }

  static std::pair<int, int> matrix(const Instance& instance) { return {instance.columns, instance.rows}; }

  [[nodiscard]] std::set<std::pair<int, int>> matrices(const Indices& images) const {
    std::set<std::pair<int, int>> found;
    for (const std::size_t i : images) found.insert(matrix(instances_[i]));
    return found;
  }

  [[nodiscard]] std::string unequal_matrix(const Indices& images) const {
    std::string list;
    for (const auto& [columns, rows] : matrices(images))
      list += (list.empty() ? "" : " and ") + std::to_string(columns) + " x " + std::to_string(rows);
    return "unequal matrix: " + list;
  }

  // Enough values for a fit, but not on one matrix: an acquisition that cannot be fitted, and says so.
  bool make_unequal(const Indices& pool, const Rules& rules) {
    // Clinical images with inversion (STIR, FLAIR, MPRAGE) of several matrices are no measurement that went wrong.
    if (rules.kind == Kind::T1InversionRecovery) return false;
    if (axes_of(pool, instances_, rules).size() < rules.least || matrices(pool).size() < 2) return false;
    families_.push_back({result_.acquisitions.size(), 1});
    result_.acquisitions.push_back(acquisition_of({pool, unequal_matrix(pool), {}}, instances_, rules));
    return true;
  }

  void pass_stacks(const Indices& pool, const Rules& rules) {
    for (const Indices& grid : split_by_plane(pool, instances_))
      for (const Indices& stack : split_into_stacks(grid, instances_))
        if (!make_weighted(stack, rules)) passed_.add(stack, too_few(stack, rules));
  }

  // A T2-weighted volume is what readers outline and texture is measured on.
  bool make_weighted(const Indices& stack, const Rules& rules) {
    if (rules.kind != Kind::T2MultiEcho || instances_[stack.front()].echo_time_ms.value_or(0) < kT2WeightedFromMs ||
        axes_of(stack, instances_, rules).size() != 1)
      return false;
    return make_sets(stack, rules_of(Kind::T2Weighted));
  }

  [[nodiscard]] std::string too_few(const Indices& stack, const Rules& rules) const {
    const std::vector<double> axes = axes_of(stack, instances_, rules);
    const Instance& first = instances_[stack.front()];
    if (rules.kind == Kind::T2MultiEcho && axes.size() == 1)
      return "single-echo spin echo, TE " + with_unit(rules, axes) + ": nothing to fit";
    if (rules.kind == Kind::T2StarMultiEcho && axes.size() == 1)
      return "gradient echo that is not spoiled, TE " + with_unit(rules, axes) + ": nothing to fit";
    if (rules.kind == Kind::T1Vfa && axes.size() == 1)
      return "gradient echo with one flip angle (" + with_unit(rules, axes) + "), TE " +
             plain(first.echo_time_ms.value_or(0)) + " ms: nothing to fit";
    if (rules.kind == Kind::T1InversionRecovery && axes.size() == 1)
      return "inversion recovery, TI " + with_unit(rules, axes) + ": a fit needs " + std::to_string(rules.least) +
             " inversion times";
    return count_of(axes.size(), rules.parameter, rules.parameters) + " (" + with_unit(rules, axes) +
           "): a fit needs " + std::to_string(rules.least);
  }

  // When the agent was given, dynamic series are the surest to tell; so they are asked first.
  void judge_families() {
    std::vector<Acquisition> dynamic;
    for (const Acquisition& acquisition : result_.acquisitions)
      if (acquisition.kind == Kind::Dynamic) dynamic.push_back(acquisition);
    for (const auto& [first, count] : families_) {
      const std::span family = std::span(result_.acquisitions).subspan(first, count);
      if (family.front().kind != Kind::Dynamic) judge_contrast(family, dynamic, instances_);
    }
  }

  Grouping finished() {
    judge_families();
    const auto key = [&](const Acquisition& a) {
      return std::tuple(a.time_s.value_or(1e18), a.kind,
                        std::string_view(instances_[a.instances.front()].sop_instance_uid),
                        instances_[a.instances.front()].frame);
    };
    std::sort(result_.acquisitions.begin(), result_.acquisitions.end(),
              [&](const Acquisition& a, const Acquisition& b) { return key(a) < key(b); });
    result_.passed_over = passed_.entries();
    return std::move(result_);
  }

  Instances instances_;
  PassedList passed_;
  bool complex_recovery_;                  // real parts with imaginary ones beside them are not phase-corrected
  std::set<std::string_view> many_times_;  // series of gradient echoes
  Grouping result_;
  // Acquisitions of one protocol on one grid: the first one's index, and how many.
  std::vector<std::pair<std::size_t, std::size_t>> families_;
  Indices spin_, gradient_, diffusion_, inversion_, maps_;
  std::map<Kind, Indices> left_;  // by the kind that came closest
};

}  // namespace

Grouping group(std::span<const Instance> instances, const GroupingHints& hints) {
  if (hints.saturation_delays_ms.empty()) return Grouper(instances).run();
  const std::vector<Instance> known = with_delays(instances, hints.saturation_delays_ms);
  return Grouper(known).run();
}

std::string digest_of(const Acquisition& acquisition, std::span<const Instance> instances) {
  Sha256 hash;
  hash.add(to_string(acquisition.kind));
  for (const std::size_t i : by_uid(acquisition.instances, instances)) {
    hash.add("\n");
    hash.add(image_name(instances[i]));
  }
  return hash.hex();
}

std::string_view to_string(Contrast contrast) {
  switch (contrast) {
    case Contrast::Unknown:
      return "unknown";
    case Contrast::Before:
      return "before";
    case Contrast::After:
      return "after";
  }
  return "unknown";
}

}  // namespace dicom
