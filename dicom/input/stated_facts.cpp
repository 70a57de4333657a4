#include "dicom/input/stated_facts.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "dicom/input/functional_groups.h"
#include "dicom/input/roi_parts.h"
#include "dicom/input/sr_content.h"
#include "dicom/output/object.h"
#include "dicom/uid.h"

namespace dicom {
namespace {

struct Row {
  const char *fact, *scheme, *value;
};
// Concept names. The scheme 99HERALD goes by meaning.
constexpr std::array<Row, 14> kQuestions{{{"er", "LN", "16112-5"},
                                          {"er", "LN", "85337-4"},
                                          {"er", "LN", "40556-3"},
                                          {"er", "DCM", "111475"},
                                          {"pr", "LN", "16113-3"},
                                          {"pr", "LN", "85339-0"},
                                          {"pr", "LN", "40557-1"},
                                          {"pr", "DCM", "111476"},
                                          {"ki67", "LN", "29593-1"},
                                          {"ki67", "LN", "85330-9"},
                                          {"lesion", "DCM", "121071"},
                                          {"shape", "SCT", "107644003"},
                                          {"margin", "DCM", "111037"},
                                          {"oedema", "SCT", "79654002"}}};

struct Named {
  const char *fact, *meaning;
};
constexpr std::array<Named, 20> kOwnQuestions{{{"er", "er"},
                                               {"er", "estrogen receptor status"},
                                               {"pr", "pr"},
                                               {"pr", "progesterone receptor status"},
                                               {"ki67", "ki67"},
                                               {"ki67", "ki-67"},
                                               {"lesion", "lesion"},
                                               {"lesion", "lesion type"},
                                               {"shape", "shape"},
                                               {"margin", "margin"},
                                               {"t2_hyperintense", "t2_hyperintense"},
                                               {"t2_hyperintense", "t2 hyperintensity"},
                                               {"oedema", "oedema"},
                                               {"oedema", "edema"},
                                               {"enhancement", "enhancement"},
                                               {"enhancement", "internal enhancement"},
                                               {"enhancement", "internal enhancement pattern"},
                                               {"tic", "tic"},
                                               {"tic", "kinetic curve type"},
                                               {"tic", "time-intensity curve type"}}};

struct Answer {
  const char *fact, *word, *scheme, *value;
};
constexpr std::array<Answer, 21> kAnswers{{{"er", "pos", "SCT", "10828004"},
                                           {"er", "neg", "SCT", "260385009"},
                                           {"er", "pos", "LN", "LA6576-8"},
                                           {"er", "neg", "LN", "LA6577-6"},
                                           {"pr", "pos", "SCT", "10828004"},
                                           {"pr", "neg", "SCT", "260385009"},
                                           {"pr", "pos", "LN", "LA6576-8"},
                                           {"pr", "neg", "LN", "LA6577-6"},
                                           {"lesion", "mass", "SCT", "4147007"},
                                           {"shape", "round", "SCT", "42700002"},
                                           {"shape", "oval", "SCT", "84360004"},
                                           {"shape", "irregular", "SCT", "49608001"},
                                           {"margin", "circumscribed", "SCT", "129738007"},
                                           {"margin", "spiculated", "SCT", "129742005"},
                                           {"margin", "irregular", "SCT", "49608001"},
                                           {"oedema", "no", "SCT", "373067005"},
                                           {"oedema", "yes", "SCT", "373066001"},
                                           {"oedema", "no", "SCT", "272519000"},
                                           {"oedema", "yes", "SCT", "52101004"},
                                           {"t2_hyperintense", "no", "SCT", "373067005"},
                                           {"t2_hyperintense", "yes", "SCT", "373066001"}}};
// Answers that name their question.
constexpr std::array<Row, 3> kCurves{
    {{"persistent", "DCM", "130597"}, {"plateau", "DCM", "130598"}, {"washout", "DCM", "130599"}}};

struct OwnAnswer {
  const char *fact, *word, *meaning;
};
constexpr std::array<OwnAnswer, 27> kOwnAnswers{{{"er", "pos", "pos"},
                                                 {"er", "pos", "positive"},
                                                 {"er", "neg", "neg"},
                                                 {"er", "neg", "negative"},
                                                 {"pr", "pos", "pos"},
                                                 {"pr", "pos", "positive"},
                                                 {"pr", "neg", "neg"},
                                                 {"pr", "neg", "negative"},
                                                 {"lesion", "mass", "mass"},
                                                 {"lesion", "nme", "nme"},
                                                 {"lesion", "nme", "non-mass enhancement"},
                                                 {"shape", "round", "round"},
                                                 {"shape", "oval", "oval"},
                                                 {"shape", "irregular", "irregular"},
                                                 {"margin", "circumscribed", "circumscribed"},
                                                 {"margin", "irregular", "irregular"},
                                                 {"margin", "spiculated", "spiculated"},
                                                 {"t2_hyperintense", "no", "no"},
                                                 {"t2_hyperintense", "yes", "yes"},
                                                 {"oedema", "no", "no"},
                                                 {"oedema", "yes", "yes"},
                                                 {"enhancement", "homogeneous", "homogeneous"},
                                                 {"enhancement", "heterogeneous", "heterogeneous"},
                                                 {"enhancement", "rim", "rim"},
                                                 {"tic", "persistent", "persistent"},
                                                 {"tic", "plateau", "plateau"},
                                                 {"tic", "washout", "washout"}}};

using Found = std::optional<std::string>;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

Code in_dicom_terms(Code code) {
  if (code.scheme == "LOINC") code.scheme = "LN";
  return code;
}

Found question_of(const Code& code) {
  if (code.scheme == kPrivateScheme) {
    for (const Named& row : kOwnQuestions)
      if (lower(code.meaning) == row.meaning) return row.fact;
    return std::nullopt;
  }
  for (const Row& row : kQuestions)
    if (roi::is(code, row.value, row.scheme)) return row.fact;
  return std::nullopt;
}

Found answer_of(const std::string& fact, const Code& code) {
  if (code.scheme == kPrivateScheme) {
    const std::string meaning = lower(code.meaning);
    for (const OwnAnswer& row : kOwnAnswers)
      if (fact == row.fact && meaning == row.meaning) return row.word;
    return std::nullopt;
  }
  for (const Answer& row : kAnswers)
    if (fact == row.fact && roi::is(code, row.value, row.scheme)) return row.word;
  return std::nullopt;
}

Found curve_of(const Code& code) {
  for (const Row& row : kCurves)
    if (roi::is(code, row.value, row.scheme)) return row.fact;
  return std::nullopt;
}

std::string shortest(double value) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return {digits.data(), end};
}

Found percentage(DcmItem& item) {
  DcmItem* value = first_item(item, DCM_MeasuredValueSequence);
  if (value == nullptr || !roi::is(roi::code_of(*value, DCM_MeasurementUnitsCodeSequence), "%", "UCUM"))
    return std::nullopt;
  const auto percent = number(*value, DCM_NumericValue);
  return percent && *percent >= 0 && *percent <= 100 ? Found(shortest(*percent)) : std::nullopt;
}

// Name and answer of one content item. An empty name: it is about no fact; an empty answer: about one, but what it says
// is none of the answers, which contradicts them all.
StatedFact stated(DcmItem& item) {
  const std::string type = sr::value_type(item);
  const std::string question = question_of(in_dicom_terms(sr::concept_name(item))).value_or("");
  StatedFact fact;
  if (type == "NUM" && question == "ki67") {
    fact.name = question;
    fact.answer = percentage(item).value_or("");
  } else if (type == "CODE") {
    const Code value = in_dicom_terms(sr::code_value(item));
    const Found curve = curve_of(value);
    // "High" beside a percentage of Ki-67 is no contradiction.
    fact.name = curve ? "tic" : question == "ki67" ? "" : question;
    fact.answer = curve ? *curve : answer_of(fact.name, value).value_or("");
  }
  return fact;
}

// Of an Observation DateTime, to the second.
std::string moment_of(const std::string& datetime) {
  const std::string moment = datetime.substr(0, 14);
  const bool whole =
      moment.size() == 14 && std::all_of(moment.begin(), moment.end(), [](char c) { return c >= '0' && c <= '9'; });
  return whole ? moment : std::string();
}

// "+0100", or empty when it is no offset from UTC (PS3.5 6.2, DT: -1200 to +1400).
std::string offset_of(const std::string& text) {
  if (text.size() != 5 || (text[0] != '+' && text[0] != '-')) return {};
  int value = 0;
  const auto [end, failed] = std::from_chars(text.data() + 1, text.data() + 5, value);
  const bool possible = failed == std::errc() && end == text.data() + 5 && value >= 0 && value % 100 < 60;
  return possible && value <= (text[0] == '+' ? 1400 : 1200) ? text : std::string();
}

// What one item says of whatever is below it.
struct Around {
  std::string person;  // Person Observer Name
  bool persons = false, devices = false;
  std::string lesion;        // of a measurement group: what tells its lesion from others; empty: no group
  std::string tracking_uid;  // of a measurement group
};

Around read_around(DcmItem& item) {
  Around around;
  for (DcmItem* below : sr::children(item)) {
    const Code name = sr::concept_name(*below);
    if (roi::is(name, "121005", "DCM")) {
      around.devices = around.devices || roi::is(sr::code_value(*below), "121007", "DCM");
      around.persons = around.persons || roi::is(sr::code_value(*below), "121006", "DCM");
    } else if (roi::is(name, "121008", "DCM")) {
      around.persons = true;
      if (around.person.empty()) around.person = text(*below, DCM_PersonName);
    } else if (roi::is(name, "112040", "DCM") && around.lesion.empty()) {
      around.lesion = text(*below, DCM_UID);
      if (is_uid(around.lesion)) around.tracking_uid = around.lesion;
    }
  }
  return around;
}

// The facts of one report, and which of them hold of all of it.
class Report {
 public:
  explicit Report(DcmDataset& dataset)
      : written_(roi::datetime(dataset, DCM_ContentDate, DCM_ContentTime)),
        zone_(offset_of(text(dataset, DCM_TimezoneOffsetFromUTC))) {
    sr::walk(dataset, [this](DcmItem& item, const std::vector<DcmItem*>& path) {
      if (sr::value_type(item) == "CONTAINER") around(item);  // groups that say nothing count too
      take(item, path);
    });
  }

