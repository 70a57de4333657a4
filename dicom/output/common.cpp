#include "dicom/output/common.h"

#include <dcmtk/dcmdata/dcostrmb.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <set>

#include "dicom/output/elements.h"
#include "dicom/output/quantity.h"
#include "dicom/sha256.h"
#include "dicom/uid.h"

namespace dicom::output {

namespace {

// Attributes of type 1 and 2 in our objects: written even when the source has no value for them.
const std::array kAlways = {DCM_PatientName,    DCM_PatientID, DCM_PatientBirthDate, DCM_PatientSex,
                            DCM_StudyDate,      DCM_StudyTime, DCM_StudyID,          DCM_ReferringPhysicianName,
                            DCM_AccessionNumber};
// … and those that are repeated where the source has them.
const std::array kWherePresent = {DCM_IssuerOfPatientID,
                                  DCM_PatientBirthTime,
                                  DCM_OtherPatientIDsSequence,
                                  DCM_PatientIdentityRemoved,
                                  DCM_DeidentificationMethod,
                                  DCM_DeidentificationMethodCodeSequence,
                                  DCM_ClinicalTrialSponsorName,
                                  DCM_ClinicalTrialProtocolID,
                                  DCM_ClinicalTrialProtocolName,
                                  DCM_ClinicalTrialSiteID,
                                  DCM_ClinicalTrialSiteName,
                                  DCM_ClinicalTrialSubjectID,
                                  DCM_ClinicalTrialSubjectReadingID,
                                  DCM_ClinicalTrialTimePointID,
                                  DCM_StudyInstanceUID,
                                  DCM_StudyDescription,
                                  DCM_IssuerOfAccessionNumberSequence,
                                  DCM_PatientAge,
                                  DCM_PatientSize,
                                  DCM_PatientWeight};
const std::array kScanner = {DCM_Manufacturer,          DCM_InstitutionName,    DCM_StationName,
                             DCM_ManufacturerModelName, DCM_DeviceSerialNumber, DCM_SoftwareVersions};
// What the map writers look at.
const std::array kTechnique = {DCM_FrameOfReferenceUID, DCM_PositionReferenceIndicator,
                               DCM_SeriesInstanceUID,   DCM_PatientPosition,
                               DCM_ImageLaterality,     DCM_Laterality,
                               DCM_ScanningSequence,    DCM_SequenceVariant,
                               DCM_MRAcquisitionType,   DCM_MagneticFieldStrength};

void copy_attributes(DcmItem& to, DcmItem& from, std::span<const DcmTagKey> tags) {
  for (const DcmTagKey& tag : tags) {
    DcmElement* element = nullptr;
    if (from.findAndGetElement(tag, element).bad()) continue;
    std::unique_ptr<DcmElement> own(dynamic_cast<DcmElement*>(element->clone()));
    check(to.insert(own.get(), OFTrue), "copy an attribute of the template image");
    own.release();  // the data set owns it now
  }
}

void to_utf8(DcmDataset& elements) {
  if (elements.convertToUTF8().good()) return;
  // 8-bit text whose character set is missing or wrong: Latin-1 gives every byte a character and loses none.
  put_text(elements, DCM_SpecificCharacterSet, "ISO_IR 100");
  check(elements.convertToUTF8(), "convert the text of the template image to UTF-8");
}

void put_contributor(DcmItem& to, const Code& purpose, DcmItem& equipment) {
  DcmItem& item = add_item(to, DCM_ContributingEquipmentSequence);
  copy_attributes(item, equipment, kScanner);
  if (text(item, DCM_Manufacturer).empty()) put_text(item, DCM_Manufacturer, "unknown");
  put_code(item, DCM_PurposeOfReferenceCodeSequence, purpose);
}

void put_equipment(DcmItem& to, const Equipment& equipment) {
  if (equipment.manufacturer.empty() || equipment.serial.empty() || equipment.version.empty())
    fail(Fault::Malformed, "our own equipment lacks manufacturer, serial number or version");
  put_text(to, DCM_Manufacturer, one_line(equipment.manufacturer));
  put_text(to, DCM_ManufacturerModelName, kModelName);
  put_text(to, DCM_DeviceSerialNumber, one_line(equipment.serial));
  put_text(to, DCM_SoftwareVersions, one_line(equipment.version));
}

void put_contributors(DcmItem& to, DcmItem& source, const Equipment& equipment) {
  put_contributor(to, {"109101", "DCM", "Acquisition Equipment"}, source);
  DcmItem ours;
  put_equipment(ours, equipment);
  put_contributor(to, {"109102", "DCM", "Processing Equipment"}, ours);
  DcmItem* last = nullptr;
  check(to.findAndGetSequenceItem(DCM_ContributingEquipmentSequence, last, -1), "find our equipment");
  put_text(*last, DCM_ContributionDescription, std::string("Quantitative MR measurement. ") + kResearchNotice);
}

void put_private_scheme(DcmItem& to, const Equipment& equipment) {
  DcmItem& item = add_item(to, DCM_CodingSchemeIdentificationSequence);
  put_text(item, DCM_CodingSchemeDesignator, kPrivateScheme);
  put_text(item, DCM_CodingSchemeUID, private_scheme_uid());
  put_text(item, DCM_CodingSchemeName, "Herald private codes");
  put_text(item, DCM_CodingSchemeResponsibleOrganization, one_line(equipment.manufacturer));
}

void put_series(DcmItem& to, const Series& series, const Moment& when) {
  put_text(to, DCM_Modality, series.modality);
  put_text(to, DCM_SeriesInstanceUID, series.uid);
  put_text(to, DCM_SeriesNumber, std::to_string(series.number));
  put_text(to, DCM_SeriesDate, when.date);
  put_text(to, DCM_SeriesTime, when.time);
  put_text(to, DCM_SeriesDescription, one_line(series.description));
  put_text(to, DCM_InstanceNumber, "1");
  put_text(to, DCM_ContentDate, when.date);
  put_text(to, DCM_ContentTime, when.time);
}

// Length of the UTF-8 sequence that starts with `lead`; 0 when nothing may start so.
std::size_t sequence_length(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead < 0xE0) return 2;
  if (lead >= 0xE0 && lead < 0xF0) return 3;
  if (lead >= 0xF0 && lead < 0xF5) return 4;
  return 0;
}

// The character at the head of `text`, or "" where the bytes are not UTF-8.
std::string_view head_character(std::string_view text) {
  const std::size_t length = sequence_length(static_cast<unsigned char>(text.front()));
  if (length == 0 || length > text.size()) return {};
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0u) == 0x80u; };
  return std::all_of(text.begin() + 1, text.begin() + static_cast<std::ptrdiff_t>(length), continues)
             ? text.substr(0, length)
             : std::string_view{};
}

