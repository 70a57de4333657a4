// Enhanced multi-frame MR objects: what their functional groups say, and what is made of those that say nonsense.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <limits>

#include "dicom/input/acquisition.h"
#include "dicom/input/nesting.h"
#include "tests/dicom/input/dicom_files.h"
#include "tests/dicom/input/encoders.h"
#include "tests/support/temp_folder.h"

using namespace dicom_files;
using dicom::Content;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

using Images = std::vector<dicom::Instance>;
constexpr std::uint16_t kRows = 2, kColumns = 4;

// The first item of a sequence, made where it is missing.
DcmItem& macro(DcmItem& group, const DcmTagKey& sequence) {
  DcmItem* item = nullptr;
  EXPECT_TRUE(group.findOrCreateSequenceItem(DcmTag(sequence), item, 0).good());
  return *item;
}

void put_double(DcmItem& item, const DcmTagKey& tag, double value) {
  ASSERT_TRUE(item.putAndInsertFloat64(DcmTag(tag), value).good()) << tag.toString();
}

// An enhanced MR object under construction: frames of a spin echo, 3 mm apart, echo times 10, 20, 30 … ms, one frame
// for each, the whole plane of which holds 100 times the frame's number plus the voxel's.
class Enhanced {
 public:
  explicit Enhanced(int frames, const char* sop_class = UID_EnhancedMRImageStorage) : frames_(frames) {
    put_identity(dataset(), sop_class, "1.2.3.1.1");
    put(dataset(), DCM_Manufacturer, "SCANNERS");
    put(dataset(), DCM_ImageType, "ORIGINAL\\PRIMARY\\M\\NONE");
    put(dataset(), DCM_EchoPulseSequence, "SPIN");
    put(dataset(), DCM_StudyDate, "20260101");
    put_number(dataset(), DCM_Rows, kRows);
    put_number(dataset(), DCM_Columns, kColumns);
    put(dataset(), DCM_NumberOfFrames, std::to_string(frames));
    DcmItem& measures = macro(shared(), DCM_PixelMeasuresSequence);
    put(measures, DCM_PixelSpacing, "2\\1.5");
    put(measures, DCM_SliceThickness, "3");
    put(macro(shared(), DCM_PlaneOrientationSequence), DCM_ImageOrientationPatient, "1\\0\\0\\0\\1\\0");
    DcmItem& timing = macro(shared(), DCM_MRTimingAndRelatedParametersSequence);
    put(timing, DCM_RepetitionTime, "2000");
    put(timing, DCM_FlipAngle, "90");
    for (int k = 0; k < frames; ++k) add_frame(k);
    put_ramp();
  }

  DcmDataset& dataset() { return *file_.getDataset(); }
  DcmItem& shared() { return macro(dataset(), DCM_SharedFunctionalGroupsSequence); }
  DcmItem& frame(int k) {
    DcmItem* item = nullptr;
    EXPECT_TRUE(
        dataset().findAndGetSequenceItem(DCM_PerFrameFunctionalGroupsSequence, item, static_cast<long>(k)).good());
    return *item;
  }
  void save_to(const std::filesystem::path& path, E_TransferSyntax syntax = EXS_LittleEndianExplicit) {
    dicom_files::save(file_, path, syntax);
  }
  dicom::Result<Images> read() {
    save_to(folder_ / "object");
    return dicom::read_instances(folder_ / "object");
  }
  // Must be readable.
  Images images() {
    auto result = read();
    EXPECT_TRUE(result) << (result ? "" : result.error().what);
    return result ? std::move(*result) : Images(static_cast<std::size_t>(frames_));
  }
  [[nodiscard]] std::filesystem::path path() const { return folder_ / "object"; }

