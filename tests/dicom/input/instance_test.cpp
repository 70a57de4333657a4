#include "dicom/input/instance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <fstream>
#include <functional>

#include "dicom/input/private_tags.h"
#include "tests/dicom/input/dicom_files.h"
#include "tests/support/temp_folder.h"

using namespace dicom_files;
using dicom::Content;
using dicom::Instance;
using testing::HasSubstr;

namespace {

// Reads back a spin echo image with some changes.
Instance read(const std::function<void(DcmDataset&)>& change, E_TransferSyntax syntax = EXS_LittleEndianExplicit) {
  const support::TempFolder folder;
  DcmFileFormat file;
  put_mr_header(*file.getDataset());
  change(*file.getDataset());
  save(file, folder / "image", syntax);
  const auto instance = dicom::read_instance(folder / "image");
  EXPECT_TRUE(instance.has_value()) << (instance ? "" : instance.error().what);
  return instance.value_or(Instance{});
}

void make_echo_planar(DcmDataset& dataset, const char* manufacturer) {
  put(dataset, DCM_Manufacturer, manufacturer);
  put(dataset, DCM_ScanningSequence, "EP\\SE");
}

std::string bytes_of(const void* value, std::size_t size) { return {static_cast<const char*>(value), size}; }
template <class T>
std::string little_endian(std::initializer_list<T> values) {
  return bytes_of(values.begin(), values.size() * sizeof(T));
}

Content content_of(const char* image_type) {
  return read([&](DcmDataset& d) { put(d, DCM_ImageType, image_type); }).content;
}

}  // namespace

TEST(ReadInstance, TakesWhatTheStandardAttributesSay) {
  for (const auto syntax :
       {EXS_LittleEndianExplicit, EXS_LittleEndianImplicit, EXS_BigEndianExplicit, EXS_DeflatedLittleEndianExplicit}) {
    const Instance instance = read(
        [](DcmDataset& d) {
          put(d, DCM_Manufacturer, "SIEMENS");
          put(d, DCM_SeriesNumber, "7");
          put(d, DCM_AcquisitionDate, "20260102");
          put(d, DCM_AcquisitionTime, "010203.5");
          put(d, DCM_ScanOptions, "PFP\\FS");
          put(d, DCM_SpacingBetweenSlices, "3.3");
        },
        syntax);
    EXPECT_EQ(instance.vendor, dicom::Vendor::Siemens);
    EXPECT_EQ(instance.content, Content::Magnitude);
    EXPECT_EQ(instance.series_number, 7);
    EXPECT_EQ(instance.acquisition_time_s, 1767312000 + 3723.5);
    EXPECT_TRUE(instance.spin_echo && !instance.echo_planar && instance.fat_suppressed && instance.has_geometry);
    EXPECT_EQ(instance.repetition_time_ms, 2000);
    EXPECT_EQ(instance.echo_time_ms, 10);
    EXPECT_EQ(instance.row_spacing_mm, 2);
    EXPECT_EQ(instance.column_spacing_mm, 1.5);
    EXPECT_EQ(instance.spacing_between_slices_mm, 3.3);
    EXPECT_EQ(instance.position_mm, fitting::Vec3(-10, -20, 0));
  }
}