template <class Forbidden>
std::string cleaned(std::string_view text, std::size_t most, Forbidden forbidden) {
  std::string clean;
  for (std::size_t characters = 0; !text.empty() && characters < most; ++characters) {
    const std::string_view character = head_character(text);
    if (character.empty())
      clean += '?';
    else if (character.size() == 1 && forbidden(character[0]))
      clean += character[0] == '\\' ? '/' : ' ';
    else
      clean += character;
    text.remove_prefix(std::max<std::size_t>(1, character.size()));
  }
  return clean;
}

bool is_control(char c) { return std::iscntrl(static_cast<unsigned char>(c)) != 0; }

// SHA-256 of the data set as it is written, in pieces: a Parametric Map of a breast is a hundred megabytes.
std::string digest_of(DcmDataset& dataset) {
  Sha256 hash;
  std::vector<char> buffer(1u << 20);
  DcmOutputBufferStream stream(buffer.data(), static_cast<offile_off_t>(buffer.size()));
  OFCondition state;
  dataset.transferInit();
  do {
    state = dataset.write(stream, EXS_LittleEndianExplicit, EET_ExplicitLength, nullptr);
    void* bytes = nullptr;
    offile_off_t length = 0;
    stream.flushBuffer(bytes, length);
    hash.add({static_cast<const char*>(bytes), static_cast<std::size_t>(length)});
  } while (state == EC_StreamNotifyClient);
  dataset.transferEnd();
  check(state, "encode the data set");
  return hash.bytes();
}

// DCMTK would write its own name and version here, which differ from package to package.
void put_meta_header(DcmFileFormat& file) {
  check(file.validateMetaInfo(EXS_LittleEndianExplicit, EWM_createNewMeta), "write the meta header");
  DcmMetaInfo& meta = *file.getMetaInfo();
  put_text(meta, DCM_ImplementationClassUID, uid_from_name("Herald implementation class"));
  put_text(meta, DCM_ImplementationVersionName, "HERALD");
  check(meta.computeGroupLengthAndPadding(EGL_recalcGL, EPD_noChange, EXS_LittleEndianExplicit, EET_ExplicitLength),
        "write the length of the meta header");
}

}  // namespace

