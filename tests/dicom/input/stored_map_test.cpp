#include "dicom/input/stored_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "tests/dicom/input/dicom_files.h"
#include "tests/support/temp_folder.h"

using namespace dicom_files;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

struct Spec {
  double slope = 1;
  std::vector<double> z{0, 3};
  std::vector<float> values{1, 2, 3, 4, 5, 6, 7, 0};  // two frames of 2 x 2
};

void put_mapping(DcmItem& shared, double slope) {
  DcmItem& mapping = add_item(shared, DCM_RealWorldValueMappingSequence);
  put(mapping, DCM_LUTLabel, "T1");
  put_number(mapping, DCM_RealWorldValueSlope, slope);
  put_number(mapping, DCM_RealWorldValueIntercept, 0);
  put_code(mapping, DCM_MeasurementUnitsCodeSequence, "ms", "UCUM", "ms");
  DcmItem& quantity = add_item(mapping, DCM_QuantityDefinitionSequence);
  put_code(quantity, DCM_ConceptNameCodeSequence, "246205007", "SCT", "Quantity");
  put_code(quantity, DCM_ConceptCodeSequence, "113063", "DCM", "T1");
  DcmItem& method = add_item(mapping, DCM_QuantityDefinitionSequence);
  put_code(method, DCM_ConceptNameCodeSequence, "370129005", "SCT", "Measurement Method");
  put_code(method, DCM_ConceptCodeSequence, "126350", "DCM", "T1 by Multiple Flip Angles");
}

void fill(DcmDataset& dataset, const Spec& spec) {
  put_identity(dataset, UID_ParametricMapStorage, "1.2.3.1.8");
  put_number(dataset, DCM_Rows, 2);
  put_number(dataset, DCM_Columns, 2);
  put(dataset, DCM_NumberOfFrames, std::to_string(spec.z.size()));
  DcmItem& shared = add_item(dataset, DCM_SharedFunctionalGroupsSequence);
  put(add_item(shared, DCM_PixelMeasuresSequence), DCM_PixelSpacing, "2\\1.5");
  put(add_item(shared, DCM_PlaneOrientationSequence), DCM_ImageOrientationPatient, "1\\0\\0\\0\\1\\0");
  put_mapping(shared, spec.slope);
  for (const double z : spec.z) {
    DcmItem& groups = add_item(dataset, DCM_PerFrameFunctionalGroupsSequence);
    put(add_item(groups, DCM_PlanePositionSequence), DCM_ImagePositionPatient, "-10\\-20\\" + std::to_string(z));
    put(add_item(groups, DCM_DerivationImageSequence), DCM_DerivationDescription, "fitted by a test");
  }
  ASSERT_TRUE(
      dataset.putAndInsertFloat32Array(DcmTag(DCM_FloatPixelData, EVR_OF), spec.values.data(), spec.values.size())
          .good());
}

dicom::Result<dicom::StoredMap> round_trip(
    const Spec& spec, const std::function<void(DcmDataset&)>& change = [](DcmDataset&) {}) {
  const support::TempFolder folder;
  DcmFileFormat file;
  fill(*file.getDataset(), spec);
  change(*file.getDataset());
  save(file, folder / "map");
  return dicom::read_parametric_map(folder / "map");
}

}  // namespace

TEST(ReadParametricMap, GivesValuesUnitMethodAndGrid) {
  const auto map = round_trip({}).value();
  EXPECT_EQ(map.quantity, "T1");
  EXPECT_EQ(map.unit, "ms");
  EXPECT_EQ(map.method, "T1 by Multiple Flip Angles");
  EXPECT_EQ(map.derivation, "fitted by a test");
  EXPECT_EQ(map.sop_instance_uid, "1.2.3.1.8");
  EXPECT_EQ(map.geometry.slices(), 2);
  EXPECT_EQ(map.geometry.row_spacing_mm, 2);
  EXPECT_THAT(map.value, ElementsAre(1, 2, 3, 4, 5, 6, 7, 0));
}

TEST(ReadParametricMap, AppliesTheFullScaleOfNormalisedMaps) {
  EXPECT_THAT(round_trip({.slope = 3000}).value().value[1], 6000);
}

TEST(ReadParametricMap, PutsFramesInTheOrderOfTheNormal) {
  const auto map = round_trip({.z = {3, 0}}).value();
  EXPECT_EQ(map.geometry.slice_origins_mm[0].z(), 0);
  EXPECT_THAT(map.value, ElementsAre(5, 6, 7, 0, 1, 2, 3, 4));
}

TEST(ReadParametricMap, NamesWhatIsWrong) {
  const auto what = [](const Spec& spec, const std::function<void(DcmDataset&)>& change) {
    return round_trip(spec, change).error().what;
  };
  const auto nothing = [](DcmDataset&) {};
  EXPECT_THAT(what({.values = {1, 2, 3, 4}}, nothing), HasSubstr("shorter"));
  EXPECT_THAT(what({.z = {0, 0}}, nothing), HasSubstr("one slice"));
  EXPECT_THAT(what({.values = std::vector<float>(8, std::numeric_limits<float>::quiet_NaN())}, nothing),
              HasSubstr("not a number"));
  EXPECT_THAT(what({}, [](DcmDataset& d) { delete d.remove(DCM_FloatPixelData); }), HasSubstr("no float pixel data"));
  EXPECT_THAT(what({}, [](DcmDataset& d) { put(d, DCM_SOPClassUID, UID_MRImageStorage); }),
              HasSubstr("not a parametric map"));
}
