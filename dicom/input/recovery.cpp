#include "dicom/input/recovery.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>

namespace dicom {
namespace {

constexpr std::size_t kLookLockerReadouts = 5;  // the fewest of a MOLLI or ShMOLLI; separate inversions are not so many
constexpr double kSameRepetition = 1e-3;        // relative

const Rules& rules() { return rules_of(Kind::T1InversionRecovery); }

bool has_every_slice(const Indices& images, Instances instances, std::size_t slices) {
  const std::vector<Volume> volumes = volumes_of(images, instances, rules());
  return std::all_of(volumes.begin(), volumes.end(), [&](const Volume& volume) {
    return volume.slices.size() == slices &&
           std::none_of(volume.slices.begin(), volume.slices.end(), [](const Indices& slice) { return slice.empty(); });
  });
}

bool complete_beside(const Indices& real, const Indices& magnitudes, Instances instances) {
  const std::size_t values = axes_of(real, instances, rules()).size();
  return values >= rules().least && values >= axes_of(magnitudes, instances, rules()).size() &&
         has_every_slice(real, instances, heights_of(magnitudes, instances).size());
}

// --- readout ---

// "T1 Look-Locker" and "T1_LookLocker" alike.
std::string letters_of(const std::string& text) {
  std::string letters;
  for (const char c : text)
    if (std::isalpha(static_cast<unsigned char>(c)) != 0)
      letters.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  return letters;
}

bool is_called_look_locker(const Instance& instance) {
  static constexpr std::array<std::string_view, 2> kNames{"molli", "looklocker"};
  for (const std::string* text : {&instance.series_description, &instance.protocol_name}) {
    const std::string letters = letters_of(*text);
    const auto named = [&](std::string_view name) { return letters.find(name) != std::string::npos; };
    if (std::any_of(kNames.begin(), kNames.end(), named)) return true;
  }
  return false;
}

// Gradient echoes of many inversion times in one series.
bool reads_out_many_times(const Acquisition& acquisition, Instances instances) {
  std::set<std::string_view> series;
  for (const std::size_t i : acquisition.instances) {
    if (!instances[i].gradient_echo) return false;
    series.insert(instances[i].series_uid);
  }
  return series.size() == 1 && acquisition.volumes.size() >= kLookLockerReadouts;
}

std::string judge_readout(Acquisition& acquisition, Instances instances) {
  const auto called = [&](std::size_t i) { return is_called_look_locker(instances[i]); };
  const bool named = std::all_of(acquisition.instances.begin(), acquisition.instances.end(), called);
  acquisition.look_locker = named || reads_out_many_times(acquisition, instances);
  if (named) return "The scanner calls it Look-Locker or MOLLI: T1 is corrected for its readouts.";
  if (acquisition.look_locker)
    return "All inversion times are gradient echoes of one series, as Look-Locker and MOLLI write them: T1 is "
           "corrected for the readouts.";
  return "Every inversion time has an inversion of its own: T1 is not corrected for readouts.";
}

// --- repetition time ---

std::pair<double, double> repetition_range(const Acquisition& acquisition, Instances instances) {
  std::vector<double> times;
  for (const std::size_t i : acquisition.instances) times.push_back(instances[i].repetition_time_ms.value_or(0));
  const auto [shortest, longest] = std::minmax_element(times.begin(), times.end());
  return {*shortest, *longest};
}

double repetition_time(const Volume& volume, Instances instances) {
  for (const Indices& slice : volume.slices)
    if (!slice.empty()) return instances[slice.front()].repetition_time_ms.value_or(0);
  return 0;
}

bool differ(std::pair<double, double> range) { return range.second > range.first * (1 + kSameRepetition); }

// --- inversion times that were acquired more than once ---

void note_repeats(Acquisition& acquisition) {
  std::set<double> said;
  for (std::size_t k = 1; k < acquisition.volumes.size(); ++k) {
    const double time = acquisition.volumes[k].axis;
    if (time == acquisition.volumes[k - 1].axis && said.insert(time).second)
      acquisition.notes.push_back("inversion time " + with_unit(rules(), {time}) +
                                  " was acquired more than once; every image is fitted");
  }
}

}  // namespace

bool is_signed_recovery(const Instance& instance) {
  return instance.content == Content::Real && instance.inversion && instance.vendor == Vendor::Siemens;
}

std::set<std::string_view> series_of_many_times(Instances instances) {
  std::map<std::string_view, std::vector<double>> times;
  for (const Instance& instance : instances)
    if (instance.gradient_echo && instance.inversion_time_ms)
      times[instance.series_uid].push_back(*instance.inversion_time_ms);
  std::set<std::string_view> series;
  for (const auto& [uid, values] : times)
    if (distinct(values, rules().tolerance).size() >= rules().least) series.insert(uid);
  return series;
}

RecoveryImages one_reconstruction(const Indices& stack, Instances instances) {
  Indices real, magnitudes;
  for (const std::size_t i : stack) (is_signed_recovery(instances[i]) ? real : magnitudes).push_back(i);
  if (real.empty() || magnitudes.empty()) return {stack, {}};
  if (complete_beside(real, magnitudes, instances))
    return {std::move(real), {{std::move(magnitudes), "magnitudes of images whose signed ones are fitted"}}};
  return {std::move(magnitudes), {{std::move(real), "signed images that are not complete: the magnitudes are fitted"}}};
}

std::string repetition_times(const Acquisition& acquisition, Instances instances) {
  const auto range = repetition_range(acquisition, instances);
  return plain(range.first) + (differ(range) ? ".." + plain(range.second) : std::string()) + " ms";
}

void describe_recovery(Acquisition& acquisition, Instances instances) {
  const auto range = repetition_range(acquisition, instances);
  acquisition.repetition_time_ms = range.first;
  acquisition.signed_signal = is_signed_recovery(instances[acquisition.instances.front()]);
  if (acquisition.signed_signal)
    acquisition.evidence.emplace_back("Its real images carry the sign of the magnetisation.");
  acquisition.evidence.push_back(judge_readout(acquisition, instances));
  note_repeats(acquisition);
  if (!differ(range)) return;
  for (const Volume& volume : acquisition.volumes)
    acquisition.repetition_times_ms.push_back(repetition_time(volume, instances));
  if (!acquisition.look_locker)
    acquisition.notes.push_back("TR " + repetition_times(acquisition, instances) +
                                " varies with TI: long T1 are not fully recovered");
}

}  // namespace dicom