  std::vector<StatedFact> facts() && {
    std::vector<StatedFact> kept;
    for (StatedFact& fact : facts_) {
      const Said& said = said_.at(fact.name);
      if (said.answers.size() != 1 || fact.answer.empty()) continue;
      if (!fact.of_all_lesions) fact.of_all_lesions = said.lesions == lesions_;
      kept.push_back(std::move(fact));
    }
    return kept;
  }

 private:
  // Of one fact, whoever is asked.
  struct Said {
    std::set<std::string> answers, lesions;
  };

  // Each item is asked once: a report of a hundred thousand must not take their square.
  const Around& around(DcmItem& item) {
    const auto [at, is_new] = around_.try_emplace(&item);
    Around& said = at->second;
    if (!is_new) return said;
    said = read_around(item);
    if (said.lesion.empty() && roi::is(sr::concept_name(item), "125007", "DCM"))
      said.lesion = "group " + std::to_string(around_.size());
    if (!said.lesion.empty()) lesions_.insert(said.lesion);
    return said;
  }

  void take(DcmItem& item, const std::vector<DcmItem*>& path) {
    StatedFact fact = stated(item);
    if (fact.name.empty()) return;
    // The observer in whose context an item stands is of the nearest container around it that names one.
    const Around *observer = nullptr, *group = nullptr;
    for (auto at = path.rbegin(); at != path.rend(); ++at) {
      const Around& each = around(**at);
      if (observer == nullptr && (each.persons || each.devices)) observer = &each;
      if (group == nullptr && !each.lesion.empty()) group = &each;
    }
    if (observer != nullptr && !observer->persons) return;  // what a machine judged is no reader's word
    if (observer != nullptr) fact.said_by = observer->person;
    if (group != nullptr) fact.tracking_uid = group->tracking_uid;
    fact.of_all_lesions = group == nullptr;
    set_time(fact, text(item, DCM_ObservationDateTime));
    add(std::move(fact), group != nullptr ? group->lesion : "");
  }

