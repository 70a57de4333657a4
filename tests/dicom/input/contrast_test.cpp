#include "dicom/input/contrast.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/dicom/input/synthetic_scans.h"

using namespace synthetic;
using dicom::Contrast;
using testing::HasSubstr;

namespace {

Images set(int series, double time_s, const std::string& description = "vfa") {
  return described(together({flip_angle(series, 5, time_s), flip_angle(series + 1, 15, time_s + 60)}), description);
}
Images with_agent(Images images) {
  return with(std::move(images), [](auto& i) { i.contrast_agent = true; });
}
Images with_bolus(Images images, double start_s) {
  return with(std::move(images), [start_s](auto& i) { i.contrast_start_s = start_s; });
}

// Of the acquisitions, by time.
std::vector<Contrast> contrasts(const Images& images) {
  std::vector<Contrast> result;
  for (const auto& acquisition : dicom::group(images).acquisitions) result.push_back(acquisition.contrast);
  return result;
}

using Answers = std::vector<Contrast>;
constexpr Contrast kUnknown = Contrast::Unknown, kBefore = Contrast::Before, kAfter = Contrast::After;

}  // namespace

TEST(ContrastEvidence, NeedsTwoPiecesThatAgree) {
  EXPECT_EQ(contrasts(set(1, kNoon)), Answers{kUnknown});
  EXPECT_EQ(contrasts(set(1, kNoon, "t1 pre")), Answers{kUnknown});
  EXPECT_EQ(contrasts(together({set(1, kNoon), set(11, kNoon + 900)})), (Answers{kUnknown, kUnknown}));
  EXPECT_EQ(contrasts(together({set(1, kNoon, "t1 pre"), set(11, kNoon + 900, "t1 post")})),
            (Answers{kBefore, kAfter}));
}

TEST(ContrastEvidence, UsesTheStartOfTheBolus) {
  EXPECT_EQ(contrasts(with_bolus(set(1, kNoon, "t1 native"), kNoon + 300)), Answers{kBefore});
  EXPECT_EQ(contrasts(with_bolus(set(1, kNoon, "t1 +C"), kNoon - 300)), Answers{kAfter});
  EXPECT_EQ(contrasts(with_bolus(set(1, kNoon), kNoon - 300)), Answers{kUnknown});
}

TEST(ContrastEvidence, UsesADifferenceInTheNamedAgent) {
  EXPECT_EQ(contrasts(together({set(1, kNoon), with_agent(set(11, kNoon + 900))})), (Answers{kBefore, kAfter}));
  EXPECT_EQ(contrasts(together({with_agent(set(1, kNoon)), with_agent(set(11, kNoon + 900))})),
            (Answers{kUnknown, kUnknown}));
  EXPECT_EQ(contrasts(with_agent(set(1, kNoon, "t1 gd"))),
            Answers{kUnknown});  // entered early by habit: proves nothing by itself
}

TEST(ContrastEvidence, LeavesAContradictionUnknown) {
  EXPECT_EQ(contrasts(together({set(1, kNoon, "t1 post"), set(11, kNoon + 900, "t1 pre")})),
            (Answers{kUnknown, kUnknown}));
  EXPECT_EQ(contrasts(together({set(1, kNoon, "pre"), set(11, kNoon + 900, "pre")})), (Answers{kBefore, kUnknown}));
}

TEST(ContrastEvidence, DrawsNothingFromTheOrderOfThree) {
  EXPECT_EQ(contrasts(together({set(1, kNoon, "pre"), set(11, kNoon + 900, "post"), set(21, kNoon + 1800, "post")})),
            (Answers{kUnknown, kUnknown, kUnknown}));
}

TEST(ContrastEvidence, IsGivenInSentences) {
  const Images images = together({set(1, kNoon, "t1 pre"), set(11, kNoon + 900, "t1 post")});
  const auto grouping = dicom::group(images);
  EXPECT_THAT(grouping.acquisitions.at(1).evidence,
              testing::ElementsAre(HasSubstr("2 flip angles"), HasSubstr("description says that it was acquired after"),
                                   HasSubstr("second of two sets")));
}

TEST(ContrastEvidence, RefusesASetOnBothSidesOfTheInjection) {
  const Images pre = together({flip_angle(1, 2, kNoon), flip_angle(2, 5, kNoon + 60), flip_angle(3, 8, kNoon + 120)}),
               post = together({flip_angle(11, 12, kNoon + 900), flip_angle(12, 15, kNoon + 960)});
  const double bolus = kNoon + 600;
  for (const Images& images :
       {together({with_bolus(pre, bolus), with_bolus(post, bolus)}), together({pre, with_bolus(post, bolus)}),
        together({pre, with_agent(post)}), together({described(pre, "t1 pre"), described(post, "t1 post")})}) {
    const auto grouping = dicom::group(images);
    ASSERT_EQ(grouping.acquisitions.size(), 1u);
    EXPECT_EQ(grouping.acquisitions[0].problem, "it mixes images from before and after contrast");
    EXPECT_EQ(grouping.acquisitions[0].contrast, kUnknown);
    EXPECT_EQ(grouping.acquisitions[0].evidence.size(), 2u);
  }
  EXPECT_TRUE(dicom::group(with_bolus(together({pre, post}), kNoon - 600)).acquisitions.at(0).fits());
}

TEST(ContrastWords, DenyTheAgentOnlyWhereTheyNameIt) {
  for (const char* text : {"t1 non contrast", "vibe_without_gd", "T1 ohne Kontrast", "non-enhanced", "VFA non CE",
                           "T1 vor KM", "t1_vfa w/o Gd", "no Gd", "T1 sans Gd"})
    EXPECT_EQ(dicom::contrast_in_words(text), kBefore) << text;
  for (const char* text : {"T1 + contrast", "T1 +contrast", "post contrast", "after contrast", "with contrast",
                           "t1_post_non_fs", "ohne FS nach KM"})
    EXPECT_EQ(dicom::contrast_in_words(text), kAfter) << text;
  for (const char* text : {"t1_vfa_non_fs", "without fat sat", "ohne FS", "phase contrast", "contrast"})
    EXPECT_EQ(dicom::contrast_in_words(text), kUnknown) << text;
}

TEST(ContrastWords, AreWholeWordsAndNegativesComeFirst) {
  EXPECT_EQ(dicom::contrast_in_words("T1 PRE contrast"), kBefore);
  EXPECT_EQ(dicom::contrast_in_words("t1_vibe_nativ"), kBefore);
  EXPECT_EQ(dicom::contrast_in_words("T1 ohne KM"), kBefore);
  EXPECT_EQ(dicom::contrast_in_words("T1 nach KM"), kAfter);
  EXPECT_EQ(dicom::contrast_in_words("AX T1+C"), kAfter);
  EXPECT_EQ(dicom::contrast_in_words("vfa post Gd"), kAfter);
  EXPECT_EQ(dicom::contrast_in_words("presaturation, postero-lateral"), kUnknown);
  EXPECT_EQ(dicom::contrast_in_words("pre and post"), kUnknown);
  EXPECT_EQ(dicom::contrast_in_words(""), kUnknown);
}
