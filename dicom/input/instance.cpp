#include "dicom/input/instance.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <tuple>

#include "dicom/dcmtk.h"
#include "dicom/input/clock.h"
#include "dicom/input/content.h"
#include "dicom/input/contrast_dose.h"
#include "dicom/input/enhanced.h"
#include "dicom/input/nesting.h"
#include "dicom/input/vendors.h"
#include "dicom/uid.h"

namespace dicom {
namespace {

// Of the value representations: what is longer was not written by a scanner, and every image would keep it.
constexpr std::size_t kLongestToken = 64;     // CS has 16 characters; some write more
constexpr std::size_t kLongestText = 4 * 64;  // bytes of the 64 characters of LO
constexpr unsigned long kMostValues = 64;     // of Image Type and the like

// What no magnet, clock or gradient reaches. Numbers beyond would turn infinite where they are multiplied.
constexpr double kFarthestMm = 1e5, kSmallestSpacingMm = 1e-3, kLargestSpacingMm = 1e3, kLargestQuantity = 1e9,
                 kLargestB = 1e5;
constexpr int kLargestMatrix = 65535;  // Rows and Columns are US

std::vector<std::string> texts(DcmItem& item, const DcmTagKey& tag) {
  std::vector<std::string> values;
  DcmElement* element = nullptr;
  if (item.findAndGetElement(tag, element).bad()) return values;
  const unsigned long count = std::min(element->getVM(), kMostValues);
  for (unsigned long i = 0; i < count; ++i) values.push_back(text(item, tag, i).substr(0, kLongestToken));
  return values;
}

int whole(DcmItem& item, const DcmTagKey& tag) {
  const double value = number(item, tag).value_or(0);
  return std::abs(value) <= std::numeric_limits<int>::max() ? static_cast<int>(value) : 0;
}

std::optional<double> positive(std::optional<double> value) {
  return value && *value > 0 && *value < kLargestQuantity ? value : std::nullopt;
}

bool continues(unsigned char c) { return (c & 0xC0u) == 0x80u; }

// Length of the UTF-8 sequence at `at`, 0 when the bytes are none.
std::size_t utf8_length(std::string_view s, std::size_t at) {
  const unsigned char lead = static_cast<unsigned char>(s[at]);
  const std::size_t length = lead < 0x80                   ? 1
                             : lead >= 0xC2 && lead < 0xE0 ? 2
                             : lead >= 0xE0 && lead < 0xF0 ? 3
                             : lead >= 0xF0 && lead < 0xF5 ? 4
                                                           : 0;
  if (length == 0 || at + length > s.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if (!continues(static_cast<unsigned char>(s[at + i]))) return 0;
  return length;
}

// Text of any character set as printable UTF-8, cut where it is longer than LO may be: it goes into messages and JSON.
std::string printable(const std::string& value) {
  std::string clean;
  for (std::size_t at = 0; at < value.size() && clean.size() < kLongestText;) {
    const std::size_t length = utf8_length(value, at);
    const bool control = length == 1 && static_cast<unsigned char>(value[at]) < 0x20;
    clean += length == 0 || control ? std::string("?") : value.substr(at, length);
    at += std::max<std::size_t>(length, 1);
  }
  return clean;
}

// --- parts of the header ---

Vendor vendor_of(const std::string& manufacturer) {
  std::string name;
  for (const char c : manufacturer) name.push_back(static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  if (name.find("SIEMENS") != std::string::npos) return Vendor::Siemens;
  if (name.rfind("GE ", 0) == 0 || name == "GE" || name.find("GENERAL ELECTRIC") != std::string::npos)
    return Vendor::GE;
  if (name.find("PHILIPS") != std::string::npos) return Vendor::Philips;
  if (name.find("CANON") != std::string::npos || name.find("TOSHIBA") != std::string::npos) return Vendor::Canon;
  if (name.find("UIH") != std::string::npos || name.find("UNITED IMAGING") != std::string::npos)
    return Vendor::UnitedImaging;
  return Vendor::Other;
}

void read_identity(DcmItem& item, Instance& instance) {
  instance.sop_class_uid = text(item, DCM_SOPClassUID);
  instance.sop_instance_uid = text(item, DCM_SOPInstanceUID);
  instance.study_uid = text(item, DCM_StudyInstanceUID);
  instance.series_uid = text(item, DCM_SeriesInstanceUID);
  for (const auto* uid :
       {&instance.sop_class_uid, &instance.sop_instance_uid, &instance.study_uid, &instance.series_uid})
    if (!is_uid(*uid))
      fail(Fault::Malformed, "SOP class, SOP instance, study or series UID is missing or is not a UID");
  instance.frame_of_reference_uid = text(item, DCM_FrameOfReferenceUID).substr(0, kLongestToken);
  instance.accession_number = printable(text(item, DCM_AccessionNumber));
  instance.vendor = vendor_of(text(item, DCM_Manufacturer));
}

void read_labels(DcmItem& item, Instance& instance) {
  instance.series_number = whole(item, DCM_SeriesNumber);
  instance.instance_number = whole(item, DCM_InstanceNumber);
  instance.acquisition_number = whole(item, DCM_AcquisitionNumber);
  instance.series_description = printable(text(item, DCM_SeriesDescription));
  instance.protocol_name = printable(text(item, DCM_ProtocolName));
  instance.image_type = texts(item, DCM_ImageType);
  instance.acquisition_time_s = acquisition_time(item);
  instance.content_time_s = content_time(item);
  instance.trigger_time_ms = number(item, DCM_TriggerTime);
  if (const int position = whole(item, DCM_TemporalPositionIdentifier); position > 0)
    instance.temporal_position = position;
}

std::optional<fitting::Vec3> vector(DcmItem& item, const DcmTagKey& tag, unsigned long first) {
  const auto x = number(item, tag, first), y = number(item, tag, first + 1), z = number(item, tag, first + 2);
  return x && y && z ? std::optional(fitting::Vec3(*x, *y, *z)) : std::nullopt;
}

int matrix_size(DcmItem& item, const DcmTagKey& tag) {
  const int size = whole(item, tag);
  return size >= 0 && size <= kLargestMatrix ? size : 0;
}

double spacing(DcmItem& item, const DcmTagKey& tag, unsigned long index = 0) {
  const double value = number(item, tag, index).value_or(0);
  return value >= kSmallestSpacingMm && value <= kLargestSpacingMm ? value : 0;
}

bool is_direction(const fitting::Vec3& v) { return v.norm() >= 0.9 && v.norm() < 10; }

void read_geometry(DcmItem& item, Instance& instance) {
  instance.rows = matrix_size(item, DCM_Rows);
  instance.columns = matrix_size(item, DCM_Columns);
  instance.row_spacing_mm = spacing(item, DCM_PixelSpacing, 0);
  instance.column_spacing_mm = spacing(item, DCM_PixelSpacing, 1);
  instance.slice_thickness_mm = spacing(item, DCM_SliceThickness);
  instance.spacing_between_slices_mm = positive(number(item, DCM_SpacingBetweenSlices));
  const auto position = vector(item, DCM_ImagePositionPatient, 0);
  const auto row = vector(item, DCM_ImageOrientationPatient, 0), column = vector(item, DCM_ImageOrientationPatient, 3);
  if (!position || !row || !column || !is_direction(*row) || !is_direction(*column)) return;
  if (position->cwiseAbs().maxCoeff() > kFarthestMm) return;
  instance.position_mm = *position;
  instance.row_direction = row->normalized();
  instance.column_direction = column->normalized();
  const bool perpendicular = std::abs(instance.row_direction.dot(instance.column_direction)) < 1e-3;
  instance.has_geometry = perpendicular && instance.rows > 0 && instance.columns > 0 && instance.row_spacing_mm > 0 &&
                          instance.column_spacing_mm > 0;
}

void read_physics(DcmItem& item, Instance& instance) {
  const auto sequence = texts(item, DCM_ScanningSequence), variant = texts(item, DCM_SequenceVariant);
  instance.spin_echo = has(sequence, "SE");
  instance.gradient_echo = has(sequence, "GR");
  instance.echo_planar = has(sequence, "EP");
  instance.spoiled = has(variant, "SP");
  instance.three_dimensional = text(item, DCM_MRAcquisitionType) == "3D";
  instance.repetition_time_ms = positive(number(item, DCM_RepetitionTime));
  instance.echo_time_ms = positive(number(item, DCM_EchoTime));
  instance.inversion_time_ms = positive(number(item, DCM_InversionTime));
  instance.flip_angle_deg = positive(number(item, DCM_FlipAngle));
  // A gradient echo carries TI for its fat saturation too; only a magnetisation-prepared one (MP) is an inversion
  // recovery.
  instance.inversion =
      has(sequence, "IR") || (instance.inversion_time_ms && (!instance.gradient_echo || has(variant, "MP")));
  const auto options = texts(item, DCM_ScanOptions);
  instance.fat_suppressed = has(options, "FS") || has(options, "SFS") || has(options, "WE");
}

// A standard b-value of 0 counts for echo-planar images only: Philips writes it into every image.
void read_diffusion(DcmItem& item, Instance& instance) {
  const auto b = number(item, DCM_DiffusionBValue);
  if (instance.echo_planar || b.value_or(0) > 0) instance.b_value_s_mm2 = b;
  DcmItem* gradient = nullptr;
  const bool nested =
      item.findAndGetSequenceItem(DCM_DiffusionGradientDirectionSequence, gradient).good() && gradient != nullptr;
  const auto direction = vector(nested ? *gradient : item, DCM_DiffusionGradientOrientation, 0);
  if (direction && direction->norm() > 0 && instance.b_value_s_mm2.value_or(0) > 0)
    instance.gradient_direction = std::array{direction->x(), direction->y(), direction->z()};
}

bool names_something(const std::string& value) {
  std::string lower;
  for (const char c : value) lower.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  return !lower.empty() && lower != "none" && lower != "no" && lower != "n";
}

void read_contrast_agent(DcmItem& item, Instance& instance) {
  instance.field_strength_t = positive(number(item, DCM_MagneticFieldStrength));
  instance.contrast_dose_ml = positive(number(item, DCM_ContrastBolusVolume));
  instance.contrast_start_s = contrast_start(item, instance.acquisition_time_s);
  instance.contrast_agent =
      instance.contrast_dose_ml.has_value() || positive(number(item, DCM_ContrastBolusTotalDose)).has_value();
  for (const DcmTagKey& tag : {DCM_ContrastBolusAgent, DCM_ContrastBolusRoute, DCM_ContrastBolusIngredient})
    instance.contrast_agent |= names_something(text(item, tag));
  const ContrastDose dose =
      instance.contrast_agent ? contrast_dose(item) : ContrastDose{{}, "the header names no contrast agent"};
  instance.contrast_dose_mmol_per_kg = dose.mmol_per_kg;
  instance.contrast_dose_why = dose.why;
}

void apply_vendor(DcmItem& item, Instance& instance) {
  switch (instance.vendor) {
    case Vendor::Siemens:
      return apply_siemens(item, instance);
    case Vendor::GE:
      return apply_ge(item, instance);
    case Vendor::Philips:
      return apply_philips(item, instance);
    case Vendor::UnitedImaging:
      return apply_united_imaging(item, instance);
    case Vendor::Canon:  // Galan V6 keeps to the standard attributes
    case Vendor::Other:
      return;
  }
}

void drop_absurd_diffusion(Instance& instance) {
  const double b = instance.b_value_s_mm2.value_or(0);
  if (b < 0 || b > kLargestB) instance.b_value_s_mm2.reset();
  if (!instance.b_value_s_mm2) instance.gradient_direction.reset();
}

Instance described(DcmItem& item, const std::filesystem::path& file) {
  Instance instance;
  instance.file = file;
  read_identity(item, instance);
  read_labels(item, instance);
  read_geometry(item, instance);
  read_physics(item, instance);
  judge_content(item, instance);
  if (!is_mr_image(instance.sop_class_uid)) return instance;
  read_diffusion(item, instance);
  apply_vendor(item, instance);
  drop_absurd_diffusion(instance);
  read_contrast_agent(item, instance);
  return instance;
}

// A frame is read as the classic image that it would have been.
std::vector<Instance> frames_of(DcmDataset& dataset, const std::filesystem::path& file) {
  std::vector<Instance> frames;
  const EnhancedImage image(dataset);
  for (unsigned long frame = 0; frame < image.frames(); ++frame) {
    DcmItem header;
    image.write_classic_header(frame, header);
    frames.push_back(described(header, file));
    frames.back().frame = static_cast<int>(frame) + 1;
  }
  return frames;
}

void never_fit_lossy(std::vector<Instance>& images) {
  for (Instance& image : images) {
    if (!is_mr_image(image.sop_class_uid) || image.content == Content::OwnResult) continue;
    image.content = Content::Derived;
    image.why_not = "compressed with loss: its values are no longer those of the scanner";
  }
}

}  // namespace

Result<std::vector<Instance>> read_instances(const std::filesystem::path& file) {
  if (const auto sound = check_nesting(file); !sound) return tl::unexpected(sound.error());
  return guarded([&] {
    initialise_dcmtk();
    DcmFileFormat object;
    check(object.loadFileUntilTag(file.c_str(), EXS_Unknown, EGL_noChange, DCM_MaxReadLength, ERM_fileOnly,
                                  DCM_PixelData),
          "read the header");
    DcmDataset& dataset = *object.getDataset();
    if (dataset.tagExists(DCM_SpecificCharacterSet))
      static_cast<void>(dataset.convertToUTF8());  // else printable() replaces what is not UTF-8
    std::vector<Instance> images = is_enhanced_mr(text(dataset, DCM_SOPClassUID))
                                       ? frames_of(dataset, file)
                                       : std::vector{described(dataset, file)};
    if (is_lossy(dataset)) never_fit_lossy(images);
    return images;
  });
}

Result<Instance> read_instance(const std::filesystem::path& file) {
  return read_instances(file).map([](std::vector<Instance>&& images) { return std::move(images.front()); });
}

bool precedes(const Instance& a, const Instance& b) {
  return std::tie(a.sop_instance_uid, a.frame) < std::tie(b.sop_instance_uid, b.frame);
}

bool same_image(const Instance& a, const Instance& b) {
  return a.frame == b.frame && a.sop_instance_uid == b.sop_instance_uid;
}

std::string image_name(const Instance& instance) {
  return instance.frame == 0 ? instance.sop_instance_uid
                             : instance.sop_instance_uid + "#" + std::to_string(instance.frame);
}

std::string_view to_string(Vendor vendor) {
  switch (vendor) {
    case Vendor::Siemens:
      return "Siemens";
    case Vendor::GE:
      return "GE";
    case Vendor::Philips:
      return "Philips";
    case Vendor::Canon:
      return "Canon";
    case Vendor::UnitedImaging:
      return "UIH";
    case Vendor::Other:
      return "other";
  }
  return "other";
}

std::string_view to_string(Content content) {
  switch (content) {
    case Content::Magnitude:
      return "magnitude";
    case Content::Phase:
      return "phase";
    case Content::Real:
      return "real";
    case Content::Imaginary:
      return "imaginary";
    case Content::Derived:
      return "derived";
    case Content::TraceWeighted:
      return "trace-weighted";
    case Content::QuantityMap:
      return "quantity map";
    case Content::Localizer:
      return "localizer";
    case Content::Mosaic:
      return "mosaic";
    case Content::OwnResult:
      return "own result";
    case Content::Roi:
      return "region of interest";
    case Content::Other:
      return "other";
  }
  return "other";
}

}  // namespace dicom
