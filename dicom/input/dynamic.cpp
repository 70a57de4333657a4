#include "dicom/input/dynamic.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <regex>
#include <set>

#include "dicom/input/describe.h"

namespace dicom {
namespace {

using Times = std::vector<double>;  // s, of the phases

constexpr double kSameInjectionS = 1;
constexpr double kLongestPauseS = 15 * 60;  // between two series of one dynamic series: late phases come within it

std::optional<double> time_in_description(const Instance& instance) {
  static const std::regex kPattern(R"(TT=([0-9]{1,5}(?:\.[0-9]{1,3})?)s)");
  std::smatch found;
  if (!std::regex_search(instance.series_description, found, kPattern)) return std::nullopt;
  return std::stod(found[1]);
}

// One place where the time of an image may stand.
struct Clock {
  const char* name;
  std::optional<double> (*read)(const Instance&);
  bool first_is_zero;  // the first phase has no value: it is the beginning
};

const Clock kClocks[] = {
    {"Acquisition Time", [](const Instance& i) { return i.acquisition_time_s; }, false},
    {"Trigger Time",
     [](const Instance& i) { return i.trigger_time_ms ? std::optional(*i.trigger_time_ms / 1000) : std::nullopt; },
     true},
    {"the series description", time_in_description, false},
    // Of GE it is the time of reconstruction: phases that are made one after the other at the end.
    {"Content Time", [](const Instance& i) { return i.vendor == Vendor::GE ? std::nullopt : i.content_time_s; }, false},
};

// Its earliest image; nullopt where one has no time.
std::optional<double> start_of(const Indices& phase, Instances instances, const Clock& clock) {
  std::optional<double> start;
  for (const std::size_t i : phase) {
    const auto time = clock.read(instances[i]);
    if (!time) return std::nullopt;
    start = std::min(start.value_or(*time), *time);
  }
  return start;
}

// A clock shows the time of the phases when it goes on from each to the next.
std::optional<Times> times_by(const Clock& clock, const std::vector<Indices>& phases, Instances instances) {
  Times times;
  for (const Indices& phase : phases) {
    auto time = start_of(phase, instances, clock);
    if (!time && clock.first_is_zero && times.empty()) time = 0;
    if (!time || (!times.empty() && *time <= times.back())) return std::nullopt;
    times.push_back(*time);
  }
  return times;
}

// Phases as their own clock orders them, where the order of the images does not.
void sort_by_description(std::vector<Indices>& phases, Instances instances) {
  const auto time = [&](const Indices& phase) { return time_in_description(instances[phase.front()]); };
  const bool all = std::all_of(phases.begin(), phases.end(), [&](const Indices& p) { return time(p).has_value(); });
  if (all)
    std::stable_sort(phases.begin(), phases.end(),
                     [&](const Indices& a, const Indices& b) { return *time(a) < *time(b); });
}

void set_times(Acquisition& acquisition, const std::vector<Indices>& phases, Instances instances) {
  for (const Clock& clock : kClocks) {
    const auto times = times_by(clock, phases, instances);
    if (!times) continue;
    for (std::size_t k = 0; k < times->size(); ++k) acquisition.volumes[k].axis = (*times)[k] - times->front();
    acquisition.evidence.push_back("The times of its phases are those of " + std::string(clock.name) + ".");
    return;
  }
  for (std::size_t k = 0; k < phases.size(); ++k) acquisition.volumes[k].axis = static_cast<double>(k);
  acquisition.problem = "no header tells when its phases were acquired";
}

// When the agent was injected, on the clock of the phases.
void set_injection(Acquisition& acquisition, Instances instances) {
  const bool named = std::any_of(acquisition.instances.begin(), acquisition.instances.end(),
                                 [&](std::size_t i) { return instances[i].contrast_agent; });
  acquisition.contrast_given = named;
  std::optional<double> start_s;
  for (const std::size_t i : acquisition.instances)
    if (const auto own = instances[i].contrast_start_s) start_s = std::min(start_s.value_or(*own), *own);
  if (start_s && acquisition.time_s) {
    const double since = *start_s - *acquisition.time_s;
    if (since >= 0 && since < acquisition.volumes.back().axis) {
      acquisition.contrast_start_s = since;
      acquisition.contrast_given = true;
      acquisition.evidence.push_back("Its header says that the injection began " + plain(since) +
                                     " s after the first phase.");
      return;
    }
    acquisition.notes.push_back("the start of the injection in its header does not lie within it");
  }
  acquisition.evidence.push_back(std::string(named ? "Its header names a contrast agent, but not when it was injected"
                                                   : "Nothing in its headers says that a contrast agent was given") +
                                 ": its arrival is looked for in the images.");
}

// A phase that lacks slices is left out while enough others remain; what to say of it.
std::string leave_out_incomplete(std::vector<Indices>& phases, Instances instances) {
  std::size_t most = 0;
  for (const Indices& phase : phases) most = std::max(most, heights_of(phase, instances).size());
  const auto lacks = [&](const Indices& phase) { return phase.size() != most; };
  const auto incomplete = static_cast<std::size_t>(std::count_if(phases.begin(), phases.end(), lacks));
  if (incomplete == 0 || phases.size() - incomplete < kLeastPhases) return {};
  std::string list;
  for (std::size_t k = 0; k < phases.size(); ++k)
    if (lacks(phases[k])) list += (list.empty() ? "" : ", ") + std::to_string(k + 1);
  list = std::string(incomplete == 1 ? "phase " : "phases ") + list + " of " + std::to_string(phases.size()) +
         " left out: not " + count_of(most, "slice", "slices");
  std::erase_if(phases, lacks);
  return list;
}

// A phase on the grid of all phases, whatever slices it has itself.
Volume volume_of(const Indices& phase, const std::vector<double>& heights, Instances instances) {
  Volume volume{0, std::vector<Indices>(heights.size())};
  for (const std::size_t i : phase) volume.slices[class_of(heights, height_mm(instances[i]))].push_back(i);
  return volume;
}

bool is_complete(const Volume& volume) {
  return std::all_of(volume.slices.begin(), volume.slices.end(), [](const Indices& s) { return s.size() == 1; });
}

std::string recognition(const Acquisition& acquisition, const Instance& first) {
  const double last = acquisition.volumes.back().axis;
  return "Spoiled gradient echo, " + count_of(acquisition.volumes.size(), "phase", "phases") + " of " +
         count_of(acquisition.geometry.slice_origins_mm.size(), "slice", "slices") +
         (acquisition.problem.empty() ? " in " + plain(last) + " s" : std::string()) + ", flip angle " +
         plain(first.flip_angle_deg.value_or(0)) + " degrees, TR " + plain(acquisition.repetition_time_ms) +
         " ms, TE " + plain(first.echo_time_ms.value_or(0)) + " ms.";
}

}  // namespace

std::vector<Indices> phases_of(const Indices& stack, Instances instances) {
  std::vector<Indices> phases = units_by_time(stack, instances);
  sort_by_description(phases, instances);
  return phases;
}

std::vector<std::vector<Indices>> split_by_injection(std::vector<Indices> phases, Instances instances) {
  std::vector<std::vector<Indices>> runs;
  for (Indices& phase : phases) {
    const Instance& own = instances[phase.front()];
    const Instance* before = runs.empty() ? nullptr : &instances[runs.back().back().front()];
    const bool other_series = before != nullptr && own.series_uid != before->series_uid;
    const bool other_injection = other_series && own.contrast_start_s && before->contrast_start_s &&
                                 std::abs(*own.contrast_start_s - *before->contrast_start_s) > kSameInjectionS;
    const bool long_after = other_series && own.acquisition_time_s && before->acquisition_time_s &&
                            *own.acquisition_time_s - *before->acquisition_time_s > kLongestPauseS;
    if (before == nullptr || other_injection || long_after) runs.emplace_back();
    runs.back().push_back(std::move(phase));
  }
  return runs;
}

Indices take_out_aborted(std::vector<Indices>& phases, Instances instances) {
  std::size_t most = 0;
  for (const Indices& phase : phases) most = std::max(most, phase.size());
  const auto series_of = [&](const Indices& phase) { return std::string_view(instances[phase.front()].series_uid); };
  std::map<std::string_view, std::size_t> complete;
  for (const Indices& phase : phases) complete[series_of(phase)] += phase.size() == most ? 1 : 0;
  std::set<std::string_view> aborted;
  for (std::size_t k = 0; k < phases.size(); ++k) {
    if (phases[k].size() == most) continue;
    const bool again =
        std::any_of(phases.begin() + static_cast<std::ptrdiff_t>(k) + 1, phases.end(), [&](const Indices& later) {
          return series_of(later) != series_of(phases[k]) && complete[series_of(later)] >= kLeastPhases;
        });
    if (again && complete[series_of(phases[k])] < kLeastPhases) aborted.insert(series_of(phases[k]));
  }
  Indices out;
  std::erase_if(phases, [&](const Indices& phase) {
    if (!aborted.contains(series_of(phase))) return false;
    out.insert(out.end(), phase.begin(), phase.end());
    return true;
  });
  return out;
}

Acquisition dynamic_acquisition(std::vector<Indices> phases, Instances instances) {
  const Rules& rules = rules_of(Kind::Dynamic);
  Set set;
  if (std::string note = leave_out_incomplete(phases, instances); !note.empty()) set.notes.push_back(std::move(note));
  for (const Indices& phase : phases) set.images.insert(set.images.end(), phase.begin(), phase.end());
  Acquisition acquisition = acquisition_of(set, instances, rules);
  acquisition.evidence.clear();
  acquisition.volumes.clear();
  const std::vector<double> heights = heights_of(set.images, instances);
  for (std::size_t k = 0; k < phases.size(); ++k) {
    acquisition.volumes.push_back(volume_of(phases[k], heights, instances));
    if (acquisition.problem.empty() && !is_complete(acquisition.volumes.back()))
      acquisition.problem = "phase " + std::to_string(k + 1) + " has " + std::to_string(phases[k].size()) +
                            " images for " + count_of(heights.size(), "slice", "slices");
  }
  const std::string problem = acquisition.problem;
  set_times(acquisition, phases, instances);
  if (!problem.empty()) acquisition.problem = problem;
  acquisition.evidence.insert(acquisition.evidence.begin(),
                              recognition(acquisition, instances[acquisition.instances.front()]));
  if (acquisition.fits()) set_injection(acquisition, instances);
  return acquisition;
}

}  // namespace dicom
