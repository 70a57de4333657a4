// Pixels of an acquisition as planes: the scanner's 16-bit integers where they are that, floats otherwise. Every image
// is decoded and hashed by itself, so threads share nothing but the counter of images; what they write goes to places
// of its own.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <variant>

#include "dicom/dcmtk.h"
#include "dicom/input/acquisition.h"
#include "dicom/input/nesting.h"
#include "dicom/input/vendors.h"
#include "dicom/sha256.h"

namespace dicom {
namespace {

// 8 GiB if all of them were floats: three times the largest breast protocol. A header may claim any matrix before a
// pixel is seen.
constexpr std::size_t kMostValues = std::size_t{1} << 31;

// Stored values, sign-extended: `bits` read as signed where `is_signed`.
struct Stored {
  std::vector<std::uint32_t> bits;
  bool is_signed = false;
  int width = 32;  // bits that were stored

  [[nodiscard]] double value(std::size_t i) const {
    return is_signed ? static_cast<std::int32_t>(bits[i]) : static_cast<double>(bits[i]);
  }
};

struct Format {
  int allocated = 0, stored = 0, high_bit = 0;
  bool is_signed = false;
};

int whole(DcmItem& item, const DcmTagKey& tag, int fallback) {
  const double value = number(item, tag).value_or(fallback);
  return std::abs(value) <= std::numeric_limits<int>::max() ? static_cast<int>(value) : 0;
}

Format format_of(DcmItem& item) {
  Format format;
  format.allocated = whole(item, DCM_BitsAllocated, 0);
  format.stored = whole(item, DCM_BitsStored, format.allocated);
  format.high_bit = whole(item, DCM_HighBit, format.stored - 1);
  format.is_signed = whole(item, DCM_PixelRepresentation, 0) == 1;
  const bool known = format.allocated == 8 || format.allocated == 16 || format.allocated == 32;
  if (!known || format.stored < 1 || format.stored > format.allocated || format.high_bit < format.stored - 1 ||
      format.high_bit >= format.allocated)
    fail(Fault::Unsupported, "pixels of " + std::to_string(format.allocated) + " bits, " +
                                 std::to_string(format.stored) + " stored, are not read");
  return format;
}

void require_one_grey_frame(DcmItem& item, const Instance& instance) {
  if (whole(item, DCM_SamplesPerPixel, 1) != 1 || whole(item, DCM_NumberOfFrames, 1) != 1)
    fail(Fault::Unsupported, "not a single grey image");
  if (text(item, DCM_SOPInstanceUID) != instance.sop_instance_uid)
    fail(Fault::Malformed, "the file holds another object than its header said");
  if (whole(item, DCM_Rows, 0) != instance.rows || whole(item, DCM_Columns, 0) != instance.columns)
    fail(Fault::Malformed, "the matrix of the file is not that of its header");
}

std::uint32_t isolated(std::uint32_t cell, const Format& format) {
  const std::uint32_t shifted = cell >> (format.high_bit + 1 - format.stored);
  if (format.stored == 32) return shifted;
  const std::uint32_t mask = (1u << format.stored) - 1u;
  const bool negative = format.is_signed && (shifted >> (format.stored - 1) & 1u) != 0;
  return negative ? shifted | ~mask : shifted & mask;
}

// Little endian bytes of the decoded image. DCMTK swaps 16-bit words, so the halves of a big endian 32-bit cell stay
// exchanged.
Stored unpacked(const Uint8* bytes, std::size_t count, const Format& format, bool halves_exchanged) {
  Stored stored;
  stored.is_signed = format.is_signed;
  stored.width = format.stored;
  stored.bits.resize(count);
  const int width = format.allocated / 8;
  for (std::size_t i = 0; i < count; ++i, bytes += width) {
    std::uint32_t cell = 0;
    for (int byte = width - 1; byte >= 0; --byte) cell = cell << 8 | bytes[byte];
    if (halves_exchanged) cell = cell << 16 | cell >> 16;
    stored.bits[i] = isolated(cell, format);
  }
  return stored;
}

Stored decoded(DcmDataset& dataset, const Instance& instance) {
  const DcmXfer original(dataset.getOriginalXfer());
  if (original.isEncapsulated() && dataset.chooseRepresentation(EXS_LittleEndianExplicit, nullptr).bad())
    fail(Fault::Unsupported, std::string("pixels cannot be decoded (") + original.getXferName() + ")");
  const Format format = format_of(dataset);  // after decoding: a decoder may change it
  DcmElement* element = nullptr;
  Uint8* bytes = nullptr;
  if (dataset.findAndGetElement(DCM_PixelData, element).bad() || element->getUint8Array(bytes).bad() ||
      bytes == nullptr)
    fail(Fault::Malformed, "the image has no pixel data");
  const std::size_t count = static_cast<std::size_t>(instance.rows) * static_cast<std::size_t>(instance.columns);
  if (element->getLengthField() < count * static_cast<std::size_t>(format.allocated / 8))
    fail(Fault::Malformed, "the pixel data are shorter than the matrix");
  return unpacked(bytes, count, format, format.allocated == 32 && original.isBigEndian());
}

struct Scale {
  double slope = 1, intercept = 0;
};

Scale scale_of(DcmItem& item, const Instance& instance) {
  Scale scale{number(item, DCM_RescaleSlope).value_or(1), number(item, DCM_RescaleIntercept).value_or(0)};
  if (scale.slope == 0) fail(Fault::Malformed, "the rescale slope is 0");
  if (instance.vendor != Vendor::Philips) return scale;
  // FP = (PV * RS + RI) / (RS * SS): the displayed values of two series of one fit need not share a scale, these do.
  const double private_slope = philips_scale_slope(item).value_or(0);
  if (private_slope <= 0) return scale;
  return {1 / private_slope, scale.intercept / (scale.slope * private_slope)};
}

// The pixels of one image: integers with a scale where the scanner wrote 16 bits, else floats.
using Pixels = std::variant<std::vector<float>, std::vector<std::uint16_t>, std::vector<std::int16_t>>;
struct Image {
  Pixels pixels;
  fitting::Plane::Scale scale;  // of integers
  std::string digest;
};

template <class Integer>
std::vector<Integer> integers(const Stored& stored) {
  std::vector<Integer> values(stored.bits.size());
  std::ranges::transform(stored.bits, values.begin(), [](std::uint32_t bits) { return static_cast<Integer>(bits); });
  return values;
}

std::vector<float> floats(const Stored& stored, const Scale& scale) {
  std::vector<float> values(stored.bits.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(stored.value(i) * scale.slope + scale.intercept);
    if (!std::isfinite(values[i])) fail(Fault::Malformed, "a rescaled pixel is not a number");
  }
  return values;
}

// No 16-bit pixel leaves the range of floats, nor does the scale vanish in it.
bool fits_floats(const Scale& scale) {
  const auto slope = static_cast<float>(scale.slope);
  const float largest = 65536.0F * std::abs(slope) + std::abs(static_cast<float>(scale.intercept));
  return std::isfinite(largest) && std::isnormal(slope);
}

Image scaled(const Stored& stored, const Scale& scale) {
  const fitting::Plane::Scale as_floats{static_cast<float>(scale.slope), static_cast<float>(scale.intercept)};
  if (stored.width > 16 || !fits_floats(scale)) return {floats(stored, scale), {}, {}};
  if (stored.is_signed) return {integers<std::int16_t>(stored), as_floats, {}};
  return {integers<std::uint16_t>(stored), as_floats, {}};
}

Image read_image(const Instance& instance) {
  if (const auto sound = check_nesting(instance.file); !sound) throw Failure{sound.error()};
  DcmFileFormat object;
  check(object.loadFile(instance.file.c_str(), EXS_Unknown, EGL_noChange, DCM_MaxReadLength, ERM_fileOnly),
        "read the image");
  DcmDataset& dataset = *object.getDataset();
  require_one_grey_frame(dataset, instance);
  const Stored stored = decoded(dataset, instance);
  Image image = scaled(stored, scale_of(dataset, instance));
  Sha256 hash;
  hash.add({reinterpret_cast<const char*>(stored.bits.data()), stored.bits.size() * sizeof(std::uint32_t)});
  image.digest = hash.hex();
  return image;
}

std::size_t size_of(const Image& image) {
  return std::visit([](const auto& pixels) { return pixels.size(); }, image.pixels);
}

std::vector<float> as_floats(Image image) {
  if (auto* values = std::get_if<std::vector<float>>(&image.pixels)) return std::move(*values);
  if (auto* words = std::get_if<std::vector<std::uint16_t>>(&image.pixels))
    return fitting::Plane(std::move(*words), {image.scale}).values();
  return fitting::Plane(std::move(std::get<std::vector<std::int16_t>>(image.pixels)), {image.scale}).values();
}

// --- planes ---

template <class Integer>
fitting::Plane plane_of_integers(std::vector<Image> slices) {
  std::vector<Integer> stored;
  std::vector<fitting::Plane::Scale> scales;
  stored.reserve(slices.size() * size_of(slices.front()));
  for (Image& slice : slices) {
    const auto pixels = std::get<std::vector<Integer>>(std::exchange(slice.pixels, {}));
    stored.insert(stored.end(), pixels.begin(), pixels.end());
    scales.push_back(slice.scale);
  }
  return {std::move(stored), std::move(scales)};
}

fitting::Plane plane_of_floats(std::vector<Image> slices) {
  std::vector<float> values;
  values.reserve(slices.size() * size_of(slices.front()));
  for (Image& slice : slices) {
    const std::vector<float> pixels = as_floats(std::exchange(slice, {}));
    values.insert(values.end(), pixels.begin(), pixels.end());
  }
  return values;
}

template <class Integer>
bool all_hold(const std::vector<Image>& slices) {
  return std::ranges::all_of(
      slices, [](const Image& slice) { return std::holds_alternative<std::vector<Integer>>(slice.pixels); });
}

fitting::Plane plane_of(std::vector<Image> slices) {
  if (all_hold<std::uint16_t>(slices)) return plane_of_integers<std::uint16_t>(std::move(slices));
  if (all_hold<std::int16_t>(slices)) return plane_of_integers<std::int16_t>(std::move(slices));
  return plane_of_floats(std::move(slices));
}

// One slice of one volume: usually one image, for diffusion several.
struct Cell {
  std::size_t volume = 0, slice = 0;
  const std::vector<std::size_t>* images = nullptr;
};

std::vector<Cell> cells_of(const Acquisition& acquisition) {
  std::vector<Cell> cells;
  for (std::size_t v = 0; v < acquisition.volumes.size(); ++v) {
    const auto& slices = acquisition.volumes[v].slices;
    if (slices.size() != acquisition.geometry.slice_origins_mm.size())
      fail(Fault::Malformed, "a volume has not all slices of the grid");
    for (std::size_t s = 0; s < slices.size(); ++s) {
      if (slices[s].empty() || (slices[s].size() > 1 && acquisition.kind != Kind::Diffusion))
        fail(Fault::Malformed, "a slice has no image, or more than one");
      cells.push_back({v, s, &slices[s]});
    }
  }
  return cells;
}

class Loader {
 public:
  Loader(const Acquisition& acquisition, std::span<const Instance> instances)
      : acquisition_(acquisition), instances_(instances), cells_(cells_of(acquisition)), digests_(instances.size()) {
    if (acquisition.geometry.voxels() > kMostValues / acquisition.volumes.size())
      fail(Fault::Unsupported, "the acquisition is larger than Herald computes (2^31 values)");
    for (const Volume& volume : acquisition.volumes) slices_.emplace_back(volume.slices.size());
  }