TEST(ReadInstance, RecognisesWhatIsNeverFitted) {
  EXPECT_EQ(content_of("ORIGINAL\\PRIMARY\\M\\ND"), Content::Magnitude);
  EXPECT_EQ(content_of("ORIGINAL\\PRIMARY\\P\\ND"), Content::Phase);
  EXPECT_EQ(content_of("ORIGINAL\\PRIMARY\\R_IR\\R\\IR"), Content::Real);
  EXPECT_EQ(content_of("ORIGINAL\\PRIMARY\\I"), Content::Imaginary);
  EXPECT_EQ(content_of("DERIVED\\SECONDARY\\PROCESSED"), Content::Derived);
  EXPECT_EQ(content_of("DERIVED\\PRIMARY\\DIFFUSION\\ADC\\ND"), Content::Derived);
  EXPECT_EQ(content_of("ORIGINAL\\PRIMARY\\M\\SUB"), Content::Derived);
  EXPECT_EQ(content_of("DERIVED\\PRIMARY\\DIFFUSION\\TRACEW\\ND"), Content::TraceWeighted);
  EXPECT_EQ(content_of("DERIVED\\PRIMARY\\QMAP\\T2"), Content::QuantityMap);
  EXPECT_EQ(content_of("DERIVED\\PRIMARY\\MULTI_QMAP\\ENCRYPTED\\T1\\T2\\PD"), Content::Derived);
  EXPECT_EQ(content_of("ORIGINAL\\PRIMARY\\LOCALIZER"), Content::Localizer);
  EXPECT_EQ(content_of("ORIGINAL\\PRIMARY\\M\\ND\\MOSAIC"), Content::Mosaic);
}

TEST(ReadInstance, NeverLetsALossyImageIntoAFit) {
  const Instance lossy = read([](DcmDataset& d) { put(d, DCM_LossyImageCompression, "01"); });
  EXPECT_EQ(lossy.content, Content::Derived);
  EXPECT_THAT(lossy.why_not, HasSubstr("compressed with loss"));
  EXPECT_EQ(read([](DcmDataset& d) { put(d, DCM_LossyImageCompression, "00"); }).content, Content::Magnitude);
}

TEST(ReadInstance, RecognisesObjectsThatAreNotMrImages) {
  EXPECT_EQ(read([](DcmDataset& d) { put(d, DCM_SOPClassUID, UID_SegmentationStorage); }).content, Content::Roi);
  EXPECT_EQ(read([](DcmDataset& d) { put(d, DCM_ManufacturerModelName, "Herald"); }).content, Content::OwnResult);
  const Instance colour = read([](DcmDataset& d) { put(d, DCM_SOPClassUID, UID_EnhancedMRColorImageStorage); });
  EXPECT_EQ(colour.content, Content::Derived);
  EXPECT_EQ(colour.why_not, "colour images");
  const Instance ct = read([](DcmDataset& d) { put(d, DCM_SOPClassUID, UID_CTImageStorage); });
  EXPECT_EQ(ct.content, Content::Other);
  EXPECT_THAT(ct.why_not, HasSubstr("CTImageStorage"));
}

TEST(ReadInstance, ResolvesSiemensDiffusionByItsCreatorInAnyBlock) {
  for (const bool hopped : {false, true}) {  // through implicit VR: every private value arrives as UN bytes
    const Instance instance = read([&](DcmDataset& d) {
      make_echo_planar(d, "SIEMENS");
      put_creator(d, 0x0019, 0x10, "SOMEBODY ELSE");
      put_creator(d, 0x0019, 0x11, "SIEMENS MR HEADER");
      const std::string direction = little_endian<double>({0.6, 0, 0.8});
      if (hopped) {
        put_unknown(d, DcmTagKey(0x0019, 0x100C), "50");
        put_unknown(d, DcmTagKey(0x0019, 0x110C), "1000");
        put_unknown(d, DcmTagKey(0x0019, 0x110E), direction);
      } else {
        d.putAndInsertString(DcmTag(0x0019, 0x110C, EVR_IS), "1000");
        const std::array direction_values{0.6, 0.0, 0.8};
        d.putAndInsertFloat64Array(DcmTag(0x0019, 0x110E, EVR_FD), direction_values.data(), 3);
      }
    });
    EXPECT_EQ(instance.b_value_s_mm2, 1000);
    EXPECT_EQ(instance.gradient_direction, (std::array{0.6, 0.0, 0.8}));
  }
}

