#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "dicom/input/instance.h"
#include "tests/dicom/input/dicom_files.h"
#include "tests/support/temp_folder.h"

using namespace dicom_files;
using dicom::Instance;
using testing::HasSubstr;

namespace {

// 13 ml of `agent` for 65 kg, with some changes.
Instance injected(
    const char* agent, const std::function<void(DcmDataset&)>& change = [](DcmDataset&) {}) {
  const support::TempFolder folder;
  DcmFileFormat file;
  DcmDataset& header = *file.getDataset();
  put_mr_header(header);
  put(header, DCM_ContrastBolusAgent, agent);
  put(header, DCM_ContrastBolusVolume, "13");
  put(header, DCM_PatientWeight, "65");
  change(header);
  save(file, folder / "image", EXS_LittleEndianExplicit);
  const auto instance = dicom::read_instance(folder / "image");
  EXPECT_TRUE(instance.has_value());
  return instance.value_or(Instance{});
}

double dose(
    const char* agent, const std::function<void(DcmDataset&)>& change = [](DcmDataset&) {}) {
  return injected(agent, change).contrast_dose_mmol_per_kg.value_or(-1);
}

// Why the dose is not known; "" where it is.
std::string doubt(
    const char* agent, const std::function<void(DcmDataset&)>& change = [](DcmDataset&) {}) {
  const Instance instance = injected(agent, change);
  return instance.contrast_dose_mmol_per_kg ? "" : instance.contrast_dose_why;
}

std::function<void(DcmDataset&)> with(const DcmTagKey& tag, const char* value) {
  return [=](DcmDataset& header) { put(header, tag, value); };
}

}  // namespace

TEST(ContrastDose, IsVolumeTimesConcentrationOverWeight) {
  const Instance instance = injected("Dotarem");
  EXPECT_DOUBLE_EQ(instance.contrast_dose_mmol_per_kg.value_or(0), 0.1);
  EXPECT_EQ(instance.contrast_dose_why, "13 ml of gadoterate (0.5 mmol/ml) over the weight of the patient");
}

TEST(ContrastDose, KnowsTheAgentsByTheirNames) {
  for (const char* half : {"DOTAREM 0.5 mmol/mL", "Clariscan", "Gd-DOTA", "gadoterate meglumine", "Magnevist",
                           "Gd-DTPA", "ProHance", "Gadoteridol", "MultiHance", "Omniscan", "Gd-DTPA-BMA", "Elucirem"})
    EXPECT_DOUBLE_EQ(dose(half), 0.1) << half;
  for (const char* whole : {"Gadovist 1.0", "GADAVIST", "gadobutrol"}) EXPECT_DOUBLE_EQ(dose(whole), 0.2) << whole;
  for (const char* quarter : {"Primovist", "Eovist", "Gd-EOB-DTPA"}) EXPECT_DOUBLE_EQ(dose(quarter), 0.05) << quarter;
}

TEST(ContrastDose, FindsTheAgentAmongTheIngredientsAndCodes) {
  EXPECT_DOUBLE_EQ(dose("KM", with(DCM_ContrastBolusIngredient, "GADOBUTROL")), 0.2);
  EXPECT_DOUBLE_EQ(dose("KM",
                        [](DcmDataset& header) {
                          DcmItem* coded = nullptr;
                          ASSERT_TRUE(header.findOrCreateSequenceItem(DCM_ContrastBolusAgentSequence, coded).good());
                          put(*coded, DCM_CodeMeaning, "Gadoterate meglumine");
                        }),
                   0.1);
}

TEST(ContrastDose, TakesTheUndilutedTotalWhereTheVolumeIsThatOfTheDilution) {
  EXPECT_DOUBLE_EQ(dose("Dotarem",
                        [](DcmDataset& header) {
                          put(header, DCM_ContrastBolusVolume, "40");
                          put(header, DCM_ContrastBolusTotalDose, "26");
                        }),
                   0.2);
  EXPECT_THAT(doubt("Dotarem", with(DCM_ContrastBolusTotalDose, "26")), HasSubstr("more than the volume"));
}

