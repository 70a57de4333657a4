#pragma once
// A page for people - results, nomogram - as an Encapsulated PDF and as Secondary Capture images, for archives that
// take either. Sources: reference dicom.md 2.4 and 2.5, viewers.md 2; PS3.3 A.45.1 and A.8.1.
//
// Burned In Annotation is NO in both: PS3.3 C.7.6.1 asks whether the pixels hold enough to identify the patient and
// date of acquisition, and our pages carry no identity. The research notice that they do carry is no reason for YES,
// which would make anonymisers drop them; it stands in the Series Description, the title and the comments as well.
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dicom/output/object.h"

namespace dicom {

struct PageRequest {
  std::filesystem::path template_image;        // patient and study
  std::string title = "Lesion results";        // of the document
  std::string series_description = "Results";  // gets "(RESEARCH)", and the revision
  std::string content_datetime;                // YYYYMMDDHHMMSS
  std::string digest;                          // names inputs and settings
  Equipment equipment;
  std::vector<Reference> evidence;      // what is shown, and where its numbers come from
  std::vector<Reference> predecessors;  // what it replaces
  int revision = 1;
  int series_number = 9030;
};

// Encapsulated PDF (1.2.840.10008.5.1.4.1.1.104.1). The document is written as it is; an odd length is padded behind it
// and Encapsulated Document Length tells the true one. Malformed where `pdf` does not begin as a PDF does.
[[nodiscard]] Result<Written> write_encapsulated_pdf(const PageRequest& request, std::string_view pdf,
                                                     const std::filesystem::path& folder);

struct PageImage {
  int width = 0, height = 0;
  std::span<const std::uint8_t> rgb;  // row by row, 8 bit, no padding
};

// Secondary Capture Image Storage in RGB: one instance for each page, all in one series. Malformed where there is no
// page, or one whose bytes are not width * height * 3.
[[nodiscard]] Result<std::vector<Written>> write_secondary_capture(const PageRequest& request,
                                                                   std::span<const PageImage> pages,
                                                                   const std::filesystem::path& folder);

}  // namespace dicom
