// The data are scans and images, a handful of bytes each, of small alphabets: what makes grouping hard is what images
// have in common. Whatever they are, every image gets one place, what is said to fit can be fitted, and the order in
// which they come does not show.
#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "dicom/input/acquisition.h"
#include "tests/fuzz/require.h"

namespace {

using Images = std::vector<dicom::Instance>;
constexpr std::size_t kMostImages = 128;

// Takes choices from the data; 0 when they are used up.
class Choices {
 public:
  explicit Choices(std::span<const std::uint8_t> data) : data_(data) {}
  [[nodiscard]] bool left() const { return !data_.empty(); }
  std::uint8_t byte() {
    if (data_.empty()) return 0;
    const std::uint8_t value = data_.front();
    data_ = data_.subspan(1);
    return value;
  }
  template <class T, std::size_t N>
  const T& of(const std::array<T, N>& values) {
    return values[byte() % N];
  }

 private:
  std::span<const std::uint8_t> data_;
};

using Maybe = std::optional<double>;
const std::array kContents{dicom::Content::Magnitude,   dicom::Content::Magnitude, dicom::Content::Magnitude,
                           dicom::Content::Real,        dicom::Content::Imaginary, dicom::Content::TraceWeighted,
                           dicom::Content::QuantityMap, dicom::Content::Roi,       dicom::Content::Derived};
const std::array kVendors{dicom::Vendor::Siemens, dicom::Vendor::GE, dicom::Vendor::Philips, dicom::Vendor::Other};
const std::array<Maybe, 6> kRepetitions{2000, 2000, 5, 5.004, 1e9, std::nullopt};
const std::array<Maybe, 8> kEchoes{10, 20, 30, 40, 80, 20.01, 1e-9, std::nullopt};
const std::array<Maybe, 6> kAngles{90, 5, 15, 25, 5.04, std::nullopt};
const std::array<Maybe, 8> kInversions{std::nullopt, std::nullopt, 100, 400, 1600, 3000, 100.4, 1e8};
const std::array<Maybe, 8> kBValues{std::nullopt, 0, 0, 50, 800, 1500, 2000, 808};
const std::array<Maybe, 7> kTimes{std::nullopt, 1e9, 1e9 + 1, 1e9 + 60, 1e9 + 120, 1e9 + 7200, -1e12};
const std::array kHeights{0.0, 3.0, 6.0, 9.0, 3.05, 100.0, -1e5, 1e5};
const std::array<std::array<double, 2>, 3> kInPlane{{{-10, -20}, {-10, -20.05}, {1e5, 0}}};
const std::array kMatrices{64, 64, 64, 48, 65535};
const std::array<std::vector<std::string>, 6> kTypes{{{"ORIGINAL", "PRIMARY", "M", "ND"},
                                                      {"ORIGINAL", "PRIMARY", "M", "DIS2D"},
                                                      {"ORIGINAL", "PRIMARY", "M", "NORM", "DIS3D"},
                                                      {"ORIGINAL", "PRIMARY", "M", "E2", "W"},
                                                      {},
                                                      {"DERIVED"}}};
const std::array kDescriptions{std::string("series"), std::string("MOLLI"), std::string("Ph2/Ax 1 min 5 s"),
                               std::string("TT=12.5s"), std::string()};
const std::array kQuantities{std::string("T1"), std::string("T2"), std::string("PD"), std::string("?")};

// Spin echo, gradient echo, echo-planar, inversion, spoiled, as bits; the first ones are those of real protocols.
const std::array<unsigned, 12> kSequences{1, 2 + 16, 2, 1 + 4, 1 + 8, 2 + 8, 2 + 8 + 16, 4, 8, 0, 3, 31};

void choose_sequence(Choices& from, dicom::Instance& image) {
  const unsigned bits = from.of(kSequences);
  image.spin_echo = bits & 1u;
  image.gradient_echo = bits & 2u;
  image.echo_planar = bits & 4u;
  image.inversion = bits & 8u;
  image.spoiled = bits & 16u;
  const unsigned more = from.byte();
  image.contrast_agent = more & 1u;
  image.has_geometry = more % 16 != 15;
}

void choose_geometry(Choices& from, dicom::Instance& image) {
  image.rows = from.of(kMatrices);
  image.columns = 48;
  image.row_spacing_mm = image.column_spacing_mm = 1.5;
  image.slice_thickness_mm = 3;
  const auto& in_plane = from.of(kInPlane);
  image.position_mm = {in_plane[0], in_plane[1], from.of(kHeights)};
  if (from.byte() % 8 == 7) std::swap(image.row_direction, image.column_direction);
}

void choose_physics(Choices& from, dicom::Instance& image) {
  image.repetition_time_ms = from.of(kRepetitions);
  image.echo_time_ms = from.of(kEchoes);
  image.flip_angle_deg = from.of(kAngles);
  image.inversion_time_ms = from.of(kInversions);
  image.b_value_s_mm2 = from.of(kBValues);
  const unsigned direction = from.byte() % 4u;
  if (direction > 0) image.gradient_direction = {direction == 1 ? 1.0 : 0, direction == 2 ? 1.0 : 0, 0.0};
}

void choose_order(Choices& from, dicom::Instance& image) {
  image.acquisition_time_s = from.of(kTimes);
  const unsigned bits = from.byte();
  if (bits & 1u) image.trigger_time_ms = 1000 * (bits >> 6);
  if (bits & 2u) image.temporal_position = static_cast<int>(bits >> 6) + 1;
  if (bits & 4u) image.contrast_start_s = 1e9 + 30 * (bits >> 6);
  if (bits & 8u) image.images_in_acquisition = static_cast<int>(bits >> 5);
  if (bits & 16u) image.echo_train_length = static_cast<int>(bits >> 6) + 2;
  image.acquisition_number = static_cast<int>(bits >> 5 & 3u);
  image.instance_number = from.byte() % 16;
}

dicom::Instance chosen(Choices& from, std::size_t number) {
  dicom::Instance image;
  const unsigned series = from.byte();
  image.file = "f" + std::to_string(number);  // a file has an object once
  image.study_uid = "1.2";
  image.series_uid = "1.2." + std::to_string(series % 4u);
  image.series_number = static_cast<int>(series / 4u % 4u);
  image.frame_of_reference_uid = series / 16u % 8u == 7u ? "" : "1.2.9";
  const std::uint8_t name = from.byte();
  image.sop_instance_uid = "1.3." + std::to_string(name % 250 == 0 ? 0 : number);
  image.frame = name / 250 * (name % 4);
  image.content = from.of(kContents);
  image.vendor = from.of(kVendors);
  image.image_type = from.of(kTypes);
  image.series_description = from.of(kDescriptions);
  image.quantity = from.of(kQuantities);
  choose_sequence(from, image);
  choose_geometry(from, image);
  choose_physics(from, image);
  choose_order(from, image);
  return image;
}

// A scan: its first image, and how many slices, values of one parameter and repeats there are.
struct Scan {
  dicom::Instance first;
  unsigned slices = 1, values = 1, repeats = 1, parameter = 0;
};

Scan chosen_scan(Choices& from, std::size_t number) {
  Scan scan{chosen(from, number)};
  const unsigned shape = from.byte();
  scan.slices = 1 + shape % 4u;
  scan.values = 1 + shape / 4u % 8u;
  scan.repeats = 1 + shape / 32u;
  scan.parameter = from.byte() % 6u;
  return scan;
}

void set_value(const Scan& scan, unsigned value, dicom::Instance& image) {
  const double next = value + 1;
  switch (scan.parameter) {
    case 0:
      image.echo_time_ms = 10 * next;
      return;
    case 1:
      image.flip_angle_deg = 5 * next;
      return;
    case 2:
      image.inversion_time_ms = 100 * next * next;
      return;
    case 3:
      image.b_value_s_mm2 = 400.0 * value;
      return;
    case 4:  // raw images of synthetic MRI: two echoes of every delay
      image.inversion_time_ms = 100 * (1 + value / 2);
      image.echo_time_ms = value % 2 == 0 ? 20 : 90;
      return;
    default:
      image.quantity = value % 3 == 0 ? "T1" : value % 3 == 1 ? "T2" : "PD";
  }
}

// An image of a scan may be missing, or differ from the others in one thing.
void add_image(Choices& from, dicom::Instance image, Images& images) {
  const unsigned fate = from.byte();
  if (fate == 255) return;
  if (fate > 250) choose_geometry(from, image);
  if (fate > 244 && fate <= 250) choose_physics(from, image);
  if (fate > 236 && fate <= 244) choose_order(from, image);
  if (fate > 230 && fate <= 236) image.series_uid = "1.2.9";
  image.file = "f" + std::to_string(images.size());
  image.sop_instance_uid = "1.3." + std::to_string(images.size());
  images.push_back(std::move(image));
}

void add_scan(Choices& from, Images& images) {
  const Scan scan = chosen_scan(from, images.size());
  for (unsigned repeat = 0; repeat < scan.repeats; ++repeat)
    for (unsigned value = 0; value < scan.values; ++value)
      for (unsigned slice = 0; slice < scan.slices && images.size() < kMostImages; ++slice) {
        dicom::Instance image = scan.first;
        image.position_mm.z() += 3.0 * slice;
        image.instance_number = static_cast<int>(images.size());
        if (image.acquisition_time_s) *image.acquisition_time_s += 10.0 * (repeat * scan.values + value);
        set_value(scan, value, image);
        add_image(from, std::move(image), images);
      }
}

Images images_of(Choices& from) {
  Images images;
  while (from.left() && images.size() < kMostImages) {
    if (from.byte() % 4 == 3)
      images.push_back(chosen(from, images.size()));
    else
      add_scan(from, images);
  }
  return images;
}

// --- what must hold ---

void require_sound_volumes(const dicom::Acquisition& acquisition, const Images& images) {
  const std::set<std::size_t> own(acquisition.instances.begin(), acquisition.instances.end());
  std::set<std::size_t> seen;
  double last = -INFINITY;
  fuzz::require(!acquisition.volumes.empty());
  for (const dicom::Volume& volume : acquisition.volumes) {
    fuzz::require(std::isfinite(volume.axis) && volume.axis >= last);
    last = volume.axis;
    fuzz::require(volume.slices.size() == static_cast<std::size_t>(acquisition.geometry.slices()));
    for (const auto& slice : volume.slices) {
      fuzz::require(!acquisition.fits() || !slice.empty());
      fuzz::require(!acquisition.fits() || acquisition.kind == dicom::Kind::Diffusion || slice.size() == 1);
      for (const std::size_t i : slice) {
        fuzz::require(own.contains(i) && seen.insert(i).second);
        fuzz::require(!acquisition.fits() || (images[i].rows == acquisition.geometry.rows &&
                                              images[i].columns == acquisition.geometry.columns));
      }
    }
  }
  fuzz::require(!acquisition.fits() || seen == own);
}

void require_one_place_each(const dicom::Grouping& grouping, const Images& images) {
  std::set<std::size_t> placed(grouping.rois.begin(), grouping.rois.end());
  fuzz::require(placed.size() == grouping.rois.size());
  for (const dicom::Acquisition& acquisition : grouping.acquisitions) {
    fuzz::require(acquisition.images == acquisition.instances.size());
    for (const std::size_t i : acquisition.instances) fuzz::require(i < images.size() && placed.insert(i).second);
  }
  std::size_t count = placed.size();
  for (const dicom::PassedOver& passed : grouping.passed_over) {
    fuzz::require(!passed.reason.empty() && passed.images > 0);
    count += passed.images;
  }
  fuzz::require(count == images.size());
}

// Every sentence of the answer, and which images it is about.
std::string account_of(const dicom::Grouping& grouping, const Images& images) {
  std::string account;
  for (const dicom::Acquisition& acquisition : grouping.acquisitions) {
    account += dicom::digest_of(acquisition, images) + " " + std::string(dicom::to_string(acquisition.contrast)) + " " +
               acquisition.problem + "\n";
    for (const std::string& sentence : acquisition.evidence) account += sentence + "\n";
    for (const std::string& sentence : acquisition.notes) account += sentence + "\n";
    for (const dicom::Volume& volume : acquisition.volumes)
      for (const auto& slice : volume.slices)
        for (const std::size_t i : slice) account += std::to_string(volume.axis) + images[i].file.native() + " ";
  }
  for (const std::size_t i : grouping.rois) account += images[i].file.native() + " ";
  for (const dicom::PassedOver& passed : grouping.passed_over)
    account += passed.series_uid + " " + std::to_string(passed.images) + passed.reason + "\n";
  return account;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices({data, size});
  const std::uint8_t first = choices.byte();
  const dicom::GroupingHints hints{first % 4 == 3 ? std::vector<double>{100, 400, 1600, 3000} : std::vector<double>{}};
  Images images = images_of(choices);
  const dicom::Grouping grouping = dicom::group(images, hints);
  require_one_place_each(grouping, images);
  for (const dicom::Acquisition& acquisition : grouping.acquisitions) {
    require_sound_volumes(acquisition, images);
    static_cast<void>(dicom::models_of(acquisition));
  }
  const std::string account = account_of(grouping, images);
  std::shuffle(images.begin(), images.end(), std::mt19937(first));
  fuzz::require(account_of(dicom::group(images, hints), images) == account);
  return 0;
}
