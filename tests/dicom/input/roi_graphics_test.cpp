// Graphics of reports and presentation states, one by one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

#include "tests/dicom/input/dicom_files.h"
#include "tests/support/roi_objects.h"
#include "tests/support/temp_folder.h"

using namespace dicom_files;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

struct Graphic {
  std::string type = "POLYLINE";
  std::vector<Float32> data = {};
  std::string units = "PIXEL";
  std::vector<std::string> images = {"1.2.3.1.1"};
  std::string tracking_uid = {};
};

const std::vector<Float32> kSquare{10, 10, 20, 10, 20, 20, 10, 20, 10, 10};

support::OutlinedLesion images(double column_mm = 0.5, double row_mm = 0.5) {
  fitting::Geometry grid;
  grid.columns = 100;
  grid.rows = 80;
  grid.column_spacing_mm = column_mm;
  grid.row_spacing_mm = row_mm;
  grid.slice_thickness_mm = 3;
  for (const double z : {0.0, 3.0, 6.0}) grid.slice_origins_mm.emplace_back(0, 0, z);
  return support::outlined({grid, {}});
}

void put_data(DcmItem& item, const std::vector<Float32>& data) {
  ASSERT_TRUE(item.putAndInsertFloat32Array(DcmTag(DCM_GraphicData, EVR_FL), data.data(), data.size()).good());
}

void fill_presentation_state(DcmDataset& dataset, const std::vector<Graphic>& graphics) {
  put_identity(dataset, UID_GrayscaleSoftcopyPresentationStateStorage, "1.2.3.7.1");
  for (const Graphic& graphic : graphics) {
    DcmItem& annotation = add_item(dataset, DCM_GraphicAnnotationSequence);
    for (const std::string& uid : graphic.images)
      put(add_item(annotation, DCM_ReferencedImageSequence), DCM_ReferencedSOPInstanceUID, uid);
    DcmItem& object = add_item(annotation, DCM_GraphicObjectSequence);
    put(object, DCM_GraphicType, graphic.type);
    put(object, DCM_GraphicAnnotationUnits, graphic.units);
    put_data(object, graphic.data);
    if (!graphic.tracking_uid.empty()) put(object, DCM_TrackingUID, graphic.tracking_uid);
  }
}

using Fill = std::function<void(DcmDataset&)>;

dicom::RoiObject read(const Fill& fill, const support::OutlinedLesion& drawn_on = images()) {
  const support::TempFolder folder;
  DcmFileFormat file;
  fill(*file.getDataset());
  save(file, folder / "roi");
  auto result = dicom::read_roi(folder / "roi", support::images_of(drawn_on));
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().what);
  return result.value_or(dicom::RoiObject{});
}

dicom::RoiObject graphics(const std::vector<Graphic>& all, const support::OutlinedLesion& drawn_on = images()) {
  return read([&](DcmDataset& dataset) { fill_presentation_state(dataset, all); }, drawn_on);
}

double area_mm2(const dicom::RoiObject& object) {
  if (object.regions.size() != 1) return -1;
  const fitting::Mask& mask = object.regions[0].mask;
  return static_cast<double>(mask.count()) * mask.geometry.column_spacing_mm * mask.geometry.row_spacing_mm;
}

dicom::Content content_of(const Fill& fill) {
  const support::TempFolder folder;
  DcmFileFormat file;
  fill(*file.getDataset());
  save(file, folder / "roi");
  return dicom::read_instance(folder / "roi").value().content;
}

// --- reports ---

DcmItem& add_content(DcmItem& parent, const char* type, const char* code = nullptr, const char* scheme = "DCM") {
  DcmItem& item = add_item(parent, DCM_ContentSequence);
  put(item, DCM_RelationshipType, "CONTAINS");
  put(item, DCM_ValueType, type);
  if (code != nullptr) put_code(item, DCM_ConceptNameCodeSequence, code, scheme, "name");
  return item;
}

DcmItem& add_region(DcmItem& group, const std::string& type, const std::vector<Float32>& data,
                    const std::string& image = "1.2.3.1.1", const char* frames = nullptr) {
  DcmItem& item = add_content(group, "SCOORD", "111030");
  put(item, DCM_GraphicType, type);
  put_data(item, data);
  if (image.empty()) return item;
  DcmItem& reference = add_item(add_content(item, "IMAGE"), DCM_ReferencedSOPSequence);
  put(reference, DCM_ReferencedSOPInstanceUID, image);
  if (frames != nullptr) put(reference, DCM_ReferencedFrameNumber, frames);
  return item;
}

