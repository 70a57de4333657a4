#include "dicom/input/instance.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <string_view>

#include "dicom/dcmtk.h"
#include "dicom/input/nesting.h"
#include "dicom/input/vendors.h"
#include "dicom/output/object.h"
#include "dicom/uid.h"

namespace dicom {
namespace {

constexpr double kSecondsPerDay = 86400;

std::vector<std::string> texts(DcmItem& item, const DcmTagKey& tag) {
  std::vector<std::string> values;
  DcmElement* element = nullptr;
  if (item.findAndGetElement(tag, element).bad()) return values;
  for (unsigned long i = 0; i < element->getVM(); ++i) values.push_back(text(item, tag, i));
  return values;
}

bool has(const std::vector<std::string>& values, std::string_view wanted) {
  return std::find(values.begin(), values.end(), wanted) != values.end();
}

int whole(DcmItem& item, const DcmTagKey& tag) {
  const double value = number(item, tag).value_or(0);
  return std::abs(value) <= std::numeric_limits<int>::max() ? static_cast<int>(value) : 0;
}

std::optional<double> positive(std::optional<double> value) { return value && *value > 0 ? value : std::nullopt; }

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

// Text of any character set as printable UTF-8: it goes into messages and JSON.
std::string printable(const std::string& value) {
  std::string clean;
  for (std::size_t at = 0; at < value.size();) {
    const std::size_t length = utf8_length(value, at);
    const bool control = length == 1 && static_cast<unsigned char>(value[at]) < 0x20;
    clean += length == 0 || control ? std::string("?") : value.substr(at, length);
    at += std::max<std::size_t>(length, 1);
  }
  return clean;
}

// --- time ---

std::string digits_of(const std::string& value, std::string_view separators) {
  std::string digits;
  for (const char c : value)
    if (separators.find(c) == std::string_view::npos) digits.push_back(c);
  return digits;
}

std::optional<int> digits(std::string_view value, std::size_t start, std::size_t count) {
  if (start + count > value.size()) return std::nullopt;
  int result = 0;
  for (const char c : value.substr(start, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    result = result * 10 + (c - '0');
  }
  return result;
}

// Seconds since 1970-01-01 of "20260102", or of "2026.01.02" as old systems write it.
std::optional<double> date_seconds(const std::string& value) {
  const std::string plain = digits_of(value, ".");
  const auto year = digits(plain, 0, 4), month = digits(plain, 4, 2), day = digits(plain, 6, 2);
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return static_cast<double>(std::chrono::sys_days(date).time_since_epoch().count()) * kSecondsPerDay;
}

// Seconds of the day of "HHMMSS.FFFFFF"; minutes and seconds may be absent.
std::optional<double> clock_seconds(const std::string& value) {
  const std::string plain = digits_of(value, ":");
  const auto hours = digits(plain, 0, 2);
  if (!hours || *hours > 23) return std::nullopt;
  const int minutes = digits(plain, 2, 2).value_or(0), seconds = digits(plain, 4, 2).value_or(0);
  if (minutes > 59 || seconds > 60) return std::nullopt;
  double fraction = 0, weight = 0.1;
  for (std::size_t at = 7; at < plain.size() && plain[6] == '.' && plain[at] >= '0' && plain[at] <= '9';
       ++at, weight /= 10)
    fraction += weight * (plain[at] - '0');
  return *hours * 3600.0 + minutes * 60.0 + seconds + fraction;
}

// The day on which the scanner acquired, or the nearest that the header tells.
std::optional<double> day_of(DcmItem& item) {
  for (const DcmTagKey& tag : {DCM_AcquisitionDate, DCM_ContentDate, DCM_SeriesDate, DCM_StudyDate})
    if (const auto day = date_seconds(text(item, tag))) return day;
  return std::nullopt;
}

std::optional<double> acquisition_time(DcmItem& item) {
  const std::string moment = text(item, DCM_AcquisitionDateTime);
  if (moment.size() >= 14) {
    const auto day = date_seconds(moment.substr(0, 8)), clock = clock_seconds(moment.substr(8));
    if (day && clock) return *day + *clock;
  }
  const auto day = day_of(item), clock = clock_seconds(text(item, DCM_AcquisitionTime));
  return day && clock ? std::optional(*day + *clock) : std::nullopt;
}

// (0018,1042) has no date: it is taken for the one nearest to the acquisition, so that an exam may run past midnight.
std::optional<double> contrast_start(DcmItem& item, std::optional<double> acquired) {
  const auto clock = clock_seconds(text(item, DCM_ContrastBolusStartTime));
  const auto day = date_seconds(text(item, DCM_StudyDate));
  if (!clock || (!day && !acquired)) return std::nullopt;
  const double start = day.value_or(0) + *clock;
  return acquired ? start + std::round((*acquired - start) / kSecondsPerDay) * kSecondsPerDay : start;
}

// --- parts of the header ---

Vendor vendor_of(const std::string& manufacturer) {
  std::string name;
  for (const char c : manufacturer) name.push_back(static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  if (name.find("SIEMENS") != std::string::npos) return Vendor::Siemens;
  if (name.rfind("GE ", 0) == 0 || name == "GE" || name.find("GENERAL ELECTRIC") != std::string::npos)
    return Vendor::GE;
  if (name.find("PHILIPS") != std::string::npos) return Vendor::Philips;
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
  instance.frame_of_reference_uid = text(item, DCM_FrameOfReferenceUID);
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
}

std::optional<fitting::Vec3> vector(DcmItem& item, const DcmTagKey& tag, unsigned long first) {
  const auto x = number(item, tag, first), y = number(item, tag, first + 1), z = number(item, tag, first + 2);
  return x && y && z ? std::optional(fitting::Vec3(*x, *y, *z)) : std::nullopt;
}

void read_geometry(DcmItem& item, Instance& instance) {
  instance.rows = whole(item, DCM_Rows);
  instance.columns = whole(item, DCM_Columns);
  instance.row_spacing_mm = number(item, DCM_PixelSpacing, 0).value_or(0);
  instance.column_spacing_mm = number(item, DCM_PixelSpacing, 1).value_or(0);
  instance.slice_thickness_mm = number(item, DCM_SliceThickness).value_or(0);
  instance.spacing_between_slices_mm = positive(number(item, DCM_SpacingBetweenSlices));
  const auto position = vector(item, DCM_ImagePositionPatient, 0);
  const auto row = vector(item, DCM_ImageOrientationPatient, 0), column = vector(item, DCM_ImageOrientationPatient, 3);
  if (!position || !row || !column || row->norm() < 0.9 || column->norm() < 0.9) return;
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

// The standard attributes of diffusion count for echo-planar images only: Philips writes a b-value of 0 into every
// image.
void read_diffusion(DcmItem& item, Instance& instance) {
  if (instance.echo_planar) instance.b_value_s_mm2 = number(item, DCM_DiffusionBValue);
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
}

// --- content ---

struct Verdict {
  Content content = Content::Magnitude;
  std::string why_not;
};

std::string class_name(const std::string& sop_class_uid) {
  const char* name = dcmFindNameOfUID(sop_class_uid.c_str());
  return name != nullptr ? name : "private or unknown SOP class";
}

std::optional<Verdict> by_object(DcmItem& item, const Instance& instance) {
  const std::string& sop_class = instance.sop_class_uid;
  if (text(item, DCM_ManufacturerModelName) == kModelName) return Verdict{Content::OwnResult, "a result of Herald"};
  if (sop_class == UID_SegmentationStorage) return Verdict{Content::Roi, ""};
  const bool enhanced = sop_class == UID_EnhancedMRImageStorage || sop_class == UID_EnhancedMRColorImageStorage ||
                        sop_class == UID_LegacyConvertedEnhancedMRImageStorage;
  const bool frames = sop_class == UID_MRImageStorage && number(item, DCM_NumberOfFrames).value_or(1) > 1;
  if (enhanced || frames) return Verdict{Content::MultiFrame, "enhanced multi-frame MR is not read yet"};
  if (sop_class != UID_MRImageStorage)
    return Verdict{Content::Other, "not an MR image (" + class_name(sop_class) + ")"};
  return std::nullopt;
}

// Tokens with which scanners mark what they computed, whether or not they also write DERIVED.
std::optional<std::string> computed(const std::vector<std::string>& image_type) {
  static constexpr std::array kTokens{"ADC",          "EADC",
                                      "FA",           "COLFA",
                                      "TENSOR",       "TENSOR_B0",
                                      "CALC_BVALUE",  "MIP",
                                      "MINIP",        "MPR",
                                      "CURVED",       "SUB",
                                      "SUBTRACTION",  "PROJECTION IMAGE",
                                      "T1 MAP",       "T2 MAP",
                                      "T2_STAR MAP",  "T2* MAP",
                                      "R2 MAP",       "R2_STAR MAP",
                                      "B0 MAP",       "FLIP ANGLE MAP",
                                      "QMAP",         "MULTI_QMAP",
                                      "SYNTHETIC",    "PHASE MAP",
                                      "FIELD MAP",    "MEAN",
                                      "STDDEV",       "RELCBV",
                                      "TTP",          "PBP",
                                      "COMPOSED",     "SCREEN SAVE",
                                      "CSA RESAMPLED"};
  for (std::size_t i = 2; i < image_type.size(); ++i)
    if (std::find(kTokens.begin(), kTokens.end(), image_type[i]) != kTokens.end()) return image_type[i];
  return std::nullopt;
}

Verdict by_image_type(const std::vector<std::string>& type) {
  if (has(type, "LOCALIZER")) return {Content::Localizer, "localizer"};
  if (has(type, "MOSAIC") || has(type, "VFRAME")) return {Content::Mosaic, "mosaic: many slices tiled in one image"};
  if (has(type, "TRACEW") || has(type, "TRACE")) return {Content::TraceWeighted, "trace-weighted diffusion image"};
  if (const auto token = computed(type)) return {Content::Derived, "derived by the scanner (" + *token + ")"};
  if (!type.empty() && type[0] == "DERIVED") return {Content::Derived, "derived by the scanner"};
  const auto part = [&](const char* letter, const char* word) {
    const auto found = [&](const std::string& token) { return token == letter || token == word; };
    return type.size() > 2 && std::any_of(type.begin() + 2, type.end(), found);
  };
  if (part("P", "PHASE")) return {Content::Phase, "phase images"};
  if (part("R", "REAL")) return {Content::Real, "real part of complex images"};
  if (part("I", "IMAGINARY")) return {Content::Imaginary, "imaginary part of complex images"};
  return {};
}

void judge_content(DcmItem& item, Instance& instance) {
  const Verdict verdict = by_object(item, instance).value_or(by_image_type(instance.image_type));
  instance.content = verdict.content;
  instance.why_not = verdict.why_not;
}

void apply_vendor(DcmItem& item, Instance& instance) {
  switch (instance.vendor) {
    case Vendor::Siemens:
      return apply_siemens(item, instance);
    case Vendor::GE:
      return apply_ge(item, instance);
    case Vendor::Philips:
      return apply_philips(item, instance);
    case Vendor::Other:
      return;
  }
}

Instance described(DcmItem& item) {
  Instance instance;
  read_identity(item, instance);
  read_labels(item, instance);
  read_geometry(item, instance);
  read_physics(item, instance);
  judge_content(item, instance);
  if (instance.sop_class_uid != UID_MRImageStorage) return instance;
  read_diffusion(item, instance);
  apply_vendor(item, instance);
  read_contrast_agent(item, instance);
  return instance;
}

}  // namespace

Result<Instance> read_instance(const std::filesystem::path& file) {
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
    Instance instance = described(dataset);
    instance.file = file;
    return instance;
  });
}

std::string_view to_string(Vendor vendor) {
  switch (vendor) {
    case Vendor::Siemens:
      return "Siemens";
    case Vendor::GE:
      return "GE";
    case Vendor::Philips:
      return "Philips";
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
    case Content::Localizer:
      return "localizer";
    case Content::Mosaic:
      return "mosaic";
    case Content::MultiFrame:
      return "multi-frame";
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