  // The first cell alone: DCMTK's codecs are not thread-safe on first use.
  void run(unsigned threads) {
    if (!cells_.empty()) work(1);
    std::vector<std::jthread> others;
    for (unsigned t = 1; t < threads; ++t) others.emplace_back([this] { work(cells_.size()); });
    work(cells_.size());
    others.clear();  // joins
    if (error_) throw Failure{*error_};
  }

  LoadedSeries loaded() {
    LoadedSeries result;
    result.series.geometry = acquisition_.geometry;
    result.series.protocol = protocol();
    for (auto& slices : slices_) result.series.planes.push_back(plane_of(std::move(slices)));
    for (const Volume& volume : acquisition_.volumes) {
      const auto most = std::ranges::max(volume.slices, {}, [](const auto& images) { return images.size(); }).size();
      result.series.averages.push_back(static_cast<unsigned>(most));
    }
    result.pixel_digest = digest();
    return result;
  }

 private:
  // Takes cells up to `end` until none is left or one has failed.
  void work(std::size_t end) {
    for (std::size_t i = next_.load(); i < end; i = next_.load()) {
      if (!next_.compare_exchange_strong(i, i + 1)) continue;
      const auto done = guarded([&] { fill(cells_[i]); });
      if (!done) {
        remember(i, done.error());
        return;
      }
    }
  }

