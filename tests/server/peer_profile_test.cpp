#include "server/peer_profile.h"

#include <gmock/gmock.h>

#include <set>

#include "server/result_kinds.h"

namespace {

using config::in_toml;
using config::Profile;
using server::suggested_profile;
using server::undeliverable_kinds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kMr = "1.2.840.10008.5.1.4.1.1.4";
constexpr const char* kParametricMap = "1.2.840.10008.5.1.4.1.1.30";
constexpr const char* kSegmentation = "1.2.840.10008.5.1.4.1.1.66.4";
constexpr const char* kEnhanced = "1.2.840.10008.5.1.4.1.1.88.22";
constexpr const char* kComprehensive = "1.2.840.10008.5.1.4.1.1.88.33";
constexpr const char* kPdf = "1.2.840.10008.5.1.4.1.1.104.1";
constexpr const char* kCapture = "1.2.840.10008.5.1.4.1.1.7";

// A peer that takes these classes, in implicit little endian only.
dicom::Probe peer_that_takes(const std::set<std::string>& classes) {
  dicom::Probe probe;
  for (const std::string& uid : server::sop_classes_sent()) {
    const auto answer = classes.contains(uid) ? dicom::Answer::Accepted : dicom::Answer::SopClassNotSupported;
    probe.classes.push_back({uid, dicom::Answer::TransferSyntaxNotSupported, answer});
  }
  return probe;
}

dicom::Probe peer_that_takes_all() {
  const auto classes = server::sop_classes_sent();
  return peer_that_takes({classes.begin(), classes.end()});
}

TEST(PeerProfile, AsksAboutEachClassOnceMapsFirst) {
  const auto classes = server::sop_classes_sent();
  EXPECT_EQ(classes.front(), kMr);
  EXPECT_EQ(std::set<std::string>(classes.begin(), classes.end()).size(), classes.size());
  EXPECT_EQ(classes.size(), 8u);
}

TEST(PeerProfile, IsFullForAPeerThatTakesEverything) {
  EXPECT_EQ(suggested_profile(peer_that_takes_all(), {}), Profile{});
  EXPECT_THAT(undeliverable_kinds(peer_that_takes_all(), {}), IsEmpty());
}

TEST(PeerProfile, IsLegacyForAPeerOfImagesAndEnhancedReports) {
  const auto old = peer_that_takes({kMr, kCapture, kEnhanced});
  EXPECT_THAT(in_toml(suggested_profile(old, {})), ElementsAre("profile = \"legacy\""));
  EXPECT_THAT(in_toml(suggested_profile(peer_that_takes({kMr, kCapture}), {})),
              ElementsAre("profile = \"legacy\"", "reports = \"off\""));
}

TEST(PeerProfile, KeepsMapsNormalisedForAPeerWhoseViewersNeedIt) {
  Profile ohif;
  ohif.parametric_maps = config::ParametricMaps::Normalised;
  EXPECT_EQ(suggested_profile(peer_that_takes_all(), ohif).parametric_maps, config::ParametricMaps::Normalised);
  EXPECT_EQ(suggested_profile(peer_that_takes({kMr}), ohif).parametric_maps, config::ParametricMaps::Off);
}

TEST(PeerProfile, HasNoReportsAboutSegmentsForAPeerThatTakesNoSegments) {
  const auto probe = peer_that_takes({kMr, kParametricMap, kEnhanced, kComprehensive, kPdf});
  EXPECT_EQ(suggested_profile(probe, {}).segment_reports, config::SegmentReports::Off);
  EXPECT_EQ(suggested_profile(probe, {}).pages, config::Pages::Pdf);
}

TEST(PeerProfile, NamesWhatReachesAPeerInNoForm) {
  const auto probe = peer_that_takes({kMr, kCapture, kEnhanced});
  EXPECT_THAT(undeliverable_kinds(probe, {}), ElementsAre("seg", "seg_proposal", "seg_unaligned",
                                                          "seg_proposal_unaligned"));  // all else is on a lower rung
  EXPECT_THAT(undeliverable_kinds(probe, suggested_profile(probe, {})), IsEmpty());
  EXPECT_THAT(undeliverable_kinds(peer_that_takes({}), suggested_profile(peer_that_takes({}), {})),
              ElementsAre("mr_map"));
  EXPECT_THAT(undeliverable_kinds(peer_that_takes({kMr, kSegmentation, kCapture}), {}),
              ElementsAre("sr_measurements", "sr_segments", "sr_nomogram"));
}

}  // namespace
