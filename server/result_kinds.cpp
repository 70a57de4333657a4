#include "server/result_kinds.h"

#include <algorithm>
#include <array>

namespace server {
namespace {

constexpr std::string_view kMr = "1.2.840.10008.5.1.4.1.1.4";
constexpr std::string_view kParametricMap = "1.2.840.10008.5.1.4.1.1.30";
constexpr std::string_view kSegmentation = "1.2.840.10008.5.1.4.1.1.66.4";
constexpr std::string_view kEnhancedSr = "1.2.840.10008.5.1.4.1.1.88.22";
constexpr std::string_view kComprehensiveSr = "1.2.840.10008.5.1.4.1.1.88.33";
constexpr std::string_view kComprehensive3dSr = "1.2.840.10008.5.1.4.1.1.88.34";
constexpr std::string_view kEncapsulatedPdf = "1.2.840.10008.5.1.4.1.1.104.1";
constexpr std::string_view kSecondaryCapture = "1.2.840.10008.5.1.4.1.1.7";

constexpr std::array kKinds{
    ResultKind{"mr_map", kMr, "", "image of an MR map series", "images of MR map series"},
    ResultKind{"pm_real", kParametricMap, "mr_map", "Parametric Map", "Parametric Maps"},
    ResultKind{"pm_normalised", kParametricMap, "mr_map", "normalised Parametric Map", "normalised Parametric Maps"},
    ResultKind{"seg", kSegmentation, "", "segmentation", "segmentations"},
    ResultKind{"seg_proposal", kSegmentation, "", "segmentation of proposed lesions",
               "segmentations of proposed lesions"},
    ResultKind{"seg_unaligned", kSegmentation, "", "segmentation with frames of broken bytes",
               "segmentations with frames of broken bytes"},
    ResultKind{"seg_proposal_unaligned", kSegmentation, "",
               "segmentation of proposed lesions with frames of broken bytes",
               "segmentations of proposed lesions with frames of broken bytes"},
    ResultKind{"sr_measurements", kComprehensiveSr, "sr_measurements_enhanced", "report of measurements",
               "reports of measurements"},
    ResultKind{"sr_measurements_enhanced", kEnhancedSr, "", "report of measurements (Enhanced SR)",
               "reports of measurements (Enhanced SR)"},
    ResultKind{"sr_segments", kComprehensive3dSr, "sr_segments_enhanced", "report about segments",
               "reports about segments"},
    ResultKind{"sr_segments_enhanced", kEnhancedSr, "", "report about segments (Enhanced SR)",
               "reports about segments (Enhanced SR)"},
    ResultKind{"sr_nomogram", kComprehensiveSr, "sr_nomogram_enhanced", "nomogram report", "nomogram reports"},
    ResultKind{"sr_nomogram_enhanced", kEnhancedSr, "", "nomogram report (Enhanced SR)",
               "nomogram reports (Enhanced SR)"},
    ResultKind{"pdf_results", kEncapsulatedPdf, "sc_results", "results page (PDF)", "results pages (PDF)"},
    ResultKind{"pdf_nomogram", kEncapsulatedPdf, "sc_nomogram", "nomogram page (PDF)", "nomogram pages (PDF)"},
    ResultKind{"sc_results", kSecondaryCapture, "", "results page (Secondary Capture)",
               "results pages (Secondary Capture)"},
    ResultKind{"sc_nomogram", kSecondaryCapture, "", "nomogram page (Secondary Capture)",
               "nomogram pages (Secondary Capture)"},
};

constexpr const ResultKind* find(std::string_view name) {
  const auto* const found = std::ranges::find(kKinds, name, &ResultKind::name);
  return found == kKinds.end() ? nullptr : found;
}

// A ladder that names a kind which does not exist, or goes in a circle, would lose results.
constexpr bool is_ladder(const ResultKind& kind) {
  const ResultKind* rung = &kind;
  for (std::size_t steps = 0; !rung->below.empty(); ++steps) {
    rung = find(rung->below);
    if (rung == nullptr || steps == kKinds.size()) return false;
  }
  return true;
}
static_assert(std::ranges::all_of(kKinds, is_ladder));

using Kinds = std::set<std::string, std::less<>>;

void add_maps(config::ParametricMaps maps, Kinds& kinds) {
  kinds.insert("mr_map");
  if (maps == config::ParametricMaps::Real) kinds.insert("pm_real");
  if (maps == config::ParametricMaps::Normalised) kinds.insert("pm_normalised");
}

// OHIF 3.13.2, for which maps are normalised, reads the bits of a frame that begins within a byte in the wrong order
// and draws the lesion several voxels beside its place, without a word.
void add_segmentations(const config::Profile& profile, Kinds& kinds) {
  if (!profile.segmentations) return;
  kinds.insert({"seg", "seg_proposal"});
  if (profile.parametric_maps != config::ParametricMaps::Normalised)
    kinds.insert({"seg_unaligned", "seg_proposal_unaligned"});
}

void add_reports(const config::Profile& profile, Kinds& kinds) {
  using config::Reports;
  using config::SegmentReports;
  if (profile.reports == Reports::Comprehensive) kinds.insert({"sr_measurements", "sr_nomogram"});
  if (profile.reports == Reports::Enhanced) kinds.insert({"sr_measurements_enhanced", "sr_nomogram_enhanced"});
  if (profile.segment_reports == SegmentReports::Comprehensive3D) kinds.insert("sr_segments");
  if (profile.segment_reports == SegmentReports::Enhanced) kinds.insert("sr_segments_enhanced");
}

void add_pages(config::Pages pages, Kinds& kinds) {
  using config::Pages;
  if (pages == Pages::Pdf || pages == Pages::Both) kinds.insert({"pdf_results", "pdf_nomogram"});
  if (pages == Pages::Sc || pages == Pages::Both) kinds.insert({"sc_results", "sc_nomogram"});
}

Kinds kinds_of(const config::Profile& profile) {
  Kinds kinds;
  add_maps(profile.parametric_maps, kinds);
  add_segmentations(profile, kinds);
  add_reports(profile, kinds);
  add_pages(profile.pages, kinds);
  return kinds;
}

}  // namespace

std::span<const ResultKind> result_kinds() { return kKinds; }

const ResultKind* find_result_kind(std::string_view name) { return find(name); }

std::string_view kind_below(std::string_view name) {
  const ResultKind* kind = find(name);
  return kind == nullptr ? std::string_view{} : kind->below;
}

bool is_replaced_by_something_new(std::string_view name) {
  const ResultKind* below = find(kind_below(name));
  return below != nullptr && below > find(name);
}

std::vector<std::string> kinds_sent(const config::Profile& profile) {
  const Kinds wanted = kinds_of(profile);
  std::vector<std::string> kinds;
  for (const ResultKind& kind : kKinds)
    if (wanted.contains(kind.name)) kinds.emplace_back(kind.name);
  return kinds;
}

std::vector<storage::Delivery> deliveries(const config::Settings& settings) {
  std::vector<storage::Delivery> all;
  for (const config::Destination& destination : settings.destinations)
    all.push_back({destination.name, kinds_sent(destination.profile)});
  return all;
}

std::set<std::string, std::less<>> needed_kinds(const config::Settings& settings) {
  if (settings.destinations.empty()) return kinds_of({});
  Kinds needed;
  for (const config::Destination& destination : settings.destinations)
    for (const std::string& sent : kinds_sent(destination.profile))
      for (std::string_view kind = sent; !kind.empty(); kind = kind_below(kind)) needed.emplace(kind);
  return needed;
}

}  // namespace server