 private:
  void add_frame(int k) {
    DcmItem& group = add_item(dataset(), DCM_PerFrameFunctionalGroupsSequence);
    put(macro(group, DCM_PlanePositionSequence), DCM_ImagePositionPatient, "-10\\-20\\0");
    put_double(macro(group, DCM_MREchoSequence), DCM_EffectiveEchoTime, 10.0 * (k + 1));
  }
  void put_ramp() {
    std::vector<std::uint16_t> words;
    for (int k = 0; k < frames_; ++k)
      for (int voxel = 0; voxel < kRows * kColumns; ++voxel)
        words.push_back(static_cast<std::uint16_t>(100 * (k + 1) + voxel));
    put_pixels(dataset(), words);
  }

  support::TempFolder folder_;
  DcmFileFormat file_;
  int frames_;
};

template <class Member>
auto values_of(const Images& images, Member member) {
  std::vector<double> values;
  for (const dicom::Instance& image : images) values.push_back((image.*member).value_or(-1));
  return values;
}

}  // namespace

TEST(EnhancedImages, AreOneImageForEachFrame) {
  Enhanced object(3);
  const Images images = object.images();
  ASSERT_EQ(images.size(), 3u);
  EXPECT_EQ(dicom::image_name(images[2]), "1.2.3.1.1#3");
  EXPECT_EQ(images[2].content, Content::Magnitude);
  EXPECT_TRUE(images[2].spin_echo);
  EXPECT_TRUE(images[2].has_geometry);
  EXPECT_EQ(images[2].rows, kRows);
  EXPECT_EQ(images[2].slice_thickness_mm, 3);
}

TEST(EnhancedImages, HaveThePhysicsOfTheirFrame) {
  Enhanced object(3);
  for (int k = 0; k < 3; ++k) {
    DcmItem& timing = macro(object.frame(k), DCM_MRTimingAndRelatedParametersSequence);
    put(timing, DCM_RepetitionTime, std::to_string(1000 * (k + 1)));
    put(timing, DCM_FlipAngle, std::to_string(5 * (k + 1)));
    DcmItem& modifier = macro(object.frame(k), DCM_MRModifierSequence);
    put(modifier, DCM_InversionRecovery, "YES");
    put_double(modifier, DCM_InversionTimes, 50.0 * (k + 1));
    put(macro(object.frame(k), DCM_PlanePositionSequence), DCM_ImagePositionPatient,
        "-10\\-20\\" + std::to_string(3 * k));
  }
  const Images images = object.images();
  EXPECT_THAT(values_of(images, &dicom::Instance::repetition_time_ms), ElementsAre(1000, 2000, 3000));
  EXPECT_THAT(values_of(images, &dicom::Instance::echo_time_ms), ElementsAre(10, 20, 30));
  EXPECT_THAT(values_of(images, &dicom::Instance::flip_angle_deg), ElementsAre(5, 10, 15));
  EXPECT_THAT(values_of(images, &dicom::Instance::inversion_time_ms), ElementsAre(50, 100, 150));
  EXPECT_TRUE(images[0].inversion);
  EXPECT_EQ(images[2].position_mm.z(), 6);
}

TEST(EnhancedImages, HaveWhatAllFramesShareUnlessTheyHaveTheirOwn) {
  Enhanced object(3);
  put(macro(object.frame(1), DCM_MRTimingAndRelatedParametersSequence), DCM_RepetitionTime, "50");
  const Images images = object.images();
  EXPECT_THAT(values_of(images, &dicom::Instance::repetition_time_ms), ElementsAre(2000, 50, 2000));
  EXPECT_THAT(values_of(images, &dicom::Instance::flip_angle_deg), ElementsAre(90, -1, 90))
      << "a macro of the frame replaces the shared one as a whole";
}