TEST(ContrastDose, TakesTheConcentrationOfGadoliniumWhereTheAgentHasNoName) {
  const auto gadolinium = [](const char* mg_per_ml) {
    return [=](DcmDataset& header) {
      put(header, DCM_ContrastBolusIngredient, "GADOLINIUM");
      put(header, DCM_ContrastBolusIngredientConcentration, mg_per_ml);
    };
  };
  EXPECT_DOUBLE_EQ(dose("contrast", gadolinium("78.6")), 0.1);
  EXPECT_DOUBLE_EQ(dose("contrast", gadolinium("157.25")), 0.2);
  EXPECT_THAT(doubt("contrast", gadolinium("500")), HasSubstr("that of no gadolinium agent"));
  EXPECT_THAT(doubt("contrast", with(DCM_ContrastBolusIngredient, "GADOLINIUM")), HasSubstr("not one whose"));
  EXPECT_THAT(doubt("contrast", with(DCM_ContrastBolusIngredientConcentration, "78.6")), HasSubstr("not one whose"))
      << "mg of what?";
}

TEST(ContrastDose, AcceptsTheConcentrationsOnTheLabelAndNoOther) {
  for (const char* same : {"0.5", "500", "376.9", "279.3", "78.6", "0"})
    EXPECT_DOUBLE_EQ(dose("Dotarem", with(DCM_ContrastBolusIngredientConcentration, same)), 0.1) << same;
  for (const char* other : {"1", "604.72", "100"})
    EXPECT_THAT(doubt("Dotarem", with(DCM_ContrastBolusIngredientConcentration, other)), HasSubstr("is not that of"));
}

TEST(ContrastDose, IsNotKnownWhereTheHeaderSaysTooLittleOrTwoThings) {
  EXPECT_THAT(doubt("Gadolinium chelate"), HasSubstr("not one whose concentration is known"));
  EXPECT_THAT(doubt("Dotarem", with(DCM_ContrastBolusIngredient, "GADOBUTROL")), HasSubstr("several"));
  EXPECT_THAT(doubt("Dotarem or Gadovist"), HasSubstr("several"));
  EXPECT_THAT(doubt("Dotarem", [](DcmDataset& header) { delete header.remove(DCM_PatientWeight); }),
              HasSubstr("does not tell the weight"));
  EXPECT_THAT(doubt("Dotarem", [](DcmDataset& header) { delete header.remove(DCM_ContrastBolusVolume); }),
              HasSubstr("no volume"));
  EXPECT_THAT(doubt("NONE", [](DcmDataset& header) { delete header.remove(DCM_ContrastBolusVolume); }),
              HasSubstr("names no contrast agent"));
}

TEST(ContrastDose, OfNobodyIsImplausible) {
  EXPECT_THAT(doubt("Dotarem", with(DCM_ContrastBolusVolume, "0.5")), HasSubstr("not plausible"));
  EXPECT_THAT(doubt("Dotarem", with(DCM_ContrastBolusVolume, "130")), HasSubstr("not plausible"));
  EXPECT_THAT(doubt("Dotarem", with(DCM_PatientWeight, "6.5")), HasSubstr("weight"));
  EXPECT_THAT(doubt("Dotarem", with(DCM_PatientWeight, "65000")), HasSubstr("weight"));
  EXPECT_THAT(doubt("Gadovist",
                    [](DcmDataset& header) {
                      put(header, DCM_ContrastBolusVolume, "50");
                      put(header, DCM_PatientWeight, "30");
                    }),
              HasSubstr("1.67 mmol/kg"));
}

TEST(ContrastDose, NeverTellsTheWeight) {
  EXPECT_THAT(injected("Dotarem", with(DCM_PatientWeight, "83")).contrast_dose_why, testing::Not(HasSubstr("83")));
  EXPECT_THAT(doubt("Dotarem", with(DCM_PatientWeight, "8.3")), testing::Not(HasSubstr("8.3")));
}