  void set_time(StatedFact& fact, const std::string& observed) const {
    fact.said_at = moment_of(observed);
    const auto sign = observed.find_first_of("+-");
    fact.utc_offset = sign == std::string::npos ? zone_ : offset_of(observed.substr(sign));
    if (!fact.said_at.empty()) return;
    fact.said_at = written_;
    fact.utc_offset = zone_;
  }

  void add(StatedFact fact, const std::string& lesion) {
    constexpr std::size_t kMostFacts = 1000;
    Said& said = said_[fact.name];
    said.answers.insert(fact.answer);
    if (!lesion.empty()) said.lesions.insert(lesion);
    const bool known = std::any_of(facts_.begin(), facts_.end(), [&](const StatedFact& other) {
      return other.name == fact.name && other.answer == fact.answer && other.tracking_uid == fact.tracking_uid &&
             other.of_all_lesions == fact.of_all_lesions;
    });
    if (!known && facts_.size() < kMostFacts) facts_.push_back(std::move(fact));
  }

  std::string written_, zone_;
  std::map<const DcmItem*, Around> around_;
  std::set<std::string> lesions_;  // of all groups
  std::map<std::string, Said> said_;
  std::vector<StatedFact> facts_;
};

// Herald's own: what a machine wrote down comes back as no fact. A partial report is one that its author has not
// finished.
bool states_nothing(DcmDataset& dataset) {
  return text(dataset, DCM_ManufacturerModelName) == kModelName || text(dataset, DCM_CompletionFlag) == "PARTIAL";
}

}  // namespace

Result<std::vector<StatedFact>> read_stated_facts(const std::filesystem::path& sr_file) {
  return guarded([&] {
    DcmFileFormat object;
    open_object(object, sr_file.string());
    DcmDataset& dataset = *object.getDataset();
    if (!roi::is_report(text(dataset, DCM_SOPClassUID))) fail(Fault::Unsupported, "not a structured report");
    return states_nothing(dataset) ? std::vector<StatedFact>{} : Report(dataset).facts();
  });
}

}  // namespace dicom
