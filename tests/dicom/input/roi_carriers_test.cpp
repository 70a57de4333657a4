// One lesion through every carrier: whoever wrote it down, the mask is the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <Eigen/Geometry>

#include "tests/dicom/input/dicom_files.h"
#include "tests/support/judges.h"
#include "tests/support/roi_objects.h"
#include "tests/support/temp_folder.h"
#include "tests/support/test_data.h"

using support::OutlinedLesion;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

namespace fs = std::filesystem;

struct Writer {
  const char* carrier;
  void (*write)(const OutlinedLesion&, const fs::path&);
};
const std::vector<Writer> kWriters{{"SEG", support::write_seg},
                                   {"RTSTRUCT", support::write_rtstruct},
                                   {"SR", support::write_scoord_sr},
                                   {"SR", support::write_scoord3d_sr},
                                   {"GSPS", support::write_gsps}};

struct GridSpec {
  int columns = 40, rows = 36, slices = 5;
  double column_mm = 1, row_mm = 1, slice_mm = 3;
  bool oblique = false;
};

fitting::Geometry grid_of(const GridSpec& spec) {
  fitting::Geometry grid;
  grid.columns = spec.columns;
  grid.rows = spec.rows;
  grid.column_spacing_mm = spec.column_mm;
  grid.row_spacing_mm = spec.row_mm;
  grid.slice_thickness_mm = spec.slice_mm;
  const Eigen::Matrix3d turn =
      spec.oblique ? (Eigen::AngleAxisd(0.4, fitting::Vec3::UnitX()) * Eigen::AngleAxisd(-0.3, fitting::Vec3::UnitZ()))
                         .toRotationMatrix()
                   : Eigen::Matrix3d::Identity();
  grid.row_direction = turn.col(0);
  grid.column_direction = turn.col(1);
  for (int slice = 0; slice < spec.slices; ++slice)
    grid.slice_origins_mm.emplace_back(fitting::Vec3(-31.5, 12.25, -40) + turn.col(2) * (spec.slice_mm * slice));
  return grid;
}

// An ellipsoid around the middle, which touches neither the first nor the last slice.
fitting::Mask ellipsoid(const fitting::Geometry& grid, double share = 0.3) {
  fitting::Mask mask{grid, {}};
  const fitting::Vec3 half(grid.columns * share, grid.rows * share, (grid.slices() - 1) / 2.0);
  for (int slice = 0; slice < grid.slices(); ++slice)
    for (int row = 0; row < grid.rows; ++row)
      for (int column = 0; column < grid.columns; ++column) {
        const fitting::Vec3 from(column - grid.columns / 2.0, row - grid.rows / 2.1, slice - (grid.slices() - 1) / 2.0);
        mask.inside.push_back(from.cwiseQuotient(half).norm() < 1 ? 1 : 0);
      }
  return mask;
}

// The slices of a mask that are not empty.
fitting::Mask occupied(const fitting::Mask& mask) {
  fitting::Mask kept{mask.geometry, {}};
  kept.geometry.slice_origins_mm.clear();
  const auto size = static_cast<std::ptrdiff_t>(mask.geometry.slice_voxels());
  for (int slice = 0; slice < mask.geometry.slices(); ++slice) {
    if (mask.count(slice) == 0) continue;
    kept.geometry.slice_origins_mm.push_back(mask.geometry.slice_origins_mm[static_cast<std::size_t>(slice)]);
    kept.inside.insert(kept.inside.end(), mask.inside.begin() + slice * size, mask.inside.begin() + (slice + 1) * size);
  }
  return kept;
}

dicom::RoiObject round_trip(const OutlinedLesion& lesion, const Writer& writer, bool with_images = true) {
  const support::TempFolder folder;
  writer.write(lesion, folder / "roi");
  auto read = dicom::read_roi(folder / "roi", with_images ? support::images_of(lesion) : dicom::FindImage{});
  EXPECT_TRUE(read.has_value()) << writer.carrier << ": " << (read ? "" : read.error().what);
  return read.value_or(dicom::RoiObject{});
}

void expect_same_mask(const OutlinedLesion& lesion) {
  const fitting::Mask expected = occupied(lesion.mask);
  for (const Writer& writer : kWriters) {
    const dicom::RoiObject read = round_trip(lesion, writer);
    ASSERT_THAT(read.refused, testing::IsEmpty());
    ASSERT_EQ(read.regions.size(), 1U) << writer.carrier;
    const fitting::Mask& mask = read.regions[0].mask;
    EXPECT_EQ(mask.inside, expected.inside) << writer.carrier << " " << mask.geometry.columns << " columns";
    EXPECT_TRUE(fitting::same_grid(mask.geometry, expected.geometry)) << writer.carrier;
    EXPECT_EQ(read.regions[0].frame_of_reference_uid, lesion.frame_of_reference_uid);
    EXPECT_THAT(read.regions[0].notes, testing::IsEmpty()) << writer.carrier;
  }
}

}  // namespace

