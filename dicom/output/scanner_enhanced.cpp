// syngo MR XA: Enhanced MR Image Storage as Siemens systems of software XA61 lay it out. A volume is an object: each
// weighting, flip angle and phase has its own, and so has each orientation of a localizer; the echoes of a multi-echo
// series share one. Echo time, repetition time and flip angle stand in functional groups only, b in the standard
// attributes, and there is no private header. Derived objects repeat the attributes of the sequence, which the standard
// allows in original ones only; so do the real ones.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "dicom/output/common.h"
#include "dicom/output/elements.h"
#include "dicom/output/scanner_parts.h"
#include "dicom/uid.h"

namespace dicom::output {
namespace {

constexpr int kLargestPixel = 4095;
constexpr const char* kAgentNumber = "1";

struct Object {
  const SimulatedExam& exam;
  const SimulatedSeries& series;
  int first = 0, last = 0;  // contrasts
  int instance = 1;

  [[nodiscard]] int slices() const { return series.series.geometry.slices(); }
  [[nodiscard]] int frames() const { return (last - first + 1) * slices(); }
  [[nodiscard]] Image frame(int index) const {
    return {exam, series, {first + index / slices(), index % slices(), instance}};
  }
  [[nodiscard]] bool multi_echo() const { return last > first; }
  [[nodiscard]] int acquisition_number() const { return series.dynamic ? series.dynamic->phase : first + 1; }
  [[nodiscard]] int temporal_position() const { return series.dynamic ? series.dynamic->phase : 1; }
  [[nodiscard]] bool echo_planar() const { return series.scanning_sequence == "EP"; }
  [[nodiscard]] bool gradient_echo() const { return series.scanning_sequence == "GR"; }
  [[nodiscard]] bool derived() const { return has_token(series, "DERIVED"); }
  // Of the measurement, of all contrasts.
  [[nodiscard]] double duration_ms() const {
    const double started_s = series.start_s + (series.dynamic ? series.dynamic->since_first_s : 0);
    return std::round(1000 * (reconstructed_s(series) - started_s));
  }
};

void put_number(DcmItem& item, const DcmTag& tag, double value) {
  check(item.putAndInsertFloat64(tag, value), "insert number");
}

void put_index(DcmItem& item, const DcmTag& tag, int value) {
  check(item.putAndInsertUint32(tag, static_cast<Uint32>(value)), "insert index");
}

const char* yes(bool is) { return is ? "YES" : "NO"; }

// --- root

// Enhanced objects have four values: the fourth says what was computed.
std::string frame_type(const SimulatedSeries& series) {
  std::string computed = "NONE";
  for (const auto& [token, name] : {std::pair{"ADC", "ADC"}, {"TRACEW", "TRACEW"}, {"SUB", "SUBTRACTION"}})
    if (has_token(series, token)) computed = name;
  return joined({series.image_type.at(0), "PRIMARY", series.image_type.at(2), computed}, '\\');
}

void put_image_kind(DcmItem& item, const Object& object) {
  const bool projection = has_token(object.series, "MIP");
  put_text(item, DCM_PixelPresentation, "MONOCHROME");
  put_text(item, DCM_VolumetricProperties, projection ? "SAMPLED" : "VOLUME");
  put_text(item, DCM_VolumeBasedCalculationTechnique, projection ? "MAX_IP" : "NONE");
  put_text(item, DCM_ComplexImageComponent, "MAGNITUDE");
  put_text(item, DCM_AcquisitionContrast, object.echo_planar() ? "DIFFUSION" : "UNKNOWN");
}

void put_times(DcmItem& item, const Object& object) {
  for (const auto& tag : {DCM_StudyDate, DCM_SeriesDate, DCM_ContentDate, DCM_InstanceCreationDate})
    put_text(item, tag, object.exam.date);
  put_text(item, DCM_StudyTime, clock_time(object.exam.start_s));
  put_text(item, DCM_SeriesTime, clock_time(series_time_s(object.series)));
  const std::string ready = clock_time(reconstructed_s(object.series));
  for (const auto& tag : {DCM_ContentTime, DCM_InstanceCreationTime}) put_text(item, tag, ready);
  put_text(item, DCM_AcquisitionDateTime, date_time(object.exam, acquired_s(object.frame(0))));
  put_number(item, DCM_AcquisitionDuration, object.duration_ms() / 1000);
}

void put_sequence(DcmItem& item, const Object& object) {
  const bool volume = object.series.acquisition_type == "3D", spin_echo = object.series.scanning_sequence == "SE";
  const std::string& own = object.frame(0).contrast().sequence_name;
  put_text(item, DCM_MRAcquisitionType, object.series.acquisition_type);
  put_text(item, DCM_PulseSequenceName, own.empty() ? object.series.sequence_name : own);
  put_text(item, DCM_EchoPulseSequence, spin_echo ? "SPIN" : "GRADIENT");  // real ones call echo-planar GRADIENT too
  if (spin_echo) put_text(item, DCM_MultipleSpinEcho, yes(object.series.echo_train_length > 1));
  if (volume) put_text(item, DCM_CoverageOfKSpace, "FULL");
  put_text(item, DCM_SteadyStatePulseSequence, "NONE");
  put_text(item, DCM_EchoPlanarPulseSequence, yes(object.echo_planar()));
  put_text(item, DCM_SpectrallySelectedSuppression,
           object.series.scan_options.find("FS") != std::string::npos ? "FAT" : "NONE");
  for (const auto& tag :
       {DCM_MultiPlanarExcitation, DCM_PhaseContrast, DCM_TimeOfFlightContrast, DCM_SaturationRecovery})
    put_text(item, tag, "NO");
}

void put_traversal(DcmItem& item) {
  put_text(item, DCM_OversamplingPhase, "NONE");
  put_text(item, DCM_GeometryOfKSpaceTraversal, "RECTILINEAR");
  put_text(item, DCM_SegmentedKSpaceTraversal, "SINGLE");
  put_text(item, DCM_RectilinearPhaseEncodeReordering, "LINEAR");
  put_text(item, DCM_KSpaceFiltering, "NONE");
  put_unsigned(item, DCM_NumberOfKSpaceTrajectories, 1);
  put_text(item, DCM_ResonantNucleus, "1H");
  put_text(item, DCM_ApplicableSafetyStandardAgency, "IEC");
  put_text(item, DCM_ContentQualification, "PRODUCT");
}

// Stack, place in it, and time; of several echoes the echo time.
void put_dimensions(DcmItem& item, const Object& object) {
  const std::string uid =
      uid_from_name("dimensions|" + object.series.series_uid + "|" + std::to_string(object.instance));
  put_text(add_item(item, DCM_DimensionOrganizationSequence), DCM_DimensionOrganizationUID, uid);
  add_dimension(item, uid, DCM_StackID, DCM_FrameContentSequence);
  add_dimension(item, uid, DCM_InStackPositionNumber, DCM_FrameContentSequence);
  if (object.multi_echo())
    add_dimension(item, uid, DCM_EffectiveEchoTime, DCM_MREchoSequence);
  else
    add_dimension(item, uid, DCM_TemporalPositionIndex, DCM_FrameContentSequence);
}

void put_contrast_agent(DcmItem& item, const Object& object) {
  if (!object.series.contrast_agent) return;
  DcmItem& agent = add_item(item, DCM_ContrastBolusAgentSequence);
  const SimulatedExam::Injection& injection = object.exam.injection;
  put_text(agent, DCM_CodeValue, "AGENT");  // of the site, as sites code what they inject
  put_text(agent, DCM_CodingSchemeDesignator, "99SIMULATED");
  put_text(agent, DCM_CodeMeaning, injection.agent);
  put_text(agent, DCM_ContrastBolusAgentNumber, kAgentNumber);
  add_code(agent, DCM_ContrastBolusAdministrationRouteSequence, "G-D101", "SRT", "Intravenous route");
  add_code(agent, DCM_ContrastBolusIngredientCodeSequence, "C-17800", "SRT", "Gadolinium");
  put_decimal(agent, DCM_ContrastBolusVolume, injection.volume_ml);
  put_decimal(agent, DCM_ContrastBolusIngredientConcentration, injection.mg_per_ml);
  DcmItem& profile = add_item(agent, DCM_ContrastAdministrationProfileSequence);
  put_decimal(profile, DCM_ContrastBolusVolume, injection.volume_ml);
  if (object.series.contrast_start_s)
    put_text(profile, DCM_ContrastBolusStartTime, clock_time(*object.series.contrast_start_s));
}

// --- shared functional groups

// A train of echoes is made by radio-frequency pulses (SE), by gradients (GR), or by gradients after one pulse (EP).
void put_echo_trains(DcmItem& timing, const Object& object) {
  const int train = object.series.echo_train_length;
  const bool spin_echo = object.series.scanning_sequence == "SE";
  put_text(timing, DCM_EchoTrainLength, std::to_string(train));
  put_unsigned(timing, DCM_RFEchoTrainLength, spin_echo ? train : object.echo_planar() ? 1 : 0);
  put_unsigned(timing, DCM_GradientEchoTrainLength, spin_echo ? 0 : train);
}

void put_safety(DcmItem& timing) {
  for (const char* type : {"GRADIENT", "RF"}) {
    DcmItem& mode = add_item(timing, DCM_OperatingModeSequence);
    put_text(mode, DCM_OperatingModeType, type);
    put_text(mode, DCM_OperatingMode, "IEC_NORMAL");
  }
  put_text(timing, DCM_GradientOutputType, "PER_NERVE_STIM");
  put_number(timing, DCM_GradientOutput, 0.5);
  DcmItem& absorption = add_item(timing, DCM_SpecificAbsorptionRateSequence);
  put_text(absorption, DCM_SpecificAbsorptionRateDefinition, "IEC_WHOLE_BODY");
  put_number(absorption, DCM_SpecificAbsorptionRateValue, 0.1);
}

void put_timing(DcmItem& shared, const Object& object) {
  DcmItem& timing = add_item(shared, DCM_MRTimingAndRelatedParametersSequence);
  put_decimal(timing, DCM_RepetitionTime, object.series.series.protocol.repetition_time_ms);
  put_decimal(timing, DCM_FlipAngle, object.frame(0).contrast().flip_angle_deg);
  put_echo_trains(timing, object);
  put_safety(timing);
}

void put_modifiers(DcmItem& shared, const Object& object) {
  DcmItem& imaging = add_item(shared, DCM_MRImagingModifierSequence);
  put_decimal(imaging, DCM_PixelBandwidth, 400);
  put_text(imaging, DCM_MagnetizationTransfer, "NONE");
  put_text(imaging, DCM_BloodSignalNulling, "NO");
  put_text(imaging, DCM_Tagging, "NONE");
  put_number(imaging, DCM_TransmitterFrequency, std::stod(imaging_frequency_mhz(object.exam)));
  DcmItem& modifier = add_item(shared, DCM_MRModifierSequence);
  put_text(modifier, DCM_InversionRecovery, "NO");
  put_text(modifier, DCM_FlowCompensation, "NONE");
  if (object.series.scanning_sequence != "SE") put_text(modifier, DCM_Spoiling, object.gradient_echo() ? "RF" : "NONE");
  put_text(modifier, DCM_T2Preparation, "NO");
  put_text(modifier, DCM_SpectrallySelectedExcitation, "NONE");
  put_text(modifier, DCM_SpatialPresaturation, "NONE");
  put_text(modifier, DCM_ParallelAcquisition, "NO");
  put_text(modifier, DCM_PartialFourier, "NO");
}

void put_coils(DcmItem& shared) {
  DcmItem& receive = add_item(shared, DCM_MRReceiveCoilSequence);
  put_text(receive, DCM_ReceiveCoilName, "Breast_18");
  put_text(receive, DCM_ReceiveCoilManufacturerName, "NN");
  put_text(receive, DCM_ReceiveCoilType, "MULTICOIL");
  put_text(receive, DCM_QuadratureReceiveCoil, "NO");
  DcmItem& element = add_item(receive, DCM_MultiCoilDefinitionSequence);
  put_text(element, DCM_MultiCoilElementName, "BR1");
  put_text(element, DCM_MultiCoilElementUsed, "YES");
  DcmItem& transmit = add_item(shared, DCM_MRTransmitCoilSequence);
  put_text(transmit, DCM_TransmitCoilName, "Body");
  put_text(transmit, DCM_TransmitCoilManufacturerName, "Siemens");
  put_text(transmit, DCM_TransmitCoilType, "BODY");
  check(shared.insertEmptyElement(DCM_MRSpatialSaturationSequence), "insert an empty sequence");
}

void put_field_of_view(DcmItem& shared, const fitting::Geometry& geometry) {
  DcmItem& field = add_item(shared, DCM_MRFOVGeometrySequence);
  put_decimal(field, DCM_PercentSampling, 100);
  put_decimal(field, DCM_PercentPhaseFieldOfView, 100);
  put_text(field, DCM_InPlanePhaseEncodingDirection, "COLUMN");
  put_unsigned(field, DCM_MRAcquisitionFrequencyEncodingSteps, geometry.columns);
  put_unsigned(field, DCM_MRAcquisitionPhaseEncodingStepsInPlane, geometry.rows);
}

void put_shared_groups(DcmItem& item, const Object& object) {
  DcmItem& shared = add_item(item, DCM_SharedFunctionalGroupsSequence);
  put_timing(shared, object);
  put_modifiers(shared, object);
  put_coils(shared);
  put_field_of_view(shared, object.series.series.geometry);
  DcmItem& anatomy = add_item(shared, DCM_FrameAnatomySequence);
  add_code(anatomy, DCM_AnatomicRegionSequence, "T-04000", "SRT", "Breast");
  put_text(anatomy, DCM_FrameLaterality, "B");
}

// --- per-frame functional groups

void put_echo(DcmItem& frame, const Image& image) {
  DcmItem& echo = add_item(frame, DCM_MREchoSequence);
  put_text(echo, DCM_EchoNumbers, std::to_string(echo_number(image)));
  put_number(echo, DCM_EffectiveEchoTime, image.contrast().echo_time_ms);
  put_decimal(add_item(frame, DCM_MRAveragesSequence), DCM_NumberOfAverages, 1);
}

void put_b_matrix(DcmItem& diffusion, double b, const std::array<double, 3>& g) {
  DcmItem& matrix = add_item(diffusion, DCM_DiffusionBMatrixSequence);
  put_number(matrix, DCM_DiffusionBValueXX, b * g[0] * g[0]);
  put_number(matrix, DCM_DiffusionBValueXY, b * g[0] * g[1]);
  put_number(matrix, DCM_DiffusionBValueXZ, b * g[0] * g[2]);
  put_number(matrix, DCM_DiffusionBValueYY, b * g[1] * g[1]);
  put_number(matrix, DCM_DiffusionBValueYZ, b * g[1] * g[2]);
  put_number(matrix, DCM_DiffusionBValueZZ, b * g[2] * g[2]);
}

// The scanner's ADC has no b; b = 0 has no direction.
void put_diffusion(DcmItem& frame, const Image& image) {
  const auto& contrast = image.contrast();
  if (!has_token(image.series, "DIFFUSION")) return;
  DcmItem& diffusion = add_item(frame, DCM_MRDiffusionSequence);
  const bool weighted = contrast.b_value_s_mm2.value_or(1) > 0;
  put_text(diffusion, DCM_DiffusionDirectionality, contrast.direction ? "BMATRIX" : weighted ? "ISOTROPIC" : "NONE");
  if (contrast.b_value_s_mm2) put_number(diffusion, DCM_DiffusionBValue, *contrast.b_value_s_mm2);
  if (!contrast.direction) return;
  check(add_item(diffusion, DCM_DiffusionGradientDirectionSequence)
            .putAndInsertFloat64Array(DCM_DiffusionGradientOrientation, contrast.direction->data(), 3),
        "insert direction");
  put_b_matrix(diffusion, *contrast.b_value_s_mm2, *contrast.direction);
}

void put_content(DcmItem& frame, const Object& object, const Image& image) {
  DcmItem& content = add_item(frame, DCM_FrameContentSequence);
  const std::string acquired = date_time(object.exam, acquired_s(image));
  put_text(content, DCM_FrameAcquisitionDateTime, acquired);
  put_text(content, DCM_FrameReferenceDateTime, acquired);
  put_number(content, DCM_FrameAcquisitionDuration, object.duration_ms());
  put_text(content, DCM_StackID, "1");
  put_index(content, DCM_InStackPositionNumber, image.place.slice + 1);
  put_index(content, DCM_TemporalPositionIndex, object.temporal_position());
  put_unsigned(content, DCM_FrameAcquisitionNumber, object.acquisition_number());
  const int third = object.multi_echo() ? echo_number(image) : object.temporal_position();
  const std::array<Uint32, 3> indices{1, static_cast<Uint32>(image.place.slice + 1), static_cast<Uint32>(third)};
  check(content.putAndInsertUint32Array(DCM_DimensionIndexValues, indices.data(), indices.size()), "insert indices");
}

void put_place(DcmItem& frame, const Image& image) {
  const fitting::Geometry& geometry = image.geometry();
  put_text(add_item(frame, DCM_PlanePositionSequence), DCM_ImagePositionPatient, position_of(image));
  put_text(add_item(frame, DCM_PlaneOrientationSequence), DCM_ImageOrientationPatient, orientation_of(geometry));
  DcmItem& measures = add_item(frame, DCM_PixelMeasuresSequence);
  put_decimal(measures, DCM_SliceThickness, geometry.slice_thickness_mm);
  if (geometry.slices() > 1) put_decimal(measures, DCM_SpacingBetweenSlices, geometry.slice_spacing_mm());
  put_text(measures, DCM_PixelSpacing, decimal_string(std::array{geometry.row_spacing_mm, geometry.column_spacing_mm}));
}

void put_contrast_usage(DcmItem& frame, const Object& object, const Image& image) {
  if (!object.series.contrast_agent) return;
  const bool after = acquired_s(image) >= object.series.contrast_start_s.value_or(0);
  DcmItem& usage = add_item(frame, DCM_ContrastBolusUsageSequence);
  put_text(usage, DCM_ContrastBolusAgentNumber, kAgentNumber);
  put_text(usage, DCM_ContrastBolusAgentAdministered, yes(after));
  put_text(usage, DCM_ContrastBolusAgentDetected, "");
  put_text(usage, DCM_ContrastBolusAgentPhase, after ? "POST_CONTRAST" : "PRE_CONTRAST");
}

void put_values(DcmItem& frame, int largest) {
  DcmItem& window = add_item(frame, DCM_FrameVOILUTSequence);
  put_decimal(window, DCM_WindowCenter, largest / 2);
  put_decimal(window, DCM_WindowWidth, std::max(largest, 1));
  DcmItem& transformation = add_item(frame, DCM_PixelValueTransformationSequence);
  put_decimal(transformation, DCM_RescaleIntercept, 0);
  put_decimal(transformation, DCM_RescaleSlope, 1);
  put_text(transformation, DCM_RescaleType, "US");
}

void put_frame(DcmItem& item, const Object& object, const Image& image, int largest) {
  DcmItem& frame = add_item(item, DCM_PerFrameFunctionalGroupsSequence);
  if (object.derived()) check(frame.insertEmptyElement(DCM_DerivationImageSequence), "insert an empty sequence");
  put_echo(frame, image);
  put_diffusion(frame, image);
  DcmItem& type = add_item(frame, DCM_MRImageFrameTypeSequence);
  put_text(type, DCM_FrameType, frame_type(object.series));
  put_image_kind(type, object);
  put_content(frame, object, image);
  put_place(frame, image);
  put_contrast_usage(frame, object, image);
  put_values(frame, largest);
}

// Frames and pixels, which belong together: each frame's window follows from its pixels.
void put_frames(DcmItem& item, const Object& object) {
  std::vector<Uint16> all;
  all.reserve(object.series.series.geometry.slice_voxels() * static_cast<std::size_t>(object.frames()));
  for (int index = 0; index < object.frames(); ++index) {
    const Image image = object.frame(index);
    const std::vector<Uint16> pixels = pixels_of<Uint16>(image, kLargestPixel);
    put_frame(item, object, image, *std::max_element(pixels.begin(), pixels.end()));
    all.insert(all.end(), pixels.begin(), pixels.end());
  }
  const auto [smallest, largest] = std::minmax_element(all.begin(), all.end());
  put_unsigned(item, DcmTag(DCM_SmallestImagePixelValue, EVR_US), *smallest);
  put_unsigned(item, DcmTag(DCM_LargestImagePixelValue, EVR_US), *largest);
  check(item.putAndInsertUint16Array(DcmTag(DCM_PixelData, EVR_OW), all.data(), all.size()), "insert pixels");
}

void put_image(DcmItem& item, const Object& object) {
  put_text(item, DCM_ImageType, frame_type(object.series));
  put_image_kind(item, object);
  put_text(item, DCM_AcquisitionNumber, std::to_string(object.acquisition_number()));
  const int phases = object.series.dynamic ? object.series.dynamic->phases : 1;
  put_text(item, DCM_NumberOfTemporalPositions, std::to_string(phases));
  put_text(item, DCM_NumberOfFrames, std::to_string(object.frames()));
  put_size(item, object.series.series.geometry);
  put_unsigned(item, DCM_BitsStored, 12);
  put_unsigned(item, DCM_HighBit, 11);
  put_unsigned(item, DCM_PixelRepresentation, 0);
  put_text(item, DCM_BurnedInAnnotation, "NO");
  put_text(item, DCM_LossyImageCompression, "00");
  put_text(item, DCM_PresentationLUTShape, "IDENTITY");
  check(item.insertEmptyElement(DCM_AcquisitionContextSequence), "insert an empty sequence");
}

}  // namespace

Written write_enhanced_object(const SimulatedExam& exam, const SimulatedSeries& series, int first, int last,
                              int instance, const std::filesystem::path& folder) {
  const Object object{exam, series, first, last, instance};
  DcmFileFormat file;
  DcmDataset& dataset = *file.getDataset();
  put_identity(dataset, exam, UID_EnhancedMRImageStorage);
  put_times(dataset, object);
  put_equipment(dataset, exam);
  put_series(dataset, object.frame(0));
  put_image(dataset, object);
  put_sequence(dataset, object);
  put_traversal(dataset);
  put_dimensions(dataset, object);
  put_contrast_agent(dataset, object);
  put_shared_groups(dataset, object);
  put_frames(dataset, object);
  return save(file, file_of(series, instance, folder));
}

}  // namespace dicom::output
