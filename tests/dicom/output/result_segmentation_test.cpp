#include "dicom/output/result_segmentation.h"

#include <gmock/gmock.h>

#include "dicom/uid.h"
#include "tests/dicom/output/synthetic.h"
#include "tests/support/judges.h"

namespace dicom {
namespace {

using synthetic::kRoot;
using synthetic::Object;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// Voxels of slices [first, last] in a pattern that no shift maps onto itself.
fitting::Mask scattered(const fitting::Geometry& g, int first, int last, std::size_t step) {
  fitting::Mask mask{g, std::vector<std::uint8_t>(g.voxels())};
  for (std::size_t i = static_cast<std::size_t>(first) * g.slice_voxels();
       i < static_cast<std::size_t>(last + 1) * g.slice_voxels(); ++i)
    mask.inside[i] = i * i % step < step / 2 ? 1 : 0;
  return mask;
}

struct Scene {
  support::TempFolder folder;
  SegmentationRequest request;

  explicit Scene(const fitting::Geometry& g = synthetic::geometry(45, 51, 5)) {
    request.template_image = synthetic::write_template(folder.path());
    for (int k = 1; k <= g.slices(); ++k)
      request.per_slice.push_back({{UID_MRImageStorage, kRoot + ".1.10." + std::to_string(k), kRoot + ".1.10"},
                                   {UID_MRImageStorage, kRoot + ".1.11." + std::to_string(k), kRoot + ".1.11"}});
    request.content_datetime = "20261101113000";
    request.digest = "inputs and settings";
    request.equipment.version = "0.1.0";
    request.segments = {{"Lesion 1", "lesion-1", kRoot + ".7.1", {}, {}, "L", "MANUAL", "", "", scattered(g, 1, 3, 7)},
                        {"Lesion 2",
                         "lesion-2",
                         kRoot + ".7.2",
                         {},
                         {},
                         "",
                         "SEMIAUTOMATIC",
                         "Region growing",
                         "seed by a reader",
                         scattered(g, 0, 1, 11)},
                        {"Muscle", "reference", kRoot + ".7.3", reference_tissue_category(), reference_tissue_type(),
                         "R", "AUTOMATIC", "Herald reference tissue", "", scattered(g, 3, 3, 5)}};
  }
  [[nodiscard]] Written written() const {
    auto result = write_result_segmentation(request, folder.path());
    EXPECT_TRUE(result) << result.error().what;
    return result ? *result : Written{};
  }
};

// Bits by numpy, for every remainder of a frame's size by 8, and with several segments on one grid.
TEST(ResultSegmentation, HoldsTheMasksBitForBitWhateverTheMatrix) {
  HERALD_NEEDS(support::has_pydicom(), "pydicom");
  for (const auto& [columns, rows] :
       std::vector<std::pair<int, int>>{{8, 8}, {9, 9}, {5, 2}, {9, 3}, {6, 2}, {7, 3}, {7, 2}, {5, 3}, {45, 51}}) {
    SCOPED_TRACE(columns * rows % 8);
    const Scene scene(synthetic::geometry(columns, rows, 5));
    const auto raw = scene.folder / "masks.raw";
    std::ofstream out(raw, std::ios::binary);
    for (const SegmentToWrite& segment : scene.request.segments)
      out.write(reinterpret_cast<const char*>(segment.mask.inside.data()),
                static_cast<std::streamsize>(segment.mask.inside.size()));
    out.close();
    const auto verdict = support::pydicom(
        "import sys, numpy, pydicom\n"
        "d = pydicom.dcmread(sys.argv[1])\n"
        "size = d.Rows * d.Columns\n"
        "masks = numpy.fromfile(sys.argv[2], numpy.uint8).reshape(3, 5, size)\n"
        "bits = numpy.unpackbits(numpy.frombuffer(d.PixelData, numpy.uint8), bitorder='little')\n"
        "assert len(d.PixelData) % 2 == 0\n"
        "seen = numpy.zeros_like(masks)\n"
        "heights = sorted({tuple(float(x) for x in f.PlanePositionSequence[0].ImagePositionPatient)\n"
        "                  for f in d.PerFrameFunctionalGroupsSequence}, key=lambda p: p[2])\n"
        "occupied = sorted(set(numpy.nonzero(masks.any(axis=2))[1]))\n"
        "assert len(occupied) == len(heights)\n"
        "for n, f in enumerate(d.PerFrameFunctionalGroupsSequence):\n"
        "    s = f.SegmentIdentificationSequence[0].ReferencedSegmentNumber\n"
        "    p = tuple(float(x) for x in f.PlanePositionSequence[0].ImagePositionPatient)\n"
        "    assert list(f.FrameContentSequence[0].DimensionIndexValues) == [s, heights.index(p) + 1]\n"
        "    frame = bits[n * size:(n + 1) * size]\n"
        "    assert frame.any(), 'an empty frame'\n"
        "    seen[s - 1, occupied[heights.index(p)]] = frame\n"
        "assert (seen == masks).all()\n"
        "assert not bits[d.NumberOfFrames * size:].any()\n",
        {scene.written().file, raw});
    EXPECT_EQ(verdict.status, 0) << verdict.output;
  }
}

TEST(ResultSegmentation, SaysOfEachSegmentWhatItIsWhoseAndHowItWasMade) {
  const Scene scene;
  Object object(scene.written().file);
  const auto segments = Object::items(object.data(), DCM_SegmentSequence);
  ASSERT_EQ(segments.size(), 3u);
  const auto code = [](DcmItem& item, const DcmTagKey& tag) { return text(Object::item(item, tag), DCM_CodeValue); };
  EXPECT_EQ(code(*segments[0], DCM_SegmentedPropertyCategoryCodeSequence), "49755003");
  EXPECT_EQ(code(*segments[0], DCM_SegmentedPropertyTypeCodeSequence), "108369006");
  EXPECT_EQ(code(*segments[2], DCM_SegmentedPropertyCategoryCodeSequence), "85756007");
  EXPECT_EQ(code(*segments[2], DCM_SegmentedPropertyTypeCodeSequence), "60005003");
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(*number(*segments[i], DCM_SegmentNumber), static_cast<double>(i + 1));
    EXPECT_EQ(text(*segments[i], DCM_TrackingUID), scene.request.segments[i].tracking_uid);
    EXPECT_EQ(text(*segments[i], DCM_TrackingID), scene.request.segments[i].tracking_id);
    EXPECT_EQ(text(*segments[i], DCM_SegmentAlgorithmType), scene.request.segments[i].algorithm_type);
    EXPECT_EQ(text(*segments[i], DCM_SegmentAlgorithmName), scene.request.segments[i].algorithm_name);
    EXPECT_EQ(code(*segments[i], DCM_AnatomicRegionSequence), "76752008");
  }
  EXPECT_EQ(code(Object::item(*segments[0], DCM_AnatomicRegionSequence), DCM_AnatomicRegionModifierSequence),
            "7771000");
  EXPECT_THAT(Object::items(Object::item(*segments[1], DCM_AnatomicRegionSequence), DCM_AnatomicRegionModifierSequence),
              IsEmpty());
  EXPECT_THAT(Object::items(*segments[1], DCM_SegmentationAlgorithmIdentificationSequence), IsEmpty());
  DcmItem& algorithm = Object::item(*segments[2], DCM_SegmentationAlgorithmIdentificationSequence);
  EXPECT_EQ(text(algorithm, DCM_AlgorithmName), "Herald reference tissue");
  EXPECT_EQ(text(algorithm, DCM_AlgorithmVersion), "0.1.0");
  EXPECT_EQ(text(*segments[1], DCM_SegmentDescription), "seed by a reader");
}

TEST(ResultSegmentation, GivesEachFrameItsSourceImagesAndListsThem) {
  const Scene scene;
  Object object(scene.written().file);
  const auto frames = Object::items(object.data(), DCM_PerFrameFunctionalGroupsSequence);
  ASSERT_EQ(frames.size(), 6u);  // slices 1 to 3, 0 and 1, 3
  const std::vector<int> slices = {1, 2, 3, 0, 1, 3};
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const auto sources = Object::items(Object::item(*frames[i], DCM_DerivationImageSequence), DCM_SourceImageSequence);
    ASSERT_EQ(sources.size(), 2u);
    EXPECT_EQ(text(*sources[0], DCM_ReferencedSOPInstanceUID), kRoot + ".1.10." + std::to_string(slices[i] + 1));
  }
  const auto series = Object::items(object.data(), DCM_ReferencedSeriesSequence);
  ASSERT_EQ(series.size(), 2u);
  EXPECT_EQ(text(*series[0], DCM_SeriesInstanceUID), kRoot + ".1.10");
  EXPECT_EQ(Object::items(*series[0], DCM_ReferencedInstanceSequence).size(), 4u);  // slice 4 holds nothing
}

