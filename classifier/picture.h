#pragma once
// Drawn pages: as one vector PDF and as one raster for each page, with the same content in both. The same input gives
// the same bytes, in every run and process: no date and no random name goes into them.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace classifier {

// 8 bit RGB, row by row from the top left, no padding.
struct Raster {
  int width = 0, height = 0;
  std::vector<std::uint8_t> rgb;
};

struct Picture {
  std::string pdf;
  std::vector<Raster> pages;
  // The page as a PNG file; empty when there is no such page.
  [[nodiscard]] std::string png(std::size_t page) const;
};

// UCUM as it stands on every page, for what a caller prints there himself: "10⁻³ mm²/s"; empty for "1".
[[nodiscard]] std::string readable_unit(const std::string& unit);

// What stands on every page. No identity of a patient belongs in here; the viewer shows that of the object.
struct PictureLabels {
  std::string title;               // "Lesion results"
  std::string study_date, lesion;  // as a person reads them; empty: left out
  std::string software;            // "Herald 0.1.0"
  std::string notice;              // below the notice that every page has anyway: research use only, not for diagnosis
  std::vector<std::string> notes;  // sentences
};

}  // namespace classifier
