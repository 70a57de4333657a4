// What is the same for every kind: geometry, time, whether images are missing or double, and whether the scanner's own
// counts agree.
#include "dicom/input/describe.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "dicom/input/mdme.h"
#include "dicom/input/recovery.h"

namespace dicom {
namespace {

constexpr double kRegularGapMm = 0.1;  // header rounding, and what a table position repeats to

void add_once(std::vector<std::string>& sentences, std::string sentence) {
  if (std::find(sentences.begin(), sentences.end(), sentence) == sentences.end())
    sentences.push_back(std::move(sentence));
}

std::string missing_or_double(const Volume& volume, const Rules& rules) {
  const std::string name = std::string(rules.parameter) + " " + with_unit(rules, {volume.axis});
  const auto present = static_cast<std::size_t>(
      std::count_if(volume.slices.begin(), volume.slices.end(), [](const Indices& s) { return !s.empty(); }));
  if (present < volume.slices.size())
    return name + " has " + std::to_string(present) + " of " + count_of(volume.slices.size(), "slice", "slices");
  for (std::size_t slice = 0; slice < volume.slices.size(); ++slice) {
    const std::size_t images = volume.slices[slice].size();
    if (rules.kind != Kind::Diffusion && images > 1)
      return name + " has " + std::to_string(images) + " different images of slice " + std::to_string(slice + 1);
    if (images != volume.slices.front().size())
      return name + " has " + std::to_string(volume.slices.front().size()) + " directions in slice 1 and " +
             std::to_string(images) + " in slice " + std::to_string(slice + 1);
  }
  return {};
}

std::string incomplete(const Acquisition& acquisition, const Rules& rules) {
  for (const Volume& volume : acquisition.volumes)
    if (std::string problem = missing_or_double(volume, rules); !problem.empty()) return problem;
  if (acquisition.volumes.size() >= rules.least) return {};
  return count_of(acquisition.volumes.size(), rules.parameter, rules.parameters) + ", a fit needs " +
         std::to_string(rules.least);
}

void check_gaps(Acquisition& acquisition, Instances instances) {
  const fitting::Geometry& geometry = acquisition.geometry;
  if (geometry.slices() < 2) return;
  double least = 1e9, most = 0;
  for (int slice = 1; slice < geometry.slices(); ++slice) {
    const double gap = (geometry.slice_origins_mm[slice] - geometry.slice_origins_mm[slice - 1]).norm();
    least = std::min(least, gap);
    most = std::max(most, gap);
  }
  if (most - least > kRegularGapMm) {
    if (acquisition.problem.empty())
      acquisition.problem = "slices are " + plain(least) + " to " + plain(most) + " mm apart: some are missing";
    return;
  }
  const auto declared = instances[acquisition.instances.front()].spacing_between_slices_mm;
  if (declared && std::abs(*declared - least) > kRegularGapMm)
    acquisition.notes.push_back("slices are " + plain(least) + " mm apart, the header says " + plain(*declared) +
                                " mm");
}

// Siemens and Philips count the echoes.
void check_echo_train(Acquisition& acquisition, Instances instances) {
  if (acquisition.kind != Kind::T2MultiEcho && acquisition.kind != Kind::T2StarMultiEcho) return;
  const auto train = instances[acquisition.instances.front()].echo_train_length;
  if (!train) return;
  const auto acquired = static_cast<std::size_t>(*train), here = acquisition.volumes.size();
  acquisition.echoes_agree = acquired == here;
  if (acquired > here && acquisition.problem.empty())
    acquisition.problem =
        "echo train of " + std::to_string(acquired) + ", " + count_of(here, "echo is", "echoes are") + " here";
}

// Images of a series that are here, and how many the scanner counted: 0 where it did not.
std::pair<std::size_t, std::size_t> images_of_series(const std::string& uid, Instances instances) {
  std::set<std::string> here;  // an image that is there twice is one
  std::size_t counted = 0;
  for (const Instance& instance : instances) {
    if (instance.series_uid != uid) continue;
    here.insert(image_name(instance));
    counted = std::max(counted, static_cast<std::size_t>(instance.images_in_acquisition.value_or(0)));
  }
  return {here.size(), counted};
}

// Every b-value has three directions or more on every slice: their mean is near that of all directions.
bool has_directions_enough(const Acquisition& acquisition, Instances instances) {
  constexpr std::ptrdiff_t kLeastDirections = 3;
  const auto directed = [&](std::size_t i) { return instances[i].gradient_direction.has_value(); };
  return std::all_of(acquisition.volumes.begin(), acquisition.volumes.end(), [&](const Volume& volume) {
    return volume.axis < 1 ||
           std::count_if(volume.slices.front().begin(), volume.slices.front().end(), directed) >= kLeastDirections;
  });
}

// GE counts the images of a series, slices and contrasts together. Where whole slices are missing from a series of
// echoes or inversion times every voxel that is here can still be fitted.
bool lacks_whole_slices(const Acquisition& acquisition, Instances instances, const std::string& uid,
                        std::size_t missing) {
  if (acquisition.kind == Kind::T2MultiEcho || acquisition.kind == Kind::T2StarMultiEcho)
    return missing % acquisition.volumes.size() == 0;
  if (acquisition.kind == Kind::Diffusion) return has_directions_enough(acquisition, instances);
  if (acquisition.kind == Kind::Dynamic) return !acquisition.notes.empty();  // phases that were left out
  if (acquisition.kind != Kind::T1InversionRecovery) return false;
  Indices of_series;
  for (const std::size_t i : acquisition.instances)
    if (instances[i].series_uid == uid) of_series.push_back(i);
  return missing % axes_of(of_series, instances, rules_of(acquisition.kind)).size() == 0;
}

const char* what_may_be_missing(Kind kind) {
  if (kind == Kind::Diffusion) return ": whole slices or directions may be missing";
  return kind == Kind::Dynamic ? ": those of the phases left out" : ": whole slices may be missing";
}

// A note where the fit does not suffer from what the scanner counted and is not here; else a problem.
void check_image_count(Acquisition& acquisition, Instances instances) {
  std::set<std::string> series;
  for (const std::size_t i : acquisition.instances) series.insert(instances[i].series_uid);
  bool agree = series.size() == 1;
  for (const std::string& uid : series) {
    const auto [here, counted] = images_of_series(uid, instances);
    agree = agree && counted == here;
    if (counted <= here) continue;
    const std::size_t missing = counted - here;
    const std::string finding = "the scanner counted " + count_of(counted, "image", "images") + " in this series, " +
                                std::to_string(here) + (here == 1 ? " is here" : " are here");
    if (!acquisition.problem.empty()) continue;
    if (lacks_whole_slices(acquisition, instances, uid, missing))
      add_once(acquisition.notes, finding + what_may_be_missing(acquisition.kind));
    else
      acquisition.problem = finding;
  }
  acquisition.images_agree = agree;
}

std::string recognition(const Acquisition& acquisition, Instances instances, const Rules& rules) {
  static const std::map<Kind, std::string> kNames{{Kind::T1Vfa, "Spoiled gradient echo"},
                                                  {Kind::T2MultiEcho, "Spin echo"},
                                                  {Kind::T2StarMultiEcho, "Gradient echo"},
                                                  {Kind::Diffusion, "Echo-planar diffusion"},
                                                  {Kind::T1InversionRecovery, "Inversion recovery"},
                                                  {Kind::Mdme, "Saturation recovery with several echoes (MDME)"},
                                                  {Kind::SyntheticMaps, "Maps exported by SyMRI"},
                                                  {Kind::Dynamic, "Spoiled gradient echo"},
                                                  {Kind::T2Weighted, "Spin echo"}};
  const std::vector<double> axes = axes_of(acquisition.instances, instances, rules);
  const std::string slices = count_of(acquisition.geometry.slice_origins_mm.size(), "slice", "slices") + ".";
  if (rules.kind == Kind::SyntheticMaps) return kNames.at(rules.kind) + ": " + with_unit(rules, axes) + ", " + slices;
  const std::string repetition = rules.kind == Kind::T1InversionRecovery
                                     ? repetition_times(acquisition, instances)
                                     : plain(acquisition.repetition_time_ms) + " ms";
  std::string echoes;
  if (rules.kind == Kind::Mdme) {
    const std::set<double> times(acquisition.echo_times_ms.begin(), acquisition.echo_times_ms.end());
    for (const double time : times) echoes += (echoes.empty() ? ", TE " : " and ") + plain(time);
    echoes += " ms";
  }
  return kNames.at(rules.kind) + " with " + count_of(axes.size(), rules.parameter, rules.parameters) + " (" +
         with_unit(rules, axes) + ")" + echoes + ", TR " + repetition + ", " + slices;
}

}  // namespace

std::string count_of(std::size_t n, std::string_view one, std::string_view many) {
  return std::to_string(n) + " " + std::string(n == 1 ? one : many);
}

Indices by_uid(Indices images, Instances instances) {
  std::sort(images.begin(), images.end(),
            [&](std::size_t a, std::size_t b) { return precedes(instances[a], instances[b]); });
  return images;
}

Acquisition acquisition_of(const Set& set, Instances instances, const Rules& rules) {
  Acquisition acquisition;
  acquisition.kind = rules.kind;
  acquisition.instances = by_uid(set.images, instances);
  acquisition.images = acquisition.instances.size();
  acquisition.volumes = volumes_of(acquisition.instances, instances, rules);
  if (rules.kind == Kind::T1InversionRecovery)
    acquisition.volumes = unfolded(std::move(acquisition.volumes), instances, rules);
  if (rules.kind == Kind::Mdme) unfold_echoes(acquisition, instances);
  acquisition.geometry = geometry_of(acquisition.instances, instances);
  const Instance& first = instances[acquisition.instances.front()];
  acquisition.repetition_time_ms = first.repetition_time_ms.value_or(0);
  acquisition.frame_of_reference_uid = first.frame_of_reference_uid;
  for (const std::size_t i : acquisition.instances)
    if (const auto time = instances[i].acquisition_time_s)
      acquisition.time_s = std::min(acquisition.time_s.value_or(*time), *time);
  acquisition.problem = set.problem;
  acquisition.notes = set.notes;
  if (acquisition.problem.empty() && rules.kind != Kind::Dynamic)  // whose phases are looked at one by one
    acquisition.problem = incomplete(acquisition, rules);
  acquisition.evidence.push_back(recognition(acquisition, instances, rules));
  if (rules.kind == Kind::T1InversionRecovery) describe_recovery(acquisition, instances);
  check_image_count(acquisition, instances);
  check_gaps(acquisition, instances);
  check_echo_train(acquisition, instances);
  if (!acquisition.problem.empty()) acquisition.echoes_agree = acquisition.images_agree = false;
  return acquisition;
}

}  // namespace dicom
