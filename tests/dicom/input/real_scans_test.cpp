// What real scanners wrote: the quirks are listed in the README of the data.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "dicom/input/acquisition.h"
#include "dicom/input/roi.h"
#include "tests/support/test_data.h"

using dicom::Acquisition;
using dicom::Kind;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

namespace {

struct Study {
  std::vector<dicom::Instance> images;
  dicom::Grouping grouping;

  [[nodiscard]] std::vector<double> axes() const {
    std::vector<double> values;
    for (const auto& volume : grouping.acquisitions.at(0).volumes) values.push_back(volume.axis);
    return values;
  }
  [[nodiscard]] dicom::LoadedSeries load() const {
    return dicom::load_series(grouping.acquisitions.at(0), images, 2).value();
  }
};

Study study_in(const char* folder) {
  Study study;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(support::test_data() / "dicom" / folder)) {
    if (!entry.is_regular_file()) continue;
    if (auto images = dicom::read_instances(entry.path()))
      std::move(images->begin(), images->end(), std::back_inserter(study.images));
  }
  study.grouping = dicom::group(study.images);
  std::size_t placed = study.grouping.rois.size();
  for (const auto& acquisition : study.grouping.acquisitions) placed += acquisition.images;
  for (const auto& passed : study.grouping.passed_over) placed += passed.images;
  EXPECT_EQ(placed, study.images.size());
  return study;
}

auto reason(const char* text) { return Field(&dicom::PassedOver::reason, HasSubstr(text)); }

}  // namespace

#define REAL_STUDY(folder)            \
  HERALD_NEEDS_DATA("dicom/" folder); \
  const Study study = study_in(folder)

TEST(RealScans, AeraGivesOneT2AcquisitionOf32Echoes) {
  REAL_STUDY("hazen_t2se_siemens_aera_p4");
  ASSERT_THAT(study.grouping.acquisitions, SizeIs(1));
  const Acquisition& t2 = study.grouping.acquisitions[0];
  EXPECT_EQ(t2.kind, Kind::T2MultiEcho);
  EXPECT_THAT(t2.volumes, SizeIs(32));
  EXPECT_TRUE(t2.fits()) << t2.problem;
  EXPECT_TRUE(t2.echoes_agree);
}

TEST(RealScans, OptimaGivesEightEchoesAndSaysThatSlicesMayBeMissing) {
  REAL_STUDY("hazen_t2se_ge450w_p5");
  const Acquisition& t2 = study.grouping.acquisitions.at(0);
  EXPECT_THAT(t2.volumes, SizeIs(8));
  EXPECT_TRUE(t2.fits()) << t2.problem;
  EXPECT_FALSE(t2.images_agree);
  EXPECT_THAT(t2.notes, ElementsAre(HasSubstr("counted 24 images")));
}

TEST(RealScans, IngeniaGives32EchoesInItsFloatingPointScale) {
  REAL_STUDY("hazen_t2se_philips15_p4p5");
  const Acquisition& t2 = study.grouping.acquisitions.at(0);
  EXPECT_THAT(t2.volumes, SizeIs(32));
  EXPECT_TRUE(t2.fits() && t2.echoes_agree) << t2.problem;
  EXPECT_EQ(t2.geometry.slices(), 2);
  EXPECT_THAT(study.load().series.planes, SizeIs(32));
}

TEST(RealScans, PrismaGivesT2StarAndItsPhaseIsPassedOver) {
  REAL_STUDY("shimtb_t2star_siemens_prisma_6echo");
  ASSERT_THAT(study.grouping.acquisitions, SizeIs(1));
  EXPECT_EQ(study.grouping.acquisitions[0].kind, Kind::T2StarMultiEcho);
  EXPECT_EQ(study.grouping.acquisitions[0].geometry.slices(), 5);
  EXPECT_TRUE(study.grouping.acquisitions[0].echoes_agree);
  EXPECT_THAT(study.axes(), ElementsAre(2.5, 5.5, 8.5, 11.5, 14.5, 17.5));
  EXPECT_THAT(study.grouping.passed_over, ElementsAre(reason("phase images")));
}