  // The earliest failure wins: the message does not depend on the threads.
  void remember(std::size_t cell, const Error& error) {
    const std::scoped_lock lock(mutex_);
    if (!error_ || cell < failed_cell_) error_ = error, failed_cell_ = cell;
    next_ = cells_.size();
  }

  void fill(const Cell& cell) {
    const std::size_t size = acquisition_.geometry.slice_voxels();
    Image& slice = slices_[cell.volume][cell.slice];
    slice =
        cell.images->size() == 1 ? image_of(cell.images->front(), size) : Image{averaged(*cell.images, size), {}, {}};
  }

  std::vector<float> averaged(const std::vector<std::size_t>& images, std::size_t size) {
    std::vector<double> logarithms(size);  // -inf stands for a value that is not positive, and exp() makes it 0
    for (const std::size_t i : images) {
      const std::vector<float> signal = as_floats(image_of(i, size));
      for (std::size_t voxel = 0; voxel < size; ++voxel) logarithms[voxel] += std::log(std::max(signal[voxel], 0.0f));
    }
    std::vector<float> mean(size);
    for (std::size_t voxel = 0; voxel < size; ++voxel)
      mean[voxel] = static_cast<float>(std::exp(logarithms[voxel] / static_cast<double>(images.size())));
    return mean;
  }

