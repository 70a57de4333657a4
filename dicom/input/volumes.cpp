#include "dicom/input/volumes.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <tuple>

#include "dicom/input/versions.h"

namespace dicom {
namespace {

constexpr std::size_t kDynamicFrom = 3;  // volumes of one flip angle in a row: a dynamic series
constexpr double kClearlyCloser = 2;     // times
constexpr double kNoDiffusionBelow = 1;  // s/mm2: b = 0 may be repeated in every series of one set
constexpr double kNever = std::numeric_limits<double>::infinity();

// The images of one series and one time point.
struct Unit {
  Indices images;
  std::vector<double> axes;
  std::string series_uid;
  double start_s = kNever;
  int series_number = 0;
  std::vector<std::string> notes = {};
};

auto order_of(const Instance& instance) {
  return std::tuple(instance.acquisition_time_s.value_or(kNever), instance.series_number,
                    instance.temporal_position.value_or(0), instance.trigger_time_ms.value_or(0),
                    instance.acquisition_number, instance.instance_number, instance.frame,
                    std::string_view(instance.sop_instance_uid));
}

Unit unit_of(Indices images, Instances instances, const Rules& rules) {
  Unit unit;
  unit.axes = axes_of(images, instances, rules);
  unit.series_uid = instances[images.front()].series_uid;
  unit.series_number = instances[images.front()].series_number;
  unit.start_s = start_of(images, instances);
  unit.images = std::move(images);
  return unit;
}

// How often the most frequent and the rarest slice and value occur.
std::pair<std::size_t, std::size_t> repeats(const std::vector<Volume>& volumes) {
  std::size_t least = std::numeric_limits<std::size_t>::max(), most = 0;
  for (const Volume& volume : volumes)
    for (const auto& slice : volume.slices) {
      least = std::min(least, slice.size());
      most = std::max(most, slice.size());
    }
  return {least, most};
}

bool each_once(const Indices& images, Instances instances, const Rules& rules) {
  return repeats(volumes_of(images, instances, rules)).second <= 1;
}

// The k-th image of every slice makes the k-th time point: sound only when every slice has equally many.
std::vector<Indices> split_by_order(const std::vector<Volume>& volumes, std::size_t count, Instances instances) {
  std::vector<Indices> parts(count);
  for (const Volume& volume : volumes)
    for (Indices slice : volume.slices) {
      std::sort(slice.begin(), slice.end(),
                [&](std::size_t a, std::size_t b) { return order_of(instances[a]) < order_of(instances[b]); });
      for (std::size_t k = 0; k < count; ++k) parts[k].push_back(slice[k]);
    }
  return parts;
}

// Parts by one tag; images without it are a part of their own, first: GE's first phase has no trigger time.
using Tag = std::optional<double> (*)(const Instance&);
std::optional<double> number_of_acquisition(const Instance& instance) { return instance.acquisition_number; }

std::vector<Indices> split_by_tag(const Indices& images, Instances instances, Tag tag) {
  std::map<double, Indices> parts;
  for (const std::size_t i : images) parts[tag(instances[i]).value_or(-1)].push_back(i);
  std::vector<Indices> result;
  for (auto& [value, part] : parts) result.push_back(std::move(part));
  return result;
}

// Every part has a slice once, and most parts have most slices: a tag that differs from slice to slice does not tell
// phases apart. A phase that was stopped may have few.
bool are_phases(const std::vector<Indices>& parts, std::size_t slices, Instances instances, const Rules& rules) {
  const auto once = [&](const Indices& part) { return each_once(part, instances, rules); };
  const auto large = [&](const Indices& part) { return 2 * part.size() > slices; };
  const auto count = static_cast<std::size_t>(std::count_if(parts.begin(), parts.end(), large));
  return parts.size() > 1 && 2 * count > parts.size() && std::all_of(parts.begin(), parts.end(), once);
}

std::vector<Indices> phases_by_tag(const Indices& images, Instances instances, const Rules& rules) {
  static constexpr Tag kTags[] = {
      [](const Instance& i) -> std::optional<double> { return i.temporal_position; },
      [](const Instance& i) { return i.trigger_time_ms; },
      number_of_acquisition,
      [](const Instance& i) { return i.acquisition_time_s; },
      [](const Instance& i) { return i.content_time_s; },
  };
  const std::size_t slices = heights_of(images, instances).size();
  for (const Tag tag : kTags)
    if (auto parts = split_by_tag(images, instances, tag); are_phases(parts, slices, instances, rules)) return parts;
  return {};
}

// The time points of one series. Images that cannot be told apart stay together and become a problem of the set.
std::vector<Indices> time_points(const Indices& images, Instances instances, const Rules& rules) {
  if (rules.kind == Kind::Diffusion || rules.kind == Kind::Mdme || each_once(images, instances, rules)) return {images};
  if (rules.kind == Kind::Dynamic)
    if (auto phases = phases_by_tag(images, instances, rules); !phases.empty()) return phases;
  std::vector<Indices> parts = split_by_tag(images, instances, number_of_acquisition);
  const auto sound = [&](const Indices& part) { return each_once(part, instances, rules); };
  // Of a Look-Locker series every image may be an acquisition by number.
  if (rules.kind != Kind::T1InversionRecovery && parts.size() > 1 && std::all_of(parts.begin(), parts.end(), sound))
    return parts;
  const std::vector<Volume> volumes = volumes_of(images, instances, rules);
  const auto [least, most] = repeats(volumes);
  if (least == most) return split_by_order(volumes, most, instances);
  return {images};
}

// A volume that was stored as two series: the same values, other slices, one time.
bool continues(const Unit& a, const Unit& b, Instances instances) {
  if (a.axes != b.axes || !(std::abs(a.start_s - b.start_s) <= kContinuesWithinS)) return false;
  Indices both = a.images;
  both.insert(both.end(), b.images.begin(), b.images.end());
  return heights_of(both, instances).size() ==
         heights_of(a.images, instances).size() + heights_of(b.images, instances).size();
}

std::vector<Unit> joined(std::vector<Unit> units, Instances instances) {
  std::vector<Unit> result;
  for (Unit& unit : units) {
    const auto first = std::find_if(result.begin(), result.end(),
                                    [&](const Unit& other) { return continues(other, unit, instances); });
    if (first == result.end())
      result.push_back(std::move(unit));
    else
      first->images.insert(first->images.end(), unit.images.begin(), unit.images.end());
  }
  return result;
}

// A multi-echo series has all echoes of one excitation; of a variable flip angle series each angle is an excitation of
// its own.
std::vector<Unit> units_of(const Indices& stack, Instances instances, const Rules& rules) {
  const std::vector<double> axes = axes_of(stack, instances, rules);
  std::map<std::pair<std::string, std::size_t>, Indices> series;
  for (const std::size_t i : stack) {
    const std::size_t angle = rules.kind == Kind::T1Vfa ? class_of(axes, rules.axis(instances[i])) : 0;
    series[{instances[i].series_uid, angle}].push_back(i);
  }
  std::vector<Unit> units;
  for (const auto& [key, images] : series)
    for (Indices& part : time_points(images, instances, rules))
      units.push_back(unit_of(std::move(part), instances, rules));
  const auto key = [](const Unit& unit) {
    return std::tie(unit.start_s, unit.series_number, unit.series_uid, unit.axes);
  };
  std::stable_sort(units.begin(), units.end(), [&](const Unit& a, const Unit& b) { return key(a) < key(b); });
  return joined(std::move(units), instances);
}

bool any_common(const std::vector<double>& a, const std::vector<double>& b, const Rules& rules) {
  return std::any_of(a.begin(), a.end(), [&](double x) {
    if (rules.kind == Kind::Diffusion && x < kNoDiffusionBelow) return false;
    return std::any_of(b.begin(), b.end(),
                       [&](double y) { return std::abs(x - y) <= rules.tolerance(std::min(x, y)); });
  });
}

bool all_in(const std::vector<double>& some, const std::vector<double>& all, const Rules& rules) {
  return std::all_of(some.begin(), some.end(), [&](double x) {
    return std::any_of(all.begin(), all.end(),
                       [&](double y) { return std::abs(x - y) <= rules.tolerance(std::min(x, y)); });
  });
}

bool strict_subset(const std::vector<double>& small, const std::vector<double>& large, const Rules& rules) {
  return small.size() < large.size() && all_in(small, large, rules);
}

// --- dynamic series ---

// What a series description says apart from its numbers: the phases of a dynamic series are called alike.
std::string words_of(const Unit& unit, Instances instances) {
  std::string words = instances[unit.images.front()].series_description;
  std::erase_if(words, [](unsigned char c) { return std::isdigit(c) != 0; });
  return words;
}

// Of neighbours at one angle, [first, last), the phases of a dynamic series. Where one series has enough of them it is
// the dynamic one; the others, and the first or last one when it alone is called otherwise, may be angles of a set that
// ends or begins there.
std::vector<std::size_t> phases_among(const std::vector<Unit>& units, std::size_t first, std::size_t last,
                                      Instances instances) {
  std::map<std::string_view, std::size_t> in_series;
  for (std::size_t i = first; i < last; ++i) ++in_series[units[i].series_uid];
  std::vector<std::size_t> phases;
  for (std::size_t i = first; i < last; ++i)
    if (in_series[units[i].series_uid] >= kDynamicFrom) phases.push_back(i);
  if (!phases.empty()) return phases;
  const auto alike = [&](std::size_t a, std::size_t b) {
    return words_of(units[a], instances) == words_of(units[b], instances);
  };
  if (last - first > kDynamicFrom && !alike(first, first + 1)) ++first;
  if (last - first > kDynamicFrom && !alike(last - 1, last - 2)) --last;
  for (std::size_t i = first; last - first >= kDynamicFrom && i < last; ++i) phases.push_back(i);
  return phases;
}

std::vector<bool> dynamic(const std::vector<Unit>& units, Instances instances) {
  std::vector<bool> result(units.size());
  for (std::size_t first = 0; first < units.size();) {
    std::size_t last = first;
    while (last < units.size() && units[last].axes == units[first].axes) ++last;
    for (const std::size_t i : phases_among(units, first, last, instances)) result[i] = true;
    first = last;
  }
  // A dynamic series is one as a whole, whatever lies between its phases.
  std::map<std::pair<std::string, double>, std::size_t> in_series;
  for (const Unit& unit : units) ++in_series[{unit.series_uid, unit.axes.front()}];
  for (std::size_t i = 0; i < units.size(); ++i)
    if (in_series[{units[i].series_uid, units[i].axes.front()}] >= kDynamicFrom) result[i] = true;
  return result;
}

void take_out_dynamic(std::vector<Unit>& units, std::vector<Rest>& rests, Instances instances, const Rules& rules) {
  const std::vector<bool> out = dynamic(units, instances);
  std::map<std::vector<double>, std::pair<std::size_t, Indices>> taken;
  std::vector<Unit> kept;
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (!out[i]) {
      kept.push_back(std::move(units[i]));
      continue;
    }
    auto& [count, images] = taken[units[i].axes];
    ++count;
    images.insert(images.end(), units[i].images.begin(), units[i].images.end());
  }
  for (auto& [axes, images] : taken)
    rests.push_back({std::move(images.second),
                     "dynamic series: " + std::to_string(images.first) + " time points at one " +
                         std::string(rules.parameter) + " (" + with_unit(rules, axes) + "), nothing to fit",
                     true});
  units = std::move(kept);
}

// --- sets of units ---

using Split = std::vector<std::vector<std::size_t>>;  // indices of units, sets in order of time

Split walk(const std::vector<Unit>& units, const std::vector<std::size_t>& order, const Rules& rules) {
  Split split;
  std::vector<double> axes;
  for (const std::size_t i : order) {
    if (split.empty() || any_common(axes, units[i].axes, rules)) {
      split.emplace_back();
      axes.clear();
    }
    split.back().push_back(i);
    axes.insert(axes.end(), units[i].axes.begin(), units[i].axes.end());
  }
  return split;
}

Split forwards(const std::vector<Unit>& units, const Rules& rules) {
  std::vector<std::size_t> order(units.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  return walk(units, order, rules);
}

Split backwards(const std::vector<Unit>& units, const Rules& rules) {
  std::vector<std::size_t> order(units.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = order.size() - 1 - i;
  Split split = walk(units, order, rules);
  std::reverse(split.begin(), split.end());
  for (auto& set : split) std::reverse(set.begin(), set.end());
  return split;
}

// Sum of the durations of the sets; not a number or infinite when a time is unknown.
double duration_s(const Split& split, const std::vector<Unit>& units) {
  double sum = 0;
  for (const auto& set : split) sum += units[set.back()].start_s - units[set.front()].start_s;
  return sum;
}

struct Choice {
  Split split;
  std::string problem;
};

Choice choose(const std::vector<Unit>& units, const Rules& rules) {
  Split there = forwards(units, rules), back = backwards(units, rules);
  if (there == back) return {std::move(there), {}};
  const double forward_s = duration_s(there, units), backward_s = duration_s(back, units);
  if (forward_s * kClearlyCloser <= backward_s && std::isfinite(backward_s)) return {std::move(there), {}};
  if (backward_s * kClearlyCloser <= forward_s && std::isfinite(forward_s)) return {std::move(back), {}};
  return {std::move(there), "the " + std::string(rules.parameters) +
                                " can be put together in two ways, and their times do not tell which is right"};
}

// A single volume that the next set has too was acquired again: the later one counts.
bool acquired_again(const std::vector<double>& axes, const std::vector<double>& next, const Rules& rules) {
  return (rules.kind == Kind::T1Vfa || rules.kind == Kind::T1InversionRecovery) && axes.size() == 1 &&
         strict_subset(axes, next, rules);
}

// --- acquired again at once ---

bool agent_named(const Unit& unit, Instances instances) {
  return std::any_of(unit.images.begin(), unit.images.end(),
                     [&](std::size_t i) { return instances[i].contrast_agent; });
}

// How often its values occur in the stack, and the values that occur least.
std::pair<std::size_t, std::size_t> occurrences(const Unit& unit, const std::vector<Unit>& units) {
  std::map<std::vector<double>, std::size_t> counts;
  for (const Unit& other : units) ++counts[other.axes];
  std::size_t least = units.size();
  for (const auto& [axes, count] : counts) least = std::min(least, count);
  return {counts[unit.axes], least};
}

// Whether an image of anything else in the study was acquired after `unit` and before `again`, or nobody can tell.
bool something_between(const Unit& unit, const Unit& again, Instances instances) {
  double end_s = 0;
  for (const std::size_t i : unit.images) end_s = std::max(end_s, instances[i].acquisition_time_s.value_or(kNever));
  if (!std::isfinite(end_s) || !std::isfinite(again.start_s)) return true;
  return std::any_of(instances.begin(), instances.end(), [&](const Instance& other) {
    const bool acquired = other.content == Content::Magnitude || other.content == Content::TraceWeighted;
    return acquired && other.acquisition_time_s.value_or(0) > end_s &&
           other.acquisition_time_s.value_or(0) < again.start_s && other.series_uid != unit.series_uid &&
           other.series_uid != again.series_uid;
  });
}

// Whether some header of the study puts the injection between the two.
bool injection_between(const Unit& unit, const Unit& again, Instances instances) {
  return std::any_of(instances.begin(), instances.end(), [&](const Instance& other) {
    return other.contrast_start_s && *other.contrast_start_s > unit.start_s && *other.contrast_start_s <= again.start_s;
  });
}

// Why the unit before `again` is not used: an acquisition that was aborted and repeated at once, or a single volume
// that was repeated at once though it was complete. Empty: both are.
std::string repeated(const Unit& unit, const Unit& again, const std::vector<Unit>& units, Instances instances,
                     const Rules& rules) {
  if (!all_in(unit.axes, again.axes, rules) || agent_named(unit, instances) != agent_named(again, instances) ||
      something_between(unit, again, instances) || injection_between(unit, again, instances))
    return {};
  const std::string what =
      std::string(unit.axes.size() == 1 ? rules.parameter : rules.parameters) + " " + with_unit(rules, unit.axes);
  const std::size_t slices = heights_of(unit.images, instances).size(),
                    all = heights_of(again.images, instances).size();
  if (unit.images.size() < again.images.size() && slices <= all)
    return what + ": aborted after " + std::to_string(unit.images.size()) + " of " +
           std::to_string(again.images.size()) + " images and acquired again: the later images are used";
  const auto [count, least] = occurrences(unit, units);
  if (unit.axes.size() == 1 && unit.axes == again.axes && slices == all && count > least)
    return what + " was acquired again: the later images are used";
  return {};
}

void take_out_repeated(std::vector<Unit>& units, Sets& result, Instances instances, const Rules& rules) {
  for (std::size_t i = 0; i + 1 < units.size();) {
    const std::string reason = repeated(units[i], units[i + 1], units, instances, rules);
    if (reason.empty()) {
      ++i;
      continue;
    }
    result.rests.push_back({std::move(units[i].images), reason});
    units[i + 1].notes.insert(units[i + 1].notes.end(), units[i].notes.begin(), units[i].notes.end());
    units[i + 1].notes.push_back(reason);
    units.erase(units.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

// A series of b = 0 alone (reversed phase encoding, an aborted scan) serves a series that has none of its own, and no
// other.
void take_out_lone_zeros(std::vector<Unit>& units, Sets& result) {
  const auto zero = [](const Unit& unit) { return unit.axes.front() < kNoDiffusionBelow; };
  const auto lone = [&](const Unit& unit) { return zero(unit) && unit.axes.size() == 1; };
  const auto whole = [&](const Unit& unit) { return zero(unit) && unit.axes.size() > 1; };
  if (std::none_of(units.begin(), units.end(), whole)) return;
  for (Unit& unit : units)
    if (lone(unit))
      result.rests.push_back({unit.images, "a further series of b = 0: that of the series itself is used"});
  std::erase_if(units, lone);
}

Sets sets_of_version(const Indices& images, Instances instances, const Rules& rules) {
  Sets result;
  std::vector<Unit> units = units_of(images, instances, rules);
  if (rules.kind == Kind::T1Vfa) take_out_dynamic(units, result.rests, instances, rules);
  if (rules.kind == Kind::Diffusion)
    take_out_lone_zeros(units, result);
  else
    take_out_repeated(units, result, instances, rules);
  const Choice choice = choose(units, rules);
  for (const auto& members : choice.split) {
    Set set;
    set.problem = choice.problem;
    for (const std::size_t unit : members) {
      set.images.insert(set.images.end(), units[unit].images.begin(), units[unit].images.end());
      set.notes.insert(set.notes.end(), units[unit].notes.begin(), units[unit].notes.end());
    }
    result.sets.push_back(std::move(set));
  }
  return result;
}

void append(Sets& result, Sets more) {
  std::move(more.sets.begin(), more.sets.end(), std::back_inserter(result.sets));
  std::move(more.rests.begin(), more.rests.end(), std::back_inserter(result.rests));
}

void drop_superseded(Sets& result, Instances instances, const Rules& rules) {
  std::vector<Set> kept;
  for (std::size_t i = 0; i < result.sets.size(); ++i) {
    Set& set = result.sets[i];
    const std::vector<double> axes = axes_of(set.images, instances, rules);
    if (i + 1 == result.sets.size() || !set.problem.empty() ||
        !acquired_again(axes, axes_of(result.sets[i + 1].images, instances, rules), rules)) {
      kept.push_back(std::move(set));
      continue;
    }
    const std::string what = std::string(rules.parameter) + " " + with_unit(rules, axes) + " was acquired again";
    result.sets[i + 1].notes.push_back(what + "; the later images are used");
    result.rests.push_back({std::move(set.images), what + ": the later images are used"});
  }
  result.sets = std::move(kept);
}

void compare_with_siblings(Sets& result, Instances instances, const Rules& rules) {
  for (Set& set : result.sets) {
    const std::vector<double> axes = axes_of(set.images, instances, rules);
    const std::size_t slices = heights_of(set.images, instances).size();
    for (const Set& other : result.sets) {
      const std::vector<double> wanted = axes_of(other.images, instances, rules);
      const std::size_t wanted_slices = heights_of(other.images, instances).size();
      if (!set.problem.empty()) break;
      if (strict_subset(axes, wanted, rules))
        set.problem = std::to_string(axes.size()) + " of " + std::to_string(wanted.size()) + " " +
                      std::string(rules.parameters) + " of another set with this protocol are here (" +
                      with_unit(rules, axes) + ")";
      else if (slices < wanted_slices)
        set.problem = std::to_string(slices) + " of " + std::to_string(wanted_slices) +
                      " slices of another set with this protocol are here";
    }
  }
}

}  // namespace

double start_of(const Indices& images, Instances instances) {
  double start_s = kNever;
  for (const std::size_t i : images) start_s = std::min(start_s, instances[i].acquisition_time_s.value_or(kNever));
  return start_s;
}

std::vector<double> axes_of(const Indices& images, Instances instances, const Rules& rules) {
  std::vector<double> values;
  for (const std::size_t i : images) values.push_back(rules.axis(instances[i]));
  return distinct(std::move(values), rules.tolerance);
}

std::vector<Volume> volumes_of(const Indices& images, Instances instances, const Rules& rules) {
  const std::vector<double> axes = axes_of(images, instances, rules), heights = heights_of(images, instances);
  std::vector<Volume> volumes;
  for (const double axis : axes) volumes.push_back({axis, std::vector<Indices>(heights.size())});
  for (const std::size_t i : images)
    volumes[class_of(axes, rules.axis(instances[i]))].slices[class_of(heights, height_mm(instances[i]))].push_back(i);
  return volumes;
}

std::vector<Volume> unfolded(std::vector<Volume> volumes, Instances instances, const Rules& rules) {
  std::vector<Volume> result;
  for (Volume& volume : volumes) {
    const auto [least, most] = repeats({volume});
    if (least != most || most < 2) {
      result.push_back(std::move(volume));
      continue;
    }
    for (const Indices& part : split_by_order({volume}, most, instances))
      result.push_back({volume.axis, volumes_of(part, instances, rules).front().slices});
  }
  return result;
}

std::vector<Indices> units_by_time(const Indices& stack, Instances instances) {
  std::vector<Indices> parts;
  for (Unit& unit : units_of(stack, instances, rules_of(Kind::Dynamic))) parts.push_back(std::move(unit.images));
  return parts;
}

Sets sets_of(const Indices& stack, Instances instances, const Rules& rules) {
  const std::map<Tokens, Indices> versions = split_by_version(stack, instances);
  Sets result;
  for (const auto& [tokens, images] : versions) append(result, sets_of_version(images, instances, rules));
  if (versions.size() > 1) settle_versions(result, instances, rules);
  drop_superseded(result, instances, rules);
  compare_with_siblings(result, instances, rules);
  return result;
}

}  // namespace dicom