TEST(RealScans, Xa30GivesTheOriginalDirectionsOnly) {
  REAL_STUDY("dcmqa_xa30i_siemens_classic_dwi");
  ASSERT_THAT(study.grouping.acquisitions, SizeIs(1));
  const Acquisition& dwi = study.grouping.acquisitions[0];
  EXPECT_EQ(dwi.kind, Kind::Diffusion);
  EXPECT_TRUE(dwi.fits()) << dwi.problem;
  EXPECT_THAT(study.axes(), ElementsAre(0, 2500));
  EXPECT_THAT(dwi.volumes[1].slices[0], SizeIs(20));
  EXPECT_THAT(study.grouping.passed_over, Contains(reason("(ADC)")));
  EXPECT_THAT(study.grouping.passed_over, Contains(reason("(FA)")));
  EXPECT_THAT(study.grouping.passed_over, Contains(reason("(TENSOR_B0)")));
  EXPECT_THAT(study.grouping.passed_over, Contains(reason("trace-weighted copies")));
}

// The vendor's ADC is the mean over directions of ln(S0/Sb)/b: the geometric mean over directions must reproduce it.
TEST(RealScans, Xa30DirectionsAverageToTheScannersAdc) {
  REAL_STUDY("dcmqa_xa30i_siemens_classic_dwi");
  const auto series = study.load().series;
  const auto is_adc = [](const dicom::Instance& i) {
    return std::find(i.image_type.begin(), i.image_type.end(), "ADC") != i.image_type.end();
  };
  std::vector<double> ratios;
  for (const auto& image : study.images) {
    if (!is_adc(image)) continue;
    std::vector<dicom::Instance> one{image};
    Acquisition map;
    map.instances = {0};
    map.volumes = {{1.0, {{0}}}};
    map.geometry = series.geometry;
    map.geometry.slice_origins_mm = {image.position_mm};
    const auto adc = dicom::load_series(map, one, 1).value().series.planes[0];
    const auto& origins = series.geometry.slice_origins_mm;
    const auto slice = std::find_if(origins.begin(), origins.end(),
                                    [&](const auto& o) { return (o - image.position_mm).norm() < 0.1; });
    ASSERT_NE(slice, origins.end());
    const std::size_t start = static_cast<std::size_t>(slice - origins.begin()) * adc.size();
    for (std::size_t i = 0; i < adc.size(); ++i) {
      const double s0 = series.planes[0][start + i], sb = series.planes[1][start + i];
      if (s0 > 300 && sb > 0 && adc[i] > 0) ratios.push_back(std::log(s0 / sb) / 2500 * 1e6 / adc[i]);
    }
  }
  ASSERT_GT(ratios.size(), 500u);
  std::nth_element(ratios.begin(), ratios.begin() + static_cast<std::ptrdiff_t>(ratios.size() / 2), ratios.end());
  EXPECT_NEAR(ratios[ratios.size() / 2], 1, 0.002);
}

TEST(RealScans, Mr750GivesBValuesFromItsPrivateElement) {
  REAL_STUDY("scitran_dwi_ge_mr750_b");
  ASSERT_THAT(study.grouping.acquisitions, SizeIs(1));
  const Acquisition& dwi = study.grouping.acquisitions[0];
  EXPECT_THAT(study.axes(), ElementsAre(0, 1000));
  EXPECT_EQ(dwi.geometry.slices(), 3);
  EXPECT_THAT(dwi.volumes[0].slices, Each(SizeIs(3)));
  EXPECT_THAT(dwi.volumes[1].slices, Each(SizeIs(5)));
  EXPECT_TRUE(dwi.fits()) << dwi.problem;
  EXPECT_THAT(dwi.notes, Contains(HasSubstr("counted 1980 images")));  // most of the scan was left out of the data set
}

TEST(RealScans, PioneerDiffusionIsCompleteByTheScannersCount) {
  REAL_STUDY("dcmqa_ge_pioneer_dwi");
  ASSERT_THAT(study.grouping.acquisitions, SizeIs(1));
  EXPECT_TRUE(study.grouping.acquisitions[0].fits());
  EXPECT_TRUE(study.grouping.acquisitions[0].images_agree);
  EXPECT_THAT(study.axes(), ElementsAre(0, 1000));
}