DcmItem& add_group(DcmItem& document, const char* tracking_uid = nullptr) {
  DcmItem& group = add_content(document, "CONTAINER", "125007");
  if (tracking_uid != nullptr) put(add_content(group, "UIDREF", "112040"), DCM_UID, tracking_uid);
  return group;
}

dicom::RoiObject report(const Fill& fill) {
  return read([&](DcmDataset& dataset) {
    put_identity(dataset, UID_ComprehensiveSRStorage, "1.2.3.7.1");
    fill(dataset);
  });
}

}  // namespace

TEST(Graphics, OfEveryClosedKindEncloseTheirArea) {
  const double pi = std::numbers::pi;
  EXPECT_NEAR(area_mm2(graphics({{"POLYLINE", kSquare}})), 25, 1e-9);
  EXPECT_NEAR(area_mm2(graphics({{"CIRCLE", {50, 40, 70, 40}}})), pi * 100, 2);
  EXPECT_NEAR(area_mm2(graphics({{"ELLIPSE", {20, 40, 80, 40, 50, 20, 50, 60}}})), pi * 15 * 10, 3);
  EXPECT_NEAR(area_mm2(graphics({{"ELLIPSE", {36, 26, 64, 54, 43, 47, 57, 33}}})), pi * 14 * 7 * 2 * 0.25, 2)
      << "turned";
  // Eight points of a circle of 20 pixels: the spline bulges out to it.
  std::vector<Float32> around;
  for (int i = 0; i <= 8; ++i)
    for (const double value : {50 + 20 * std::cos(i * pi / 4), 40 + 20 * std::sin(i * pi / 4)})
      around.push_back(static_cast<Float32>(value));
  EXPECT_NEAR(area_mm2(graphics({{"INTERPOLATED", around}})), pi * 100, 4);
  EXPECT_NEAR(area_mm2(graphics({{"POLYLINE", around}})), 8 * 50 * std::sin(pi / 4), 3) << "the octagon has less";
}

// Whole pixels are those between whole numbers.
TEST(Graphics, CountFromTheCornerOfTheFirstPixel) {
  const auto read = graphics({{"POLYLINE", {0, 0, 1, 0, 1, 1, 0, 1, 0, 0}}});
  ASSERT_EQ(read.regions.size(), 1U);
  EXPECT_EQ(read.regions[0].mask.count(), 1U);
  EXPECT_EQ(read.regions[0].mask.inside[0], 1);
}

TEST(Graphics, AreCirclesInThePatientOnPixelsThatAreNotSquare) {
  EXPECT_NEAR(area_mm2(graphics({{"CIRCLE", {50, 40, 70, 40}}}, images(0.5, 1))), std::numbers::pi * 100, 3);
}

TEST(Graphics, ReachingBeyondTheImageAreCut) {
  EXPECT_NEAR(area_mm2(graphics({{"POLYLINE", {-1000, -1000, 10, -1000, 10, 10, -1000, 10, -1000, -1000}}})), 25, 1e-9);
}

TEST(Graphics, AreRefusedByName) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto refused = [](const Graphic& graphic) {
    const auto read = graphics({graphic});
    EXPECT_THAT(read.regions, IsEmpty());
    return read.refused.empty() ? "" : read.refused[0];
  };
  EXPECT_THAT(refused({.data = kSquare, .units = "DISPLAY"}), HasSubstr("graphic 1: it is drawn in DISPLAY units"));
  EXPECT_THAT(refused({.data = kSquare, .units = "MATRIX"}), HasSubstr("MATRIX units"));
  EXPECT_THAT(refused({.data = {1, 1, 5, 1, 5, 5}}), HasSubstr("open by 5.7"));
  EXPECT_THAT(refused({.data = {1, 1, 5, 1, 1, 1}}), HasSubstr("fewer than three points"));
  EXPECT_THAT(refused({.data = {1, 1, 5, 1, 5}}), HasSubstr("fewer than three points"));
  EXPECT_THAT(refused({.data = {1, 1, nan, 1, 5, 5, 1, 1}}), HasSubstr("no place in a patient"));
  EXPECT_THAT(refused({.data = {1, 1, 1e30F, 1, 5, 5, 1, 1}}), HasSubstr("no place in a patient"));
  EXPECT_THAT(refused({"POINT", {1, 1}}), HasSubstr("encloses no plane region (POINT)"));
  EXPECT_THAT(refused({"CIRCLE", {1, 1}}), HasSubstr("CIRCLE of 1 points"));
  EXPECT_THAT(refused({"CIRCLE", {1, 1, 1, 1}}), HasSubstr("the centre of no voxel"));
  EXPECT_THAT(refused({.data = kSquare, .images = {"1.2.3.1.1", "1.2.3.1.2"}}), HasSubstr("shown on 2 images"));
  EXPECT_THAT(refused({.data = kSquare, .images = {}}), HasSubstr("shown on 0 images"));
  EXPECT_THAT(refused({.data = kSquare, .images = {"1.2.3.1.99"}}), HasSubstr("an image that is not here"));
}

