// Inversion recovery: what makes one measurement of many series.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/dicom/input/synthetic_scans.h"

using namespace synthetic;
using dicom::Acquisition;
using dicom::Grouping;
using dicom::Kind;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

namespace {

// The slices of one inversion time, as spin-echo sequences write them: a series of their own.
Images inversion(int series, double time_ms, int slices = 2) {
  Images images;
  for (int slice = 0; slice < slices; ++slice) {
    images.push_back(image(series, slice, kNoon + 60 * series));
    images.back().spin_echo = images.back().inversion = true;
    images.back().inversion_time_ms = time_ms;
    images.back().series_description = "T1 TI50";
  }
  return numbered(images);
}

Images inversions(const std::vector<double>& times_ms, int first_series = 1) {
  Images all;
  for (std::size_t k = 0; k < times_ms.size(); ++k) {
    const Images one = inversion(first_series + static_cast<int>(k), times_ms[k]);
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}

// One slice of balanced gradient echoes after few inversions, in the order of acquisition.
Images look_locker(int series, const std::vector<double>& times_ms) {
  Images images;
  for (std::size_t k = 0; k < times_ms.size(); ++k) {
    images.push_back(image(series, 0, kNoon + static_cast<double>(k)));
    images.back().gradient_echo = images.back().inversion = true;
    images.back().inversion_time_ms = times_ms[k];
    images.back().acquisition_number = static_cast<int>(k) + 1;
  }
  return numbered(images);
}

// Siemens' phase-corrected real images of the same measurement.
Images real_of(Images images) {
  for (auto& i : images) {
    i.content = dicom::Content::Real;
    i.why_not = "real part of complex images";
    i.vendor = dicom::Vendor::Siemens;
    i.series_uid += "0";
    i.sop_instance_uid = i.series_uid + "." + std::to_string(i.instance_number);
  }
  return images;
}

Grouping grouped(const Images& images) {
  Grouping grouping = dicom::group(images);
  EXPECT_EQ(placed(grouping), images.size());
  return grouping;
}

std::vector<double> times_of(const Acquisition& acquisition) {
  std::vector<double> times;
  for (const auto& volume : acquisition.volumes) times.push_back(volume.axis);
  return times;
}

auto reason(const char* text) { return Field(&dicom::PassedOver::reason, HasSubstr(text)); }

const std::vector<double> kTimes{50, 100, 200, 400, 800};

}  // namespace

TEST(InversionRecovery, IsOneMeasurementOfASeriesForEachTime) {
  const Grouping grouping = grouped(inversions({800, 50, 200, 100, 400}));
  ASSERT_THAT(grouping.acquisitions, SizeIs(1));
  const Acquisition& acquisition = grouping.acquisitions[0];
  EXPECT_EQ(acquisition.kind, Kind::T1InversionRecovery);
  EXPECT_TRUE(acquisition.fits()) << acquisition.problem;
  EXPECT_EQ(times_of(acquisition), kTimes);
  EXPECT_EQ(acquisition.geometry.slices(), 2);
  EXPECT_FALSE(acquisition.signed_signal || acquisition.look_locker);
}

TEST(InversionRecovery, IsTheSameInAnyOrderOfArrival) {
  Images images = together({inversions(kTimes), look_locker(20, {100, 180, 260, 1100, 1180, 1260, 2100, 3100})});
  const std::string expected = text_of(grouped(images), images);
  std::mt19937 random(7);
  for (int trial = 0; trial < 20; ++trial) {
    std::shuffle(images.begin(), images.end(), random);
    EXPECT_EQ(text_of(grouped(images), images), expected);
  }
}

TEST(InversionRecovery, IsNotDividedByTheRepetitionTimeThatGrowsWithTheInversionTime) {
  Images images = inversions(kTimes);
  for (auto& i : images) i.repetition_time_ms = std::max(1000.0, 3 * *i.inversion_time_ms);
  const Acquisition acquisition = grouped(images).acquisitions.at(0);
  EXPECT_EQ(times_of(acquisition), kTimes);
  EXPECT_EQ(acquisition.repetition_time_ms, 1000);
  EXPECT_THAT(acquisition.repetition_times_ms, ElementsAre(1000, 1000, 1000, 1200, 2400));
  EXPECT_THAT(dicom::models_of(acquisition), ElementsAre("t1_ir_tr"));
  EXPECT_THAT(acquisition.notes, ElementsAre("TR 1000..2400 ms varies with TI: long T1 are not fully recovered"));
}

TEST(InversionRecovery, IsDividedByEchoTimeAndFlipAngle) {
  Images echo = inversions({50, 100, 200, 400}), angle = echo;
  for (auto& i : echo)
    if (*i.inversion_time_ms == 400) i.echo_time_ms = 12;
  for (auto& i : angle)
    if (*i.inversion_time_ms == 400) i.flip_angle_deg = 60;
  for (const Images& images : {echo, angle}) {
    const Grouping grouping = grouped(images);
    EXPECT_THAT(times_of(grouping.acquisitions.at(0)), ElementsAre(50, 100, 200));
    EXPECT_THAT(grouping.passed_over, ElementsAre(reason("TI 400 ms: a fit needs 3 inversion times")));
  }
}

TEST(InversionRecovery, LacksASliceAndSaysWhich) {
  Images images = inversions(kTimes);
  std::erase_if(images, [](const auto& i) { return *i.inversion_time_ms == 200 && i.instance_number == 2; });
  EXPECT_EQ(grouped(images).acquisitions.at(0).problem, "inversion time 200 ms has 1 of 2 slices");
}

TEST(InversionRecovery, OfOneOrTwoTimesIsPassedOver) {
  EXPECT_THAT(grouped(inversions({220})).passed_over, ElementsAre(reason("TI 220 ms: a fit needs 3 inversion times")));
  EXPECT_THAT(grouped(inversions({220, 2500})).passed_over, Each(reason("2 inversion times (220, 2500 ms)")));
  const Images without = with(inversions({220}), [](auto& i) { i.inversion_time_ms.reset(); });
  EXPECT_THAT(grouped(without).passed_over, ElementsAre(reason("without an inversion time")));
}

TEST(InversionRecovery, IsNotMadeOfClinicalImagesOfSeveralMatrices) {
  Images images = inversions({220, 900, 2500});
  for (auto& i : images) i.rows = static_cast<int>(*i.inversion_time_ms);
  EXPECT_THAT(grouped(images).acquisitions, IsEmpty());
}

TEST(InversionRecovery, TakesTheLaterImagesOfATimeThatWasAcquiredAgain) {
  const Grouping grouping = grouped(together({inversion(1, 50), inversions({50, 100, 200}, 2)}));
  ASSERT_THAT(grouping.acquisitions, SizeIs(1));
  EXPECT_THAT(times_of(grouping.acquisitions[0]), ElementsAre(50, 100, 200));
  EXPECT_THAT(grouping.passed_over, ElementsAre(reason("acquired again")));
}

TEST(InversionRecovery, BeforeAndAfterContrastAreTwoMeasurements) {
  EXPECT_THAT(grouped(together({inversions(kTimes), inversions(kTimes, 11)})).acquisitions, SizeIs(2));
}

TEST(InversionRecovery, PrefersSignedImagesThatAreComplete) {
  const Images magnitudes = inversions(kTimes);
  const Images images = together({magnitudes, real_of(magnitudes)});
  const Grouping grouping = grouped(images);
  ASSERT_THAT(grouping.acquisitions, SizeIs(1));
  EXPECT_TRUE(grouping.acquisitions[0].signed_signal);
  EXPECT_EQ(times_of(grouping.acquisitions[0]), kTimes);
  for (const std::size_t i : grouping.acquisitions[0].instances) EXPECT_EQ(images[i].content, dicom::Content::Real);
  EXPECT_THAT(grouping.passed_over, Each(reason("magnitudes of images whose signed ones are fitted")));
}

TEST(InversionRecovery, NeverMixesSignedImagesWithMagnitudes) {
  const Images magnitudes = inversions(kTimes);
  Images real = real_of(magnitudes);
  std::erase_if(real, [](const auto& i) { return *i.inversion_time_ms == 400 && i.instance_number == 1; });
  const Grouping grouping = grouped(together({magnitudes, real}));
  ASSERT_THAT(grouping.acquisitions, SizeIs(1));
  EXPECT_FALSE(grouping.acquisitions[0].signed_signal);
  EXPECT_THAT(grouping.acquisitions[0].volumes, SizeIs(5));
  EXPECT_THAT(grouping.passed_over, Each(reason("not complete")));
}

TEST(InversionRecovery, TakesARealPartBesideItsImaginaryPartForNoSignedImage) {
  const Images magnitudes = inversions(kTimes);
  const Images imaginary = with(real_of(real_of(magnitudes)), [](auto& i) {
    i.content = dicom::Content::Imaginary;
    i.why_not = "imaginary part of complex images";
  });
  const Grouping grouping = grouped(together({magnitudes, real_of(magnitudes), imaginary}));
  EXPECT_FALSE(grouping.acquisitions.at(0).signed_signal);
  EXPECT_THAT(grouping.passed_over, Contains(reason("real part of complex images")));
}

TEST(InversionRecovery, OfOtherVendorsHasNoSignedImages) {
  const Images real = with(real_of(inversions(kTimes)), [](auto& i) { i.vendor = dicom::Vendor::GE; });
  EXPECT_THAT(grouped(real).acquisitions, IsEmpty());
}

TEST(LookLocker, IsRecognisedByManyGradientEchoesInOneSeries) {
  const Acquisition acquisition = grouped(look_locker(1, {100, 1100, 2100, 3100, 4100, 180, 260})).acquisitions.at(0);
  EXPECT_TRUE(acquisition.look_locker);
  EXPECT_TRUE(acquisition.fits()) << acquisition.problem;
  EXPECT_THAT(times_of(acquisition), ElementsAre(100, 180, 260, 1100, 2100, 3100, 4100));
}

TEST(LookLocker, NeedsNoMarkOfAnInversionWhereItsTimesVary) {
  const auto unmarked = [](Images images) { return with(std::move(images), [](auto& i) { i.inversion = false; }); };
  const Grouping grouping = grouped(unmarked(look_locker(1, {100, 180, 1100, 2100, 3100})));
  EXPECT_TRUE(grouping.acquisitions.at(0).look_locker);
  const Grouping fat_saturated = grouped(unmarked(look_locker(1, {100, 100, 100, 100, 100})));
  EXPECT_THAT(fat_saturated.acquisitions, IsEmpty());
}

TEST(LookLocker, IsRecognisedByTheScannersWords) {
  for (const char* name : {"MOLLI 5(3)3", "T1_Look-Locker", "ShMOLLI"})
    EXPECT_TRUE(grouped(described(inversions(kTimes), name)).acquisitions.at(0).look_locker) << name;
  EXPECT_FALSE(grouped(described(inversions(kTimes), "locker room")).acquisitions.at(0).look_locker);
}

TEST(LookLocker, IsNotSeenInGradientEchoesThatHaveASeriesForEachTime) {
  const Images images = with(inversions(kTimes), [](auto& i) { i.spin_echo = false, i.gradient_echo = true; });
  const Acquisition acquisition = grouped(images).acquisitions.at(0);
  EXPECT_TRUE(acquisition.fits());
  EXPECT_FALSE(acquisition.look_locker);
}

TEST(LookLocker, KeepsEveryImageOfATimeThatOneSeriesRepeats) {
  const Acquisition acquisition = grouped(look_locker(1, {100, 1100, 2100, 180, 1100.2, 2500})).acquisitions.at(0);
  EXPECT_TRUE(acquisition.fits()) << acquisition.problem;
  EXPECT_THAT(times_of(acquisition), ElementsAre(100, 180, 1100, 1100, 2100, 2500));
  EXPECT_THAT(acquisition.notes, ElementsAre(HasSubstr("1100 ms was acquired more than once")));
  for (const auto& volume : acquisition.volumes) EXPECT_THAT(volume.slices, ElementsAre(SizeIs(1)));
}

TEST(SaturationRecovery, WithSeveralEchoesIsSyntheticMri) {
  Images images;
  for (const double echo : {20.0, 80.0})
    for (const double delay : {100.0, 500.0, 1500.0, 3000.0}) {
      images.push_back(image(1, 0, kNoon));
      images.back().spin_echo = images.back().inversion = true;
      images.back().inversion_time_ms = delay;
      images.back().echo_time_ms = echo;
    }
  const Grouping grouping = grouped(numbered(images));
  ASSERT_THAT(grouping.acquisitions, SizeIs(1));
  const Acquisition& mdme = grouping.acquisitions[0];
  EXPECT_EQ(mdme.kind, dicom::Kind::Mdme);
  EXPECT_TRUE(mdme.fits()) << mdme.problem;
  EXPECT_THAT(times_of(mdme), ElementsAre(100, 100, 500, 500, 1500, 1500, 3000, 3000));
  EXPECT_THAT(mdme.echo_times_ms, ElementsAre(20, 80, 20, 80, 20, 80, 20, 80));
  EXPECT_THAT(dicom::models_of(mdme), ElementsAre("mdme"));
}

TEST(ModelsOf, AnAcquisitionAreThoseThatItsValuesSuffice) {
  const auto models = [](const Images& images) { return dicom::models_of(grouped(images).acquisitions.at(0)); };
  EXPECT_THAT(models(inversions(kTimes)), ElementsAre("t1_ir"));
  EXPECT_THAT(models(echoes(1, 4, kNoon)), ElementsAre("t2"));
  EXPECT_THAT(models(diffusion(1, {0, 800}, 3)), ElementsAre("adc"));
  EXPECT_THAT(models(diffusion(1, {0, 2000}, 3)), ElementsAre("adc"));
  EXPECT_THAT(models(diffusion(1, {0, 500, 1000}, 3)), ElementsAre("adc"));
  EXPECT_THAT(models(diffusion(1, {0, 800, 1500}, 3)), ElementsAre("adc", "dki"));
  EXPECT_THAT(models(diffusion(1, {0, 1000, 2000, 3000}, 3)), ElementsAre("adc", "dki"));
  EXPECT_THAT(models(diffusion(1, {0, 1000, 4000}, 3)), ElementsAre("adc"));
}

TEST(ModelsOf, DiffusionLeaveLargeBValuesToTheKurtosisFit) {
  const auto volumes = [](const std::vector<double>& b_values, const char* model) {
    return dicom::volumes_for(grouped(diffusion(1, b_values, 3)).acquisitions.at(0), model);
  };
  EXPECT_THAT(volumes({0, 800, 1400, 2000}, "adc"), ElementsAre(0, 1));
  EXPECT_THAT(volumes({0, 800, 1400, 2000}, "dki"), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(volumes({0, 50, 400, 1000}, "adc"), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(volumes({0, 2500}, "adc"), ElementsAre(0, 1));  // there is no other way
}