TEST(RealScans, QibaPhantomGivesSixFlipAnglesFromBigEndianFiles) {
  REAL_STUDY("qiba_t1vfa_dro");
  ASSERT_THAT(study.grouping.acquisitions, SizeIs(1));
  EXPECT_EQ(study.grouping.acquisitions[0].kind, Kind::T1Vfa);
  EXPECT_THAT(study.axes(), ElementsAre(3, 6, 9, 15, 24, 35));
  const auto loaded = study.load();
  EXPECT_EQ(loaded.series.protocol.repetition_time_ms, 5);
  EXPECT_EQ(loaded.series.geometry.rows, 80);
  EXPECT_EQ(loaded.series.geometry.columns, 150);
  // Spoiled gradient echo of T1 = 1000 ms at TR 5 ms: the fourth patch of columns from the long end is 2828 /
  // sqrt(2)^3.
  const auto signal = [&](std::size_t plane) { return loaded.series.planes[plane][75 * 150 + 35]; };
  const auto model = [](double degrees) {
    const double angle = degrees * M_PI / 180, e1 = std::exp(-5.0 / 1000);
    return std::sin(angle) * (1 - e1) / (1 - std::cos(angle) * e1);
  };
  EXPECT_NEAR(signal(5) / signal(0), model(35) / model(3), 0.02 * model(35) / model(3));
}

TEST(RealScans, DynamicPhantomIsNoVariableFlipAngle) {
  REAL_STUDY("qiba_v4_vfa_dce_dro");
  ASSERT_THAT(study.grouping.acquisitions, SizeIs(1));
  const Acquisition& dce = study.grouping.acquisitions[0];
  EXPECT_EQ(dce.kind, Kind::Dynamic);
  EXPECT_THAT(dce.volumes, SizeIs(166));
  EXPECT_DOUBLE_EQ(dce.volumes.back().axis, 330);
  EXPECT_THAT(dce.evidence, Contains(HasSubstr("those of Acquisition Time")));
  // Every flip angle has a frame of reference of its own.
  EXPECT_THAT(study.grouping.passed_over, Each(reason("one flip angle")));
}

TEST(RealScans, NoisyDynamicPhantomHasItsTimesInTheTriggerTime) {
  REAL_STUDY("qiba_v9_dce_dro_noise");
  ASSERT_THAT(study.grouping.acquisitions, SizeIs(1));
  const Acquisition& dce = study.grouping.acquisitions[0];
  EXPECT_EQ(dce.kind, Kind::Dynamic);
  EXPECT_TRUE(dce.fits()) << dce.problem;
  ASSERT_THAT(dce.volumes, SizeIs(61));
  for (std::size_t phase = 0; phase < 61; ++phase)
    EXPECT_DOUBLE_EQ(dce.volumes[phase].axis, 6.0 * static_cast<double>(phase));
  EXPECT_THAT(dce.evidence, Contains(HasSubstr("those of Trigger Time")));
}

TEST(RealScans, AcrPhantomHasNothingToFit) {
  REAL_STUDY("hazen_acr_siemens_skyra");
  EXPECT_THAT(study.grouping.acquisitions, IsEmpty());
  EXPECT_THAT(study.grouping.passed_over, ElementsAre(reason("single-echo spin echo, TE 20 ms: nothing to fit")));
}

TEST(RealScans, TwistPhaseHasNothingToFit) {
  REAL_STUDY("qinbreast_dce_siemens_trio_twist");
  EXPECT_THAT(study.grouping.acquisitions, IsEmpty());
  EXPECT_THAT(study.grouping.passed_over, ElementsAre(reason("one flip angle (10 degrees)")));
}

TEST(RealScans, IncompleteTrioTrainNamesWhatIsMissing) {
  REAL_STUDY("dcmstack_t2se_siemens_trio_16echo");
  ASSERT_THAT(study.grouping.acquisitions, SizeIs(1));
  EXPECT_THAT(study.grouping.acquisitions[0].problem, HasSubstr("2 of 3 slices"));
}

void expect_six_inversion_times(Study study, int slices) {
  std::mt19937 random(3);
  for (int trial = 0; trial < 5; ++trial) {
    ASSERT_THAT(study.grouping.acquisitions, SizeIs(1));
    const Acquisition& t1 = study.grouping.acquisitions[0];
    EXPECT_EQ(t1.kind, Kind::T1InversionRecovery);
    EXPECT_TRUE(t1.fits()) << t1.problem;
    EXPECT_THAT(study.axes(), ElementsAre(50, 100, 200, 400, 600, 800));
    EXPECT_EQ(t1.geometry.slices(), slices);
    EXPECT_EQ(t1.repetition_time_ms, 1000);
    EXPECT_FALSE(t1.look_locker || t1.signed_signal);
    EXPECT_THAT(study.grouping.passed_over, IsEmpty());
    std::shuffle(study.images.begin(), study.images.end(), random);
    study.grouping = dicom::group(study.images);
  }
}