TEST(ReadInstance, CountsSiemensEchoesByTheSequenceName) {
  const auto echoes = [](const char* name) {
    return read([&](DcmDataset& d) {
             put(d, DCM_Manufacturer, "SIEMENS");
             put(d, DCM_SequenceName, name);
             put(d, DCM_EchoTrainLength, "9");
           })
        .echo_train_length;
  };
  EXPECT_EQ(echoes("*se2d32"), 32);
  EXPECT_EQ(echoes("fl2d6"), 6);
  EXPECT_EQ(echoes("*fl3d1"), std::nullopt);
  EXPECT_EQ(echoes("*tse2d1_13"), std::nullopt);
}

TEST(ReadInstance, TakesGeDiffusionFromEchoPlanarImagesOnly) {
  const auto b_value = [](const char* sequence, const char* stored) {
    return read([&](DcmDataset& d) {
             put(d, DCM_Manufacturer, "GE MEDICAL SYSTEMS");
             put(d, DCM_ScanningSequence, sequence);
             put_creator(d, 0x0043, 0x10, "GEMS_PARM_01");
             put_unknown(d, DcmTagKey(0x0043, 0x1039), stored);
           })
        .b_value_s_mm2;
  };
  EXPECT_EQ(b_value("EP\\SE", "800\\8\\0\\0"), 800);
  EXPECT_EQ(b_value("EP\\SE", "1000001000\\8\\0\\0"), 1000);  // biased on some releases
  EXPECT_EQ(b_value("GR", "2000\\8\\0\\0 "), std::nullopt);   // a localizer with the b-value of the scan before
}

TEST(ReadInstance, TellsTheComplexPartOfGeImages) {
  const auto content = [](std::int16_t part) {
    return read([&](DcmDataset& d) {
             put(d, DCM_Manufacturer, "GE MEDICAL SYSTEMS");
             put(d, DCM_ImageType, "ORIGINAL\\PRIMARY\\OTHER");
             put_creator(d, 0x0043, 0x10, "GEMS_PARM_01");
             put_unknown(d, DcmTagKey(0x0043, 0x102F), bytes_of(&part, sizeof part));
           })
        .content;
  };
  EXPECT_EQ(content(0), Content::Magnitude);
  EXPECT_EQ(content(1), Content::Phase);
  EXPECT_EQ(content(2), Content::Real);
  EXPECT_EQ(content(3), Content::Imaginary);
}

TEST(ReadInstance, KnowsPhilipsEchoPlanarImagesByTheirEpiFactor) {
  const auto philips = [](std::int32_t factor) {
    return read([&](DcmDataset& d) {
      put(d, DCM_Manufacturer, "Philips Healthcare");
      put_creator(d, 0x2001, 0x10, "Philips Imaging DD 001");
      put_unknown(d, DcmTagKey(0x2001, 0x1013), little_endian<std::int32_t>({factor}));
      put_unknown(d, DcmTagKey(0x2001, 0x1003), little_endian<float>({800.0f}));
      put_number(d, DCM_DiffusionBValue, 0);
    });
  };
  EXPECT_EQ(philips(31).b_value_s_mm2, 800);
  EXPECT_EQ(philips(1).b_value_s_mm2, std::nullopt);
}

// As text a float has nine digits: the scale of Philips, to the last bit of a result, was another one than in the
// bytes.
TEST(PrivateNumber, OfAFloatIsTheSameAfterAHopThroughImplicitVr) {
  const dicom::PrivateTag scale{0x2005, "Philips MR Imaging DD 001", 0x0E, dicom::PrivateType::Float32};
  DcmDataset direct, hopped;
  put_creator(direct, 0x2005, 0x10, scale.creator);
  put_creator(hopped, 0x2005, 0x10, scale.creator);
  ASSERT_TRUE(direct.putAndInsertFloat32(DcmTag(0x2005, 0x100E, EVR_FL), 0.145881549F).good());
  put_unknown(hopped, DcmTagKey(0x2005, 0x100E), little_endian<float>({0.145881549F}));
  EXPECT_EQ(dicom::private_number(direct, scale), 0.145881549F);
  EXPECT_EQ(dicom::private_number(hopped, scale), 0.145881549F);
}

