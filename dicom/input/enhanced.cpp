#include "dicom/input/enhanced.h"

#include <array>
#include <memory>
#include <string>

#include "fitting/text.h"

namespace dicom {
namespace {

// Longer values of the attributes that every frame repeats are none that anybody wrote on purpose.
constexpr Uint32 kLongestValue = 4096;

void copy(const DcmObject& element, DcmItem& to) {
  std::unique_ptr<DcmObject> twin(element.clone());
  auto* as_element = dynamic_cast<DcmElement*>(twin.get());
  if (as_element != nullptr && to.insert(as_element, OFTrue).good()) static_cast<void>(twin.release());
}

// Absent values stay absent.
void copy(DcmItem& from, const DcmTagKey& tag, DcmItem& to) {
  DcmElement* element = nullptr;
  if (from.findAndGetElement(tag, element).bad() || element == nullptr) return;
  if (element->isLeaf() && element->getLengthField() <= kLongestValue) copy(*element, to);
}

void put(DcmItem& to, const DcmTagKey& tag, const std::string& value) {
  if (!value.empty()) check(to.putAndInsertString(tag, value.c_str()), "translate a functional group");
}

// Numbers of other VRs (FD, UL) as the classic DS or IS.
void translate(DcmItem* from, const DcmTagKey& tag, DcmItem& to, const DcmTagKey& classic) {
  if (from != nullptr) put(to, classic, text(*from, tag));
}

void copy_all(DcmItem* from, std::initializer_list<DcmTagKey> tags, DcmItem& to) {
  if (from == nullptr) return;
  for (const DcmTagKey& tag : tags) copy(*from, tag, to);
}

// Legacy converted objects keep the classic attributes that no functional group has, as they were.
void copy_unassigned(DcmItem* item, DcmItem& to) {
  if (item == nullptr) return;
  for (DcmObject* at = item->nextInContainer(nullptr); at != nullptr; at = item->nextInContainer(at)) copy(*at, to);
}

bool says(DcmItem& item, const DcmTagKey& tag, const char* word) { return text(item, tag) == word; }

// (0018,0020), (0018,0021) and (0018,0022) of what the pulse sequence module says outright.
void write_sequence(DcmItem& object, bool inversion, DcmItem& header) {
  const bool gradient = says(object, DCM_EchoPulseSequence, "GRADIENT") || says(object, DCM_EchoPulseSequence, "BOTH");
  std::string sequence = gradient ? "GR" : says(object, DCM_EchoPulseSequence, "SPIN") ? "SE" : "";
  const auto add = [](std::string& list, const char* word) { list += (list.empty() ? "" : "\\") + std::string(word); };
  if (says(object, DCM_EchoPlanarPulseSequence, "YES")) add(sequence, "EP");
  if (inversion) add(sequence, "IR");
  std::string variant;
  const std::string spoiling = text(object, DCM_Spoiling);
  if (!spoiling.empty() && spoiling != "NONE") add(variant, "SP");
  if (says(object, DCM_SteadyStatePulseSequence, "FREE_PRECESSION")) add(variant, "SS");
  if (inversion && gradient) add(variant, "MP");
  put(header, DCM_ScanningSequence, sequence);
  put(header, DCM_SequenceVariant, variant);
  const std::string suppression = text(object, DCM_SpectrallySelectedSuppression);
  if (suppression.find("FAT") != std::string::npos) put(header, DCM_ScanOptions, "FS");
  if (suppression.find("WATER_EXC") != std::string::npos) put(header, DCM_ScanOptions, "WE");
  put(header, DCM_SequenceName, text(object, DCM_PulseSequenceName));
}

// The frame's own type, with its complex component as the token that classic images have.
void write_image_type(DcmItem& object, DcmItem* frame_type, DcmItem& header) {
  OFString type;
  if (frame_type == nullptr || frame_type->findAndGetOFStringArray(DCM_FrameType, type).bad() || type.empty())
    static_cast<void>(object.findAndGetOFStringArray(DCM_ImageType, type));
  std::string component = frame_type != nullptr ? text(*frame_type, DCM_ComplexImageComponent) : "";
  if (component.empty()) component = text(object, DCM_ComplexImageComponent);
  std::string tokens(type.c_str());
  if (!tokens.empty() && !component.empty() && component != "MAGNITUDE") tokens += "\\" + component;
  put(header, DCM_ImageType, tokens);
}

void write_diffusion(DcmItem* diffusion, DcmItem& header) {
  if (diffusion == nullptr) return;
  copy(*diffusion, DCM_DiffusionBValue, header);
  if (says(*diffusion, DCM_DiffusionDirectionality, "NONE") && !header.tagExists(DCM_DiffusionBValue))
    check(header.putAndInsertFloat64(DCM_DiffusionBValue, 0), "translate a functional group");
  if (DcmItem* gradient = first_item(*diffusion, DCM_DiffusionGradientDirectionSequence))
    copy(*gradient, DCM_DiffusionGradientOrientation, header);
}

// A trace: its directionality says so; some scanners do not write TRACEW.
void mark_trace(DcmItem* diffusion, DcmItem& header) {
  if (diffusion == nullptr || !says(*diffusion, DCM_DiffusionDirectionality, "ISOTROPIC")) return;
  OFString type;
  static_cast<void>(header.findAndGetOFStringArray(DCM_ImageType, type));
  const std::string tokens(type.c_str());
  const bool named = tokens.find("ADC") != std::string::npos || tokens.find("TRACE") != std::string::npos;
  if (!named && !tokens.empty()) put(header, DCM_ImageType, tokens + "\\TRACEW");
}

void write_times(DcmItem* content, DcmItem& header) {
  if (content == nullptr) return;
  put(header, DCM_AcquisitionDateTime, text(*content, DCM_FrameAcquisitionDateTime));
  translate(content, DCM_TemporalPositionIndex, header, DCM_TemporalPositionIdentifier);
  translate(content, DCM_FrameAcquisitionNumber, header, DCM_AcquisitionNumber);
}

// Of several injections of one agent the volumes add up; the agent's own is their sum already.
void write_volume(DcmItem& agent, DcmItem& header) {
  double ml = 0;
  DcmSequenceOfItems* profiles = nullptr;
  if (agent.findAndGetSequence(DCM_ContrastAdministrationProfileSequence, profiles).good() && profiles != nullptr)
    for (DcmItem* profile : items_of(*profiles)) ml += number(*profile, DCM_ContrastBolusVolume).value_or(0);
  if (ml > 0) put(header, DCM_ContrastBolusVolume, fitting::text("%.8g", ml));
  copy(agent, DCM_ContrastBolusVolume, header);
}

// Enhanced Contrast/Bolus module; the frame may say that nothing had been given yet. Which of several agents a volume
// is of stays open: they are named as such.
void write_contrast_agent(DcmItem& object, DcmItem* usage, DcmItem& header) {
  DcmItem* agent = first_item(object, DCM_ContrastBolusAgentSequence);
  if (agent == nullptr) return;
  if (DcmItem* profile = first_item(*agent, DCM_ContrastAdministrationProfileSequence))
    copy(*profile, DCM_ContrastBolusStartTime, header);
  if (usage != nullptr && says(*usage, DCM_ContrastBolusAgentAdministered, "NO")) return;
  DcmItem* second = nullptr;
  static_cast<void>(object.findAndGetSequenceItem(DCM_ContrastBolusAgentSequence, second, 1));
  write_volume(*agent, header);
  copy_all(agent, {DCM_ContrastBolusIngredientConcentration}, header);
  if (DcmItem* ingredient = first_item(*agent, DCM_ContrastBolusIngredientCodeSequence))
    put(header, DCM_ContrastBolusIngredient, text(*ingredient, DCM_CodeMeaning));
  const std::string name = text(*agent, DCM_CodeMeaning);
  put(header, DCM_ContrastBolusAgent, second != nullptr ? "several agents" : name.empty() ? "unnamed agent" : name);
}

const std::array kOfTheObject{DCM_SpecificCharacterSet,
                              DCM_SOPClassUID,
                              DCM_SOPInstanceUID,
                              DCM_StudyDate,
                              DCM_SeriesDate,
                              DCM_AcquisitionDate,
                              DCM_ContentDate,
                              DCM_AcquisitionDateTime,
                              DCM_ContentTime,
                              DCM_AccessionNumber,
                              DCM_PatientWeight,
                              DCM_Manufacturer,
                              DCM_ManufacturerModelName,
                              DCM_SeriesDescription,
                              DCM_ProtocolName,
                              DCM_MRAcquisitionType,
                              DCM_MagneticFieldStrength,
                              DCM_SoftwareVersions,
                              DCM_StudyInstanceUID,
                              DCM_SeriesInstanceUID,
                              DCM_SeriesNumber,
                              DCM_AcquisitionNumber,
                              DCM_InstanceNumber,
                              DCM_FrameOfReferenceUID,
                              DCM_Rows,
                              DCM_Columns};

}  // namespace

void EnhancedImage::write_classic_header(unsigned long frame, DcmItem& header) const {
  const auto macro = [&](const DcmTagKey& sequence) { return groups_.macro(frame, sequence); };
  copy_unassigned(macro(DCM_UnassignedSharedConvertedAttributesSequence), header);
  copy_unassigned(macro(DCM_UnassignedPerFrameConvertedAttributesSequence), header);
  for (const DcmTagKey& tag : kOfTheObject) copy(dataset_, tag, header);

  copy_all(macro(DCM_PlanePositionSequence), {DCM_ImagePositionPatient}, header);
  copy_all(macro(DCM_PlaneOrientationSequence), {DCM_ImageOrientationPatient}, header);
  copy_all(macro(DCM_PixelMeasuresSequence), {DCM_PixelSpacing, DCM_SliceThickness, DCM_SpacingBetweenSlices}, header);
  copy_all(macro(DCM_MRTimingAndRelatedParametersSequence), {DCM_RepetitionTime, DCM_FlipAngle, DCM_EchoTrainLength},
           header);
  DcmItem* echo = macro(DCM_MREchoSequence);
  translate(echo, DCM_EffectiveEchoTime, header, DCM_EchoTime);
  copy_all(echo, {DCM_EchoNumbers}, header);
  DcmItem* modifier = macro(DCM_MRModifierSequence);
  translate(modifier, DCM_InversionTimes, header, DCM_InversionTime);
  DcmItem* diffusion = macro(DCM_MRDiffusionSequence);
  write_sequence(dataset_, modifier != nullptr && says(*modifier, DCM_InversionRecovery, "YES"), header);
  write_image_type(dataset_, macro(DCM_MRImageFrameTypeSequence), header);
  write_diffusion(diffusion, header);
  mark_trace(diffusion, header);
  write_times(macro(DCM_FrameContentSequence), header);
  translate(macro(DCM_CardiacSynchronizationSequence), DCM_NominalCardiacTriggerDelayTime, header, DCM_TriggerTime);
  write_contrast_agent(dataset_, macro(DCM_ContrastBolusUsageSequence), header);
}

void write_rescale(const FunctionalGroups& groups, unsigned long frame, DcmItem& header) {
  copy_all(groups.macro(frame, DCM_PixelValueTransformationSequence), {DCM_RescaleSlope, DCM_RescaleIntercept}, header);
}

}  // namespace dicom
