#pragma once
// The pixels of one image. Internal to dicom/input.
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "dicom/input/instance.h"
#include "fitting/series.h"

namespace dicom {

// Integers with a scale where the scanner wrote 16 bits, else floats.
using Pixels = std::variant<std::vector<float>, std::vector<std::uint16_t>, std::vector<std::int16_t>>;
struct Image {
  Pixels pixels;
  fitting::Plane::Scale scale;  // of integers
  std::string digest;           // SHA-256 of the stored values: equal for any transfer syntax
};
[[nodiscard]] std::size_t size_of(const Image& image);
[[nodiscard]] std::vector<float> as_floats(Image image);

// Reads images of `instances`, which must outlive it. Every image in `wanted` may be read as often as it is there.
class ImageReader {
 public:
  ImageReader(std::span<const Instance> instances, std::span<const std::size_t> wanted);
  ~ImageReader();
  ImageReader(const ImageReader&) = delete;
  ImageReader& operator=(const ImageReader&) = delete;

  // Safe from any thread. Unwinds by Failure: pixels that cannot be decoded, sizes that differ from the header.
  [[nodiscard]] Image read(std::size_t i);

 private:
  class Frames;
  struct Object {
    std::mutex mutex;
    std::shared_ptr<Frames> frames;
    std::size_t wanted = 0;
  };
  std::span<const Instance> instances_;
  std::map<std::string, Object> objects_;  // of several frames, by file
};

}  // namespace dicom
