#include "dicom/input/versions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <set>
#include <string_view>
#include <tuple>

namespace dicom {
namespace {

constexpr double kSameStartS = 1;  // versions of one acquisition repeat its time

bool is_one_of(const std::string& token, std::span<const std::string_view> names) {
  return std::find(names.begin(), names.end(), token) != names.end();
}

// "E1", "TE2", "ECHO_3", "SL12": which of its series an image is.
bool is_number(const std::string& token) {
  static constexpr std::array<std::string_view, 7> kCounted{"E", "TE", "ECHO", "ECHO_", "SL", "SLICE", "SLICE_"};
  const std::size_t name = token.find_last_not_of("0123456789") + 1;
  return name < token.size() && is_one_of(token.substr(0, name), kCounted);
}

// Within one diffusion series the tokens of b = 0, directions and traces differ.
bool names_content(const std::string& token) {
  static constexpr std::array<std::string_view, 9> kContents{"ADC",  "TRACEW", "TRACE", "DIFFUSION", "NONE",
                                                             "QMAP", "T1",     "T2",    "PD"};
  return is_one_of(token, kContents) || is_number(token);
}

Tokens version_of(const Instance& instance) {
  Tokens tokens;
  for (std::size_t i = 2; i < instance.image_type.size(); ++i)
    if (!names_content(instance.image_type[i])) tokens.push_back(instance.image_type[i]);
  return tokens;
}

// Dixon's pictures are of different things, not versions of one.
Tokens dixon_part(const Tokens& tokens) {
  static constexpr std::array<std::string_view, 12> kParts{
      "W", "F", "IP", "OP", "WATER", "FAT", "IN_PHASE", "OUT_PHASE", "OPP_PHASE", "IN", "OUT", "DIXON"};
  Tokens parts;
  for (const std::string& token : tokens)
    if (is_one_of(token, kParts)) parts.push_back(token);
  return parts;
}

// Water first, then what is no part of a Dixon sequence, in phase, opposed phase and fat.
constexpr int kFat = 3;
int dixon_rank(const Tokens& tokens) {
  const auto is = [&](std::initializer_list<std::string_view> names) {
    return std::any_of(tokens.begin(), tokens.end(), [&](const std::string& token) {
      return std::find(names.begin(), names.end(), token) != names.end();
    });
  };
  if (is({"W", "WATER"})) return 0;
  if (is({"F", "FAT"})) return kFat + 1;
  if (is({"OP", "OUT_PHASE", "OPP_PHASE", "OUT"})) return kFat;
  return is({"IP", "IN_PHASE", "IN"}) ? 2 : 1;
}

// When its images were acquired, in whole seconds: those of a copy are the same.
std::set<double> starts_of(const Indices& images, Instances instances) {
  std::set<double> starts;
  for (const std::size_t i : images) starts.insert(std::round(instances[i].acquisition_time_s.value_or(0)));
  return starts;
}

// The best first: corrected in three dimensions, in two, not; normalised or not.
auto preference(const Tokens& tokens) {
  const auto lacks = [&](const char* name) { return std::find(tokens.begin(), tokens.end(), name) == tokens.end(); };
  return std::tuple(lacks("DIS3D"), lacks("DIS2D"), lacks("NORM"), tokens);
}

std::string name_of(const Tokens& version, const Tokens& other) {
  std::string name, whole;
  for (const std::string& token : version) {
    whole += (whole.empty() ? "" : " ") + token;
    if (std::find(other.begin(), other.end(), token) == other.end()) name += (name.empty() ? "" : " ") + token;
  }
  if (whole.empty()) return "plain";
  return name.empty() ? whole : name;
}

Indices images_of(const Volume& volume) {
  Indices images;
  for (const Indices& slice : volume.slices) images.insert(images.end(), slice.begin(), slice.end());
  return images;
}

// Same value and start, no slice that the other lacks.
bool copies(const Volume& copy, const Volume& original, Instances instances, const Rules& rules) {
  if (std::abs(copy.axis - original.axis) > rules.tolerance(std::min(copy.axis, original.axis))) return false;
  Indices both = images_of(original);
  const Indices images = images_of(copy);
  const double start_s = start_of(images, instances), other_s = start_of(both, instances);
  if (start_s != other_s && !(std::abs(start_s - other_s) <= kSameStartS)) return false;
  const std::size_t slices = heights_of(both, instances).size();
  both.insert(both.end(), images.begin(), images.end());
  return heights_of(both, instances).size() == slices;
}

bool copies(const Set& copy, const Set& original, Instances instances, const Rules& rules) {
  const Tokens version = version_of(instances[copy.images.front()]),
               other = version_of(instances[original.images.front()]);
  const bool water_is_here = dixon_rank(other) == 0 && dixon_rank(version) > 1;
  if (version == other || (dixon_part(version) != dixon_part(other) && !water_is_here)) return false;
  const std::vector<Volume> originals = volumes_of(original.images, instances, rules);
  const std::vector<Volume> volumes = volumes_of(copy.images, instances, rules);
  return std::all_of(volumes.begin(), volumes.end(), [&](const Volume& volume) {
    return std::any_of(originals.begin(), originals.end(),
                       [&](const Volume& o) { return copies(volume, o, instances, rules); });
  });
}

// The more complete version is kept, so that one still arriving does not replace it; then the better one.
void drop_copies(Sets& result, Instances instances, const Rules& rules) {
  const auto key = [&](const Set& set) {
    const Tokens tokens = version_of(instances[set.images.front()]);
    return std::tuple(dixon_rank(tokens), -static_cast<long>(set.images.size()), preference(tokens));
  };
  std::stable_sort(result.sets.begin(), result.sets.end(), [&](const Set& a, const Set& b) { return key(a) < key(b); });
  std::vector<Set> kept;
  for (Set& set : result.sets) {
    const auto original =
        std::find_if(kept.begin(), kept.end(), [&](const Set& other) { return copies(set, other, instances, rules); });
    if (original == kept.end()) {
      kept.push_back(std::move(set));
      continue;
    }
    const std::string name =
        name_of(version_of(instances[original->images.front()]), version_of(instances[set.images.front()]));
    const bool same_picture = dixon_part(version_of(instances[original->images.front()])) ==
                              dixon_part(version_of(instances[set.images.front()]));
    result.rests.push_back(
        {std::move(set.images), same_picture ? "stored twice by the scanner: the " + name + " version is used"
                                             : "fat or phase images of a Dixon sequence: the water images are used"});
  }
  result.sets = std::move(kept);
}

// Enough values only when versions are mixed: a set that cannot be fitted, and says so.
void say_that_mixed(Sets& result, Instances instances, const Rules& rules) {
  Set all;
  for (const Set& set : result.sets) {
    if (axes_of(set.images, instances, rules).size() >= rules.least) return;
    all.images.insert(all.images.end(), set.images.begin(), set.images.end());
  }
  if (axes_of(all.images, instances, rules).size() < rules.least) return;
  std::string names;
  for (const auto& [tokens, images] : split_by_version(all.images, instances))
    names += (names.empty() ? "" : " and ") + name_of(tokens, {});
  all.problem = "its images were stored in different versions: " + names;
  result.sets = {std::move(all)};
}

// A version without enough values of its own, beside one that is fitted, e.g. a late series with another filter.
void drop_small_versions(Sets& result, Instances instances, const Rules& rules) {
  std::map<Tokens, std::size_t> most;
  const auto values = [&](const Set& set) { return axes_of(set.images, instances, rules); };
  const auto version = [&](const Set& set) { return version_of(instances[set.images.front()]); };
  for (const Set& set : result.sets) most[version(set)] = std::max(most[version(set)], values(set).size());
  std::vector<Set> kept;
  for (Set& set : result.sets) {
    const Tokens tokens = version(set);
    if (most[tokens] >= rules.least || !set.problem.empty())
      kept.push_back(std::move(set));
    else
      result.rests.push_back({set.images, "only " + with_unit(rules, values(set)) + " in the " + name_of(tokens, {}) +
                                              " version: values of two versions make no fit"});
  }
  result.sets = std::move(kept);
}

}  // namespace

std::map<Tokens, Indices> split_by_version(const Indices& stack, Instances instances) {
  std::map<Tokens, Indices> versions;
  for (const std::size_t i : stack) versions[version_of(instances[i])].push_back(i);
  return versions;
}

DynamicVersion one_version(const Indices& stack, Instances instances) {
  std::vector<std::pair<Tokens, Indices>> versions;
  for (auto& version : split_by_version(stack, instances)) versions.push_back(version);
  const auto key = [](const auto& version) {
    return std::tuple(dixon_rank(version.first), preference(version.first), version.second.size());
  };
  std::sort(versions.begin(), versions.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  // More phases count more than a better version of the same picture.
  const auto best = std::max_element(versions.begin(), versions.end(), [&](const auto& a, const auto& b) {
    return dixon_rank(a.first) == dixon_rank(versions.front().first) &&
           dixon_rank(b.first) == dixon_rank(versions.front().first) && a.second.size() < b.second.size();
  });
  DynamicVersion result{best->second, {}, {}};
  if (dixon_rank(best->first) >= kFat) result.problem = "of a Dixon sequence only fat or opposed-phase images are here";
  const std::set<double> starts = starts_of(best->second, instances);
  std::string names = name_of(best->first, {});
  for (auto& version : versions) {
    if (&version == &*best) continue;
    const std::set<double> own = starts_of(version.second, instances);
    if (std::includes(starts.begin(), starts.end(), own.begin(), own.end())) {
      result.rests.push_back({version.second, "another version of a dynamic series: the " + name_of(best->first, {}) +
                                                  " version is used"});
      continue;
    }
    names += " and " + name_of(version.first, {});
    result.images.insert(result.images.end(), version.second.begin(), version.second.end());
    result.problem = "its phases were stored in different versions: " + names;
  }
  return result;
}

void settle_versions(Sets& result, Instances instances, const Rules& rules) {
  drop_copies(result, instances, rules);
  say_that_mixed(result, instances, rules);
  drop_small_versions(result, instances, rules);
  std::stable_sort(result.sets.begin(), result.sets.end(), [&](const Set& a, const Set& b) {
    return start_of(a.images, instances) < start_of(b.images, instances);
  });
}

}  // namespace dicom
