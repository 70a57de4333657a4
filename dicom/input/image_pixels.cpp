// One image from its file to numbers. Objects of several frames are opened and decoded once, whoever asks first, and
// given back after their last frame.
#include "dicom/input/image_pixels.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "dicom/dcmtk.h"
#include "dicom/input/enhanced.h"
#include "dicom/input/nesting.h"
#include "dicom/input/vendors.h"
#include "dicom/sha256.h"

namespace dicom {
namespace {

constexpr double kLargestDecoded = 2e9;  // bytes of all frames of an object

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

// The decoded bytes of an object, all frames; they live as long as `dataset`.
const Uint8* decoded_bytes(DcmDataset& dataset, const Format& format, std::size_t values) {
  DcmElement* element = nullptr;
  Uint8* bytes = nullptr;
  if (dataset.findAndGetElement(DCM_PixelData, element).bad() || element->getUint8Array(bytes).bad() ||
      bytes == nullptr)
    fail(Fault::Malformed, "the image has no pixel data");
  if (element->getLengthField() / static_cast<std::size_t>(format.allocated / 8) < values)
    fail(Fault::Malformed, "the pixel data are shorter than the matrix");
  return bytes;
}

// DCMTK reserves what the header claims before it decodes. Uncompressed pixels are as many as the file has.
void require_possible_size(DcmItem& item) {
  const auto count = [&](const DcmTagKey& tag) { return number(item, tag).value_or(1); };
  const double bytes = count(DCM_Rows) * count(DCM_Columns) * count(DCM_NumberOfFrames) * count(DCM_SamplesPerPixel) *
                       count(DCM_BitsAllocated) / 8;
  if (!(bytes > 0 && bytes <= kLargestDecoded)) fail(Fault::Unsupported, "decoded pixels would have more than 2 GB");
}

void load(DcmFileFormat& object, const std::filesystem::path& file) {
  if (const auto sound = check_nesting(file); !sound) throw Failure{sound.error()};
  check(object.loadFile(file.c_str(), EXS_Unknown, EGL_noChange, DCM_MaxReadLength, ERM_fileOnly), "read the image");
  DcmDataset& dataset = *object.getDataset();
  const DcmXfer original(dataset.getOriginalXfer());
  if (original.isEncapsulated()) require_possible_size(dataset);
  if (original.isEncapsulated() && dataset.chooseRepresentation(EXS_LittleEndianExplicit, nullptr).bad())
    fail(Fault::Unsupported, std::string("pixels cannot be decoded (") + original.getXferName() + ")");
}

void require_the_same(DcmItem& item, const Instance& instance) {
  if (whole(item, DCM_SamplesPerPixel, 1) != 1) fail(Fault::Unsupported, "not a grey image");
  if (instance.frame == 0 && whole(item, DCM_NumberOfFrames, 1) != 1)
    fail(Fault::Unsupported, "not a single grey image");
  if (text(item, DCM_SOPInstanceUID) != instance.sop_instance_uid)
    fail(Fault::Malformed, "the file holds another object than its header said");
  if (whole(item, DCM_Rows, 0) != instance.rows || whole(item, DCM_Columns, 0) != instance.columns)
    fail(Fault::Malformed, "the matrix of the file is not that of its header");
}

struct Scale {
  double slope = 1, intercept = 0;
};

// FP = (PV * RS + RI) / (RS * SS): the displayed values of two series of one Philips fit need not share a scale, these
// do.
Scale scale_of(DcmItem& rescale, double philips_slope) {
  const Scale scale{number(rescale, DCM_RescaleSlope).value_or(1), number(rescale, DCM_RescaleIntercept).value_or(0)};
  if (scale.slope == 0) fail(Fault::Malformed, "the rescale slope is 0");
  if (philips_slope <= 0) return scale;
  return {1 / philips_slope, scale.intercept / (scale.slope * philips_slope)};
}

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

Image image_of(const Stored& stored, const Scale& scale) {
  Image image = scaled(stored, scale);
  Sha256 hash;
  hash.add({reinterpret_cast<const char*>(stored.bits.data()), stored.bits.size() * sizeof(std::uint32_t)});
  image.digest = hash.hex();
  return image;
}

std::size_t matrix_of(const Instance& instance) {
  return static_cast<std::size_t>(instance.rows) * static_cast<std::size_t>(instance.columns);
}

Image read_single(const Instance& instance) {
  DcmFileFormat object;
  load(object, instance.file);
  DcmDataset& dataset = *object.getDataset();
  require_the_same(dataset, instance);
  const Format format = format_of(dataset);  // after decoding: a decoder may change it
  const Uint8* bytes = decoded_bytes(dataset, format, matrix_of(instance));
  const bool halves_exchanged = format.allocated == 32 && DcmXfer(dataset.getOriginalXfer()).isBigEndian();
  const double philips = instance.vendor == Vendor::Philips ? philips_scale_slope(dataset).value_or(0) : 0;
  return image_of(unpacked(bytes, matrix_of(instance), format, halves_exchanged), scale_of(dataset, philips));
}

}  // namespace

std::size_t size_of(const Image& image) {
  return std::visit([](const auto& pixels) { return pixels.size(); }, image.pixels);
}

std::vector<float> as_floats(Image image) {
  if (auto* values = std::get_if<std::vector<float>>(&image.pixels)) return std::move(*values);
  if (auto* words = std::get_if<std::vector<std::uint16_t>>(&image.pixels))
    return fitting::Plane(std::move(*words), {image.scale}).values();
  return fitting::Plane(std::move(std::get<std::vector<std::int16_t>>(image.pixels)), {image.scale}).values();
}

// An object of several frames. DCMTK's items are not to be searched by two threads at once; its decoded bytes may be
// read by any number.
class ImageReader::Frames {
 public:
  explicit Frames(const Instance& instance) {
    load(object_, instance.file);
    DcmDataset& dataset = *object_.getDataset();
    groups_.emplace(dataset);
    format_ = format_of(dataset);
    bytes_ = decoded_bytes(dataset, format_, groups_->frames() * matrix_of(instance));
    halves_exchanged_ = format_.allocated == 32 && DcmXfer(dataset.getOriginalXfer()).isBigEndian();
  }

