// Names of the kinds, and which models fit them.
#include <algorithm>
#include <array>

#include "dicom/input/acquisition.h"
#include "dicom/input/volumes.h"

namespace dicom {
namespace {

// Kurtosis needs a curve (three b-values) that leaves the straight line (b of 1500 and more) and is still described by
// its second order (Jensen & Helpern 2010, NMR Biomed 23:698: up to 3000).
constexpr std::size_t kKurtosisBValues = 3;
// Tissue departs from one exponential above (Baltzer et al. 2020, Eur Radiol 30:1436, measure the breast at 800; Shen's
// ADC is that of 0 and 800 beside a kurtosis fit up to 2000).
constexpr double kMonoExponentialTo = 1000;                 // s/mm2
constexpr double kKurtosisFrom = 1500, kKurtosisTo = 3000;  // s/mm2, the largest b-value

constexpr std::array kKinds{
    Kind::T1Vfa, Kind::T2MultiEcho,   Kind::T2StarMultiEcho, Kind::Diffusion, Kind::T1InversionRecovery,
    Kind::Mdme,  Kind::SyntheticMaps, Kind::Dynamic,         Kind::T2Weighted};

bool shows_kurtosis(const Acquisition& diffusion) {
  if (diffusion.volumes.size() < kKurtosisBValues) return false;
  const double largest = diffusion.volumes.back().axis;
  return largest >= kKurtosisFrom && largest <= kKurtosisTo;
}

}  // namespace

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::T1Vfa:
      return "t1_vfa";
    case Kind::T2MultiEcho:
      return "t2_me";
    case Kind::T2StarMultiEcho:
      return "t2star_me";
    case Kind::Diffusion:
      return "dwi";
    case Kind::T1InversionRecovery:
      return "t1_ir";
    case Kind::Mdme:
      return "mdme";
    case Kind::SyntheticMaps:
      return "symri_maps";
    case Kind::Dynamic:
      return "dce";
    case Kind::T2Weighted:
      return "t2w";
  }
  return "";
}

std::optional<Kind> parse_kind(std::string_view name) {
  const auto found = std::find_if(kKinds.begin(), kKinds.end(), [&](Kind kind) { return to_string(kind) == name; });
  return found == kKinds.end() ? std::nullopt : std::optional(*found);
}

std::string_view title_of(Kind kind) {
  switch (kind) {
    case Kind::T1Vfa:
      return "T1 by variable flip angle";
    case Kind::T2MultiEcho:
      return "T2 by multi-echo spin echo";
    case Kind::T2StarMultiEcho:
      return "T2* by multi-echo gradient echo";
    case Kind::Diffusion:
      return "diffusion";
    case Kind::T1InversionRecovery:
      return "T1 by inversion recovery";
    case Kind::Mdme:
      return "synthetic MRI, raw images (MDME)";
    case Kind::SyntheticMaps:
      return "synthetic MRI, maps exported by SyMRI";
    case Kind::Dynamic:
      return "dynamic contrast-enhanced series";
    case Kind::T2Weighted:
      return "T2-weighted images";
  }
  return "";
}

std::string volume_name(const Acquisition& acquisition, std::size_t volume) {
  const Rules& rules = rules_of(acquisition.kind);
  const double axis = acquisition.volumes[volume].axis;
  if (acquisition.kind == Kind::Dynamic) return "phase " + std::to_string(volume + 1) + ", " + plain(axis) + " s";
  std::string name = std::string(rules.parameter) + " " + with_unit(rules, {axis});
  if (volume < acquisition.echo_times_ms.size()) name += ", TE " + plain(acquisition.echo_times_ms[volume]) + " ms";
  return name;
}

std::vector<std::string_view> models_of(const Acquisition& acquisition) {
  switch (acquisition.kind) {
    case Kind::T1Vfa:
      return {"t1_vfa"};
    case Kind::T2MultiEcho:
      return {"t2"};
    case Kind::T2StarMultiEcho:
      return {"t2star"};
    case Kind::Diffusion:
      if (shows_kurtosis(acquisition)) return {"adc", "dki"};
      return {"adc"};
    case Kind::T1InversionRecovery:
      // Readouts of one inversion do not wait for a TR.
      if (!acquisition.look_locker && !acquisition.repetition_times_ms.empty()) return {"t1_ir_tr"};
      return {"t1_ir"};
    case Kind::Mdme:
      return {"mdme"};
    case Kind::Dynamic:
      return {"dce"};
    case Kind::SyntheticMaps:
    case Kind::T2Weighted:
      return {};
  }
  return {};
}

std::vector<std::size_t> volumes_for(const Acquisition& acquisition, std::string_view model) {
  std::vector<std::size_t> all(acquisition.volumes.size()), low;
  for (std::size_t v = 0; v < all.size(); ++v) {
    all[v] = v;
    if (acquisition.volumes[v].axis <= kMonoExponentialTo) low.push_back(v);
  }
  return model == "adc" && low.size() >= rules_of(Kind::Diffusion).least ? low : all;
}

}  // namespace dicom
