#include "server/measuring/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>

#include "fitting/enhancement.h"
#include "server/measuring/signal.h"

namespace server::measuring {
namespace {

constexpr std::size_t kFewestVoxels = 30;  // reference: models.md 6.1
constexpr double kMostFailed = 0.05;       // share of failed voxels worth a remark, models.md 6.4
constexpr double kLeastCovered = 0.95;     // share of the lesion inside a map below which it is said
constexpr double kMostNoisy = 0.30;        // share below the least SNR from which there is no number, models.md 6.4

const config::Slot* slot_named(const config::Recipe& recipe, const std::string& name) {
  const auto found = std::ranges::find(recipe.slots, name, &config::Slot::name);
  return found == recipe.slots.end() ? nullptr : &*found;
}

bool is_dynamic(const config::Recipe& recipe, const MapAtHand& map) {
  const config::Slot* slot = slot_named(recipe, map.placed_in);
  return slot != nullptr && std::ranges::count(slot->kinds, "dce") > 0;
}

double least_snr(const config::Recipe& recipe, const MapAtHand& map) {
  const config::Slot* slot = slot_named(recipe, map.placed_in);
  return slot != nullptr ? slot->least_snr : 0;
}

void derive(Findings& findings, const Lesion& lesion, std::string name, std::string unit, double value,
            std::string how) {
  findings.derived.push_back({.region_uid = lesion.tracking_uid,
                              .name = std::move(name),
                              .unit = std::move(unit),
                              .value = value,
                              .how = std::move(how),
                              .region = lesion.tracking_id});
}

// One lesion on one map. The parts of the work in their order: carry each reading to the map's grid, leave out what is
// noise, measure, and put the readings together.
class OnMap {
 public:
  OnMap(Context& context, const MapAtHand& at_hand, std::size_t index, const Lesion& lesion, Findings& findings)
      : context_(context),
        at_hand_(at_hand),
        index_(index),
        lesion_(lesion),
        findings_(findings),
        numbers_(findings.numbers[lesion.tracking_uid]),
        least_snr_(least_snr(context.recipe, at_hand)) {}

  void measure(const LastEcho* last_echo) {
    SlotNumbers slot{
        .unit = at_hand_.map.unit, .method = at_hand_.map.method, .contrast = at_hand_.contrast, .readings = {}};
    for (const Reading& reading : lesion_.readings) {
      if (auto numbers = measure_reading(reading, last_echo)) slot.readings.push_back(*numbers);
    }
    doubt_carrying();
    if (!snrs_.empty()) add_snr();
    if (slot.readings.empty()) return;
    if (slot.readings.size() < lesion_.readings.size())
      remark(fmt::format("{} of {} readings could be measured", slot.readings.size(), lesion_.readings.size()));
    numbers_.missing.erase(at_hand_.slot);
    if (lesion_.several()) add_consensus(slot);
    numbers_.slots[at_hand_.slot] = std::move(slot);
  }

 private:
  std::string who() const { return fmt::format("{} on {}", lesion_.tracking_id, at_hand_.slot); }
  // Of several readings often the same is to be said.
  void say_once(std::string sentence) {
    if (std::ranges::count(findings_.remarks, sentence) == 0) findings_.remarks.push_back(std::move(sentence));
  }
  void remark(const std::string& what) { say_once(fmt::format("{}: {}.", who(), what)); }
  std::nullopt_t no_number(const std::string& why) {
    say_once(fmt::format("{} was not measured: {}.", who(), why));
    findings_.refused.insert(at_hand_.slot + ": " + why);
    numbers_.missing[at_hand_.slot] = why;
    return std::nullopt;
  }

  std::optional<ReadingNumbers> measure_reading(const Reading& reading, const LastEcho* last_echo) {
    if (reading.region.frame_of_reference_uid != at_hand_.map.frame_of_reference_uid)
      return no_number("it was outlined in another frame of reference");
    const auto carried_or_not = fitting::carry(reading.region.mask, at_hand_.map.geometry);
    if (const auto* refusal = std::get_if<fitting::Refusal>(&carried_or_not)) return no_number(refusal->reason);
    const auto& carried = std::get<fitting::Carried>(carried_or_not);
    const auto largest = carried.largest_slice();
    if (!largest) return no_number("it covers no voxel of the map");
    farthest_mm_ = std::max(farthest_mm_, carried.slice_distance_mm);
    least_covered_ = std::min(least_covered_, carried.covered_share);
    fewest_voxels_ = std::min(fewest_voxels_, carried.mask.count(*largest));

    const std::vector<float>* values = &at_hand_.map.value;
    std::vector<float> quiet;
    if (last_echo != nullptr) {
      quiet = without_noise(reading, *last_echo, carried.mask, *largest);
      if (quiet.empty()) return std::nullopt;
      values = &quiet;
    }
    return measure_mask(reading, carried.mask, *largest, *values);
  }