std::unique_ptr<DcmDataset> read_template(const std::filesystem::path& image) {
  DcmFileFormat file;
  check(
      file.loadFileUntilTag(image.c_str(), EXS_Unknown, EGL_noChange, DCM_MaxReadLength, ERM_autoDetect, DCM_PixelData),
      "read the template image", Fault::Io);
  DcmDataset& whole = *file.getDataset();
  auto elements = std::make_unique<DcmDataset>();
  copy_attributes(*elements, whole, std::array{DCM_SpecificCharacterSet});
  for (const std::span<const DcmTagKey> tags :
       {std::span<const DcmTagKey>(kAlways), std::span<const DcmTagKey>(kWherePresent),
        std::span<const DcmTagKey>(kScanner), std::span<const DcmTagKey>(kTechnique)})
    copy_attributes(*elements, whole, tags);
  to_utf8(*elements);
  if (!is_uid(text(*elements, DCM_StudyInstanceUID)))
    fail(Fault::Malformed, "the template image has no Study Instance UID");
  return elements;
}

Moment moment(const std::string& datetime) {
  if (datetime.size() != 14 ||
      !std::all_of(datetime.begin(), datetime.end(), [](char c) { return c >= '0' && c <= '9'; }))
    fail(Fault::Malformed, "the content date and time are not YYYYMMDDHHMMSS");
  return {datetime.substr(0, 8), datetime.substr(8)};
}

// Phantoms of a GE Signa carry "0"; what is none of the three defined letters is not known.
void clear_undefined_sex(DcmItem& item) {
  const std::string sex = text(item, DCM_PatientSex);
  if (sex != "F" && sex != "M" && sex != "O") put_text(item, DCM_PatientSex, "");
}

void put_modules(DcmItem& to, DcmItem& source, const char* sop_class_uid, const Series& series,
                 const Equipment& equipment, const Moment& when) {
  put_text(to, DCM_SpecificCharacterSet, "ISO_IR 192");
  put_text(to, DCM_SOPClassUID, sop_class_uid);
  for (const DcmTagKey& tag : kAlways) put_text(to, tag, "");
  copy_attributes(to, source, kAlways);
  clear_undefined_sex(to);
  copy_attributes(to, source, kWherePresent);
  put_series(to, series, when);
  put_equipment(to, equipment);
  put_contributors(to, source, equipment);
  put_private_scheme(to, equipment);
}

void put_frame_of_reference(DcmItem& to, DcmItem& source) {
  const std::string uid = text(source, DCM_FrameOfReferenceUID);
  put_text(to, DCM_FrameOfReferenceUID,
           is_uid(uid) ? uid : uid_from_name("frame of reference|" + text(source, DCM_SeriesInstanceUID)));
  put_text(to, DCM_PositionReferenceIndicator, text(source, DCM_PositionReferenceIndicator));
}

void put_code(DcmItem& item, const DcmTag& tag, const Code& code) {
  add_code(item, tag, one_line(code.value, 16).c_str(), one_line(code.scheme, 16).c_str(),
           one_line(code.meaning).c_str());
}

std::string one_line(std::string_view text, std::size_t most) {
  return cleaned(text, most, [](char c) { return is_control(c) || c == '\\'; });
}

std::string paragraph(std::string_view text, std::size_t most) {
  return cleaned(text, most, [](char c) { return is_control(c) && c != '\n'; });
}

std::vector<SeriesReferences> by_series(std::span<const Reference> references) {
  std::vector<SeriesReferences> series;
  std::set<std::string> seen;
  for (const Reference& reference : references) {
    if (!is_uid(reference.sop_class_uid) || !is_uid(reference.sop_instance_uid) || !is_uid(reference.series_uid))
      fail(Fault::Malformed, "a reference to a source lacks a UID");
    if (!seen.insert(reference.sop_instance_uid).second) continue;  // also further frames of one object
    auto its =
        std::find_if(series.begin(), series.end(), [&](const auto& s) { return s.series_uid == reference.series_uid; });
    if (its == series.end()) its = series.insert(series.end(), SeriesReferences{reference.series_uid, {}});
    its->instances.push_back(reference);
    its->instances.back().frame = 0;
  }
  return series;
}

