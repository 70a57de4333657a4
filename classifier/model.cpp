#include "classifier/model.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <tuple>

#include "classifier/json_node.h"
#include "classifier/linear.h"

// A walk through the file in the order of the structs. Each read_… takes the node of its object, names the keys it
// knows and leaves nothing unread: a key that is not read would be a number that somebody believes to be in force.

namespace classifier {
namespace {

// Worked cases are printed with six decimals; a little more than half of the last one.
constexpr double kWorkedTolerance = 0.51e-6;

std::string sha256_hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1)
    throw Failure{"SHA-256 is not available"};
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string hex;
  for (unsigned i = 0; i < length; ++i) (hex += kHex[digest[i] >> 4]) += kHex[digest[i] & 15];
  return hex;
}

// Names end up in messages, reports and commands.
std::string read_name(const Node& node, std::string_view also_allowed) {
  std::string name = node.text();
  const auto allowed = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           also_allowed.find(c) != std::string_view::npos;
  };
  if (name.size() > 100 || !std::ranges::all_of(name, allowed))
    node.refuse("expected at most 100 letters, digits and " + std::string(also_allowed));
  return name;
}

std::string read_identifier(const Node& node) { return read_name(node, "_"); }

std::string read_unit(const Node& node) {
  return node.text_of({"1", "%", "ms", "s", "1/s", "mm", "cm", "mm2", "mm3", "10-3.mm2/s", "10-6.mm2/s", "a", "kg"});
}

Provenance read_provenance(const Node& node) {
  const std::string text = node.text_of({"published", "reconstructed", "locally-fitted"});
  return text == "published"       ? Provenance::Published
         : text == "reconstructed" ? Provenance::Reconstructed
                                   : Provenance::LocallyFitted;
}

int read_level(const Node& node, const std::string& key) {
  int level = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), level);
  if (error != std::errc() || end != key.data() + key.size() || level < 0 || level > 99)
    node.refuse("expected a level, 0 to 99");
  return level;
}

void read_levels(const Node& node, Predictor& predictor) {
  node.expect_keys({"name", "title", "kind", "source", "unit", "levels"});
  predictor.source = node.at("source").text_of({"pathology", "reader"});
  for (const auto& [key, text] : node.at("levels").members()) predictor.levels[read_level(text, key)] = text.text();
  const bool binary = predictor.kind == Predictor::Kind::Binary;
  if (binary && (predictor.levels.size() != 2 || !predictor.levels.contains(0) || !predictor.levels.contains(1)))
    node.at("levels").refuse("a binary predictor has the levels 0 and 1");
  if (predictor.levels.size() < 2) node.at("levels").refuse("expected two or more levels");
  predictor.valid_low = predictor.axis_low = predictor.levels.begin()->first;
  predictor.valid_high = predictor.axis_high = predictor.levels.rbegin()->first;
}

void read_hard_limits(const Node& node, Predictor& predictor) {
  const auto [low, high] = node.range();
  if (low > predictor.valid_low || high < predictor.valid_high) node.refuse("must enclose valid_range");
  predictor.hard_low = low;
  predictor.hard_high = high;
}

void read_measured(const Node& node, Predictor& predictor) {
  node.expect_keys({"name", "title", "kind", "source", "statistic", "region", "unit", "valid_range", "axis"},
                   {"hard_limits"});
  predictor.source = read_identifier(node.at("source"));
  predictor.statistic = node.at("statistic").text();
  predictor.region = node.at("region").text();
  std::tie(predictor.valid_low, predictor.valid_high) = node.at("valid_range").range();
  std::tie(predictor.axis_low, predictor.axis_high) = node.at("axis").range();
  if (node.has("hard_limits")) read_hard_limits(node.at("hard_limits"), predictor);
}

Predictor read_predictor(const Node& node) {
  if (!node.has("kind")) node.refuse("\"kind\" is missing");
  const std::string kind = node.at("kind").text_of({"continuous", "binary", "categorical"});
  Predictor predictor;
  predictor.kind = kind == "continuous" ? Predictor::Kind::Continuous
                   : kind == "binary"   ? Predictor::Kind::Binary
                                        : Predictor::Kind::Categorical;
  predictor.is_fact() ? read_levels(node, predictor) : read_measured(node, predictor);
  predictor.name = read_identifier(node.at("name"));
  predictor.title = node.at("title").text();
  predictor.unit = read_unit(node.at("unit"));
  return predictor;
}

const Predictor* find_predictor(const Model& model, std::string_view name) {
  const auto found = std::ranges::find(model.predictors, name, &Predictor::name);
  return found == model.predictors.end() ? nullptr : &*found;
}