  // Once for all readings, of the one that fits the map least.
  void doubt_carrying() {
    const char* which = lesion_.several() ? " in one of the readings" : "";
    if (farthest_mm_ > at_hand_.map.geometry.slice_thickness_mm / 4)
      remark(fmt::format("its slices lie up to {:.1f} mm from those of the map", farthest_mm_));
    if (least_covered_ < kLeastCovered)
      remark(fmt::format("only {:.0f} % of it lie inside the map{}", 100 * least_covered_, which));
    if (fewest_voxels_ < kFewestVoxels)
      remark(fmt::format("its largest slice has only {} voxels{}", fewest_voxels_, which));
  }

  void add_snr() {
    add_of_readings(fmt::format("Lesion SNR of the last echo, {}", at_hand_.slot), "1", snrs_);
    add_of_readings(fmt::format("Voxels below SNR {:g}, {}", least_snr_, at_hand_.slot), "%", excluded_percent_);
  }

  void add_of_readings(const std::string& name, const std::string& unit, const std::vector<fitting::Reading>& values) {
    const fitting::Consensus consensus = fitting::consensus(values);
    derive(findings_, lesion_, name, unit, consensus.value, snr_how_ + (lesion_.several() ? "; " + consensus.how : ""));
  }

  // The map with 0 where the last echo is mostly noise; empty when too much of the lesion is.
  std::vector<float> without_noise(const Reading& reading, const LastEcho& last_echo, const fitting::Mask& mask,
                                   int largest) {
    const auto snr = last_echo.snr(mask, largest, least_snr_);
    std::vector<float> values = at_hand_.map.value;
    if (const auto* refusal = std::get_if<fitting::Refusal>(&snr)) {
      remark("no voxel was left out for its SNR: " + refusal->reason);
      return values;
    }
    const auto& found = std::get<fitting::LesionSnr>(snr);
    snrs_.push_back({std::to_string(reading.reader), found.lesion});
    excluded_percent_.push_back({std::to_string(reading.reader), 100 * found.excluded_share});
    if (snr_how_.empty()) snr_how_ = found.how;
    if (found.excluded_share > kMostNoisy) {
      no_number(fmt::format("{:.0f} % of its voxels have an SNR below {:g} in the last echo",
                            100 * found.excluded_share, least_snr_));
      return {};
    }
    if (found.excluded_share > kMostFailed)
      remark(fmt::format("{:.0f} % of its voxels have an SNR below {:g} in the last echo and are left out",
                         100 * found.excluded_share, least_snr_));
    for (std::size_t i = 0; i < values.size(); ++i)
      if (found.excluded[i] != 0) values[i] = 0;
    return values;
  }

  std::optional<ReadingNumbers> measure_mask(const Reading& reading, const fitting::Mask& mask, int largest,
                                             const std::vector<float>& values) {
    const double width = entropy_bin_width(at_hand_.map.quantity);
    const auto whole = fitting::measure(values, mask, std::nullopt, width);
    const auto slice = fitting::measure(values, mask, largest, width);
    if (!whole || !slice) return no_number("no voxel of its largest slice has a value");
    if (whole->failed_share() > kMostFailed)
      remark(fmt::format("{:.0f} % of its voxels have no value and are left out", 100 * whole->failed_share()));
    for (int s = 0; s < mask.geometry.slices(); ++s) {
      if (lesion_.several() && s != largest) continue;
      if (const auto statistics = fitting::measure(values, mask, s, width))
        add_slice(reading, mask, s, *statistics, s == largest ? whole : std::nullopt);
    }
    if (&reading == &lesion_.readings.front()) {
      findings_.seen.push_back({index_, lesion_.tracking_uid, largest, fitting::slices_of(mask, {&largest, 1})});
      if (at_hand_.map.quantity == "RE_early" && is_dynamic(context_.recipe, at_hand_)) add_dynamics(mask, largest);
    }
    return ReadingNumbers{reading.reader, *slice, *whole};
  }

