#include "dicom/network/negotiation.h"

#include <gtest/gtest.h>

#include "tests/dicom/network/objects.h"

namespace {

using dicom::Refusal;
constexpr const char* kContext = "1.2.840.10008.3.1.1.1";

TEST(Negotiation, TakesEveryStandardStorageClassAndNoOther) {
  EXPECT_TRUE(dicom::is_accepted_service("1.2.840.10008.1.1"));
  EXPECT_TRUE(dicom::is_accepted_service(support::kParametricMap));
  EXPECT_TRUE(dicom::is_accepted_service("1.2.840.10008.5.1.4.1.1.88.34"));
  EXPECT_TRUE(dicom::is_accepted_service("1.2.840.10008.5.1.4.1.1.9999"));
  EXPECT_TRUE(dicom::is_accepted_service("1.2.840.10008.5.1.4.34.7"));
  EXPECT_FALSE(dicom::is_accepted_service("1.2.840.10008.5.1.4.1.1."));
  EXPECT_FALSE(dicom::is_accepted_service("1.2.840.10008.5.1.4.1.2.1.1"));
  EXPECT_FALSE(dicom::is_accepted_service("1.3.46.670589.11.0.0.12.1"));
  EXPECT_FALSE(dicom::is_accepted_service(""));
  EXPECT_FALSE(dicom::is_storage_class("1.2.840.10008.1.1"));
}

TEST(Negotiation, TakesWhateverHoldsAnOutline) {
  for (const char* carrier : {"1.2.840.10008.5.1.4.1.1.66.4",   // Segmentation
                              "1.2.840.10008.5.1.4.1.1.481.3",  // RT Structure Set
                              "1.2.840.10008.5.1.4.1.1.88.22",  // Enhanced SR
                              "1.2.840.10008.5.1.4.1.1.88.33",  // Comprehensive SR
                              "1.2.840.10008.5.1.4.1.1.88.34",  // Comprehensive 3D SR
                              "1.2.840.10008.5.1.4.1.1.11.1"})  // Grayscale Softcopy Presentation State
    EXPECT_TRUE(dicom::is_accepted_service(carrier)) << carrier;
}

TEST(Negotiation, TellsTheTablesByWhichItWorks) {
  for (const std::string_view syntax : dicom::accepted_transfer_syntaxes())
    EXPECT_EQ(dicom::choose_transfer_syntax(std::vector{std::string(syntax)}), syntax);
  for (const std::string_view uid : dicom::other_storage_classes()) EXPECT_TRUE(dicom::is_storage_class(uid)) << uid;
  EXPECT_TRUE(dicom::is_accepted_service(dicom::kVerificationClass));
}

TEST(Negotiation, PrefersExplicitOverCompressedOverImplicit) {
  using Offer = std::vector<std::string>;
  EXPECT_EQ(dicom::choose_transfer_syntax(Offer{support::kImplicit, support::kJpegLs, support::kExplicit}),
            support::kExplicit);
  EXPECT_EQ(dicom::choose_transfer_syntax(Offer{support::kImplicit, support::kRle, support::kJpegLs}),
            support::kJpegLs);
  EXPECT_EQ(dicom::choose_transfer_syntax(Offer{support::kImplicit, support::kBigEndian}), support::kBigEndian);
  EXPECT_EQ(dicom::choose_transfer_syntax(Offer{support::kImplicit}), support::kImplicit);
  EXPECT_FALSE(dicom::choose_transfer_syntax(Offer{"1.2.840.10008.1.2.4.100"}));
  EXPECT_FALSE(dicom::choose_transfer_syntax(Offer{}));
}

TEST(Negotiation, LetsInOnlyWhoIsListed) {
  dicom::AcceptorOptions options;
  EXPECT_EQ(dicom::refuse(options, "HERALD", "SKYRA", kContext), Refusal::CallingAeTitle);
  options.calling_ae_titles = {"SKYRA", "SIGNA"};
  EXPECT_FALSE(dicom::refuse(options, "HERALD", "SKYRA", kContext));
  EXPECT_FALSE(dicom::refuse(options, "HERALD ", " SIGNA ", kContext));
  EXPECT_EQ(dicom::refuse(options, "HERALD", "skyra", kContext), Refusal::CallingAeTitle);
  EXPECT_EQ(dicom::refuse(options, "HERALD", "", kContext), Refusal::CallingAeTitle);
  EXPECT_EQ(dicom::refuse(options, "OTHER", "SKYRA", kContext), Refusal::CalledAeTitle);
  EXPECT_EQ(dicom::refuse(options, "HERALD", "SKYRA", "1.2.3"), Refusal::ApplicationContext);
}

TEST(Negotiation, TakesTheStarForEverybodyOnlyWhenItStandsAlone) {
  dicom::AcceptorOptions options;
  options.calling_ae_titles = {"*"};
  EXPECT_FALSE(dicom::refuse(options, "HERALD", "ANYBODY", kContext));
  options.calling_ae_titles = {"SKYRA", "*"};
  EXPECT_TRUE(dicom::refuse(options, "HERALD", "ANYBODY", kContext));
}

}  // namespace