TEST(EnhancedImages, HaveTheDiffusionOfTheirFrame) {
  Enhanced object(3);
  put(object.dataset(), DCM_EchoPlanarPulseSequence, "YES");
  for (int k = 0; k < 3; ++k) {
    DcmItem& diffusion = macro(object.frame(k), DCM_MRDiffusionSequence);
    put(diffusion, DCM_DiffusionDirectionality, k == 0 ? "NONE" : k == 1 ? "DIRECTIONAL" : "ISOTROPIC");
    if (k == 0) continue;
    put_double(diffusion, DCM_DiffusionBValue, 400.0 * k);
    if (k == 2) continue;
    DcmItem& gradient = macro(diffusion, DCM_DiffusionGradientDirectionSequence);
    const Float64 along_columns[] = {0, 1, 0};
    ASSERT_TRUE(gradient.putAndInsertFloat64Array(DcmTag(DCM_DiffusionGradientOrientation), along_columns, 3).good());
  }
  const Images images = object.images();
  EXPECT_THAT(values_of(images, &dicom::Instance::b_value_s_mm2), ElementsAre(0, 400, 800));
  EXPECT_TRUE(images[1].echo_planar);
  ASSERT_TRUE(images[1].gradient_direction);
  EXPECT_THAT(*images[1].gradient_direction, ElementsAre(0, 1, 0));
  EXPECT_EQ(images[2].content, Content::TraceWeighted);
}

TEST(EnhancedImages, HaveTheTimeOfTheirFrameAndKnowWhetherAnAgentWasGiven) {
  Enhanced object(3);
  DcmItem& agent = macro(object.dataset(), DCM_ContrastBolusAgentSequence);
  put(agent, DCM_CodeMeaning, "Gadobutrol");
  put(macro(agent, DCM_ContrastAdministrationProfileSequence), DCM_ContrastBolusVolume, "8");
  for (int k = 0; k < 3; ++k) {
    DcmItem& content = macro(object.frame(k), DCM_FrameContentSequence);
    put(content, DCM_FrameAcquisitionDateTime, "2026010112000" + std::to_string(k));
    ASSERT_TRUE(content.putAndInsertUint32(DcmTag(DCM_TemporalPositionIndex), static_cast<Uint32>(k + 1)).good());
    put(macro(object.frame(k), DCM_ContrastBolusUsageSequence), DCM_ContrastBolusAgentAdministered,
        k == 0 ? "NO" : "YES");
  }
  const Images images = object.images();
  EXPECT_EQ(*images[2].acquisition_time_s - *images[0].acquisition_time_s, 2);
  EXPECT_EQ(images[1].temporal_position, 2);
  EXPECT_FALSE(images[0].contrast_agent);
  EXPECT_TRUE(images[1].contrast_agent);
  EXPECT_EQ(images[1].contrast_dose_ml, 8);
}

TEST(EnhancedImages, HaveTheDoseOfTheirAgentOnceItWasGiven) {
  Enhanced object(2);
  put(object.dataset(), DCM_PatientWeight, "80");
  DcmItem& agent = macro(object.dataset(), DCM_ContrastBolusAgentSequence);
  put(agent, DCM_CodeMeaning, "Gadobutrol");
  put(agent, DCM_ContrastBolusIngredientConcentration, "604.72");
  put(macro(agent, DCM_ContrastAdministrationProfileSequence), DCM_ContrastBolusVolume, "8");
  for (int k = 0; k < 2; ++k)
    put(macro(object.frame(k), DCM_ContrastBolusUsageSequence), DCM_ContrastBolusAgentAdministered,
        k == 0 ? "NO" : "YES");
  const Images images = object.images();
  EXPECT_EQ(images[0].contrast_dose_mmol_per_kg, std::nullopt);
  EXPECT_EQ(images[0].contrast_dose_why, "the header names no contrast agent");
  EXPECT_DOUBLE_EQ(images[1].contrast_dose_mmol_per_kg.value_or(0), 0.1);
}

TEST(EnhancedImages, AddUpTheInjectionsOfAnAgentAndKnowNoDoseOfTwo) {
  Enhanced object(1);
  put(object.dataset(), DCM_PatientWeight, "80");
  DcmItem& agent = macro(object.dataset(), DCM_ContrastBolusAgentSequence);
  put(agent, DCM_CodeMeaning, "Gadobutrol");
  for (int k = 0; k < 2; ++k) {
    DcmItem* profile = nullptr;
    ASSERT_TRUE(agent.findOrCreateSequenceItem(DCM_ContrastAdministrationProfileSequence, profile, k).good());
    put(*profile, DCM_ContrastBolusVolume, "4");
  }
  const Images one = object.images();
  EXPECT_EQ(one[0].contrast_dose_ml, 8);
  EXPECT_DOUBLE_EQ(one[0].contrast_dose_mmol_per_kg.value_or(0), 0.1);
  DcmItem* other = nullptr;
  ASSERT_TRUE(object.dataset().findOrCreateSequenceItem(DCM_ContrastBolusAgentSequence, other, 1).good());
  put(*other, DCM_CodeMeaning, "Gadoxetate");
  const Images two = object.images();
  EXPECT_TRUE(two[0].contrast_agent);
  EXPECT_EQ(two[0].contrast_dose_mmol_per_kg, std::nullopt);
}