void put_hierarchy(DcmItem& to, const DcmTag& sequence, std::span<const Reference> references) {
  if (references.empty()) return;
  DcmItem& study = add_item(to, sequence);
  put_text(study, DCM_StudyInstanceUID, text(to, DCM_StudyInstanceUID));
  for (const SeriesReferences& series : by_series(references)) {
    DcmItem& item = add_item(study, DCM_ReferencedSeriesSequence);
    put_text(item, DCM_SeriesInstanceUID, series.series_uid);
    for (const Reference& instance : series.instances) add_reference(item, DCM_ReferencedSOPSequence, instance);
  }
}

void put_replaced(DcmItem& to, std::span<const Reference> predecessors) {
  for (const SeriesReferences& series : by_series(predecessors))
    for (const Reference& instance : series.instances)
      put_code(add_reference(to, DCM_ReferencedInstanceSequence, instance), DCM_PurposeOfReferenceCodeSequence,
               fixed_code("Replaced instance"));
}

std::string marked_description(const std::string& description, int revision) {
  constexpr std::string_view kMark = " (RESEARCH)";
  const bool has_mark = description.ends_with(kMark);
  const std::string words = has_mark ? description.substr(0, description.size() - kMark.size()) : description;
  const std::string tail = (revision > 1 ? " rev " + std::to_string(revision) : std::string()) + std::string(kMark);
  return one_line(words, 64 - tail.size()) + tail;
}

std::string series_uid_for(const std::string& role, DcmItem& source, const std::string& digest,
                           const Equipment& equipment, int revision) {
  return uid_from_name("series|" + role + "|" + text(source, DCM_StudyInstanceUID) + "|" + digest + "|" +
                       equipment.version + "|" + std::to_string(revision));
}

std::string file_suffix(const std::string& uid) {
  return uid.substr(uid.size() - std::min<std::size_t>(8, uid.size()));
}

Written save(DcmFileFormat& file, const std::filesystem::path& path) {
  DcmDataset& dataset = *file.getDataset();
  put_text(dataset, DCM_SOPInstanceUID, "");
  const std::string uid = uid_from_name(digest_of(dataset));
  put_text(dataset, DCM_SOPInstanceUID, uid);
  put_meta_header(file);
  check(file.saveFile(path.c_str(), EXS_LittleEndianExplicit, EET_ExplicitLength, EGL_recalcGL, EPD_noChange, 0, 0,
                      EWM_dontUpdateMeta),
        "write a result file", Fault::Io);
  return {path, text(dataset, DCM_SOPClassUID), uid, text(dataset, DCM_SeriesInstanceUID)};
}

}  // namespace dicom::output

namespace dicom {

void warm_up_writers() {
  DcmFileFormat file;
  DcmDataset& dataset = *file.getDataset();
  const std::array<Float32, 2> floats{0, 1};
  put_text(dataset, DCM_SpecificCharacterSet, "ISO_IR 100");
  put_text(dataset, DCM_PatientName, "Warm^\xDCp");
  output::put_code(dataset, DCM_ConceptNameCodeSequence, {"121071", "DCM", "Finding"});
  check(dataset.putAndInsertFloat32Array(DCM_FloatPixelData, floats.data(), floats.size()), "warm up");
  const std::array<Uint8, 2> octets{0, 1};
  check(dataset.putAndInsertUint8Array(DcmTag(DCM_PixelData, EVR_OB), octets.data(), octets.size()), "warm up");
  check(dataset.putAndInsertUint8Array(DCM_EncapsulatedDocument, octets.data(), octets.size()), "warm up");
  put_unsigned(dataset, DCM_Rows, 1);
  check(dataset.putAndInsertUint32(DCM_EncapsulatedDocumentLength, 2), "warm up");
  check(dataset.putAndInsertFloat64(DCM_FloatingPointValue, 1), "warm up");
  add_dimension(dataset, "2.25.1", DCM_StackID, DCM_FrameContentSequence);
  output::to_utf8(dataset);
  put_text(dataset, DCM_SOPClassUID, UID_ParametricMapStorage);
  put_text(dataset, DCM_SOPInstanceUID, uid_from_name(output::digest_of(dataset)));
  output::put_meta_header(file);
}

}  // namespace dicom
