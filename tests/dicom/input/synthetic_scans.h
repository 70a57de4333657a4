#pragma once
// Headers of scans that never were: one function per kind of series, and a text of a Grouping to compare.
#include <string>
#include <vector>

#include "dicom/input/acquisition.h"

namespace synthetic {

using Images = std::vector<dicom::Instance>;

inline constexpr double kNoon = 1767268800;  // 2026-01-01 12:00

// One axial image; slice k lies at z = 3 k mm.
inline dicom::Instance image(int series, int slice, double time_s) {
  dicom::Instance i;
  i.content = dicom::Content::Magnitude;
  i.study_uid = "1.2.3";
  i.series_uid = "1.2.3." + std::to_string(series);
  i.frame_of_reference_uid = "1.2.3.0";
  i.series_number = series;
  i.acquisition_number = 1;
  i.acquisition_time_s = time_s;
  i.rows = 64;
  i.columns = 48;
  i.row_spacing_mm = i.column_spacing_mm = 1.5;
  i.slice_thickness_mm = 3;
  i.position_mm = {-36, -48, 3.0 * slice};
  i.has_geometry = true;
  i.repetition_time_ms = 2000;
  i.echo_time_ms = 10;
  i.flip_angle_deg = 90;
  return i;
}

// Numbers the images and gives them UIDs.
inline Images numbered(Images images) {
  for (std::size_t k = 0; k < images.size(); ++k) {
    images[k].instance_number = static_cast<int>(k + 1);
    images[k].sop_instance_uid = images[k].series_uid + "." + std::to_string(k + 1);
  }
  return images;
}

inline Images flip_angle(int series, double degrees, double time_s, int slices = 4) {
  Images images;
  for (int slice = 0; slice < slices; ++slice) {
    images.push_back(image(series, slice, time_s));
    images.back().gradient_echo = images.back().spoiled = images.back().three_dimensional = true;
    images.back().repetition_time_ms = 5;
    images.back().echo_time_ms = 2.1;
    images.back().flip_angle_deg = degrees;
  }
  return numbered(images);
}

inline Images echoes(int series, int count, double time_s, int slices = 4, bool spin = true) {
  Images images;
  for (int slice = 0; slice < slices; ++slice)
    for (int echo = 1; echo <= count; ++echo) {
      images.push_back(image(series, slice, time_s + 0.01 * echo));
      images.back().spin_echo = spin;
      images.back().gradient_echo = !spin;
      images.back().echo_time_ms = 12.5 * echo;
    }
  return numbered(images);
}

inline Images diffusion(int series, const std::vector<double>& b_values, int directions, int slices = 4) {
  Images images;
  for (const double b : b_values)
    for (int slice = 0; slice < slices; ++slice)
      for (int d = 0; d < (b > 0 ? directions : 1); ++d) {
        images.push_back(image(series, slice, kNoon));
        images.back().spin_echo = images.back().echo_planar = true;
        images.back().b_value_s_mm2 = b;
        if (b > 0)
          images.back().gradient_direction = std::array{d == 0 ? 1.0 : 0.0, d == 1 ? 1.0 : 0.0, d == 2 ? 1.0 : 0.0};
      }
  return numbered(images);
}

inline Images together(std::initializer_list<Images> parts) {
  Images all;
  for (const Images& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

template <class Change>
Images with(Images images, const Change& change) {
  for (dicom::Instance& i : images) change(i);
  return images;
}

inline Images described(Images images, const std::string& description) {
  return with(std::move(images), [&](dicom::Instance& i) { i.series_description = description; });
}

// With these values of the Image Type from the third on.
inline Images stored_as(Images images, const std::vector<std::string>& tokens) {
  return with(std::move(images), [&](dicom::Instance& i) {
    i.image_type = {"ORIGINAL", "PRIMARY"};
    i.image_type.insert(i.image_type.end(), tokens.begin(), tokens.end());
  });
}

// Everything a Grouping says, in terms of UIDs.
inline std::string text_of(const dicom::Grouping& grouping, const Images& images) {
  std::string text;
  for (const dicom::Acquisition& a : grouping.acquisitions) {
    text += std::string(to_string(a.kind)) + " " + std::string(to_string(a.contrast)) + " [" + a.problem + "] " +
            std::to_string((a.echoes_agree || a.images_agree)) + " " + digest_of(a, images) + "\n";
    for (const auto& sentence : a.evidence) text += "  " + sentence + "\n";
    for (const auto& note : a.notes) text += "  " + note + "\n";
    for (const dicom::Volume& volume : a.volumes)
      for (const auto& slice : volume.slices)
        for (const std::size_t i : slice) text += " " + std::to_string(volume.axis) + ":" + images[i].sop_instance_uid;
    text += "\n";
  }
  for (const dicom::PassedOver& p : grouping.passed_over)
    text += p.series_uid + " " + std::to_string(p.images) + " " + p.reason + "\n";
  return text;
}

// Images in acquisitions, passed over and regions together: every image has exactly one place.
inline std::size_t placed(const dicom::Grouping& grouping) {
  std::size_t count = grouping.rois.size();
  for (const dicom::Acquisition& a : grouping.acquisitions) count += a.images;
  for (const dicom::PassedOver& p : grouping.passed_over) count += p.images;
  return count;
}

}  // namespace synthetic