TEST(Graphics, OpenByLessThanAPixelAreClosedAndSaySo) {
  const auto read = graphics({{"POLYLINE", {10, 10, 20, 10, 20, 20, 10, 20, 10, 10.8F}}});
  EXPECT_NEAR(area_mm2(read), 25, 1e-9);
  EXPECT_THAT(read.regions.at(0).notes, ElementsAre("its outline is open by 0.8 pixels and was closed"));
}

TEST(Graphics, OfOneLesionAreOneRegionUnlessTheyOverlap) {
  const std::vector<Float32> other{40, 10, 50, 10, 50, 20, 40, 20, 40, 10};
  const auto two = graphics({{.data = kSquare, .tracking_uid = "1.2.9"},
                             {.data = kSquare, .images = {"1.2.3.1.3"}, .tracking_uid = "1.2.9"},
                             {.data = other, .tracking_uid = "1.2.9"},
                             {.data = kSquare, .images = {"1.2.3.1.2"}}});
  ASSERT_EQ(two.regions.size(), 2U);
  EXPECT_EQ(two.regions[0].mask.geometry.slices(), 2);
  EXPECT_EQ(two.regions[0].mask.count(), 300U);
  EXPECT_EQ(two.regions[1].number, 4);
  const auto repeated =
      graphics({{.data = kSquare, .tracking_uid = "1.2.9"}, {.data = kSquare, .tracking_uid = "1.2.9"}});
  ASSERT_EQ(repeated.regions.size(), 2U) << "a second reading";
  EXPECT_THAT(repeated.regions[1].notes, Contains(HasSubstr("a reading of its own")));
}

TEST(Graphics, MakeAPresentationStateARegionOnlyWhenTheyAreClosed) {
  const auto with = [](const Graphic& graphic) {
    return content_of([&](DcmDataset& dataset) { fill_presentation_state(dataset, {graphic}); });
  };
  EXPECT_EQ(with({.data = kSquare}), dicom::Content::Roi);
  EXPECT_EQ(with({"CIRCLE", {1, 1, 5, 1}}), dicom::Content::Roi);
  EXPECT_EQ(with({.data = {1, 1, 50, 50}}), dicom::Content::Other) << "an arrow";
  EXPECT_EQ(with({"POINT", {1, 1}}), dicom::Content::Other);
}

// --- reports ---

TEST(ReportRegions, AreHolesWithinOneGroupAndPiecesAcrossGroups) {
  const std::vector<Float32> inner{12, 12, 16, 12, 16, 16, 12, 16, 12, 12};
  const auto holed = report([&](DcmDataset& d) {
    DcmItem& group = add_group(d, "1.2.9");
    add_region(group, "POLYLINE", kSquare);
    add_region(group, "POLYLINE", inner);
  });
  ASSERT_EQ(holed.regions.size(), 1U);
  EXPECT_EQ(holed.regions[0].mask.count(), 100U - 16U);
  const auto two = report([&](DcmDataset& d) {
    add_region(add_group(d), "POLYLINE", kSquare);
    add_region(add_group(d), "CIRCLE", {50, 40, 60, 40});
  });
  EXPECT_EQ(two.regions.size(), 2U) << "without an identifier, nothing says that they are one";
}

TEST(ReportRegions, AreFoundHoweverDeepTheyAreNested) {
  const auto nested = report([&](DcmDataset& d) {
    DcmItem& finding = add_content(add_content(d, "CONTAINER", "121070"), "NUM", "42798000", "SCT");
    put(add_content(finding, "TEXT", "112039"), DCM_TextValue, "ROI 7");
    add_region(add_content(finding, "CODE", "121071"), "ELLIPSE", {20, 40, 80, 40, 50, 20, 50, 60});
  });
  ASSERT_EQ(nested.regions.size(), 1U);
  EXPECT_EQ(nested.regions[0].tracking_id, "ROI 7");
}

