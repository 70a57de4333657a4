#pragma once
// What a destination is sent beside the maps as MR images, which every destination is sent, always and first. A profile
// has a name for what whole groups of receivers want, and each part of it has a key of its own (reference viewers.md
// 4).
#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace config {

// Words of herald.toml are in the order of the enumerators.
enum class ParametricMaps { Real, Normalised, Off };
inline constexpr std::array<std::string_view, 3> kParametricMapsWords{"real", "normalised", "off"};

// Measurements (SR-A) and nomogram (SR-B), by SOP class.
enum class Reports { Comprehensive, Enhanced, Off };
inline constexpr std::array<std::string_view, 3> kReportsWords{"comprehensive", "enhanced", "off"};

// Measurements that refer to the segments of our segmentation (TID 1411): for research tools; black in OHIF.
enum class SegmentReports { Comprehensive3D, Enhanced, Off };
inline constexpr std::array<std::string_view, 3> kSegmentReportsWords{"comprehensive-3d", "enhanced", "off"};

// Results page and nomogram as pictures: Encapsulated PDF, Secondary Capture.
enum class Pages { Pdf, Sc, Both, Off };
inline constexpr std::array<std::string_view, 4> kPagesWords{"pdf", "sc", "both", "off"};

struct Profile {
  ParametricMaps parametric_maps = ParametricMaps::Real;
  bool segmentations = true;
  Reports reports = Reports::Comprehensive;
  SegmentReports segment_reports = SegmentReports::Comprehensive3D;
  Pages pages = Pages::Both;
  bool operator==(const Profile&) const = default;
};

struct NamedProfile {
  std::string_view name, meant_for;
  Profile profile;
};
inline constexpr std::array kProfiles{
    NamedProfile{"full", "a PACS that stores everything", {}},
    NamedProfile{
        "ohif",
        "a PACS behind an OHIF viewer",
        {.parametric_maps = ParametricMaps::Normalised, .segment_reports = SegmentReports::Off, .pages = Pages::Pdf}},
    NamedProfile{"legacy",
                 "a PACS of MR images and pictures",
                 {.parametric_maps = ParametricMaps::Off,
                  .segmentations = false,
                  .reports = Reports::Enhanced,
                  .segment_reports = SegmentReports::Off,
                  .pages = Pages::Sc}},
};

// The profile as lines of a [[destination]] table: the named profile that is nearest, then the keys that differ from
// it.
[[nodiscard]] std::vector<std::string> in_toml(const Profile& profile);

}  // namespace config