TEST(EnhancedImages, OfMagnitudeAndPhaseInOneObjectAreToldApart) {
  Enhanced object(2);
  const char* const components[] = {"MAGNITUDE", "PHASE"};
  for (int k = 0; k < 2; ++k) {
    DcmItem& type = macro(object.frame(k), DCM_MRImageFrameTypeSequence);
    put(type, DCM_FrameType, "ORIGINAL\\PRIMARY\\M\\NONE");
    put(type, DCM_ComplexImageComponent, components[k]);
  }
  put(object.dataset(), DCM_ComplexImageComponent, "MIXED");
  const Images images = object.images();
  EXPECT_EQ(images[0].content, Content::Magnitude);
  EXPECT_EQ(images[1].content, Content::Phase);
}

TEST(EnhancedImages, ConvertedFromClassicOnesKeepTheirClassicAttributes) {
  Enhanced object(2, UID_LegacyConvertedEnhancedMRImageStorage);
  DcmItem& everywhere = macro(object.shared(), DCM_UnassignedSharedConvertedAttributesSequence);
  put(everywhere, DCM_ScanningSequence, "GR");
  put(everywhere, DCM_SequenceVariant, "SP");
  put(everywhere, DCM_RepetitionTime, "5.5");
  object.shared().findAndDeleteElement(DCM_MRTimingAndRelatedParametersSequence);
  object.dataset().findAndDeleteElement(DCM_EchoPulseSequence);
  for (int k = 0; k < 2; ++k) {
    object.frame(k).findAndDeleteElement(DCM_MREchoSequence);
    DcmItem& own = macro(object.frame(k), DCM_UnassignedPerFrameConvertedAttributesSequence);
    put(own, DCM_FlipAngle, std::to_string(3 * (k + 1)));
    put(own, DCM_EchoTime, "2.1");
  }
  const Images images = object.images();
  EXPECT_TRUE(images[0].gradient_echo && images[0].spoiled && !images[0].spin_echo);
  EXPECT_THAT(values_of(images, &dicom::Instance::flip_angle_deg), ElementsAre(3, 6));
  EXPECT_THAT(values_of(images, &dicom::Instance::echo_time_ms), ElementsAre(2.1, 2.1));
  EXPECT_EQ(images[1].repetition_time_ms, 5.5);
}

// --- pixels ---

namespace {

dicom::LoadedSeries loaded(const std::filesystem::path& path) {
  const Images images = dicom::read_instances(path).value();
  const auto acquisitions = dicom::group(images).acquisitions;
  EXPECT_EQ(acquisitions.size(), 1u);
  auto series = dicom::load_series(acquisitions.at(0), images, 2);
  EXPECT_TRUE(series) << (series ? "" : series.error().what);
  return series.value();
}

}  // namespace

TEST(EnhancedPixels, AreThoseOfTheFrameInEveryTransferSyntax) {
  Enhanced object(4);
  const support::TempFolder folder;
  object.save_to(folder / "plain");
  const dicom::LoadedSeries plain = loaded(folder / "plain");
  ASSERT_EQ(plain.series.planes.size(), 4u);
  for (std::size_t k = 0; k < 4; ++k)
    EXPECT_EQ(plain.series.planes[k].values().at(3), static_cast<float>(100 * (k + 1) + 3));
  const Encoders encoders;
  for (const E_TransferSyntax syntax : {EXS_RLELossless, EXS_JPEGProcess14SV1, EXS_JPEGLSLossless,
                                        EXS_BigEndianExplicit, EXS_DeflatedLittleEndianExplicit}) {
    object.save_to(folder / "other", syntax);
    EXPECT_EQ(loaded(folder / "other").pixel_digest, plain.pixel_digest) << DcmXfer(syntax).getXferName();
  }
}