// Turbo spin echo diffusion, and Philips images whose EPI factor an anonymiser has taken away: no T2-weighted images.
TEST(ReadInstance, KeepsAStandardBValueAboveZeroWhateverTheReadout) {
  const auto b_value = [](double stored) {
    return read([&](DcmDataset& d) {
             put(d, DCM_Manufacturer, "Philips Healthcare");
             put_number(d, DCM_DiffusionBValue, stored);
           })
        .b_value_s_mm2;
  };
  EXPECT_EQ(b_value(1000), 1000);
  EXPECT_EQ(b_value(0), std::nullopt);
}

TEST(ReadInstance, ReadsTimesAsOldAndNewSystemsWriteThem) {
  const auto time = [](const char* date, const char* clock) {
    return read([&](DcmDataset& d) {
             put(d, DCM_AcquisitionDate, date);
             put(d, DCM_AcquisitionTime, clock);
           })
        .acquisition_time_s;
  };
  EXPECT_EQ(time("19700102", "000001"), 86401);
  EXPECT_EQ(time("19700102", "01"), 90000);
  EXPECT_EQ(time("1970.01.02", "00:01:00"), 86460);
  EXPECT_EQ(time("19701302", "000001"), std::nullopt);
  EXPECT_EQ(time("19700102", "300000"), std::nullopt);
}

TEST(ReadInstance, PutsTheBolusOnTheNightOfTheAcquisition) {
  const Instance instance = read([](DcmDataset& d) {
    put(d, DCM_StudyDate, "19700102");
    put(d, DCM_AcquisitionDate, "19700102");
    put(d, DCM_AcquisitionTime, "235500");
    put(d, DCM_ContrastBolusStartTime, "000500");
    put(d, DCM_ContrastBolusAgent, "Gadolinium");
    put(d, DCM_ContrastBolusVolume, "7.5");
  });
  EXPECT_TRUE(instance.contrast_agent);
  EXPECT_EQ(instance.contrast_dose_ml, 7.5);
  EXPECT_EQ(*instance.contrast_start_s - *instance.acquisition_time_s, 600);
}

TEST(ReadInstance, KeepsTextsPrintable) {
  const Instance instance = read([](DcmDataset& d) {
    put(d, DCM_SpecificCharacterSet, "ISO_IR 100");
    put(d, DCM_SeriesDescription, "T1 f\xFCr KM");
  });
  EXPECT_EQ(instance.series_description, "T1 f\xC3\xBCr KM");
  EXPECT_EQ(read([](DcmDataset& d) { put(d, DCM_SeriesDescription, "T1 \xFC"); }).series_description, "T1 ?");
}

TEST(ReadInstance, HasNoGeometryWithoutAPosition) {
  EXPECT_FALSE(read([](DcmDataset& d) { delete d.remove(DCM_ImagePositionPatient); }).has_geometry);
  EXPECT_FALSE(read([](DcmDataset& d) { put(d, DCM_ImageOrientationPatient, "1\\0\\0\\1\\0\\0"); }).has_geometry);
  EXPECT_FALSE(read([](DcmDataset& d) { put(d, DCM_PixelSpacing, "0\\1"); }).has_geometry);
}

TEST(ReadInstance, RefusesFilesThatAreNotDicom) {
  const support::TempFolder folder;
  std::ofstream(folder / "text") << std::string(500, 'x');
  EXPECT_EQ(dicom::read_instance(folder / "text").error().fault, dicom::Fault::Malformed);
  EXPECT_EQ(dicom::read_instance(folder / "nowhere").error().fault, dicom::Fault::Io);
  DcmFileFormat file;
  put_mr_header(*file.getDataset());
  put(*file.getDataset(), DCM_SeriesInstanceUID, "not a uid");
  save(file, folder / "image");
  EXPECT_FALSE(dicom::read_instance(folder / "image").has_value());
}
