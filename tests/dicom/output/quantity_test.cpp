#include "dicom/output/quantity.h"

#include <gmock/gmock.h>

#include "tests/dicom/output/synthetic.h"

namespace dicom {
namespace {

using testing::StartsWith;

TEST(Quantity, KnowsTheStandardCodesOfRelaxometry) {
  const Quantity t1 = quantity_of(synthetic::kT1, &synthetic::vfa());
  EXPECT_EQ(t1.quantity.value, "113063");
  EXPECT_EQ(t1.unit.scheme, "UCUM");
  EXPECT_EQ(t1.method.value, "126350");
  EXPECT_EQ(t1.image_type, "T1 MAP");
  EXPECT_EQ(t1.slope, 1);
  EXPECT_EQ(t1.display_upper, 2500);
  EXPECT_EQ(quantity_of(synthetic::kT2Star, nullptr).slope, 0.1);
  EXPECT_EQ(quantity_code("R2").value, "126394");  // a rate; the coefficient of determination is 126220
}

TEST(Quantity, PrintsUnitsAsPeopleReadThem) {
  EXPECT_EQ(printed_unit("10-6.mm2/s"), "10^-6 mm2/s");
  EXPECT_EQ(printed_unit("ms"), "ms");
  EXPECT_EQ(printed_unit("1"), "");
}

TEST(Quantity, GivesAnUnknownParameterPrivateCodesAndASlopeThatFitsSixteenBits) {
  const Quantity odd = quantity_of(synthetic::kOdd, nullptr);
  EXPECT_EQ(odd.quantity.scheme, kPrivateScheme);
  EXPECT_EQ(odd.quantity.meaning, "Wobble");
  EXPECT_EQ(odd.unit.value, "mT/m");
  EXPECT_EQ(odd.image_type, "OTHER");
  EXPECT_LE(synthetic::kOdd.upper / odd.slope, 65535);
  EXPECT_GT(synthetic::kOdd.upper / odd.slope, 6553);
}

TEST(Quantity, PrivateCodesAreShortStableAndDistinct) {
  const Code a = private_code("Probability of HER2-positive status (research, uncalibrated)");
  const Code b = private_code("Probability of HER2-positive status (research, calibrated)");
  EXPECT_EQ(a.value, private_code(a.meaning).value);
  EXPECT_NE(a.value, b.value);
  EXPECT_LE(a.value.size(), 16u);
  EXPECT_THAT(a.value, StartsWith("PROBABIL_"));
  EXPECT_NE(private_code("ΔT1").value, private_code("T1").value);
}

TEST(Quantity, FindsAMethodByItsWords) {
  EXPECT_EQ(method_code("T1 by Multiple Flip Angles").value, "126350");
  EXPECT_EQ(method_code("T2 by mono-exponential decay").scheme, kPrivateScheme);
}

}  // namespace
}  // namespace dicom