TEST(RoiCarriers, GiveTheSameMaskForEveryRemainderOfEight) {
  for (int columns = 17; columns <= 24; ++columns)
    for (const int rows : {15, 16}) expect_same_mask(support::outlined(ellipsoid(grid_of({columns, rows}))));
}

TEST(RoiCarriers, GiveTheSameMaskOnObliqueSlicesAndPixelsThatAreNotSquare) {
  expect_same_mask(support::outlined(ellipsoid(grid_of({.oblique = true}))));
  expect_same_mask(support::outlined(ellipsoid(grid_of({.column_mm = 0.7, .row_mm = 1.3}))));
  expect_same_mask(support::outlined(
      ellipsoid(grid_of({.columns = 333, .rows = 401, .column_mm = 0.45, .row_mm = 0.9, .oblique = true}))));
}

TEST(RoiCarriers, TellWhatEachRegionIs) {
  const OutlinedLesion lesion = support::outlined(ellipsoid(grid_of({})));
  for (const Writer& writer : kWriters) {
    const dicom::RoiObject read = round_trip(lesion, writer);
    EXPECT_EQ(read.carrier, writer.carrier);
    EXPECT_EQ(read.sop_instance_uid, lesion.sop_instance_uid);
    EXPECT_EQ(read.creator, "Reader^One") << writer.carrier;
    EXPECT_EQ(read.content_datetime, "20260301101112") << writer.carrier;
    EXPECT_THAT(read.referenced_series, ElementsAre("1.2.3.1")) << writer.carrier;
    const dicom::Region& region = read.regions.at(0);
    EXPECT_EQ(region.number, 1);
    EXPECT_EQ(region.label, "Lesion 1") << writer.carrier;
    EXPECT_EQ(region.tracking_id, "Lesion 1") << writer.carrier;
    EXPECT_EQ(region.tracking_uid, "1.2.3.9.1") << writer.carrier;
    EXPECT_FALSE(region.automatic());
    if (read.carrier != "GSPS") {
      EXPECT_EQ(region.type.value, "108369006") << writer.carrier;
    }
  }
}

TEST(RoiCarriers, LeaveATrackingUidAsideThatIsNone) {
  OutlinedLesion lesion = support::outlined(ellipsoid(grid_of({})));
  for (const std::string& wrong : {std::string("lesion-1"), "1." + std::string(64, '2')}) {
    lesion.tracking_uid = wrong;
    for (const Writer& writer : kWriters) {
      const dicom::RoiObject read = round_trip(lesion, writer);
      ASSERT_FALSE(read.regions.empty()) << writer.carrier;
      for (const dicom::Region& region : read.regions) {
        EXPECT_EQ(region.tracking_uid, "") << writer.carrier;
        EXPECT_THAT(region.notes, testing::Contains(HasSubstr("Tracking UID is not a UID"))) << writer.carrier;
      }
    }
  }
}

TEST(RoiCarriers, KeepWhatAStructureSetIsInterpretedAs) {
  OutlinedLesion lesion = support::outlined(ellipsoid(grid_of({})));
  lesion.interpreted_type = "EXTERNAL";
  for (const Writer& writer : kWriters) {
    const dicom::RoiObject read = round_trip(lesion, writer);
    ASSERT_EQ(read.regions.size(), 1U);
    EXPECT_EQ(read.regions[0].interpreted_type, read.carrier == "RTSTRUCT" ? "EXTERNAL" : "");
  }
}

TEST(RoiCarriers, AreRoisByTheirContent) {
  const support::TempFolder folder;
  const OutlinedLesion lesion = support::outlined(ellipsoid(grid_of({})));
  for (const Writer& writer : kWriters) {
    writer.write(lesion, folder / "roi");
    const auto instance = dicom::read_instance(folder / "roi");
    ASSERT_TRUE(instance.has_value());
    EXPECT_EQ(instance->content, dicom::Content::Roi) << writer.carrier;
  }
}

