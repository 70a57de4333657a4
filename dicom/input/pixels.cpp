// Pixels of an acquisition as planes: the scanner's 16-bit integers where they are that, floats otherwise. Every image
// is decoded and hashed by itself, so threads share nothing but the counter of images; what they write goes to places
// of its own.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "dicom/dcmtk.h"
#include "dicom/input/acquisition.h"
#include "dicom/input/image_pixels.h"
#include "dicom/sha256.h"

namespace dicom {
namespace {

// 8 GiB if all of them were floats: three times the largest breast protocol. A header may claim any matrix before a
// pixel is seen.
constexpr std::size_t kMostValues = std::size_t{1} << 31;

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
      : acquisition_(acquisition),
        instances_(instances),
        cells_(cells_of(acquisition)),
        reader_(instances, acquisition.instances),
        digests_(instances.size()) {
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
    Image image = reader_.read(i);
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
      case Kind::Mdme:
        protocol.axis_kind = fitting::Axis::SaturationDelayMs;
        protocol.echo_times_ms = acquisition_.echo_times_ms;
        break;
      case Kind::Dynamic:
        protocol.axis_kind = fitting::Axis::TimeS;
        protocol.contrast_arrival_s = acquisition_.contrast_start_s.value_or(0);
        break;
      case Kind::SyntheticMaps:
      case Kind::T2Weighted:
        break;
    }
    return protocol;
  }

  [[nodiscard]] std::string digest() const {
    Sha256 hash;
    for (const std::size_t i : acquisition_.instances) hash.add(image_name(instances_[i]) + " " + digests_[i] + "\n");
    return hash.hex();
  }

  const Acquisition& acquisition_;
  std::span<const Instance> instances_;
  std::vector<Cell> cells_;
  ImageReader reader_;
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
