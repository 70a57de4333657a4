#include "server/result_kinds.h"

#include <gmock/gmock.h>

#include "dicom/input/identity.h"
#include "server/simulate.h"
#include "tests/server/processing.h"

namespace {

using config::ParametricMaps;
using config::Profile;
using server::kinds_sent;
using testing::Contains;
using testing::ElementsAre;
using testing::Not;

const Profile& named(std::string_view name) {
  return std::ranges::find(config::kProfiles, name, &config::NamedProfile::name)->profile;
}

config::Settings settings_with(const std::vector<Profile>& profiles) {
  config::Settings settings;
  for (const Profile& profile : profiles) settings.destinations.emplace_back().profile = profile;
  return settings;
}

TEST(ResultKinds, AreSentByProfileMapsFirstAndPagesLast) {
  EXPECT_THAT(kinds_sent(named("full")),
              ElementsAre("mr_map", "pm_real", "seg", "seg_proposal", "seg_unaligned", "seg_proposal_unaligned",
                          "sr_measurements", "sr_segments", "sr_nomogram", "pdf_results", "pdf_nomogram", "sc_results",
                          "sc_nomogram"));
  EXPECT_THAT(kinds_sent(named("ohif")), ElementsAre("mr_map", "pm_normalised", "seg", "seg_proposal",
                                                     "sr_measurements", "sr_nomogram", "pdf_results", "pdf_nomogram"));
  EXPECT_THAT(kinds_sent(named("legacy")),
              ElementsAre("mr_map", "sr_measurements_enhanced", "sr_nomogram_enhanced", "sc_results", "sc_nomogram"));
  EXPECT_THAT(
      kinds_sent({ParametricMaps::Off, false, config::Reports::Off, config::SegmentReports::Off, config::Pages::Off}),
      ElementsAre("mr_map"));
}

TEST(ResultKinds, AreNeededWhenADestinationIsSentThemOrMayHaveToBe) {
  const auto needed = server::needed_kinds(settings_with({named("ohif")}));
  for (const char* kind :
       {"mr_map", "pm_normalised", "sr_nomogram", "sr_nomogram_enhanced", "pdf_results", "sc_results"})
    EXPECT_THAT(needed, Contains(kind));
  for (const char* kind : {"pm_real", "sr_segments", "sr_segments_enhanced"}) EXPECT_THAT(needed, Not(Contains(kind)));
  EXPECT_THAT(server::needed_kinds(settings_with({named("ohif"), named("full")})), Contains("pm_real"));
}

TEST(ResultKinds, OfTheFullProfileAreKeptWhereNobodyIsSentAnything) {
  const auto needed = server::needed_kinds(settings_with({}));
  const auto sent = kinds_sent({});
  EXPECT_EQ(needed, (std::set<std::string, std::less<>>(sent.begin(), sent.end())));
}

TEST(ResultKinds, GoDownTheLadderToSomethingThatIsStillToBeSentExceptMaps) {
  EXPECT_EQ(server::kind_below("sr_segments"), "sr_segments_enhanced");
  EXPECT_EQ(server::kind_below("pdf_nomogram"), "sc_nomogram");
  EXPECT_EQ(server::kind_below("seg"), "");
  EXPECT_EQ(server::kind_below("unknown"), "");
  EXPECT_TRUE(server::is_replaced_by_something_new("sr_measurements"));
  EXPECT_FALSE(server::is_replaced_by_something_new("pm_real"));
  EXPECT_FALSE(server::is_replaced_by_something_new("mr_map"));
}

// study-1/t2/mr_map_0001.dcm: the kind is the name up to the number.
std::string kind_of(const std::filesystem::path& file) {
  std::string stem = file.stem().string();
  const auto end = stem.find_last_not_of("_0123456789");
  return stem.substr(0, end + 1);
}

TEST(ResultKinds, SayOfEveryObjectThatIsMadeItsSopClass) {
  const support::TempFolder work;
  server::SimulateOptions options;
  options.matrix = 32;
  options.slices = 8;
  ASSERT_TRUE(server::simulate(options, work / "exam"));
  server::log::open(processing::settings().logging);
  processing::process(work / "exam", work / "out");
  std::set<std::string> seen;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(work / "out")) {
    if (entry.path().extension() != ".dcm") continue;
    const auto identity = dicom::read_identity(entry.path());
    ASSERT_TRUE(identity) << entry.path();
    const auto* kind = server::find_result_kind(kind_of(entry.path()));
    ASSERT_NE(kind, nullptr) << entry.path();
    EXPECT_EQ(identity->sop_class_uid, kind->sop_class_uid) << entry.path();
    seen.emplace(kind->name);
  }
  for (const char* made : {"mr_map", "pm_real", "sr_measurements", "sr_nomogram"}) EXPECT_THAT(seen, Contains(made));
}

}  // namespace