  // Proposals for the reader, from the dynamic series; no model uses them.
  void add_dynamics(const fitting::Mask& mask, int largest) {
    const auto propose = [&](const char* what, const std::string& value, const std::string& how) {
      findings_.qualitative.push_back({lesion_.tracking_uid, what, value, how, lesion_.tracking_id});
    };
    const auto kinetics = kinetics_of(context_, at_hand_, mask);
    if (const auto* refusal = std::get_if<fitting::Refusal>(&kinetics)) {
      remark("no curve type is proposed: " + refusal->reason);
    } else {
      const auto& found = std::get<fitting::Kinetics>(kinetics);
      propose("Kinetic curve type (proposal)", found.type, found.how);
      propose("Initial rise (proposal)", found.rise, found.how);
    }
    const auto pattern = fitting::enhancement_pattern(at_hand_.map.value, mask, largest);
    if (const auto* refusal = std::get_if<fitting::Refusal>(&pattern)) {
      remark("no enhancement pattern is proposed: " + refusal->reason);
    } else {
      const auto& found = std::get<fitting::Pattern>(pattern);
      propose("Enhancement pattern (proposal)", found.name, found.how);
    }
  }

  void add_slice(const Reading& reading, const fitting::Mask& mask, int slice, const fitting::Statistics& statistics,
                 const std::optional<fitting::Statistics>& whole) {
    dicom::SliceMeasurement measurement;
    measurement.region = lesion_.tracking_id;
    measurement.region_uid = lesion_.tracking_uid;
    measurement.finding = lesion_.type;
    measurement.laterality = lesion_.laterality;
    if (lesion_.several()) measurement.reader = reading_label(lesion_, reading);
    measurement.quantity = at_hand_.map.quantity;
    measurement.unit = at_hand_.map.unit;
    measurement.slot = at_hand_.slot;
    measurement.method = at_hand_.map.method;
    measurement.image = at_hand_.slices[static_cast<std::size_t>(slice)];
    measurement.map = at_hand_.exact;
    measurement.slice = slice;
    measurement.outlines = fitting::outlines(mask, slice);
    measurement.statistics = statistics;
    measurement.whole = whole;
    if (whole) measurement.volume_mm3 = mask.volume_mm3();
    findings_.evidence.push_back(measurement.image);
    findings_.slices.push_back(std::move(measurement));
  }

  void add_consensus(const SlotNumbers& slot) {
    for (const char* statistic : {"mean", "sd", "median"}) {
      const auto consensus = slot.of(statistic, "largest slice");
      if (!consensus) continue;
      derive(findings_, lesion_, fmt::format("{} {}{}", at_hand_.slot, statistic, kConsensus), slot.unit,
             consensus->value, consensus->how);
    }
  }