// What depends on the images alone is refused without them; what stands in the patient is filled on a grid of its own.
TEST(RoiCarriers, DoWithoutTheImagesWhereTheyCan) {
  const OutlinedLesion lesion = support::outlined(ellipsoid(grid_of({.oblique = true})));
  for (const std::size_t i : {2U, 4U}) {
    const dicom::RoiObject read = round_trip(lesion, kWriters[i], false);
    EXPECT_TRUE(read.regions.empty());
    EXPECT_THAT(read.refused, testing::Each(HasSubstr("an image that is not here")));
    EXPECT_EQ(read.refused.size(), 3U);
  }
  for (const std::size_t i : {1U, 3U}) {
    const dicom::RoiObject read = round_trip(lesion, kWriters[i], false);
    ASSERT_EQ(read.regions.size(), 1U) << kWriters[i].carrier;
    const dicom::Region& region = read.regions[0];
    EXPECT_THAT(region.notes, testing::Contains(HasSubstr("on a grid of its own of 0.25 mm")));
    EXPECT_EQ(region.frame_of_reference_uid, lesion.frame_of_reference_uid);
    EXPECT_NEAR(std::abs(region.mask.geometry.normal().dot(lesion.mask.geometry.normal())), 1, 1e-6);
    EXPECT_NEAR(region.mask.geometry.slice_thickness_mm, 3, 1e-4) << "as far as the outlines are apart";
    EXPECT_NEAR(region.mask.volume_mm3(), lesion.mask.volume_mm3(), 0.02 * lesion.mask.volume_mm3());
    const auto carried = fitting::carry(region.mask, lesion.mask.geometry);
    ASSERT_TRUE(std::holds_alternative<fitting::Carried>(carried));
    EXPECT_EQ(std::get<fitting::Carried>(carried).mask.inside, lesion.mask.inside) << kWriters[i].carrier;
  }
}

TEST(RoiCarriers, SaysWhenTheThicknessIsNotKnown) {
  GridSpec flat;
  flat.slices = 1;
  fitting::Mask mask = ellipsoid(grid_of(flat));
  mask.inside.assign(mask.inside.size(), 0);
  mask.inside[500] = mask.inside[501] = 1;
  const dicom::RoiObject read = round_trip(support::outlined(mask), kWriters[1], false);
  ASSERT_EQ(read.regions.size(), 1U);
  EXPECT_THAT(read.regions[0].notes, testing::Contains(HasSubstr("thickness is not known: 1 mm was taken")));
}

// DCE of 1.6 mm to T2 of 4 mm: every carrier serves the coarse grid like the mask that it was made of.
TEST(RoiCarriers, AreCarriedToACoarserGridByArea) {
  const OutlinedLesion lesion = support::outlined(ellipsoid(grid_of({64, 64, 15, 0.8, 0.8, 1.6, true})));
  fitting::Geometry coarse = grid_of({26, 26, 5, 2, 2, 4.8, true});
  const auto direct = std::get<fitting::Carried>(fitting::carry(occupied(lesion.mask), coarse));
  EXPECT_GT(direct.mask.count(), 100U);
  for (const Writer& writer : kWriters) {
    const dicom::RoiObject read = round_trip(lesion, writer);
    const auto carried = std::get<fitting::Carried>(fitting::carry(read.regions.at(0).mask, coarse));
    EXPECT_EQ(carried.mask.inside, direct.mask.inside) << writer.carrier;
  }
}

TEST(RoiCarriers, NamesObjectsThatCarryNoRegions) {
  const support::TempFolder folder;
  OutlinedLesion lesion = support::outlined(ellipsoid(grid_of({})));
  support::write_seg(lesion, folder / "roi");
  const auto as = [&](const std::string& sop_class) {
    DcmFileFormat file;
    EXPECT_TRUE(file.loadFile((folder / "roi").c_str()).good());
    EXPECT_TRUE(file.getDataset()->putAndInsertString(DCM_SOPClassUID, sop_class.c_str()).good());
    EXPECT_TRUE(file.saveFile((folder / "other").c_str(), EXS_LittleEndianExplicit).good());
    return dicom::read_roi(folder / "other").error();
  };
  EXPECT_THAT(as("1.3.12.2.1107.5.9.1").what, HasSubstr("a private object"));
  EXPECT_THAT(as("1.2.840.10008.5.1.4.1.1.66.7").what, HasSubstr("a Label Map Segmentation"));
  EXPECT_THAT(as(UID_CTImageStorage).what, HasSubstr("not a carrier of regions"));
  EXPECT_EQ(as(UID_CTImageStorage).fault, dicom::Fault::Unsupported);
}

