// Several lesions, several readers, tissue beside them, and proposals where nobody has outlined anything.
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <gmock/gmock.h>

#include "tests/dicom/input/dicom_files.h"
#include "tests/server/outlined_exam.h"

namespace {

using namespace outlined_exam;
using testing::HasSubstr;
using testing::Not;

// The same outline elsewhere in the image, by whole voxels.
OutlinedLesion moved(OutlinedLesion lesion, int columns, int rows) {
  const fitting::Mask from = lesion.mask;
  const int width = from.geometry.columns, height = from.geometry.rows;
  std::fill(lesion.mask.inside.begin(), lesion.mask.inside.end(), 0);
  for (std::size_t i = 0; i < from.inside.size(); ++i) {
    const int at = static_cast<int>(i % from.geometry.slice_voxels());
    const int column = at % width + columns, row = at / width + rows;
    if (from.inside[i] == 0 || column < 0 || row < 0 || column >= width || row >= height) continue;
    lesion.mask.inside[i + static_cast<std::size_t>(rows * width + columns)] = 1;
  }
  return lesion;
}

// Every third of its columns alone.
OutlinedLesion thinned(OutlinedLesion lesion) {
  for (std::size_t i = 0; i < lesion.mask.inside.size(); ++i)
    if (static_cast<int>(i % static_cast<std::size_t>(lesion.mask.geometry.columns)) % 3 != 0)
      lesion.mask.inside[i] = 0;
  return lesion;
}

OutlinedLesion named(OutlinedLesion lesion, const std::string& label, int number, const std::string& reader) {
  lesion.label = label;
  lesion.tracking_uid = "1.2.3.9." + std::to_string(label.size());
  lesion.sop_instance_uid = "1.2.3.7." + std::to_string(number);
  lesion.reader = reader;
  return lesion;
}

void write(const fs::path& folder, const OutlinedLesion& lesion) {
  support::write_seg(lesion, folder / (lesion.sop_instance_uid + ".dcm"));
}

report::Report nomogram(const Outcome& outcome) { return report::read(outcome.file("nomogram/sr_nomogram")); }

// What the nomograms call the lesion that they use.
std::string used(const Outcome& outcome) {
  const auto report = nomogram(outcome);
  for (const report::Item* item : report.root.named("Lesion"))
    if (item->name == "Lesion") return item->text;
  return {};
}

TEST(SeveralLesions, TheLargestIsTheOneThatSyMriModelsUse) {
  Exam exam(96, "architect-symri-maps", "symri-muse");
  const OutlinedLesion large = named(exam.lesion(), "Large", 2, "Reader^One");
  const OutlinedLesion small = named(thinned(moved(exam.lesion(), -14, 0)), "Little", 1, "Reader^One");
  const Outcome outcome = exam.run([&](const fs::path& folder) {
    write(folder, small);
    write(folder, large);
  });
  ASSERT_TRUE(outcome.measured()) << outcome.jobs("measure");
  EXPECT_EQ(used(outcome), "Large");
  EXPECT_THAT(outcome.measurements().root.all_text(),
              HasSubstr("2 lesions are outlined; the nomograms use the largest."));
}

TEST(SeveralLesions, AreRefusedByAModelOfUnifocalDisease) {
  Exam exam;
  const Outcome outcome = exam.run(
      [&](const fs::path& folder) {
        write(folder, named(exam.lesion(), "One", 1, "Reader^One"));
        write(folder, named(moved(exam.lesion(), -14, 0), "Other", 2, "Reader^One"));
      },
      {{"er", "neg"}});
  ASSERT_TRUE(outcome.measured()) << outcome.jobs("measure");
  const auto report = nomogram(outcome);
  EXPECT_TRUE(report.root.named("P(").empty()) << report.root.all_text();
  EXPECT_THAT(report.root.all_text(), HasSubstr("multifocal"));
}

TEST(SeveralLesions, OfTwoReadersHaveAnIntraclassCorrelation) {
  Exam exam;
  const OutlinedLesion one = exam.lesion(), other = moved(one, -14, 0);
  const Outcome outcome = exam.run([&](const fs::path& folder) {
    write(folder, named(one, "One", 1, "Reader^One"));
    write(folder, named(moved(one, 1, 0), "One", 2, "Reader^Two"));
    write(folder, named(other, "Other", 3, "Reader^One"));
    write(folder, named(moved(other, 0, 1), "Other", 4, "Reader^Two"));
  });
  ASSERT_TRUE(outcome.measured()) << outcome.jobs("measure");
  const std::string text = outcome.measurements().root.all_text();
  for (const char* slot : {"t1_pre", "t1_post", "dwi"})
    EXPECT_THAT(text, HasSubstr(std::string("Agreement of 2 readings of 2 lesions on ") + slot + ": ICC(2,1)"));
}

TEST(SeveralLesions, TissueForReferenceIsMeasuredAndIsNoLesion) {
  Exam exam;
  const OutlinedLesion tissue = named(moved(exam.lesion(), -14, 0), "Pectoralis", 1, "Reader^One");
  const OutlinedLesion lesion = named(thinned(exam.lesion()), "Lesion", 2, "Reader^One");
  const Outcome outcome = exam.run([&](const fs::path& folder) {
    write(folder, lesion);
    const fs::path file = folder / "tissue.dcm";
    support::write_seg(tissue, file);
    DcmFileFormat format;
    ASSERT_TRUE(format.loadFile(file.c_str()).good() && format.loadAllDataIntoMemory().good());
    DcmItem* segment = nullptr;
    ASSERT_TRUE(format.getDataset()->findAndGetSequenceItem(DCM_SegmentSequence, segment).good());
    segment->findAndDeleteElement(DCM_SegmentedPropertyTypeCodeSequence);
    dicom_files::put_code(*segment, DCM_SegmentedPropertyCategoryCodeSequence, "85756007", "SCT", "Tissue");
    dicom_files::put_code(*segment, DCM_SegmentedPropertyTypeCodeSequence, "60005003", "SCT", "Pectoralis major");
    ASSERT_TRUE(format.saveFile(file.c_str(), EXS_LittleEndianExplicit).good());
  });
  ASSERT_TRUE(outcome.measured()) << outcome.jobs("measure");
  const auto numbers = numbers_of(outcome.measurements());
  EXPECT_TRUE(
      std::ranges::any_of(numbers, [](const auto& n) { return n.first.starts_with("Pectoralis T1 pre slice"); }));
  EXPECT_EQ(used(outcome), "Lesion") << "the larger region is not the lesion";
  EXPECT_THAT(outcome.measurements().root.all_text(), Not(HasSubstr("lesions are outlined")));
  EXPECT_THAT(nomogram(outcome).root.all_text(), Not(HasSubstr("multifocal")));
}

TEST(SeveralLesions, OnSeveralGridsHaveDocumentsOfTheirOwn) {
  Exam exam;
  OutlinedLesion elsewhere = named(moved(exam.lesion(), -14, 0), "Other", 2, "Reader^One");
  for (auto& origin : elsewhere.mask.geometry.slice_origins_mm)
    origin += 0.3 * elsewhere.mask.geometry.row_direction;  // a grid of its own
  const Outcome outcome = exam.run([&](const fs::path& folder) {
    write(folder, named(exam.lesion(), "One", 1, "Reader^One"));
    write(folder, elsewhere);
  });
  EXPECT_EQ(outcome.summary.jobs_failed, 0u) << outcome.jobs("measure");
  const auto first = report::read(outcome.file("measurements/sr_segments"));
  const auto second = report::read(outcome.file("measurements/sr_segments_2"));
  EXPECT_NE(first.sop_instance_uid, second.sop_instance_uid);
  EXPECT_THAT(first.root.all_text(), HasSubstr("One"));
  EXPECT_THAT(second.root.all_text(), HasSubstr("Other"));
}

// --- proposals

TEST(ProposedLesion, IsMeasuredMarkedAndInNoNomogram) {
  Exam exam(128, "skyra-dki", "skyra-dki");
  exam.add_to_recipe("propose_lesions = true");
  const Outcome outcome = exam.run([](const fs::path&) {});
  ASSERT_TRUE(outcome.reported()) << outcome.jobs("propose");
  EXPECT_TRUE(fs::exists(outcome.file("measurements/seg_proposal")));
  EXPECT_FALSE(fs::exists(outcome.segmentation()));
  EXPECT_FALSE(fs::exists(outcome.study / "nomogram"));
  const auto roi = dicom::read_roi(outcome.file("measurements/seg_proposal"));
  ASSERT_TRUE(roi) << roi.error().what;
  ASSERT_FALSE(roi->regions.empty());
  for (const dicom::Region& region : roi->regions) EXPECT_TRUE(region.automatic()) << region.label;
  for (const char* name : {"measurements/sr_measurements", "measurements/sr_segments"})
    EXPECT_THAT(report::read(outcome.file(name)).root.all_text(), HasSubstr("nobody has reviewed")) << name;
  for (const auto& [name, value] : numbers_of(outcome.measurements())) EXPECT_THAT(name, HasSubstr("(unreviewed)"));
  quote("proposal", outcome.sentence("nobody has reviewed"));
}

TEST(ProposedLesion, GivesWayToAReader) {
  Exam exam(128, "skyra-dki", "skyra-dki");
  exam.add_to_recipe("propose_lesions = true");
  const Outcome outcome = exam.run([&](const fs::path& folder) { write(folder, exam.lesion()); });
  ASSERT_TRUE(outcome.measured()) << outcome.jobs("measure");
  EXPECT_EQ(outcome.jobs("propose"), "");
  EXPECT_FALSE(fs::exists(outcome.file("measurements/seg_proposal")));
  EXPECT_THAT(outcome.measurements().root.all_text(), Not(HasSubstr("Proposal")));
}

TEST(ProposedLesion, IsNotMadeWhereTheRecipeDoesNotAsk) {
  Exam exam(96, "skyra-dki", "skyra-dki");
  exam.add_to_recipe("propose_lesions = false");
  const Outcome outcome = exam.run([](const fs::path&) {});
  EXPECT_EQ(outcome.jobs("propose"), "");
  EXPECT_FALSE(fs::exists(outcome.study / "measurements"));
  EXPECT_FALSE(maps_of(outcome).empty());
}

}  // namespace