TEST(ReportRegions, LeaveLinesBesideAnOutlineAloneAndRefuseThemAlone) {
  const auto beside = report([&](DcmDataset& d) {
    DcmItem& group = add_group(d, "1.2.9");
    add_region(group, "POLYLINE", {10, 10, 20, 20});
    add_region(group, "POLYLINE", kSquare);
    add_region(add_group(d, "1.2.10"), "POLYLINE", {10, 10, 20, 20});
  });
  EXPECT_EQ(beside.regions.size(), 1U);
  EXPECT_THAT(beside.refused, ElementsAre(HasSubstr("group 2: it has fewer than three points")));
}

TEST(ReportRegions, AreRefusedWithoutTheirImage) {
  const auto refused = [](const std::string& image, const char* frames) {
    return report([&](DcmDataset& d) { add_region(add_group(d), "POLYLINE", kSquare, image, frames); }).refused;
  };
  EXPECT_THAT(refused("", nullptr), ElementsAre(HasSubstr("it names no image")));
  EXPECT_THAT(refused("1.2.3.1.9", nullptr), ElementsAre(HasSubstr("not here")));
  EXPECT_THAT(refused("1.2.3.1.1", "1\\2"), ElementsAre(HasSubstr("several frames")));
  EXPECT_THAT(refused("1.2.3.1.1", "4"), ElementsAre(HasSubstr("not here")));
  EXPECT_THAT(refused("1.2.3.1.1", "1"), IsEmpty()) << "frame 1 of an image without frames is that image";
}

TEST(ReportRegions, OfADeviceAloneAreProposals) {
  const auto observed_by = [](const std::vector<const char*>& types) {
    return report([&](DcmDataset& d) {
             for (const char* type : types)
               put_code(add_content(d, "CODE", "121005"), DCM_ConceptCodeSequence, type, "DCM", "observer");
             add_region(add_group(d), "POLYLINE", kSquare);
           })
        .regions.at(0)
        .algorithm_type;
  };
  EXPECT_EQ(observed_by({"121007"}), "AUTOMATIC");
  EXPECT_EQ(observed_by({"121007", "121006"}), "");
  EXPECT_EQ(observed_by({}), "");
}

TEST(ReportRegions, InSpaceKnowEllipsesButNoEllipsoids) {
  const auto in_space = [](const char* type, const std::vector<Float32>& data) {
    return report([&](DcmDataset& d) {
      DcmItem& item = add_content(add_group(d), "SCOORD3D", "111030");
      put(item, DCM_GraphicType, type);
      put(item, DCM_ReferencedFrameOfReferenceUID, "1.2.3.0");
      put_data(item, data);
    });
  };
  EXPECT_NEAR(area_mm2(in_space("ELLIPSE", {5, 10, 3, 15, 10, 3, 10, 6, 3, 10, 14, 3})), std::numbers::pi * 20, 1);
  EXPECT_THAT(in_space("ELLIPSOID", {5, 10, 3, 15, 10, 3, 10, 6, 3, 10, 14, 3, 10, 10, 0, 10, 10, 6}).refused,
              ElementsAre(HasSubstr("ELLIPSOID")));
  EXPECT_THAT(in_space("CIRCLE", {5, 10, 3, 15, 10, 3}).refused, ElementsAre(HasSubstr("has no plane")));
}

TEST(ReportRegions, MakeAReportARegionOnlyWhenTheyEncloseSomething) {
  const auto with = [](const Fill& fill) {
    return content_of([&](DcmDataset& dataset) {
      put_identity(dataset, UID_EnhancedSRStorage, "1.2.3.7.1");
      fill(dataset);
    });
  };
  EXPECT_EQ(with([](DcmDataset& d) { add_region(add_group(d), "POLYLINE", kSquare); }), dicom::Content::Roi);
  EXPECT_EQ(with([](DcmDataset& d) { add_region(add_group(d), "POLYLINE", {1, 1, 9, 9}); }), dicom::Content::Other);
  EXPECT_EQ(with([](DcmDataset& d) { add_group(d); }), dicom::Content::Other);
  EXPECT_EQ(with([](DcmDataset& d) {
              add_region(add_group(d), "POLYLINE", kSquare);
              put(d, DCM_ManufacturerModelName, "Herald");
            }),
            dicom::Content::OwnResult);
}