// --- objects that pydicom wrote ---

namespace {

// A square of 6 x 4 pixels, corners (4, 3) and (10, 7), in slice 2 of three, 2 x 1.5 mm pixels.
const char* const kIndependentWriter = R"PY(
import sys, pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
def code(v, s, m):
    d = Dataset(); d.CodeValue, d.CodingSchemeDesignator, d.CodeMeaning = v, s, m; return Sequence([d])
def start(cls, path):
    meta = FileMetaDataset(); meta.MediaStorageSOPClassUID = cls; meta.MediaStorageSOPInstanceUID = '1.2.3.8.1'
    meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    d = FileDataset(path, {}, file_meta=meta, preamble=b'\0' * 128); d.is_little_endian, d.is_implicit_VR = True, True
    d.SOPClassUID, d.SOPInstanceUID, d.StudyInstanceUID, d.SeriesInstanceUID = cls, '1.2.3.8.1', '1.2.3', '1.2.3.8'
    return d
def image():
    r = Dataset(); r.ReferencedSOPClassUID = '1.2.840.10008.5.1.4.1.1.4'; r.ReferencedSOPInstanceUID = '1.2.3.1.2'
    return Sequence([r])
corners = [(4, 3), (10, 3), (10, 7), (4, 7)]
def patient(c, r): return [-10 + 1.5 * (c - .5), -20 + 2 * (r - .5), 5.0]
out = sys.argv[1]

d = start('1.2.840.10008.5.1.4.1.1.481.3', out + '/rtstruct')
s = Dataset(); s.ROINumber, s.ReferencedFrameOfReferenceUID, s.ROIName = 7, '1.2.3.0', 'Tumour'
s.ROIGenerationAlgorithm = 'SEMIAUTOMATIC'; d.StructureSetROISequence = Sequence([s])
c = Dataset(); c.ContourImageSequence = image(); c.ContourGeometricType = 'CLOSED_PLANAR'; c.NumberOfContourPoints = 4
c.ContourData = [v for p in corners for v in patient(*p)]
r = Dataset(); r.ReferencedROINumber = 7; r.ContourSequence = Sequence([c]); d.ROIContourSequence = Sequence([r])
d.save_as(out + '/rtstruct', write_like_original=False)

def item(rel, kind, name=None):
    i = Dataset(); i.RelationshipType, i.ValueType = rel, kind
    if name: i.ConceptNameCodeSequence = code(*name)
    return i
# As dcmjs writes it: the outline under each number, twice the same, and a finding site with a side.
d = start('1.2.840.10008.5.1.4.1.1.88.33', out + '/sr')
d.ValueType = 'CONTAINER'; d.ConceptNameCodeSequence = code('126000', 'DCM', 'Imaging Measurement Report')
g = item('CONTAINS', 'CONTAINER', ('125007', 'DCM', 'Measurement Group'))
t = item('HAS OBS CONTEXT', 'TEXT', ('112039', 'DCM', 'Tracking Identifier')); t.TextValue = 'Freehand'
f = item('CONTAINS', 'CODE', ('G-C0E3', 'SRT', 'Finding Site')); f.ConceptCodeSequence = code('T-04000', 'SRT', 'Breast')
l = item('HAS CONCEPT MOD', 'CODE', ('G-C171', 'SRT', 'Laterality')); l.ConceptCodeSequence = code('G-A101', 'SRT', 'Left')
f.ContentSequence = Sequence([l])
numbers = []
for name in ('Area', 'Mean'):
    n = item('CONTAINS', 'NUM', (name, '99X', name)); s = item('INFERRED FROM', 'SCOORD')
    s.GraphicType = 'POLYLINE'; s.GraphicData = [float(v) for p in corners + corners[:1] for v in p]
    i = item('SELECTED FROM', 'IMAGE'); i.ReferencedSOPSequence = image(); s.ContentSequence = Sequence([i])
    n.ContentSequence = Sequence([s]); numbers.append(n)
g.ContentSequence = Sequence([t, f] + numbers); d.ContentSequence = Sequence([g])
d.save_as(out + '/sr', write_like_original=False)

# The length of a lesion beside its outline in space.
d = start('1.2.840.10008.5.1.4.1.1.88.34', out + '/sr3d')
d.ValueType = 'CONTAINER'; d.ConceptNameCodeSequence = code('126000', 'DCM', 'Imaging Measurement Report')
g = item('CONTAINS', 'CONTAINER', ('125007', 'DCM', 'Measurement Group'))
u = item('HAS OBS CONTEXT', 'UIDREF', ('112040', 'DCM', 'Tracking Unique Identifier')); u.UID = '1.2.3.9.5'
s = item('CONTAINS', 'SCOORD3D', ('111030', 'DCM', 'Image Region')); s.ReferencedFrameOfReferenceUID = '1.2.3.0'
s.GraphicType = 'POLYGON'; s.GraphicData = [v for p in corners + corners[:1] for v in patient(*p)]
i = item('SELECTED FROM', 'IMAGE'); i.ReferencedSOPSequence = image(); s.ContentSequence = Sequence([i])
n = item('CONTAINS', 'NUM', ('410668003', 'SCT', 'Length')); m = item('INFERRED FROM', 'SCOORD3D')
m.ReferencedFrameOfReferenceUID = '1.2.3.0'; m.GraphicType = 'POLYLINE'
m.GraphicData = patient(4, 3) + patient(10, 7); n.ContentSequence = Sequence([m])
g.ContentSequence = Sequence([u, s, n]); d.ContentSequence = Sequence([g])
d.save_as(out + '/sr3d', write_like_original=False)

d = start('1.2.840.10008.5.1.4.1.1.11.1', out + '/gsps')
o = Dataset(); o.GraphicAnnotationUnits, o.GraphicDimensions, o.NumberOfGraphicPoints = 'PIXEL', 2, 5
o.GraphicData = [float(v) for p in corners + corners[:1] for v in p]; o.GraphicType, o.GraphicFilled = 'POLYLINE', 'N'
a = Dataset(); a.ReferencedImageSequence = image(); a.GraphicLayer = 'L1'; a.GraphicObjectSequence = Sequence([o])
d.GraphicAnnotationSequence = Sequence([a]); d.save_as(out + '/gsps', write_like_original=False)
print('written')
)PY";

}  // namespace