TEST(ResultSegmentation, IsOursAndMarkedForResearch) {
  const Scene scene;
  Object object(scene.written().file);
  EXPECT_EQ(text(object.data(), DCM_ManufacturerModelName), kModelName);
  EXPECT_EQ(text(object.data(), DCM_SeriesDescription), "Lesion segments (RESEARCH)");
  EXPECT_EQ(text(object.data(), DCM_ContentDescription), kResearchNotice);
  EXPECT_EQ(text(object.data(), DCM_ContentLabel), "LESION");
  EXPECT_EQ(text(object.data(), DCM_FrameOfReferenceUID), kRoot + ".1.2");
  for (DcmItem* segment : Object::items(object.data(), DCM_SegmentSequence))
    EXPECT_THAT(text(*segment, DCM_SegmentDescription), Not(HasSubstr("unreviewed")));
}

TEST(ResultSegmentation, LiesInTheFrameOfReferenceOfItsOutlinesNotOfTheTemplate) {
  Scene scene;
  scene.request.frame_of_reference_uid = kRoot + ".1.2";
  EXPECT_EQ(text(Object(scene.written().file).data(), DCM_FrameOfReferenceUID), kRoot + ".1.2");
  scene.request.frame_of_reference_uid = kRoot + ".77";
  EXPECT_EQ(text(Object(scene.written().file).data(), DCM_FrameOfReferenceUID), kRoot + ".77");
  scene.request.frame_of_reference_uid = "no uid";
  const std::string derived = text(Object(scene.written().file).data(), DCM_FrameOfReferenceUID);
  EXPECT_TRUE(is_uid(derived)) << derived;
  EXPECT_NE(derived, kRoot + ".1.2") << "it would claim the frame of the template";
}