TEST(EnhancedPixels, OfPhilipsAreDividedByThePrivateScaleSlopeOfTheirFrame) {
  Enhanced object(3);
  put(object.dataset(), DCM_Manufacturer, "Philips Medical Systems");
  for (int k = 0; k < 3; ++k) {
    DcmItem& rescale = macro(object.frame(k), DCM_PixelValueTransformationSequence);
    put(rescale, DCM_RescaleSlope, "2");
    put(rescale, DCM_RescaleIntercept, "0");
    put_creator(object.frame(k), 0x2005, 0x14, "Philips MR Imaging DD 005");
    DcmItem* own = nullptr;
    ASSERT_TRUE(object.frame(k).findOrCreateSequenceItem(DcmTag(DcmTagKey(0x2005, 0x140F), EVR_SQ), own, 0).good());
    put_creator(*own, 0x2005, 0x10, "Philips MR Imaging DD 001");
    const auto slope = static_cast<Float32>(k + 1);
    ASSERT_TRUE(own->putAndInsertFloat32(DcmTag(DcmTagKey(0x2005, 0x100E), EVR_FL), slope).good());
  }
  object.save_to(object.path());
  const dicom::LoadedSeries series = loaded(object.path());
  for (std::size_t k = 0; k < 3; ++k)
    EXPECT_FLOAT_EQ(series.series.planes.at(k).values().at(0), 100.0F) << "100 (k + 1), scaled by k + 1";
}

TEST(EnhancedPixels, ThatAreFewerThanTheFramesAreAnError) {
  Enhanced object(3);
  put_pixels(object.dataset(), std::vector<std::uint16_t>(kRows * kColumns, 7));
  const Images images = object.images();
  const auto series = dicom::load_series(dicom::group(images).acquisitions.at(0), images, 1);
  ASSERT_FALSE(series);
  EXPECT_THAT(series.error().what, HasSubstr("shorter"));
}

TEST(EnhancedPixels, WhoseMatrixWouldFillTheMemoryAreRefusedBeforeTheyAreDecoded) {
  Enhanced object(3);
  const Encoders encoders;
  object.save_to(object.path(), EXS_RLELossless);
  DcmFileFormat file;
  ASSERT_TRUE(file.loadFile(object.path().c_str()).good());
  put_number(*file.getDataset(), DCM_Rows, 20000);
  put_number(*file.getDataset(), DCM_Columns, 20000);
  ASSERT_TRUE(file.saveFile(object.path().c_str(), EXS_RLELossless).good());
  const Images images = dicom::read_instances(object.path()).value();
  const auto series = dicom::load_series(dicom::group(images).acquisitions.at(0), images, 1);
  ASSERT_FALSE(series);
  EXPECT_THAT(series.error().what, HasSubstr("2 GB"));
}

// --- nonsense ---

namespace {

void expect_error(Enhanced& object, const char* says) {
  const auto images = object.read();
  ASSERT_FALSE(images) << says;
  EXPECT_THAT(images.error().what, HasSubstr(says));
}

}  // namespace

TEST(EnhancedNonsense, FramesThatAreNotThereAreAnError) {
  Enhanced many(3), none(3), negative(3), words(3);
  put(many.dataset(), DCM_NumberOfFrames, "100000");
  expect_error(many, "not as many as the frames");
  put(none.dataset(), DCM_NumberOfFrames, "0");
  expect_error(none, "out of range");
  put(negative.dataset(), DCM_NumberOfFrames, "-3");
  expect_error(negative, "out of range");
  words.dataset().findAndDeleteElement(DCM_NumberOfFrames);
  expect_error(words, "Number of Frames");
  Enhanced nowhere(3);
  nowhere.dataset().findAndDeleteElement(DCM_PerFrameFunctionalGroupsSequence);
  expect_error(nowhere, "Per-Frame");
}