TEST(RoiCarriers, OfAnIndependentWriterAreRead) {
  HERALD_NEEDS(support::has_pydicom(), "pydicom");
  const support::TempFolder folder;
  const auto written = support::pydicom(kIndependentWriter, {folder.path()});
  ASSERT_THAT(written.output, HasSubstr("written"));
  OutlinedLesion images = support::outlined(
      {grid_of({.columns = 12, .rows = 11, .slices = 3, .column_mm = 1.5, .row_mm = 2, .slice_mm = 5}), {}});
  for (int slice = 0; slice < 3; ++slice)
    images.mask.geometry.slice_origins_mm[static_cast<std::size_t>(slice)] = {-10, -20, 5.0 * slice};
  for (const char* name : {"rtstruct", "sr", "sr3d", "gsps"}) {
    const auto read = dicom::read_roi(folder / name, support::images_of(images));
    ASSERT_TRUE(read.has_value()) << name << ": " << read.error().what;
    EXPECT_THAT(read->refused, testing::IsEmpty()) << name;
    ASSERT_EQ(read->regions.size(), 1U) << name;
    const fitting::Mask& mask = read->regions[0].mask;
    ASSERT_EQ(mask.geometry.slices(), 1) << name;
    EXPECT_EQ(mask.geometry.slice_origins_mm[0], fitting::Vec3(-10, -20, 5)) << name;
    for (int row = 0; row < 11; ++row)
      for (int column = 0; column < 12; ++column)
        EXPECT_EQ(mask.inside[static_cast<std::size_t>(row * 12 + column)],
                  row >= 3 && row < 7 && column >= 4 && column < 10 ? 1 : 0)
            << name << " " << column << "," << row;
    EXPECT_EQ(read->regions[0].laterality, std::string(name) == "sr" ? "L" : "");
    EXPECT_EQ(read->regions[0].algorithm_type, std::string(name) == "rtstruct" ? "SEMIAUTOMATIC" : "");
  }
}

// Two ellipses among lengths and points, as another program wrote them; their images are not published.
TEST(RoiCarriers, OfARealViewerAreToldFromItsLengths) {
  HERALD_NEEDS_DATA("odd/dcmjs/examples/data/structured_report.dcm");
  const auto file = support::test_data() / "odd/dcmjs/examples/data/structured_report.dcm";
  EXPECT_EQ(dicom::read_instance(file).value().content, dicom::Content::Roi);
  const auto read = dicom::read_roi(file);
  ASSERT_TRUE(read.has_value()) << read.error().what;
  EXPECT_TRUE(read->regions.empty());
  EXPECT_THAT(read->refused, testing::Contains(HasSubstr("an image that is not here")).Times(2));
}