TEST(ResultSegmentation, SaysOfEverySegmentOfAProposalThatNobodyHasReviewedIt) {
  Scene scene;
  const Written measured = scene.written();
  scene.request.content_label = "PROPOSAL";
  scene.request.segments[1].description = "unreviewed: early enhancement above 90 %";
  const Written proposal = scene.written();
  Object object(proposal.file);
  EXPECT_EQ(text(object.data(), DCM_ContentLabel), "PROPOSAL");
  const auto segments = Object::items(object.data(), DCM_SegmentSequence);
  EXPECT_EQ(text(*segments[0], DCM_SegmentDescription), "unreviewed proposal");
  EXPECT_EQ(text(*segments[1], DCM_SegmentDescription), "unreviewed: early enhancement above 90 %");
  EXPECT_NE(proposal.series_uid, measured.series_uid);
  EXPECT_NE(proposal.file, measured.file);
}

TEST(ResultSegmentation, NamesWhatItReplacesAndItsRevision) {
  Scene scene;
  scene.request.revision = 3;
  scene.request.predecessors = {{UID_SegmentationStorage, kRoot + ".4.1", kRoot + ".4"}};
  Object object(scene.written().file);
  EXPECT_EQ(text(object.data(), DCM_SeriesDescription), "Lesion segments rev 3 (RESEARCH)");
  DcmItem& replaced = Object::item(object.data(), DCM_ReferencedInstanceSequence);
  EXPECT_EQ(text(replaced, DCM_ReferencedSOPInstanceUID), kRoot + ".4.1");
  EXPECT_EQ(text(Object::item(replaced, DCM_PurposeOfReferenceCodeSequence), DCM_CodeMeaning), "Replaced instance");
}