// Each of them alone, in every frame: the object is read, and none of its images can be in a fit.
TEST(EnhancedNonsense, FramesWithoutAPossibleGridAreReadAndNeverFitted) {
  const std::vector<std::function<void(Enhanced&)>> changes{
      [](Enhanced& e) { e.shared().findAndDeleteElement(DCM_PixelMeasuresSequence); },
      [](Enhanced& e) { put(macro(e.shared(), DCM_PixelMeasuresSequence), DCM_PixelSpacing, "1e300\\1e300"); },
      [](Enhanced& e) { put(macro(e.shared(), DCM_PixelMeasuresSequence), DCM_PixelSpacing, "0\\-1"); },
      [](Enhanced& e) { put(macro(e.shared(), DCM_PixelMeasuresSequence), DCM_PixelSpacing, "nan\\inf"); },
      [](Enhanced& e) {
        put(macro(e.shared(), DCM_PlaneOrientationSequence), DCM_ImageOrientationPatient,
            "1e308\\1e308\\1e308\\1e308\\1e308\\-1e308");
      },
      [](Enhanced& e) {
        put(macro(e.shared(), DCM_PlaneOrientationSequence), DCM_ImageOrientationPatient, "0\\0\\0\\0\\0\\0");
      },
      [](Enhanced& e) { put_number(e.dataset(), DCM_Rows, 0); },
      [](Enhanced& e) {
        e.dataset().findAndDeleteElement(DCM_Rows);
        put_unknown(e.dataset(), DCM_Rows, "\xFF\xFF\xFF\x7F");
      },
      [](Enhanced& e) {
        for (int k = 0; k < 3; ++k)
          put(macro(e.frame(k), DCM_PlanePositionSequence), DCM_ImagePositionPatient, "1e300\\-1e300\\1e308");
      },
      [](Enhanced& e) {
        for (int k = 0; k < 3; ++k) {  // a sequence without an item
          e.frame(k).findAndDeleteElement(DCM_PlanePositionSequence);
          ASSERT_TRUE(e.frame(k).insertEmptyElement(DcmTag(DCM_PlanePositionSequence)).good());
        }
      },
      [](Enhanced& e) {
        for (int k = 0; k < 3; ++k) {  // text where a sequence belongs
          e.frame(k).findAndDeleteElement(DCM_PlanePositionSequence);
          put_unknown(e.frame(k), DCM_PlanePositionSequence, "here");
        }
      },
  };
  for (std::size_t k = 0; k < changes.size(); ++k) {
    Enhanced object(3);
    changes[k](object);
    const Images images = object.images();
    for (const dicom::Instance& image : images) EXPECT_FALSE(image.has_geometry) << "change " << k;
    EXPECT_TRUE(dicom::group(images).acquisitions.empty()) << "change " << k;
  }
}

TEST(EnhancedNonsense, NumbersThatAreNoneAreAbsent) {
  Enhanced object(3);
  put(object.dataset(), DCM_EchoPlanarPulseSequence, "YES");
  const double nonsense[] = {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), -1e300};
  for (int k = 0; k < 3; ++k) {
    put_double(macro(object.frame(k), DCM_MREchoSequence), DCM_EffectiveEchoTime, nonsense[k]);
    put_double(macro(object.frame(k), DCM_MRDiffusionSequence), DCM_DiffusionBValue, nonsense[k]);
    put_double(macro(object.frame(k), DCM_MRModifierSequence), DCM_InversionTimes, nonsense[k]);
    put(macro(object.frame(k), DCM_MRTimingAndRelatedParametersSequence), DCM_RepetitionTime, "1e300");
    put(macro(object.frame(k), DCM_FrameContentSequence), DCM_FrameAcquisitionDateTime, "99999999999999.9");
  }
  for (const dicom::Instance& image : object.images()) {
    EXPECT_FALSE(image.echo_time_ms || image.b_value_s_mm2 || image.inversion_time_ms || image.repetition_time_ms);
    EXPECT_FALSE(image.acquisition_time_s);
  }
}