TEST(RealScans, AeraGivesSixInversionTimesAndSaysThatTheRepetitionTimeVaries) {
  REAL_STUDY("hazen_t1ir_siemens_aera_p5");
  expect_six_inversion_times(study, 1);
  EXPECT_THAT(study.grouping.acquisitions.at(0).notes, ElementsAre(HasSubstr("TR 1000..2460 ms varies with TI")));
  const auto protocol = study.load().series.protocol;
  EXPECT_EQ(protocol.axis_kind, fitting::Axis::InversionTimeMs);
  EXPECT_EQ(protocol.repetition_time_ms, 1000);
  EXPECT_THAT(protocol.repetition_times_ms, ElementsAre(1000, 1000, 1000, 1260, 1860, 2460));
}

TEST(RealScans, OptimaGivesSixInversionTimesAndSaysThatSlicesMayBeMissing) {
  REAL_STUDY("hazen_t1ir_ge450w_p4");
  expect_six_inversion_times(study, 1);
  EXPECT_THAT(study.grouping.acquisitions.at(0).notes, ElementsAre(HasSubstr("counted 3 images")));
}

TEST(RealScans, IngeniaGivesSixInversionTimesOfBothPlates) {
  REAL_STUDY("hazen_t1ir_philips15_p4p5");
  expect_six_inversion_times(study, 2);
  EXPECT_THAT(study.load().series.protocol.repetition_times_ms, IsEmpty());  // one for all
}

TEST(RealScans, EnhancedSolaGivesElevenBValuesOfEachDirection) {
  REAL_STUDY("hazen_dwi11b_siemens_sola_xa61");  // three studies: they share no frame of reference
  ASSERT_THAT(study.grouping.acquisitions, SizeIs(3));
  for (const Acquisition& dwi : study.grouping.acquisitions) {
    EXPECT_EQ(dwi.kind, Kind::Diffusion);
    EXPECT_TRUE(dwi.fits()) << dwi.problem;
    EXPECT_THAT(dwi.volumes, SizeIs(11));
    EXPECT_EQ(dwi.volumes.back().axis, 1000);
    EXPECT_EQ(dwi.repetition_time_ms, 1000);
  }
  EXPECT_THAT(study.grouping.passed_over, Each(reason("derived by the scanner (ADC)")));
}

TEST(RealScans, EnhancedLocalizersAndNoiseMeasurementsAreNotFitted) {
  REAL_STUDY("hazen_notmine_siemens_sola_xa61_enh");
  for (const Acquisition& acquisition : study.grouping.acquisitions)
    EXPECT_THAT(dicom::models_of(acquisition), IsEmpty());
  EXPECT_THAT(study.images, Each(Field(&dicom::Instance::has_geometry, true)));
}

// One image in five codecs, under one SOP Instance UID. Debian's DCMTK has no decoder for JPEG 2000.
TEST(RealScans, TwinsInOtherCodecsHaveTheSamePixels) {
  HERALD_NEEDS_DATA("dicom/dicom2nifti_multivendor");
  const auto load = [](const char* codec) {
    const auto file =
        support::test_data() / "dicom/dicom2nifti_multivendor/generic" / codec / "001/IM-0001-0002-0001.dcm";
    const std::vector images{dicom::read_instance(file).value()};
    Acquisition one;
    one.instances = {0};
    one.volumes = {{1.0, {{0}}}};
    one.geometry.rows = images[0].rows;
    one.geometry.columns = images[0].columns;
    one.geometry.slice_origins_mm = {images[0].position_mm};
    return dicom::load_series(one, images, 1);
  };
  const auto rle = load("compressed_rle").value();
  for (const char* codec : {"compressed_jpeg", "compressed_jpegls"}) {
    const auto twin = load(codec).value();
    EXPECT_EQ(twin.pixel_digest, rle.pixel_digest) << codec;
    EXPECT_EQ(twin.series.planes, rle.series.planes) << codec;
  }
  EXPECT_THAT(load("compressed_j2k").error().what, HasSubstr("JPEG 2000"));
}

TEST(RealScans, ForeignSegmentationsAreRead) {
  REAL_STUDY("dcmqi_derived_ge");
  std::vector<std::size_t> voxels;
  for (const std::size_t i : study.grouping.rois) {
    const auto regions = dicom::read_roi(study.images[i].file);
    ASSERT_TRUE(regions.has_value()) << regions.error().what;
    for (const auto& region : regions->regions) voxels.push_back(region.mask.count());
  }
  EXPECT_THAT(voxels, Contains(107098u));  // liver.dcm, 512 x 512 x 3
  EXPECT_THAT(voxels, Contains(795u));     // tumour, 13 frames
}
