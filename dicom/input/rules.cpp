// What is particular to each kind: the parameter that varies, what it is called, how many values a fit needs.
#include <algorithm>
#include <cstdio>

#include "dicom/input/dynamic.h"
#include "dicom/input/mdme.h"
#include "dicom/input/volumes.h"

namespace dicom {

std::string plain(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", value);
  std::string result = text;
  result.erase(result.find_last_not_of('0') + 1);
  if (result.back() == '.') result.pop_back();
  return result;
}

std::string with_unit(const Rules& rules, const std::vector<double>& values) {
  std::string list;
  for (const double value : values)
    list += (list.empty() ? "" : ", ") +
            (rules.kind == Kind::SyntheticMaps ? std::string(quantity_of_number(value)) : plain(value));
  return list + std::string(rules.unit);
}

const Rules& rules_of(Kind kind) {
  static const Rules kT1{Kind::T1Vfa,
                         2,
                         "flip angle",
                         "flip angles",
                         " degrees",
                         [](const Instance& i) { return i.flip_angle_deg.value_or(0); },
                         [](double) { return 0.05; }};
  static const Rules kT2{Kind::T2MultiEcho,
                         3,
                         "echo time",
                         "echo times",
                         " ms",
                         [](const Instance& i) { return i.echo_time_ms.value_or(0); },
                         [](double) { return 0.02; }};
  static const Rules kT2Star{Kind::T2StarMultiEcho,
                             3,
                             "echo time",
                             "echo times",
                             " ms",
                             [](const Instance& i) { return i.echo_time_ms.value_or(0); },
                             [](double) { return 0.02; }};
  static const Rules kDiffusion{Kind::Diffusion,
                                2,
                                "b-value",
                                "b-values",
                                " s/mm2",
                                [](const Instance& i) { return i.b_value_s_mm2.value_or(0); },
                                [](double b) { return std::max(1.0, 0.01 * b); }};
  static const Rules kInversion{
      Kind::T1InversionRecovery, 3,     "inversion time",
      "inversion times",         " ms", [](const Instance& i) { return i.inversion_time_ms.value_or(0); },
      [](double) { return 0.5; }};
  static const Rules kDelays{Kind::Mdme,
                             kLeastDelays,
                             "saturation delay",
                             "saturation delays",
                             " ms",
                             [](const Instance& i) { return i.inversion_time_ms.value_or(0); },
                             [](double) { return 0.5; }};
  static const Rules kMaps{Kind::SyntheticMaps, 1, "map", "maps", "", number_of_quantity, [](double) { return 0.1; }};
  static const Rules kPhases{Kind::Dynamic,
                             kLeastPhases,
                             "phase",
                             "phases",
                             " s",
                             [](const Instance&) { return 0.0; },
                             [](double) { return 1.0; }};
  static const Rules kWeighted{Kind::T2Weighted,
                               1,
                               "echo time",
                               "echo times",
                               " ms",
                               [](const Instance& i) { return i.echo_time_ms.value_or(0); },
                               [](double) { return 0.02; }};
  switch (kind) {
    case Kind::Mdme:
      return kDelays;
    case Kind::SyntheticMaps:
      return kMaps;
    case Kind::Dynamic:
      return kPhases;
    case Kind::T2Weighted:
      return kWeighted;
    case Kind::T1Vfa:
      return kT1;
    case Kind::T2MultiEcho:
      return kT2;
    case Kind::T2StarMultiEcho:
      return kT2Star;
    case Kind::Diffusion:
      return kDiffusion;
    case Kind::T1InversionRecovery:
      return kInversion;
  }
  return kT1;
}

}  // namespace dicom
