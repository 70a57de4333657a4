#pragma once
// What the exams of `herald simulate` have in common: the patient, the grids, the way signals become series. A profile
// is a scanner, a protocol of the day as steps, and the truth of what a reader of the exam should find; each has a file
// of its own. Everything is a pure function of the options.
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dicom/output/scanner_images.h"
#include "fitting/phantom.h"
#include "server/simulate.h"

namespace server::simulation {

// Images of one DICOM series, and what for: the name of the slot of a recipe that they fill, or "ignore: why".
struct Acquired {
  dicom::SimulatedSeries series;
  std::string role;
};

[[nodiscard]] std::vector<Acquired> only(Acquired acquired);

// One entry of the scanner's queue. A function, so that only one acquisition at a time is held in memory.
using Step = std::function<std::vector<Acquired>(const SimulateOptions&)>;

struct TrueValue {
  std::string quantity;
  double value = 0;
  std::string unit;  // UCUM
};

// A phase of a dynamic series: when it began, and (S - S0) / S0 of the lesion.
struct TruePhase {
  double after_injection_s = 0, relative_enhancement = 0;
};

// What a slot should give for the lesion.
struct SlotTruth {
  std::string slot;
  std::vector<TrueValue> values;
  std::vector<TruePhase> phases = {};
};

struct Profile {
  std::string name, title;  // title: one line for people
  dicom::Scanner scanner = dicom::Scanner::SkyraE11;
  std::optional<dicom::Scanner> enhanced = {};  // the scanner that writes it as multi-frame objects
  std::vector<Step> steps;                      // in the order of the day
  std::vector<SlotTruth> (*truth)(const fitting::Tissue& lesion) = nullptr;
  // From several slots, by name; nullptr: none.
  std::vector<std::pair<std::string, TrueValue>> (*derived)(const fitting::Tissue& lesion) = nullptr;
  // What is injected, half a mole per litre; after this dose the phantom's tissues have their values.
  dicom::SimulatedExam::Injection injection = {};
  double dose_mmol_per_kg = 0.1;
  // Where the reader outlines the lesion: a 3D series, its volume (from 0 on) and its field of view.
  int outlined_series = 0, outlined_volume = 0;
  double outlined_field_mm = 300;
};

[[nodiscard]] Profile skyra_mapping();
[[nodiscard]] Profile skyra_dki();
[[nodiscard]] Profile aera_radiomics();
[[nodiscard]] Profile architect_symri(bool maps);
[[nodiscard]] const std::vector<Profile>& profiles();
// nullptr where there is none of that name.
[[nodiscard]] const Profile* find_profile(std::string_view name);

// --- identity

// The day's clock, seconds after midnight.
inline constexpr double kStudy_s = 10 * 3600 + 15 * 60;

// Every option that changes an image changes the study: one UID never names two contents.
[[nodiscard]] std::string study_uid(const SimulateOptions& options);
[[nodiscard]] std::string uid_within(const std::string& study, const std::string& what);
// `options.profile` is one of the profiles, and is written by the scanner that `options.enhanced` asks for.
[[nodiscard]] dicom::SimulatedExam exam_of(const SimulateOptions& options);

// --- where

// 3D sequences: options.slices slices over 166 mm.
[[nodiscard]] fitting::Geometry slab(const SimulateOptions& options, double field_mm = 300);

[[nodiscard]] int columns(const SimulateOptions& options);

// 2D stacks are centred on the lesion as far as they stay inside the slab.
struct Stack2D {
  double field_mm = 300, thickness_mm = 4, spacing_mm = 5.2;
};
[[nodiscard]] fitting::Geometry stack_2d(const SimulateOptions& options, int rows, const Stack2D& stack = {});

// --- what

// Each `noise_key` has noise of its own.
[[nodiscard]] fitting::Series acquire(const SimulateOptions& options, const fitting::Geometry& geometry,
                                      const fitting::Protocol& protocol, std::string_view model,
                                      fitting::Quantity quantity, int noise_key,
                                      const fitting::Exposure& exposure = {});
[[nodiscard]] fitting::Protocol flip_angles(std::vector<double> angles_deg, double repetition_time_ms);

// The series of that number: UID, texts and an original image type.
[[nodiscard]] dicom::SimulatedSeries named(const SimulateOptions& options, int number, std::string description);
[[nodiscard]] dicom::SimulatedSeries spoiled_3d(const SimulateOptions& options, int number, std::string description);
// `derived` with one plane, and its parameters, on the grid of `source`.
void put_plane(dicom::SimulatedSeries& derived, const dicom::SimulatedSeries& source, std::vector<float> plane);
// Series 1: three orientations of three slices. `like` has the scanner's names and habits.
[[nodiscard]] std::vector<Acquired> localizer(const SimulateOptions& options, const dicom::SimulatedSeries& like);
[[nodiscard]] std::vector<Acquired> siemens_localizer(const SimulateOptions& options);

// A contrast of each b, of three directions where b > 0.
[[nodiscard]] std::vector<dicom::SimulatedSeries::Parameters> directions(std::span<const double> b_values,
                                                                         double echo_time_ms);
[[nodiscard]] fitting::Protocol b_values_of(std::span<const dicom::SimulatedSeries::Parameters> contrasts,
                                            double repetition_time_ms);
// What a scanner computes inline, in 1e-6 mm2/s: mean of the directions' coefficients, 0 where there is little more
// than noise.
[[nodiscard]] std::vector<float> scanner_adc(const fitting::Plane& unweighted,
                                             std::span<const fitting::Plane> directions, double b_s_mm2, double noise);

// A dynamic series. Every phase has the signal of the moment at which it starts.
struct DynamicProtocol {
  int noise_key = 0;
  std::vector<double> starts_s;  // of the phases, since the first
  double injection_s = 0;        // since the first
  double field_mm = 300, repetition_time_ms = 5, echo_time_ms = 2, flip_angle_deg = 10;
};
// phase from 0 on; all phases share one receiver gain.
[[nodiscard]] fitting::Series phase_of(const SimulateOptions& options, const DynamicProtocol& dynamic, int phase);
// max(0, phase - first phase), voxel by voxel.
[[nodiscard]] std::vector<float> subtraction(const SimulateOptions& options, const DynamicProtocol& dynamic, int phase);
[[nodiscard]] std::vector<TruePhase> true_phases(const DynamicProtocol& dynamic, const fitting::Tissue& lesion);

// --- the patient

[[nodiscard]] double dose_mmol_per_kg(const SimulateOptions& options);
[[nodiscard]] fitting::Phantom phantom_of(const SimulateOptions& options);
[[nodiscard]] fitting::Tissue lesion_tissue(const SimulateOptions& options);
[[nodiscard]] fitting::Mask lesion(const SimulateOptions& options, double field_mm);

}  // namespace server::simulation
