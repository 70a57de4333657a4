#pragma once
// From a heap of images to acquisitions: sets of complete volumes that one fit needs. Physics first, words last (design
// section 6). Pure functions of the headers: same instances in any order give the same answer, to the last character.
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dicom/input/instance.h"
#include "fitting/series.h"

namespace dicom {

enum class Kind {
  T1Vfa,
  T2MultiEcho,
  T2StarMultiEcho,
  Diffusion,
  T1InversionRecovery,
  Mdme,           // raw images of synthetic MRI: saturation delays and echo times
  SyntheticMaps,  // T1, T2 and PD as SyMRI exports them
  Dynamic,        // one contrast, three or more times
  T2Weighted,     // a single spin-echo volume: outlined and looked at, never fitted
};
// "t1_vfa", "t2_me", "t2star_me", "dwi", "t1_ir", "mdme", "symri_maps", "dce", "t2w"
[[nodiscard]] std::string_view to_string(Kind);
[[nodiscard]] std::optional<Kind> parse_kind(std::string_view);

enum class Contrast { Unknown, Before, After };      // of the contrast agent
[[nodiscard]] std::string_view to_string(Contrast);  // "unknown", "before", "after"

// One value of the varying parameter: the slices of it, ascending along the normal. Diffusion: several images per slice
// (directions).
struct Volume {
  double axis = 0;  // TE, flip angle, b, TI, saturation delay, time since the first phase (s), number of the quantity
  std::vector<std::vector<std::size_t>> slices;  // indices into the instances, by slice
};

struct Acquisition {
  Kind kind = Kind::T1Vfa;
  // Ascending axis. Inversion times that one series repeats make a volume each.
  std::vector<Volume> volumes;
  fitting::Geometry geometry;
  double repetition_time_ms = 0;  // the shortest, where it varies (inversion recovery)
  // Inversion recovery, as in fitting::Protocol: repetition times only where they differ.
  bool signed_signal = false, look_locker = false;
  std::vector<double> repetition_times_ms;
  std::vector<double> echo_times_ms;  // Mdme: of each volume
  // Dynamic: whether the headers say that an agent was given, and when the injection began, s since the first phase.
  bool contrast_given = false;
  std::optional<double> contrast_start_s;
  std::string frame_of_reference_uid;
  Contrast contrast = Contrast::Unknown;
  std::vector<std::string> evidence;  // why it was taken for this, and why before or after; sentences
  std::vector<std::string> notes;     // doubts that do not prevent a fit
  std::string problem;                // why it cannot be fitted ("echo 3 has 29 of 30 slices"); empty = can be
  // Counts from outside this set of images, in the scanner's headers. Siemens and Philips count echoes: slices at the
  // end of the stack may still be on their way. GE counts all images of a series: nothing is missing.
  bool echoes_agree = false;
  bool images_agree = false;
  std::optional<double> time_s;  // of its first image
  std::size_t images = 0;
  std::vector<std::size_t> instances;  // all indices, ordered by SOP Instance UID

  [[nodiscard]] bool fits() const { return problem.empty(); }
};

struct PassedOver {
  std::string series_uid;
  int series_number = 0;
  std::string series_description;
  std::size_t images = 0;
  std::string reason;
};

struct Grouping {
  std::vector<Acquisition> acquisitions;  // by time, kind, first UID
  std::vector<PassedOver> passed_over;    // by series number, UID
  std::vector<std::size_t> rois;          // instances with Content::Roi
};

// As a person reads it: "T1 by variable flip angle"; "flip angle 5 degrees", "phase 3, 120 s".
[[nodiscard]] std::string_view title_of(Kind kind);
[[nodiscard]] std::string volume_name(const Acquisition& acquisition, std::size_t volume);

// Names in fitting::catalog() of the models that fit this acquisition, the clinical one first: "t1_vfa"; "t2";
// "t2star"; "adc", and "dki" too where three or more b-values reach 1500 to 3000 s/mm2; "t1_ir", or
// "t1_ir_tr" where TR changes with TI; "mdme"; "dce". None for SyntheticMaps, which are taken over as they are, and
// for T2Weighted.
[[nodiscard]] std::vector<std::string_view> models_of(const Acquisition& acquisition);

// Which volumes (and planes of its series) this model of models_of() fits: all of them, but for "adc", whose one
// exponential describes b up to 1000 s/mm2 only; of two or more such b-values the larger ones are left to "dki".
[[nodiscard]] std::vector<std::size_t> volumes_for(const Acquisition& acquisition, std::string_view model);

// What a recipe knows and the headers may not.
struct GroupingHints {
  std::vector<double> saturation_delays_ms;  // of MDME, ascending; empty: the headers have to tell
};

// All instances must be of one study.
[[nodiscard]] Grouping group(std::span<const Instance> instances, const GroupingHints& hints = {});

// SHA-256 over kind and sorted SOP Instance UIDs: names this set of images.
[[nodiscard]] std::string digest_of(const Acquisition& acquisition, std::span<const Instance> instances);

struct LoadedSeries {
  fitting::Series series;
  // SHA-256 over (SOP Instance UID, SHA-256 of its decoded pixels) of every image, ordered by UID: equal for any
  // transfer syntax.
  std::string pixel_digest;
};
// Reads and decodes the pixels, applies rescale (and each vendor's scale), averages the images of one b-value
// geometrically: directions and repeats of b = 0 alike, so that the logarithm of a plane is the mean of their
// logarithms; 0 where one of them is not positive. Signed or unsigned pixels of 8, 12, 16 or 32 bits are accepted;
// those of up to 16 stay integers, with a scale for each slice, where a plane has one image per slice. Error for pixels
// that cannot be decoded, sizes that differ from the header, and acquisitions in which a slice has no image, or two
// where the kind has one. `problem` is the caller's to heed. Files are read by up to `threads` threads; the result does
// not depend on their number.
[[nodiscard]] Result<LoadedSeries> load_series(const Acquisition& acquisition, std::span<const Instance> instances,
                                               unsigned threads);

}  // namespace dicom
