#include "server/clinical.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "server/log.h"
#include "tests/dicom/input/dicom_files.h"
#include "tests/support/temp_folder.h"

namespace {

using server::Statement;
using testing::HasSubstr;

constexpr const char* kStudy = "1.2.3";

class Clinical : public testing::Test {
 protected:
  void SetUp() override {
    config::Logging logging;
    logging.level = "error";
    server::log::open(logging);
  }
  std::size_t say(const Statement& statement) {
    return server::state_facts(database_, kStudy, std::array{statement}, "Dr. Example", "command");
  }
  std::string refusal(const Statement& statement) {
    try {
      say(statement);
    } catch (const server::Failure& failure) {
      return failure.error.what;
    }
    return "";
  }
  std::vector<storage::FactRow> current() { return storage::Facts(database_).current(kStudy).value(); }

  support::TempFolder folder_;
  storage::Database database_ = storage::Database::open(folder_ / "index.db").value();
};

TEST_F(Clinical, KeepsAnAnswerInTheModelsWord) {
  EXPECT_EQ(say({"er", "POS"}), 1u);
  ASSERT_EQ(current().size(), 1u);
  EXPECT_EQ(current()[0].answer, "pos");
  EXPECT_EQ(server::answers_of(current()).at("er"), "pos");
}

TEST_F(Clinical, RefusesWhatNoModelKnowsAndSaysWhatIsKnown) {
  EXPECT_THAT(refusal({"er", "maybe"}), HasSubstr("unknown"));
  EXPECT_THAT(refusal({"her2", "pos"}), HasSubstr("known: er"));
  EXPECT_THAT(refusal({"ki67", "130"}), HasSubstr("100"));
  EXPECT_TRUE(current().empty());
}

TEST_F(Clinical, UnknownTakesBack) {
  say({"er", "pos"});
  say({"er", "unknown"});
  EXPECT_TRUE(current().empty());
}

TEST_F(Clinical, ReportsSayWhoAndWhen) {
  say({"ki67", "22"});
  const std::string words = server::in_words(current().at(0));
  EXPECT_THAT(words, HasSubstr("22 %"));
  EXPECT_THAT(words, HasSubstr("Dr. Example"));
  EXPECT_THAT(words, HasSubstr("command"));
}

TEST_F(Clinical, SurviveTheQueue) {
  say({"er", "neg"});
  const auto facts = current();
  const auto again = server::facts_from_json(server::facts_to_json(facts));
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(server::in_words(again[0]), server::in_words(facts[0]));
}

TEST_F(Clinical, AStatementIsANameAndAnAnswer) {
  EXPECT_EQ(server::parse_statement("er=pos").answer, "pos");
  for (const char* wrong : {"er", "=pos", "er=", ""}) EXPECT_THROW(server::parse_statement(wrong), server::Failure);
}

TEST_F(Clinical, AStudyMayBeNamedBeforeItIsHereButOnlyByItsUid) {
  EXPECT_EQ(server::study_meant(database_, "1.2.3"), "1.2.3");
  EXPECT_EQ(server::study_meant(database_, "2.25.0.17"), "2.25.0.17");
  for (const std::string& word :
       {std::string("A123"), std::string("2026.1234"), std::string("1.2"), std::string("1.02.3"), std::string("3.2.1"),
        std::string("1..2.3"), std::string("1.2.3."), std::string("1.2.x"), "1.2." + std::string(61, '3'),
        std::string()})
    EXPECT_FALSE(server::study_meant(database_, word)) << word;
}

TEST_F(Clinical, NobodysNameIsAPage) {
  const auto said_by = [&](const std::string& who) {
    return server::state_facts(database_, kStudy, std::array{Statement{"er", "pos"}}, who, "command");
  };
  EXPECT_THROW(said_by(std::string(65, 'x')), server::Failure);
  EXPECT_THROW(said_by("a\nb"), server::Failure);
  EXPECT_THROW(said_by("\xff"), server::Failure);
  EXPECT_TRUE(current().empty());
  EXPECT_EQ(said_by(std::string(64, 'x')), 1u);
}

// --- reports ---

class Reports : public Clinical {
 protected:
  struct Said {
    std::string tracking_uid = {};
    const char *name = "16112-5", *name_scheme = "LN", *value = "10828004";  // ER positive
  };
  // A report dated 2026-03-01 10:11:12 with these content items, in groups where they have a Tracking UID.
  void take(const std::vector<Said>& items, const std::string& zone = "") {
    DcmFileFormat file;
    DcmDataset& d = *file.getDataset();
    dicom_files::put_identity(d, UID_EnhancedSRStorage, "1.2.3.7.1");
    dicom_files::put(d, DCM_ContentDate, "20260301");
    dicom_files::put(d, DCM_ContentTime, "101112");
    if (!zone.empty()) dicom_files::put(d, DCM_TimezoneOffsetFromUTC, zone);
    for (const Said& said : items) add(d, said);
    dicom_files::save(file, folder_ / "sr");
    const std::array rows{storage::InstanceRow{"1.2.3.7.1", UID_EnhancedSRStorage, kStudy, "1.2.3.7", "1.2",
                                               folder_ / "sr", "digest", 1, "folder", received_}};
    server::take_stated_facts(context_, rows);
  }
  std::vector<storage::FactRow> taken() { return storage::Facts(context_.database).current(kStudy).value(); }
  std::string said_at() { return taken().empty() ? "" : server::in_words(taken()[0]); }

