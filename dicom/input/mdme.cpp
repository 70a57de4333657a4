#include "dicom/input/mdme.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <tuple>

namespace dicom {
namespace {

constexpr std::array<std::string_view, 3> kQuantities{"T1", "T2", "PD"};
constexpr double kSameEcho = 0.02;  // ms

// The images of one slice and echo time, in the order of acquisition.
using Column = std::vector<std::size_t>;

auto order_of(const Instance& instance) {
  return std::tuple(instance.acquisition_time_s.value_or(0), instance.acquisition_number, instance.instance_number,
                    std::string_view(instance.sop_instance_uid), instance.frame);
}

std::vector<double> echoes_of(const Indices& images, Instances instances) {
  std::vector<double> echoes;
  for (const std::size_t i : images) echoes.push_back(instances[i].echo_time_ms.value_or(0));
  return distinct(std::move(echoes), [](double) { return kSameEcho; });
}

std::vector<Column> columns_of(const Indices& series, Instances instances) {
  const std::vector<double> echoes = echoes_of(series, instances);
  if (echoes.size() < kLeastEchoes) return {};
  const std::vector<double> heights = heights_of(series, instances);
  std::vector<Column> columns(echoes.size() * heights.size());
  for (const std::size_t i : series)
    columns[class_of(echoes, instances[i].echo_time_ms.value_or(0)) * heights.size() +
            class_of(heights, height_mm(instances[i]))]
        .push_back(i);
  for (Column& column : columns)
    std::sort(column.begin(), column.end(),
              [&](std::size_t a, std::size_t b) { return order_of(instances[a]) < order_of(instances[b]); });
  return columns;
}

bool may_lack_delays(const Instance& instance) {
  return instance.content == Content::Magnitude && instance.has_geometry && instance.spin_echo &&
         !instance.echo_planar && !instance.inversion_time_ms;
}

}  // namespace

Indices take_out_delays_with_echoes(Indices& images, Instances instances) {
  struct Varied {
    std::set<double> delays, echoes;
  };
  std::map<std::string_view, Varied> by_series;
  for (const std::size_t i : images) {
    by_series[instances[i].series_uid].delays.insert(*instances[i].inversion_time_ms);
    by_series[instances[i].series_uid].echoes.insert(*instances[i].echo_time_ms);
  }
  Indices out, kept;
  for (const std::size_t i : images) {
    const Varied& varied = by_series[instances[i].series_uid];
    const bool both = varied.delays.size() >= kLeastDelays && varied.echoes.size() >= kLeastEchoes;
    (both ? out : kept).push_back(i);
  }
  images = std::move(kept);
  return out;
}

void unfold_echoes(Acquisition& acquisition, Instances instances) {
  const std::vector<double> echoes = echoes_of(acquisition.instances, instances);
  std::vector<Volume> volumes;
  for (const Volume& delay : acquisition.volumes) {
    for (std::size_t echo = 0; echo < echoes.size(); ++echo) {
      Volume volume{delay.axis, std::vector<Indices>(delay.slices.size())};
      for (std::size_t slice = 0; slice < delay.slices.size(); ++slice)
        for (const std::size_t i : delay.slices[slice])
          if (class_of(echoes, instances[i].echo_time_ms.value_or(0)) == echo) volume.slices[slice].push_back(i);
      volumes.push_back(std::move(volume));
      acquisition.echo_times_ms.push_back(echoes[echo]);
    }
  }
  acquisition.volumes = std::move(volumes);
}

std::vector<Instance> with_delays(Instances instances, const std::vector<double>& delays_ms) {
  std::vector<Instance> result(instances.begin(), instances.end());
  std::map<std::string_view, Indices> candidates;
  for (std::size_t i = 0; i < instances.size(); ++i)
    if (may_lack_delays(instances[i])) candidates[instances[i].series_uid].push_back(i);
  for (const auto& [uid, series] : candidates) {
    const std::vector<Column> columns = columns_of(series, instances);
    const bool fits = !columns.empty() && std::all_of(columns.begin(), columns.end(), [&](const Column& column) {
      return column.size() == delays_ms.size();
    });
    if (!fits) continue;
    for (const Column& column : columns)
      for (std::size_t k = 0; k < column.size(); ++k) {
        result[column[k]].inversion_time_ms = delays_ms[k];
        result[column[k]].inversion = true;
      }
  }
  return result;
}

double number_of_quantity(const Instance& instance) {
  const auto found = std::find(kQuantities.begin(), kQuantities.end(), instance.quantity);
  return found == kQuantities.end() ? 0 : static_cast<double>(found - kQuantities.begin() + 1);
}

std::string_view quantity_of_number(double number) {
  const auto index = static_cast<std::size_t>(number);
  return index >= 1 && index <= kQuantities.size() ? kQuantities[index - 1] : std::string_view{};
}

}  // namespace dicom
