// Outlines that are wrong: refused or doubted in words, and no map is other than without them.
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <gmock/gmock.h>

#include "tests/server/outlined_exam.h"

namespace {

using namespace outlined_exam;
using testing::HasSubstr;
using testing::Not;

// Changes a written object in place.
void edit(const fs::path& file, const std::function<void(DcmDataset&)>& change) {
  DcmFileFormat format;
  ASSERT_TRUE(format.loadFile(file.c_str()).good());
  ASSERT_TRUE(format.loadAllDataIntoMemory().good());
  change(*format.getDataset());
  ASSERT_TRUE(format.saveFile(file.c_str(), EXS_LittleEndianExplicit).good());
}

DcmItem& first(DcmItem& item, const DcmTagKey& sequence) {
  DcmItem* found = nullptr;
  EXPECT_TRUE(item.findAndGetSequenceItem(sequence, found).good()) << sequence.toString();
  return *found;
}

class WrongOutline : public testing::Test {
 protected:
  // The exam with `write`'s outline says `sentence` somewhere, and its maps are those without.
  void expect_said(const std::string& what, const Exam::Write& write, const std::string& sentence, bool measured) {
    const Outcome outcome = exam_.run(write);
    EXPECT_EQ(outcome.summary.jobs_failed, 0u) << outcome.jobs("measure") << outcome.jobs("nomogram");
    EXPECT_EQ(outcome.measured(), measured) << outcome.jobs("measure");
    const std::string said = outcome.sentence(sentence);
    EXPECT_FALSE(said.empty()) << "nobody says \"" << sentence << "\" in\n"
                               << outcome.jobs("measure") << outcome.summary.studies.at(0).at("passed_over").dump(1)
                               << (outcome.measured() ? outcome.measurements().root.all_text() : "");
    quote(what, said);
    EXPECT_TRUE(maps_of(outcome) == maps_of(exam_.without())) << "a map depends on the outline";
    EXPECT_FALSE(maps_of(outcome).empty());
  }

  static Exam::Write seg(const OutlinedLesion& lesion, const std::function<void(DcmDataset&)>& change = {}) {
    return [=](const fs::path& folder) {
      support::write_seg(lesion, folder / "outline.dcm");
      if (change) edit(folder / "outline.dcm", change);
    };
  }
  static Exam::Write gsps(const OutlinedLesion& lesion, const std::function<void(DcmDataset&)>& change = {}) {
    return [=](const fs::path& folder) {
      support::write_gsps(lesion, folder / "outline.dcm");
      if (change) edit(folder / "outline.dcm", change);
    };
  }

  // Every outline of a presentation state, its last point (the first once more) replaced by one `gap` pixels away from
  // the first.
  static void open_by(DcmDataset& dataset, float gap) {
    DcmSequenceOfItems* annotations = nullptr;
    ASSERT_TRUE(dataset.findAndGetSequence(DCM_GraphicAnnotationSequence, annotations).good());
    for (unsigned long i = 0; i < annotations->card(); ++i) {
      DcmItem& graphic = first(*annotations->getItem(i), DCM_GraphicObjectSequence);
      const Float32* values = nullptr;
      unsigned long count = 0;
      ASSERT_TRUE(graphic.findAndGetFloat32Array(DCM_GraphicData, values, &count).good());
      std::vector<Float32> points(values, values + count);
      points[count - 2] += gap;
      ASSERT_TRUE(graphic.putAndInsertFloat32Array(DCM_GraphicData, points.data(), count).good());
    }
  }