void read_predictors(const Node& node, Model& model) {
  for (const Node& item : node.items()) {
    Predictor predictor = read_predictor(item);
    if (find_predictor(model, predictor.name) != nullptr)
      item.at("name").refuse("a predictor of this name is there already");
    model.predictors.push_back(std::move(predictor));
  }
  if (model.predictors.empty()) node.refuse("expected one predictor or more");
}

void read_level_coefficients(const Node& node, Predictor& predictor) {
  for (const auto& [key, value] : node.members()) {
    const int level = read_level(value, key);
    if (!predictor.levels.contains(level)) value.refuse("not a level of " + predictor.name);
    predictor.level_coefficients[level] = value.number();
  }
  if (predictor.level_coefficients.size() != predictor.levels.size()) node.refuse("expected one number for each level");
}

void read_coefficients(const Node& node, Model& model) {
  for (const auto& [name, value] : node.members())
    if (find_predictor(model, name) == nullptr) value.refuse("no predictor of this name");
  for (Predictor& predictor : model.predictors) {
    if (!node.has(predictor.name)) node.refuse("\"" + predictor.name + "\" is missing");
    const Node value = node.at(predictor.name);
    if (predictor.kind == Predictor::Kind::Categorical) {
      read_level_coefficients(value, predictor);
    } else {
      predictor.coefficient = value.number();
    }
  }
  if (std::ranges::all_of(model.predictors,
                          [](const Predictor& predictor) { return effect_range(predictor).width() == 0; }))
    node.refuse("all predictors are without effect");
}

// All likelihood ratios must be finite: neither side may be without a misjudged case and without a right one.
void read_counts(const Node& node, Cutoff& cutoff) {
  node.expect_keys({"true_positive", "positives", "true_negative", "negatives"});
  cutoff.true_positive = node.at("true_positive").count();
  cutoff.positives = node.at("positives").count();
  cutoff.true_negative = node.at("true_negative").count();
  cutoff.negatives = node.at("negatives").count();
  if (cutoff.true_positive > cutoff.positives || cutoff.positives == 0)
    node.at("true_positive").refuse("more than positives, or none");
  if (cutoff.true_negative >= cutoff.negatives || cutoff.true_negative == 0)
    node.at("true_negative").refuse("expected 1 to negatives - 1, else a likelihood ratio is infinite");
}

void check_target(const Node& node, const Model& model, const Cutoff& cutoff) {
  const Predictor* predictor = find_predictor(model, cutoff.on);
  if (predictor != nullptr && predictor->unit != cutoff.unit)
    node.at("unit").refuse("the predictor's unit is " + predictor->unit);
  if (cutoff.positive != model.positive && cutoff.positive != model.negative)
    node.at("positive").refuse("expected " + model.positive + " or " + model.negative);
}

Cutoff read_cutoff(const Node& node, const Model& model) {
  node.expect_keys(
      {"on", "title", "source", "unit", "statistic", "value", "relation", "positive", "counts", "auc", "provenance"},
      {"note"});
  Cutoff cutoff;
  cutoff.on = read_identifier(node.at("on"));
  cutoff.title = node.at("title").text();
  cutoff.source = read_identifier(node.at("source"));
  cutoff.unit = read_unit(node.at("unit"));
  cutoff.statistic = node.at("statistic").text();
  cutoff.value = node.at("value").number();
  cutoff.relation = node.at("relation").text_of({">", ">=", "<", "<="});
  cutoff.positive = node.at("positive").text();
  cutoff.auc = node.at("auc").number();
  cutoff.provenance = read_provenance(node.at("provenance"));
  if (node.has("note")) cutoff.note = node.at("note").text();
  if (cutoff.auc < 0.5 || cutoff.auc > 1) node.at("auc").refuse("expected 0.5 to 1");
  read_counts(node.at("counts"), cutoff);
  check_target(node, model, cutoff);
  return cutoff;
}

void check_worked(const Node& node, const Model& model, const Model::Worked& worked) {
  const double linear = linear_predictor(model, worked.inputs);
  if (std::abs(linear - worked.linear_predictor) > kWorkedTolerance)
    node.at("linear_predictor").refuse("the coefficients give " + std::to_string(linear));
  if (std::abs(logistic(linear) - worked.probability) > kWorkedTolerance)
    node.at("probability").refuse("the coefficients give " + std::to_string(logistic(linear)));
}