  Image image_of(std::size_t i, std::size_t size) {
    Image image = read_image(instances_[i]);
    if (size_of(image) != size) fail(Fault::Malformed, "an image has another matrix than the grid");
    digests_[i] = image.digest;
    return image;
  }

  [[nodiscard]] fitting::Protocol protocol() const {
    fitting::Protocol protocol;
    protocol.repetition_time_ms = acquisition_.repetition_time_ms;
    protocol.signed_signal = acquisition_.signed_signal;
    protocol.look_locker = acquisition_.look_locker;
    for (const Volume& volume : acquisition_.volumes) protocol.axis.push_back(volume.axis);
    switch (acquisition_.kind) {
      case Kind::T1Vfa:
        protocol.axis_kind = fitting::Axis::FlipAngleDeg;
        break;
      case Kind::T2MultiEcho:
      case Kind::T2StarMultiEcho:
        protocol.axis_kind = fitting::Axis::EchoTimeMs;
        break;
      case Kind::Diffusion:
        protocol.axis_kind = fitting::Axis::BValueSPerMm2;
        break;
      case Kind::T1InversionRecovery:
        protocol.axis_kind = fitting::Axis::InversionTimeMs;
        if (!acquisition_.look_locker) protocol.repetition_times_ms = acquisition_.repetition_times_ms;
        break;
    }
    return protocol;
  }

  [[nodiscard]] std::string digest() const {
    Sha256 hash;
    for (const std::size_t i : acquisition_.instances)
      hash.add(instances_[i].sop_instance_uid + " " + digests_[i] + "\n");
    return hash.hex();
  }

  const Acquisition& acquisition_;
  std::span<const Instance> instances_;
  std::vector<Cell> cells_;
  std::vector<std::vector<Image>> slices_;  // by volume
  std::vector<std::string> digests_;
  std::atomic<std::size_t> next_{0};
  std::mutex mutex_;
  std::optional<Error> error_;
  std::size_t failed_cell_ = 0;
};

}  // namespace

Result<LoadedSeries> load_series(const Acquisition& acquisition, std::span<const Instance> instances,
                                 unsigned threads) {
  return guarded([&] {
    initialise_dcmtk();
    Loader loader(acquisition, instances);
    loader.run(threads);
    return loader.loaded();
  });
}

}  // namespace dicom