  Exam exam_;
};

TEST_F(WrongOutline, OfAnotherFrameOfReferenceIsNotMeasured) {
  OutlinedLesion lesion = exam_.lesion();
  lesion.frame_of_reference_uid += ".9";
  expect_said("another frame of reference", seg(lesion), "outlined in another frame of reference", false);
}

TEST_F(WrongOutline, OutsideTheVolumeIsNotMeasured) {
  OutlinedLesion lesion = exam_.lesion();
  for (auto& origin : lesion.mask.geometry.slice_origins_mm) origin.z() += 500;
  expect_said("outside the volume", seg(lesion), "lies outside the map", false);
}

TEST_F(WrongOutline, OfThreePixelsIsMeasuredAndDoubted) {
  OutlinedLesion lesion = exam_.lesion();
  const int slice = lesion.mask.largest_slice().value();
  const std::size_t size = lesion.mask.geometry.slice_voxels();
  const auto voxels = static_cast<std::size_t>(slice) * size;
  int left = 3;
  for (std::size_t i = 0; i < lesion.mask.inside.size(); ++i)
    if (lesion.mask.inside[i] != 0) lesion.mask.inside[i] = i >= voxels && left-- > 0;
  ASSERT_EQ(lesion.mask.count(), 3u);
  expect_said("three pixels", seg(lesion), "its largest slice has only 3 voxels", true);
}

TEST_F(WrongOutline, WithASmallGapIsClosedAndSaid) {
  expect_said("open by half a pixel", gsps(exam_.lesion(), [](DcmDataset& d) { open_by(d, 0.5F); }),
              "open by 0.5 pixels and was closed", true);
}

TEST_F(WrongOutline, WithALargeGapIsNoOutline) {
  expect_said("open by five pixels", gsps(exam_.lesion(), [](DcmDataset& d) { open_by(d, 5); }),
              "without closed graphics", false);
}

TEST_F(WrongOutline, OfWhichOneIsWideOpenIsMeasuredWithoutIt) {
  expect_said("one of several open by five pixels",
              gsps(exam_.lesion(),
                   [](DcmDataset& d) {
                     DcmItem& graphic = first(first(d, DCM_GraphicAnnotationSequence), DCM_GraphicObjectSequence);
                     const Float32* values = nullptr;
                     unsigned long count = 0;
                     graphic.findAndGetFloat32Array(DCM_GraphicData, values, &count);
                     std::vector<Float32> points(values, values + count);
                     points[count - 2] += 5;
                     graphic.putAndInsertFloat32Array(DCM_GraphicData, points.data(), count);
                   }),
              "A region of a GSPS was not taken: graphic 1: it is open by", true);
}

TEST_F(WrongOutline, InDisplayUnitsIsNotTaken) {
  const auto display = [](DcmDataset& dataset) {
    DcmSequenceOfItems* annotations = nullptr;
    ASSERT_TRUE(dataset.findAndGetSequence(DCM_GraphicAnnotationSequence, annotations).good());
    for (unsigned long i = 0; i < annotations->card(); ++i)
      first(*annotations->getItem(i), DCM_GraphicObjectSequence)
          .putAndInsertString(DCM_GraphicAnnotationUnits, "DISPLAY");
  };
  expect_said("display units", gsps(exam_.lesion(), display), "it is drawn in DISPLAY units", false);
}

TEST_F(WrongOutline, OnImagesThatAreNotHereIsNotTakenFromAnSr) {
  OutlinedLesion lesion = exam_.lesion();
  for (std::string& image : lesion.images) image += ".9";
  expect_said(
      "images that are not here", [&](const fs::path& folder) { support::write_scoord_sr(lesion, folder / "o.dcm"); },
      "is not here", false);
}

TEST_F(WrongOutline, InSpaceOnImagesThatAreNotHereIsMeasuredAndItsGridIsSaid) {
  OutlinedLesion lesion = exam_.lesion();
  for (std::string& image : lesion.images) image += ".9";
  const Outcome outcome = exam_.run([&](const fs::path& folder) { support::write_rtstruct(lesion, folder / "o.dcm"); });
  EXPECT_EQ(outcome.summary.jobs_failed, 0u) << outcome.jobs("measure");
  ASSERT_TRUE(outcome.measured()) << outcome.jobs("measure");
  EXPECT_TRUE(maps_of(outcome) == maps_of(exam_.without()));
}

TEST_F(WrongOutline, OnAMatrixOfNoSeriesIsCarriedByPosition) {
  // Half as many voxels of twice the size.
  const OutlinedLesion fine = exam_.lesion();
  OutlinedLesion coarse = fine;
  fitting::Geometry& grid = coarse.mask.geometry;
  grid.rows = grid.columns = 37;
  const fitting::Vec3 off =
      grid.row_direction * (11.3 * grid.column_spacing_mm) + grid.column_direction * (13.7 * grid.row_spacing_mm);
  grid.row_spacing_mm *= 1.9;
  grid.column_spacing_mm *= 1.9;
  for (auto& origin : grid.slice_origins_mm) origin += off;
  const auto carried = fitting::carry(fine.mask, grid);
  ASSERT_TRUE(std::holds_alternative<fitting::Carried>(carried)) << std::get<fitting::Refusal>(carried).reason;
  coarse.mask = std::get<fitting::Carried>(carried).mask;
  const Outcome outcome = exam_.run(seg(coarse));
  EXPECT_EQ(outcome.summary.jobs_failed, 0u) << outcome.jobs("measure");
  ASSERT_TRUE(outcome.measured()) << outcome.jobs("measure");
  EXPECT_TRUE(maps_of(outcome) == maps_of(exam_.without()));
}

TEST_F(WrongOutline, OfAnAlgorithmIsNotMeasured) {
  const auto automatic = [](DcmDataset& dataset) {
    first(dataset, DCM_SegmentSequence).putAndInsertString(DCM_SegmentAlgorithmType, "AUTOMATIC");
  };
  expect_said("AUTOMATIC", seg(exam_.lesion(), automatic), "an algorithm's proposal that nobody has reviewed", false);
}

TEST_F(WrongOutline, WithTooFewBytesOfPixelsIsNotRead) {
  const auto cut = [](DcmDataset& dataset) {
    const std::array<Uint8, 10> bytes{0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4, 5, 6};
    dataset.putAndInsertUint8Array(DcmTag(DCM_PixelData, EVR_OB), bytes.data(), bytes.size());
  };
  expect_said("garbage for pixels", seg(exam_.lesion(), cut), "the pixel data are shorter than the frames", false);
}

TEST_F(WrongOutline, BesideAGoodOneIsLeftOutAndSaid) {
  const OutlinedLesion good = exam_.lesion();
  OutlinedLesion bad = good;
  bad.sop_instance_uid += ".2";
  bad.tracking_uid += ".2";
  bad.label = "Lesion 2";
  expect_said(
      "garbage beside a good outline",
      [&](const fs::path& folder) {
        support::write_seg(good, folder / "good.dcm");
        support::write_seg(bad, folder / "bad.dcm");
        edit(folder / "bad.dcm", [](DcmDataset& dataset) {
          const std::array<Uint8, 2> bytes{0xde, 0xad};
          dataset.putAndInsertUint8Array(DcmTag(DCM_PixelData, EVR_OB), bytes.data(), bytes.size());
        });
      },
      "An outline was not taken: the pixel data are shorter than the frames", true);
}

TEST_F(WrongOutline, ThatOverlapsAnotherIsMeasuredAndSaid) {
  const OutlinedLesion one = exam_.lesion();
  OutlinedLesion two = one;
  two.sop_instance_uid += ".2";
  two.tracking_uid += ".2";
  two.label = "Lesion 2";
  expect_said(
      "two outlines of one lesion under two Tracking UIDs",
      [&](const fs::path& folder) {
        support::write_seg(one, folder / "one.dcm");
        support::write_seg(two, folder / "two.dcm");
      },
      "Lesion 1 and Lesion 2 overlap by 100 % (Dice): if they are one lesion", true);
}

}  // namespace