TEST(ResultSegmentation, RefusesWhatDoesNotFitTogether) {
  const Scene good;
  const auto refuses = [&](auto spoil) {
    SegmentationRequest request = good.request;
    spoil(request);
    const auto written = write_result_segmentation(request, good.folder.path());
    return !written && written.error().fault == Fault::Malformed;
  };
  EXPECT_TRUE(refuses([](auto& r) { r.segments.clear(); }));
  EXPECT_TRUE(refuses([](auto& r) { r.per_slice.pop_back(); }));
  EXPECT_TRUE(refuses([](auto& r) { r.content_label = "TUMOUR"; }));
  EXPECT_TRUE(refuses([](auto& r) { r.segments[1].algorithm_type = "GUESS"; }));
  EXPECT_TRUE(refuses([](auto& r) { r.segments[1].algorithm_name.clear(); }));
  EXPECT_TRUE(refuses([](auto& r) { r.segments[1].tracking_uid.clear(); }));
  EXPECT_TRUE(refuses([](auto& r) { r.segments[0].laterality = "left"; }));
  EXPECT_TRUE(
      refuses([](auto& r) { std::fill(r.segments[2].mask.inside.begin(), r.segments[2].mask.inside.end(), 0); }));
  EXPECT_TRUE(refuses([](auto& r) { r.segments[2].mask.inside.pop_back(); }));
  EXPECT_TRUE(refuses([](auto& r) { r.segments[2].mask = scattered(synthetic::geometry(45, 51, 5, 9), 3, 3, 5); }));
}

TEST(ResultSegmentation, IsTheSameBytesTheSecondTimeAndChangesItsUidWithAVoxel) {
  Scene scene;
  const Written first = scene.written();
  const std::string bytes = synthetic::bytes(first.file);
  EXPECT_EQ(synthetic::bytes(scene.written().file), bytes);
  scene.request.segments[0].mask.inside[51 * 45 + 17] ^= 1;
  EXPECT_NE(scene.written().sop_instance_uid, first.sop_instance_uid);
}

TEST(ResultSegmentation, PassesDciodvfy) {
  HERALD_NEEDS(support::on_path("dciodvfy"), "dciodvfy");
  Scene plain, proposal(synthetic::geometry(16, 12, 5, 40)), single(synthetic::geometry(9, 7, 5));
  proposal.request.content_label = "PROPOSAL";
  proposal.request.revision = 2;
  proposal.request.predecessors = {{UID_SegmentationStorage, kRoot + ".4.1", kRoot + ".4"}};
  single.request.segments.resize(1);
  Scene unseen;  // no image lies on its grid
  unseen.request.frame_of_reference_uid = kRoot + ".77";
  for (auto& images : unseen.request.per_slice) images.clear();
  for (const Scene* scene : {&plain, &proposal, &single, &unseen}) {
    const auto verdict = support::dciodvfy(scene->written().file);
    EXPECT_THAT(verdict.lines_with("Error"), IsEmpty()) << verdict.output;
    EXPECT_THAT(verdict.output, HasSubstr("Segmentation"));
  }
}

}  // namespace
}  // namespace dicom
