#include "dicom/input/stated_facts.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>
#include <string_view>

#include "dicom/input/functional_groups.h"
#include "dicom/input/roi_parts.h"
#include "dicom/input/sr_content.h"
#include "dicom/output/object.h"

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

// Name and answer of one content item; an empty name when it states nothing.
StatedFact stated(DcmItem& item) {
  const std::string type = sr::value_type(item);
  const Found question = question_of(in_dicom_terms(sr::concept_name(item)));
  Found answer;
  if (type == "NUM" && question == "ki67") answer = percentage(item);
  if (type == "CODE") {
    const Code value = in_dicom_terms(sr::code_value(item));
    if (const Found curve = curve_of(value)) return {"tic", *curve, {}, {}};
    if (question) answer = answer_of(*question, value);
  }
  return answer ? StatedFact{*question, *answer, {}, {}} : StatedFact{};
}

// The observer in whose context an item stands: of the nearest container around it that names one.
std::string observer_of(const std::vector<DcmItem*>& path) {
  for (auto at = path.rbegin(); at != path.rend(); ++at)
    if (DcmItem* person = sr::child(**at, "121008", "DCM")) return text(*person, DCM_PersonName);
  return {};
}

// Of an Observation DateTime, to the second.
std::string moment_of(DcmItem& item) {
  const std::string moment = text(item, DCM_ObservationDateTime).substr(0, 14);
  const bool whole =
      moment.size() == 14 && std::all_of(moment.begin(), moment.end(), [](char c) { return c >= '0' && c <= '9'; });
  return whole ? moment : std::string();
}

void add(std::vector<StatedFact>& facts, const StatedFact& fact) {
  constexpr std::size_t kMostFacts = 1000;
  const bool known = std::any_of(facts.begin(), facts.end(), [&](const StatedFact& other) {
    return other.name == fact.name && other.answer == fact.answer;
  });
  if (!known && facts.size() < kMostFacts) facts.push_back(fact);
}

std::vector<StatedFact> facts_of(DcmDataset& dataset) {
  std::vector<StatedFact> facts;
  const std::string written = roi::datetime(dataset, DCM_ContentDate, DCM_ContentTime);
  sr::walk(dataset, [&](DcmItem& item, const std::vector<DcmItem*>& path) {
    StatedFact fact = stated(item);
    if (fact.name.empty()) return;
    fact.said_by = observer_of(path);
    fact.said_at = moment_of(item);
    if (fact.said_at.empty()) fact.said_at = written;
    add(facts, fact);
  });
  return facts;
}

}  // namespace

Result<std::vector<StatedFact>> read_stated_facts(const std::filesystem::path& sr_file) {
  return guarded([&] {
    DcmFileFormat object;
    open_object(object, sr_file.string());
    DcmDataset& dataset = *object.getDataset();
    if (!roi::is_report(text(dataset, DCM_SOPClassUID))) fail(Fault::Unsupported, "not a structured report");
    return text(dataset, DCM_ManufacturerModelName) == kModelName ? std::vector<StatedFact>{} : facts_of(dataset);
  });
}

}  // namespace dicom