Model::Worked read_worked(const Node& node, const Model& model) {
  node.expect_keys({"inputs", "linear_predictor", "probability"});
  Model::Worked worked;
  const Node inputs = node.at("inputs");
  for (const auto& [name, value] : inputs.members()) {
    const Predictor* predictor = find_predictor(model, name);
    if (predictor == nullptr) value.refuse("no predictor of this name");
    worked.inputs[name] = value.number();
    if (predictor->is_fact() && !is_level(*predictor, worked.inputs[name])) value.refuse("not a level of " + name);
  }
  if (worked.inputs.size() != model.predictors.size()) inputs.refuse("expected a value for each predictor");
  worked.linear_predictor = node.at("linear_predictor").number();
  worked.probability = node.at("probability").number();
  check_worked(node, model, worked);
  return worked;
}

void read_citation(const Node& node, Model& model) {
  node.expect_keys({"text", "doi"});
  model.citation = node.at("text").text();
  model.doi = node.at("doi").text();
}

void read_task(const Node& node, Model& model) {
  node.expect_keys({"type", "positive", "negative", "excluded"});
  static_cast<void>(node.at("type").text_of({"binary"}));
  model.positive = node.at("positive").text();
  model.negative = node.at("negative").text();
  model.excluded = node.at("excluded").texts();
  if (model.positive == model.negative) node.at("negative").refuse("the same as positive");
}

void read_population(const Node& node, Model& model) {
  node.expect_keys({"n", "n_positive", "limits"}, {"field_strength_t", "post_contrast_delay_s"});
  model.cases = node.at("n").count();
  model.positive_cases = node.at("n_positive").count();
  if (node.has("field_strength_t"))
    for (const Node& item : node.at("field_strength_t").items()) model.field_strengths_t.push_back(item.number());
  if (node.has("post_contrast_delay_s")) model.post_contrast_delay_s = node.at("post_contrast_delay_s").range();
  model.population = node.at("limits").texts();
  if (model.positive_cases >= model.cases) node.at("n_positive").refuse("expected less than n");
  if (model.population.empty()) node.at("limits").refuse("expected one sentence or more");
}

void read_coefficients_provenance(const Node& node, Model& model) {
  node.expect_keys({"coefficients", "method"});
  model.coefficients_provenance = read_provenance(node.at("coefficients"));
  model.provenance_method = node.at("method").text();
}

Model read_model(const Node& node) {
  node.expect_keys({"schema", "id", "version", "citation", "task", "population", "predictors", "link", "coefficients",
                    "intercept", "provenance", "cutoffs", "performance", "status", "flags", "worked"});
  static_cast<void>(node.at("schema").text_of({"herald.model/1"}));
  static_cast<void>(node.at("link").text_of({"logit"}));
  Model model;
  model.id = read_name(node.at("id"), "._-");
  model.version = read_name(node.at("version"), "._-");
  read_citation(node.at("citation"), model);
  read_task(node.at("task"), model);
  read_population(node.at("population"), model);
  read_predictors(node.at("predictors"), model);
  read_coefficients(node.at("coefficients"), model);
  model.intercept = node.at("intercept").number();
  read_coefficients_provenance(node.at("provenance"), model);
  for (const Node& item : node.at("cutoffs").items()) model.cutoffs.push_back(read_cutoff(item, model));
  model.performance = node.at("performance").text();
  model.status = node.at("status").text_of({"research-uncalibrated", "do-not-report-probability", "disabled"});
  model.flags = node.at("flags").texts();
  for (const Node& item : node.at("worked").items()) model.worked.push_back(read_worked(item, model));
  if (model.worked.empty()) node.at("worked").refuse("expected one worked case or more");
  return model;
}

// One byte more than allowed is enough to refuse.
std::string read_file(const std::filesystem::path& file) {
  if (!std::filesystem::is_regular_file(file)) throw Failure{"no such file"};
  std::ifstream in(file, std::ios::binary);
  std::string text(kLargestModelBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || !in.is_open()) throw Failure{"cannot be read"};
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

template <class F>
Result<Model> guarded(std::string_view name, F&& f) {
  try {
    return f();
  } catch (const Failure& failure) {
    return tl::unexpected(Error{std::string(name) + ": " + failure.what});
  } catch (const std::exception& e) {
    return tl::unexpected(Error{std::string(name) + ": " + e.what()});
  }
}

Model model_from(std::string_view json) {
  if (json.size() > kLargestModelBytes) throw Failure{"larger than " + std::to_string(kLargestModelBytes) + " bytes"};
  const nlohmann::json document = parse_json(json);
  Model model = read_model(Node(document));
  model.sha256 = sha256_hex(json);
  return model;
}

}  // namespace

Result<Model> load_model(const std::filesystem::path& file) {
  return guarded(file.filename().string(), [&] { return model_from(read_file(file)); });
}

Result<Model> parse_model(std::string_view json, std::string_view name) {
  return guarded(name, [&] { return model_from(json); });
}

}  // namespace classifier