  Image read(const Instance& instance) {
    const auto frame = static_cast<unsigned long>(instance.frame) - 1;
    const Scale scale = scale_of_frame(instance, frame);
    const std::size_t size = matrix_of(instance);
    const Uint8* first = bytes_ + frame * size * static_cast<std::size_t>(format_.allocated / 8);
    return image_of(unpacked(first, size, format_, halves_exchanged_), scale);
  }

 private:
  Scale scale_of_frame(const Instance& instance, unsigned long frame) {
    const std::scoped_lock lock(mutex_);
    require_the_same(*object_.getDataset(), instance);
    if (frame >= groups_->frames()) fail(Fault::Malformed, "the object has fewer frames than its header said");
    DcmItem rescale;
    write_rescale(*groups_, frame, rescale);
    const bool philips = instance.vendor == Vendor::Philips;
    return scale_of(rescale, philips ? philips_scale_slope(*groups_, frame).value_or(0) : 0);
  }

  std::mutex mutex_;
  DcmFileFormat object_;
  std::optional<FunctionalGroups> groups_;
  Format format_;
  const Uint8* bytes_ = nullptr;
  bool halves_exchanged_ = false;
};

ImageReader::ImageReader(std::span<const Instance> instances, std::span<const std::size_t> wanted)
    : instances_(instances) {
  for (const std::size_t i : wanted)
    if (instances[i].frame > 0) ++objects_[instances[i].file.native()].wanted;
}

ImageReader::~ImageReader() = default;

Image ImageReader::read(std::size_t i) {
  const Instance& instance = instances_[i];
  if (instance.frame == 0) return read_single(instance);
  Object& object = objects_.at(instance.file.native());  // the map itself does not change any more
  std::shared_ptr<Frames> frames;
  {
    const std::scoped_lock lock(object.mutex);
    if (!object.frames) object.frames = std::make_shared<Frames>(instance);
    frames = object.frames;
    if (--object.wanted == 0) object.frames.reset();
  }
  return frames->read(instance);
}

}  // namespace dicom