  storage::Time received_ = storage::Time(std::chrono::sys_days(std::chrono::year(2026) / 3 / 2).time_since_epoch());
  server::Context context_{.settings = {},
                           .recipe = {},
                           .models = {},
                           .store = storage::ObjectStore::open({.root = folder_ / "store"}).value(),
                           .database = storage::Database::open(folder_ / "reports.db").value()};

 private:
  static void add(DcmDataset& d, const Said& said) {
    DcmItem* parent = &d;
    if (!said.tracking_uid.empty()) {
      parent = &dicom_files::add_item(d, DCM_ContentSequence);
      dicom_files::put(*parent, DCM_ValueType, "CONTAINER");
      DcmItem& uid = dicom_files::add_item(*parent, DCM_ContentSequence);
      dicom_files::put(uid, DCM_ValueType, "UIDREF");
      dicom_files::put_code(uid, DCM_ConceptNameCodeSequence, "112040", "DCM", "Tracking Unique Identifier");
      dicom_files::put(uid, DCM_UID, said.tracking_uid);
    }
    DcmItem& item = dicom_files::add_item(*parent, DCM_ContentSequence);
    dicom_files::put(item, DCM_ValueType, "CODE");
    dicom_files::put_code(item, DCM_ConceptNameCodeSequence, said.name, said.name_scheme, "name");
    dicom_files::put_code(item, DCM_ConceptCodeSequence, said.value, "SCT", "value");
  }
};

// The zone of this process, until the end of the test.
class Zone {
 public:
  explicit Zone(const char* name) {
    setenv("TZ", name, 1);
    tzset();
  }
  ~Zone() {
    unsetenv("TZ");
    tzset();
  }
};

TEST_F(Reports, WithATimeZoneAreReadInIt) {
  take({{}}, "+0530");
  EXPECT_THAT(said_at(), HasSubstr("2026-03-01 04:41 UTC"));
}

TEST_F(Reports, WithoutATimeZoneAreLocal) {
  const Zone zone("XXX+03");  // three hours west
  take({{}});
  EXPECT_THAT(said_at(), HasSubstr("2026-03-01 13:11 UTC"));
}

TEST_F(Reports, OfTheFutureWereSaidWhenTheyCame) {
  received_ -= std::chrono::hours(24 * 30);
  take({{}}, "+0000");
  ASSERT_EQ(taken().size(), 1u);
  EXPECT_EQ(taken()[0].said_at, received_);
}

TEST_F(Reports, OfSeveralLesionsStateOnlyWhatHoldsOfAll) {
  const Said mass{"1.2.3.1", "121071", "DCM", "4147007"}, oval{"1.2.3.1", "107644003", "SCT", "84360004"};
  Said other = mass;
  other.tracking_uid = "1.2.3.2";
  take({mass, oval, other, {}});
  ASSERT_EQ(taken().size(), 2u);
  EXPECT_EQ(taken()[0].name, "er");
  EXPECT_EQ(taken()[1].name, "lesion");
}

TEST_F(Reports, OfOneLesionStateWhatTheySayOfIt) {
  take({{"1.2.3.1", "121071", "DCM", "4147007"}, {"1.2.3.1", "107644003", "SCT", "84360004"}});
  EXPECT_EQ(taken().size(), 2u);
}

}  // namespace