TEST(EnhancedNonsense, LongTextsAreCutSoThatManyFramesStaySmall) {
  Enhanced object(3);
  put(object.dataset(), DCM_SeriesDescription, std::string(3000, 'x'));
  put(object.dataset(), DCM_ProtocolName, std::string(20000, 'y'));
  std::string tokens = "ORIGINAL\\PRIMARY\\M";
  for (int k = 0; k < 800; ++k) tokens += "\\T";
  put(object.dataset(), DCM_ImageType, tokens);
  for (const dicom::Instance& image : object.images()) {
    EXPECT_EQ(image.series_description.size(), 256u);
    EXPECT_EQ(image.protocol_name, "");
    EXPECT_LE(image.image_type.size(), 64u);
  }
}

namespace {

std::string u16(unsigned value) { return {static_cast<char>(value & 255u), static_cast<char>(value >> 8 & 255u)}; }
std::string u32(std::uint32_t value) { return u16(value & 0xFFFFu) + u16(value >> 16); }

std::string item_with(std::uint32_t size) {
  if (size == 0) return u16(0xFFFE) + u16(0xE000) + u32(0);
  return u16(0xFFFE) + u16(0xE000) + u32(size + 12) + u16(0x0021) + u16(0x1001) + "UN" + u16(0) + u32(size) +
         std::string(size, '\0');
}

// Per-frame groups with a value of `own` bytes each, none where it is 0; shared ones with a value of `shared` bytes.
void append_groups(const std::filesystem::path& path, std::uint32_t frames, std::uint32_t own, std::uint32_t shared) {
  const std::string everywhere = item_with(shared), each = item_with(own);
  const auto size = [](const std::string& bytes, std::uint32_t times) {
    return u32(static_cast<std::uint32_t>(bytes.size()) * times);
  };
  std::string bytes = u16(0x5200) + u16(0x9229) + "SQ" + u16(0) + size(everywhere, 1) + everywhere + u16(0x5200) +
                      u16(0x9230) + "SQ" + u16(0) + size(each, frames);
  for (std::uint32_t k = 0; k < frames; ++k) bytes += each;
  std::ofstream(path, std::ios::binary | std::ios::app) << bytes;
}

dicom::Result<Images> read_groups(std::uint32_t frames, std::uint32_t own, std::uint32_t shared) {
  const support::TempFolder folder;
  DcmFileFormat file;
  put_identity(*file.getDataset(), UID_EnhancedMRImageStorage, "1.2.3.1.1");
  put(*file.getDataset(), DCM_NumberOfFrames, std::to_string(frames));
  save(file, folder / "object");
  append_groups(folder / "object", frames, own, shared);
  return dicom::read_instances(folder / "object");
}

}  // namespace

// In a sequence of DCMTK's, item n is found in n steps: this took minutes.
TEST(EnhancedNonsense, AHundredThousandSmallFramesAreReadOneByOne) {
  const auto images = read_groups(100000, 64, 8);
  ASSERT_TRUE(images) << images.error().what;
  EXPECT_EQ(images->size(), 100000u);
}

TEST(EnhancedNonsense, ThousandsOfEmptyFramesAreAnError) {
  EXPECT_TRUE(read_groups(1000, 0, 8));
  const auto images = read_groups(100000, 0, 8);
  ASSERT_FALSE(images);
  EXPECT_THAT(images.error().what, HasSubstr("too small for so many frames"));
}

TEST(EnhancedNonsense, FramesThatWouldEachRepeatALargeHeaderAreAnError) {
  const auto images = read_groups(100000, 64, 1u << 20);
  ASSERT_FALSE(images);
  EXPECT_THAT(images.error().what, HasSubstr("too many attributes for so many frames"));
}

TEST(EnhancedNonsense, MoreFramesThanAHundredThousandAreAnError) {
  const auto images = read_groups(100001, 64, 8);
  ASSERT_FALSE(images);
  EXPECT_THAT(images.error().what, HasSubstr("out of range"));
}
