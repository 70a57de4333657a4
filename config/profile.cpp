#include "config/profile.h"

#include <algorithm>

namespace config {
namespace {

template <class Enum, std::size_t N>
std::string_view word(Enum value, const std::array<std::string_view, N>& words) {
  return words.at(static_cast<std::size_t>(value));
}

std::string line(std::string_view key, std::string_view value) {
  return std::string(key).append(" = \"").append(value).append("\"");
}

// The keys that a file has to say so that `base` becomes `wanted`.
std::vector<std::string> differences(const Profile& base, const Profile& wanted) {
  std::vector<std::string> lines;
  if (wanted.parametric_maps != base.parametric_maps)
    lines.push_back(line("parametric_maps", word(wanted.parametric_maps, kParametricMapsWords)));
  if (wanted.segmentations != base.segmentations)
    lines.emplace_back(wanted.segmentations ? "segmentations = true" : "segmentations = false");
  if (wanted.reports != base.reports) lines.push_back(line("reports", word(wanted.reports, kReportsWords)));
  // Without reports these are off too unless the file says otherwise.
  const bool unexpected = wanted.reports == Reports::Off && wanted.segment_reports != SegmentReports::Off;
  if (wanted.segment_reports != base.segment_reports || unexpected)
    lines.push_back(line("segment_reports", word(wanted.segment_reports, kSegmentReportsWords)));
  if (wanted.pages != base.pages) lines.push_back(line("pages", word(wanted.pages, kPagesWords)));
  return lines;
}

}  // namespace

std::vector<std::string> in_toml(const Profile& profile) {
  const auto distance = [&](const NamedProfile& named) { return differences(named.profile, profile).size(); };
  const auto nearest = std::ranges::min_element(kProfiles, {}, distance);
  std::vector<std::string> lines = differences(nearest->profile, profile);
  lines.insert(lines.begin(), line("profile", nearest->name));
  return lines;
}

}  // namespace config