  Context& context_;
  const MapAtHand& at_hand_;
  std::size_t index_;
  const Lesion& lesion_;
  Findings& findings_;
  LesionNumbers& numbers_;
  double least_snr_;
  // Of the readings.
  double farthest_mm_ = 0, least_covered_ = 1;
  std::size_t fewest_voxels_ = kFewestVoxels;
  std::vector<fitting::Reading> snrs_, excluded_percent_;
  std::string snr_how_;  // of the first
};

// --- what belongs to the lesion, not to a map

void add_diameter(const Lesion& lesion, Findings& findings) {
  std::vector<fitting::Reading> diameters;
  for (const Reading& reading : lesion.readings) {
    double largest = 0;
    for (int slice = 0; slice < reading.region.mask.geometry.slices(); ++slice)
      largest = std::max(largest, fitting::max_diameter_mm(reading.region.mask, slice));
    diameters.push_back({std::to_string(reading.reader), largest});
  }
  const fitting::Consensus diameter = fitting::consensus(diameters);
  const fitting::Mask& mask = lesion.readings.front().region.mask;
  findings.numbers[lesion.tracking_uid].max_diameter_mm = diameter;
  const std::string how =
      "largest caliper within a slice, as outlined" + (lesion.several() ? "; " + diameter.how : std::string());
  derive(findings, lesion, "Maximum diameter", "mm", diameter.value, how);
  derive(findings, lesion, "Maximum diameter (3D)", "mm", fitting::feret_diameter_mm(mask),
         "largest caliper in space, as first outlined");
  derive(findings, lesion, "Volume", "mm3", mask.volume_mm3(), "voxels times their volume, as first outlined");
}

void add_changes(const Lesion& lesion, Findings& findings) {
  for (const Change& change : changes()) {
    const auto value = value_of(change, findings.numbers[lesion.tracking_uid]);
    if (!value) continue;
    derive(findings, lesion, std::string(change.title), value->unit, value->value, std::string(change.how));
  }
}

// --- agreement of the readers

// Every lesion's readings on one map, where all were read by the same readers equally often.
std::vector<double> table_of(const std::vector<Lesion>& lesions, const Findings& findings, const std::string& slot,
                             std::size_t& raters) {
  std::vector<double> ratings;
  std::vector<int> readers;  // of the first lesion: the columns of the table
  raters = 0;
  for (const Lesion& lesion : lesions) {
    const auto numbers = findings.numbers.find(lesion.tracking_uid);
    if (numbers == findings.numbers.end() || !numbers->second.slots.contains(slot)) continue;
    const auto& readings = numbers->second.slots.at(slot).readings;
    std::vector<int> own;
    for (const ReadingNumbers& reading : readings) own.push_back(reading.reader);
    if (raters != 0 && own != readers) return {};
    readers = own;
    raters = readings.size();
    for (const ReadingNumbers& reading : readings) ratings.push_back(reading.slice.mean);
  }
  return raters < 2 ? std::vector<double>{} : ratings;
}

// ICC(2,1): readings of these lesions as a sample of all readings. It needs lesions that differ: of one there is none.
void add_agreement(const std::vector<Lesion>& lesions, const Maps& maps, Findings& findings) {
  for (const MapAtHand& map : maps.maps) {
    std::size_t raters = 0;
    const auto ratings = table_of(lesions, findings, map.slot, raters);
    if (ratings.empty() || ratings.size() / raters < 2) continue;
    const auto icc = fitting::icc(ratings, raters, fitting::Icc::TwoWayRandom1);
    if (const auto* found = std::get_if<fitting::Agreement>(&icc))
      findings.remarks.push_back(fmt::format(
          "Agreement of {} readings of {} lesions on {}: ICC(2,1) {:.3f}, 95 % confidence interval {:.3f} to {:.3f}.",
          found->raters, found->subjects, map.slot, found->value, found->low, found->high));
    else
      findings.remarks.push_back(
          fmt::format("No ICC of the readings on {}: {}.", map.slot, std::get<fitting::Refusal>(icc).reason));
  }
}

// Of a single lesion: how far its readings lie apart.
void add_spread(const Lesion& lesion, Findings& findings) {
  if (!lesion.several()) return;
  for (const auto& [slot, numbers] : findings.numbers[lesion.tracking_uid].slots) {
    const auto [least, most] = std::ranges::minmax(numbers.readings, {}, [](const auto& r) { return r.slice.mean; });
    derive(findings, lesion, fmt::format("{} mean, range of the readings", slot), numbers.unit,
           most.slice.mean - least.slice.mean,
           fmt::format("largest minus smallest mean of {} readings; an ICC needs several "
                       "lesions",
                       numbers.readings.size()));
  }
}

}  // namespace

double entropy_bin_width(std::string_view quantity) {
  struct Width {
    std::string_view quantity;
    double value;
  };
  // Unit of the map: ms, 10-6.mm2/s, 1, %.
  constexpr std::array kWidths{Width{"T1", 50}, Width{"T2", 4},   Width{"T2star", 2}, Width{"ADC", 50},
                               Width{"D", 50},  Width{"K", 0.04}, Width{"PD", 2}};
  const auto found = std::ranges::find(kWidths, quantity, &Width::quantity);
  return found == kWidths.end() ? 0 : found->value;
}

std::string told_of_readings(const Lesion& lesion, std::string_view name) {
  std::vector<fitting::Reading> readings;
  for (const Reading& reading : lesion.readings) readings.push_back({std::to_string(reading.reader), 0});
  return fmt::format(
      "{} was outlined {} times, its numbers are put together: {}; a correction counts as one more reading.", name,
      lesion.readings.size(), fitting::consensus(readings).how);
}

Findings measure(Context& context, const Maps& maps, const std::vector<Lesion>& lesions) {
  Findings findings;
  findings.remarks = maps.remarks;
  for (const Lesion& lesion : lesions) {
    findings.numbers[lesion.tracking_uid].missing = maps.missing;
    if (lesion.several()) findings.remarks.push_back(told_of_readings(lesion, lesion.tracking_id));
    add_diameter(lesion, findings);
  }
  for (std::size_t m = 0; m < maps.maps.size(); ++m) {
    const MapAtHand& map = maps.maps[m];
    const auto last_echo = least_snr(context.recipe, map) > 0 ? std::make_unique<LastEcho>(context, map) : nullptr;
    for (const Lesion& lesion : lesions) OnMap(context, map, m, lesion, findings).measure(last_echo.get());
  }
  for (const Lesion& lesion : lesions) {
    add_changes(lesion, findings);
    add_spread(lesion, findings);
  }
  add_agreement(lesions, maps, findings);
  return findings;
}

}  // namespace server::measuring
