// Dynamic series: where scanners write the time of a phase, what does not belong, and what the series says about
// others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/dicom/input/synthetic_scans.h"

using dicom::Acquisition;
using dicom::Contrast;
using dicom::Grouping;
using dicom::Kind;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using namespace synthetic;

namespace {

// `count` phases in one series, 60 s apart; `change` writes what a scanner would, given the phase.
template <class Change>
Images phases(int series, int count, const Change& change) {
  Images all;
  for (int phase = 0; phase < count; ++phase)
    for (dicom::Instance image : flip_angle(series, 10, kNoon + 60.0 * phase)) {
      change(image, phase);
      all.push_back(image);
    }
  return numbered(all);
}

Images plain_phases(int series, int count) {
  return phases(series, count, [](dicom::Instance&, int) {});
}

// Shuffled: the order of arrival says nothing.
Grouping grouped(Images images) {
  std::mt19937 random(7);
  std::shuffle(images.begin(), images.end(), random);
  const Grouping grouping = dicom::group(images);
  EXPECT_EQ(placed(grouping), images.size());
  return grouping;
}

std::vector<double> times(const Acquisition& acquisition) {
  std::vector<double> values;
  for (const auto& volume : acquisition.volumes) values.push_back(volume.axis);
  return values;
}

const Acquisition& only(const Grouping& grouping) {
  EXPECT_THAT(grouping.acquisitions, SizeIs(1));
  return grouping.acquisitions.at(0);
}

TEST(Dynamic, HasTheTimesOfAcquisitionWhereTheyGoOn) {
  const Grouping grouping = grouped(plain_phases(1, 4));
  const Acquisition& dce = only(grouping);
  EXPECT_EQ(dce.kind, Kind::Dynamic);
  EXPECT_TRUE(dce.fits()) << dce.problem;
  EXPECT_THAT(times(dce), ElementsAre(0, 60, 120, 180));
  EXPECT_THAT(dicom::models_of(dce), ElementsAre("dce"));
}

TEST(Dynamic, HasTheTriggerTimesOfGeWhoseFirstPhaseHasNone) {
  const Grouping grouping = grouped(phases(1, 4, [](dicom::Instance& image, int phase) {
    image.acquisition_time_s = kNoon;
    if (phase > 0) image.trigger_time_ms = 8000.0 * phase;
  }));
  EXPECT_THAT(times(only(grouping)), ElementsAre(0, 8, 16, 24));
  EXPECT_THAT(only(grouping).evidence, Contains("The times of its phases are those of Trigger Time."));
}

TEST(Dynamic, HasTheTimesInTheDescriptionsOfTwist) {
  Images images;
  for (int phase = 0; phase < 4; ++phase) {
    const double time_s = 20.5 * (3 - phase);  // the series are not in the order of time
    Images one = described(flip_angle(10 + phase, 10, kNoon), "twist_TT=" + std::to_string(time_s) + "s");
    for (auto& image : one) image.series_description = image.series_description.substr(0, 13) + "s";
    images.insert(images.end(), one.begin(), one.end());
  }
  EXPECT_THAT(times(only(grouped(images))), ElementsAre(0, 20.5, 41, 61.5));
}

TEST(Dynamic, HasTheContentTimesWhereNothingElseGoesOn) {
  const Grouping grouping = grouped(phases(1, 3, [](dicom::Instance& image, int phase) {
    image.acquisition_time_s = kNoon;
    image.content_time_s = kNoon + 5 + 30.0 * phase;
  }));
  EXPECT_THAT(times(only(grouping)), ElementsAre(0, 30, 60));
}

TEST(Dynamic, WithoutAnyTimeIsRecognisedButNotFitted) {
  const Grouping grouping =
      grouped(phases(1, 5, [](dicom::Instance& image, int) { image.acquisition_time_s = kNoon; }));
  EXPECT_EQ(only(grouping).kind, Kind::Dynamic);
  EXPECT_EQ(only(grouping).problem, "no header tells when its phases were acquired");
  EXPECT_THAT(only(grouping).volumes, SizeIs(5));
}

TEST(Dynamic, LeavesOutAPhaseThatLacksASlice) {
  Images images = plain_phases(1, 5);
  images.erase(images.begin() + 9);  // of phase 3
  const Grouping grouping = grouped(images);
  EXPECT_TRUE(only(grouping).fits()) << only(grouping).problem;
  EXPECT_THAT(times(only(grouping)), ElementsAre(0, 60, 180, 240));
  EXPECT_THAT(only(grouping).notes, ElementsAre("phase 3 of 5 left out: not 4 slices"));
  EXPECT_THAT(grouping.passed_over, SizeIs(1));
}

TEST(Dynamic, IsTheLaterOneWhenItWasAbortedAndAcquiredAgain) {
  Images aborted = plain_phases(1, 2);
  aborted.pop_back();
  const Images again = with(plain_phases(2, 4), [](dicom::Instance& i) { *i.acquisition_time_s += 600; });
  const Grouping grouping = grouped(together({aborted, again}));
  EXPECT_THAT(times(only(grouping)), ElementsAre(0, 60, 120, 180));
  ASSERT_THAT(grouping.passed_over, SizeIs(1));
  EXPECT_EQ(grouping.passed_over[0].reason, "a dynamic series that was aborted and acquired again");
  EXPECT_EQ(grouping.passed_over[0].images, aborted.size());
}

TEST(Dynamic, LeavesOutAPhaseThatWasStoppedEarly) {
  Images images = phases(1, 5, [](dicom::Instance& image, int phase) {
    image.acquisition_time_s = kNoon;
    if (phase > 0) image.trigger_time_ms = 8000.0 * phase;
  });
  images.erase(images.end() - 3, images.end());  // one of four slices
  const Grouping grouping = grouped(images);
  EXPECT_THAT(times(only(grouping)), ElementsAre(0, 8, 16, 24));
  EXPECT_THAT(only(grouping).notes, ElementsAre("phase 5 of 5 left out: not 4 slices"));
}

TEST(Dynamic, WithASliceMissingInEveryPhaseIsNotFitted) {
  Images images = plain_phases(1, 4);
  std::erase_if(images, [](const dicom::Instance& image) { return image.position_mm.z() == 3; });
  EXPECT_THAT(only(grouped(images)).problem, HasSubstr("some are missing"));
}

TEST(Dynamic, OfWhichTheScannerCountedMoreIsNotFitted) {
  Images images = plain_phases(1, 4);
  for (auto& image : images) image.images_in_acquisition = 20;
  EXPECT_EQ(only(grouped(images)).problem, "the scanner counted 20 images in this series, 16 are here");
}

TEST(Dynamic, AfterAnotherInjectionIsAnotherSeries) {
  Images first = plain_phases(1, 4),
         second = with(plain_phases(2, 5), [](dicom::Instance&i) { *i.acquisition_time_s += 600; });
  for (auto& image : first) image.contrast_start_s = kNoon + 30;
  for (auto& image : second) image.contrast_start_s = kNoon + 630;
  const Grouping injected = grouped(together({first, second}));
  ASSERT_THAT(injected.acquisitions, SizeIs(2));
  EXPECT_THAT(injected.acquisitions[0].volumes, SizeIs(4));
  EXPECT_EQ(injected.acquisitions[1].contrast_start_s, 30);
  const Grouping later = grouped(together(
      {plain_phases(1, 4), with(plain_phases(2, 5), [](dicom::Instance& i) { *i.acquisition_time_s += 2000; })}));
  EXPECT_THAT(later.acquisitions, SizeIs(2));
}

TEST(Dynamic, OfPhasesInDifferentVersionsIsNotFitted) {
  const Images before = stored_as(plain_phases(1, 1), {"M", "ND"}),
               after = stored_as(with(plain_phases(2, 4), [](dicom::Instance&i) { *i.acquisition_time_s += 120; }),
                                 {"M", "DIS2D"});
  EXPECT_EQ(only(grouped(together({before, after}))).problem,
            "its phases were stored in different versions: M DIS2D and M ND");
}

TEST(Dynamic, OfFatAloneIsNotFitted) {
  EXPECT_EQ(only(grouped(stored_as(plain_phases(1, 4), {"M", "F"}))).problem,
            "of a Dixon sequence only fat or opposed-phase images are here");
}

TEST(Dynamic, NeverTakesTheTimeOfReconstructionOfGeForThatOfAcquisition) {
  const Grouping grouping = grouped(phases(1, 3, [](dicom::Instance& image, int phase) {
    image.vendor = dicom::Vendor::GE;
    image.acquisition_time_s = kNoon;
    image.content_time_s = kNoon + 600 + 2.0 * phase;
  }));
  EXPECT_EQ(only(grouping).problem, "no header tells when its phases were acquired");
}

TEST(Dynamic, OnBothSidesOfWhichASetLiesMixesBeforeAndAfter) {
  const Images dce = with(plain_phases(10, 4), [](dicom::Instance& i) { i.contrast_agent = true; });
  const Grouping grouping = grouped(together({flip_angle(1, 3, kNoon - 300), dce, flip_angle(20, 15, kNoon + 600)}));
  ASSERT_THAT(grouping.acquisitions, SizeIs(2));
  EXPECT_EQ(grouping.acquisitions[0].problem, "it mixes images from before and after contrast");
}

TEST(Dynamic, OfTwoOnesBothAreAskedForTheirSide) {
  const auto mapping =
      described(together({flip_angle(1, 3, kNoon + 800), flip_angle(2, 15, kNoon + 830)}), "t1_native");
  const Images test = with(plain_phases(10, 4), [](dicom::Instance& i) { i.contrast_agent = true; });
  const Images dce = with(plain_phases(11, 4), [](dicom::Instance& i) {
    i.contrast_agent = true;
    *i.acquisition_time_s += 1500;
  });
  const Grouping grouping = grouped(together({mapping, test, dce}));
  ASSERT_THAT(grouping.acquisitions, SizeIs(3));
  EXPECT_EQ(grouping.acquisitions[1].contrast, Contrast::Unknown);
}

TEST(Dynamic, OfTwoVersionsIsOneSeriesAndNotTwiceAsManyPhases) {
  const Images plain = stored_as(plain_phases(1, 4), {"M", "ND"}),
               corrected = stored_as(plain_phases(2, 4), {"M", "DIS2D"});
  const Grouping grouping = grouped(together({plain, corrected}));
  EXPECT_THAT(times(only(grouping)), ElementsAre(0, 60, 120, 180));
  ASSERT_THAT(grouping.passed_over, SizeIs(1));
  EXPECT_EQ(grouping.passed_over[0].series_number, 1);
  EXPECT_EQ(grouping.passed_over[0].reason, "another version of a dynamic series: the M DIS2D version is used");
}

TEST(Dynamic, OfADixonSequenceIsThatOfTheWaterImages) {
  const Images fat = stored_as(plain_phases(1, 4), {"M", "F"}), water = stored_as(plain_phases(2, 4), {"M", "W"});
  const Grouping grouping = grouped(together({fat, water}));
  EXPECT_THAT(times(only(grouping)), ElementsAre(0, 60, 120, 180));
  ASSERT_THAT(grouping.passed_over, SizeIs(1));
  EXPECT_EQ(grouping.passed_over[0].series_number, 1);
}

TEST(Dynamic, KnowsTheInjectionOfItsHeader) {
  Images images = plain_phases(1, 4);
  for (auto& image : images) image.contrast_start_s = kNoon + 45;
  const Grouping grouping = grouped(images);
  EXPECT_EQ(only(grouping).contrast_start_s, 45);
  EXPECT_TRUE(only(grouping).contrast_given);
  for (auto& image : images) image.contrast_start_s = kNoon - 4000;
  const Grouping elsewhere = grouped(images);
  EXPECT_FALSE(only(elsewhere).contrast_start_s.has_value());
  EXPECT_THAT(only(elsewhere).notes, ElementsAre(HasSubstr("does not lie within it")));
}

Images agent_named(Images images) {
  return with(std::move(images), [](dicom::Instance& i) { i.contrast_agent = true; });
}

TEST(Dynamic, TellsWhatWasAcquiredBeforeAndAfterIt) {
  const auto mapping = [](int series, double time_s, const char* text) {
    return described(together({flip_angle(series, 3, time_s), flip_angle(series + 1, 15, time_s + 30)}), text);
  };
  const Images dce = agent_named(plain_phases(10, 4));
  const Grouping before = grouped(together({mapping(1, kNoon - 300, "t1_native"), dce}));
  ASSERT_THAT(before.acquisitions, SizeIs(2));
  EXPECT_EQ(before.acquisitions[0].contrast, Contrast::Before);
  EXPECT_THAT(before.acquisitions[0].evidence, Contains("It was acquired before the dynamic series."));
  const Grouping after = grouped(together({mapping(20, kNoon + 600, "t1 post"), dce}));
  ASSERT_THAT(after.acquisitions, SizeIs(2));
  EXPECT_EQ(after.acquisitions[1].contrast, Contrast::After);
  // A dynamic series whose headers name no agent proves nothing.
  const Grouping silent = grouped(together({mapping(1, kNoon - 300, "t1_native"), plain_phases(10, 4)}));
  EXPECT_EQ(silent.acquisitions[0].contrast, Contrast::Unknown);
}

TEST(Mdme, TakesItsDelaysFromTheRecipeWhereTheScannerDoesNotWriteThem) {
  Images images;
  for (const double echo : {20.0, 80.0})
    for (int repetition = 0; repetition < 4; ++repetition)
      for (int slice = 0; slice < 3; ++slice) {
        images.push_back(image(1, slice, kNoon + repetition));
        images.back().spin_echo = true;
        images.back().echo_time_ms = echo;
      }
  images = numbered(images);
  EXPECT_THAT(dicom::group(images).acquisitions,
              testing::Each(testing::Field(&Acquisition::kind, testing::Ne(Kind::Mdme))));
  const Grouping grouping = dicom::group(images, {{130, 530, 1730, 3730}});
  const Acquisition& mdme = only(grouping);
  EXPECT_EQ(mdme.kind, Kind::Mdme);
  EXPECT_TRUE(mdme.fits()) << mdme.problem;
  EXPECT_THAT(times(mdme), ElementsAre(130, 130, 530, 530, 1730, 1730, 3730, 3730));
  EXPECT_EQ(images[mdme.volumes[2].slices[0][0]].acquisition_time_s, kNoon + 1);
  // Another number of repetitions than delays: nothing is guessed.
  EXPECT_THAT(dicom::group(images, {{130, 530, 1730}}).acquisitions,
              testing::Each(testing::Field(&Acquisition::kind, testing::Ne(Kind::Mdme))));
}

TEST(SyntheticMaps, AreOneSetForEachSideOfTheContrastAgent) {
  Images images;
  int series = 1;
  for (const double time_s : {kNoon, kNoon + 900})
    for (const char* quantity : {"T1", "T2", "PD"}) {
      for (int slice = 0; slice < 3; ++slice) {
        images.push_back(image(series, slice, time_s));
        images.back().content = dicom::Content::QuantityMap;
        images.back().quantity = quantity;
        images.back().image_type = {"DERIVED", "PRIMARY", "QMAP", quantity};
        images.back().contrast_agent = time_s > kNoon;
      }
      ++series;
    }
  const Grouping grouping = grouped(numbered(images));
  ASSERT_THAT(grouping.acquisitions, SizeIs(2));
  for (const Acquisition& maps : grouping.acquisitions) {
    EXPECT_EQ(maps.kind, Kind::SyntheticMaps);
    EXPECT_THAT(times(maps), ElementsAre(1, 2, 3));
    EXPECT_THAT(dicom::models_of(maps), IsEmpty());
  }
  EXPECT_EQ(grouping.acquisitions[0].contrast, Contrast::Before);
  EXPECT_EQ(grouping.acquisitions[1].contrast, Contrast::After);
}

TEST(T2Weighted, IsASingleSpinEchoVolumeOfALongEchoTime) {
  const auto with_echo = [](double echo_ms) {
    return with(echoes(1, 1, kNoon), [&](dicom::Instance& i) { i.echo_time_ms = echo_ms; });
  };
  const Grouping grouping = grouped(with_echo(90));
  EXPECT_EQ(only(grouping).kind, Kind::T2Weighted);
  EXPECT_TRUE(only(grouping).fits()) << only(grouping).problem;
  EXPECT_THAT(dicom::models_of(only(grouping)), IsEmpty());
  EXPECT_THAT(grouped(with_echo(20)).acquisitions, IsEmpty());
}

}  // namespace
