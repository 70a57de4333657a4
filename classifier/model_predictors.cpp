#include <algorithm>
#include <cmath>
#include <tuple>

#include "classifier/facts.h"
#include "classifier/linear.h"
#include "classifier/model_reader.h"

namespace classifier {
namespace {

// Worked cases are printed with six decimals; a little more than half of the last one.
constexpr double kWorkedTolerance = 0.51e-6;

Level read_word_level(const Node& node, const std::string& fact) {
  node.expect_keys({"name", "title", "answers"});
  Level level{.name = read_identifier(node.at("name")), .answers = node.at("answers").texts()};
  for (const Node& answer : node.at("answers").items()) check_answer(answer, fact, answer.text());
  if (level.answers.empty()) node.at("answers").refuse("expected one answer or more");
  return level;
}

Level read_number_level(const Node& node, const Fact& fact) {
  node.expect_keys({"name", "title"}, {"from", "below"});
  Level level{.name = read_identifier(node.at("name"))};
  if (node.has("from")) level.from = node.at("from").number();
  if (node.has("below")) level.below = node.at("below").number();
  for (const auto& bound : {level.from, level.below})
    if (bound && (*bound <= fact.low || *bound > fact.high)) node.refuse("the threshold is no answer to " + fact.name);
  return level;
}

// Each answer belongs to one level: nothing that a person may say is without a place.
void check_words(const Node& levels, const Predictor& predictor, const Fact& fact) {
  for (const auto& answer : fact.answers) {
    const auto with_it = std::ranges::count_if(
        predictor.meanings, [&](const Level& level) { return std::ranges::count(level.answers, answer.first) > 0; });
    if (with_it != 1)
      levels.refuse("expected the answer " + answer.first + " in one level, it is in " + std::to_string(with_it));
  }
}

void check_numbers(const Node& levels, const Predictor& predictor) {
  const auto& all = predictor.meanings;
  bool adjoin = !all.front().from && !all.back().below;
  for (std::size_t i = 1; i < all.size(); ++i) adjoin = adjoin && all[i].from && all[i].from == all[i - 1].below;
  for (std::size_t i = 2; i < all.size(); ++i) adjoin = adjoin && *all[i].from > *all[i - 1].from;
  if (!adjoin) levels.refuse("expected levels that adjoin each other, lowest first, open at both ends");
}

void read_levels(const Node& node, Predictor& predictor) {
  const Fact& fact = *find_fact(predictor.fact);
  for (const Node& item : node.items()) {
    Level level = fact.is_number() ? read_number_level(item, fact) : read_word_level(item, predictor.fact);
    if (std::ranges::count(predictor.meanings, level.name, &Level::name) > 0)
      item.at("name").refuse("a level of this name is there already");
    predictor.levels.emplace(static_cast<int>(predictor.levels.size()), item.at("title").text());
    predictor.meanings.push_back(std::move(level));
  }
  if (predictor.levels.size() < 2) node.refuse("expected two or more levels");
  fact.is_number() ? check_numbers(node, predictor) : check_words(node, predictor, fact);
}

void read_stated(const Node& node, Predictor& predictor) {
  node.expect_keys({"name", "title", "kind", "source", "fact", "unit", "levels"});
  predictor.source = read_fact_source(node.at("source"));
  predictor.fact = read_fact(node.at("fact"));
  read_levels(node.at("levels"), predictor);
  if (predictor.kind == Predictor::Kind::Binary && predictor.levels.size() != 2)
    node.at("levels").refuse("a binary predictor has two levels");
  const std::string unit = find_fact(predictor.fact)->is_number() ? find_fact(predictor.fact)->unit : "1";
  if (node.at("unit").text() != unit) node.at("unit").refuse("the fact's unit is " + unit);
  predictor.valid_high = predictor.axis_high = static_cast<double>(predictor.levels.size() - 1);
}

void read_hard_limits(const Node& node, Predictor& predictor) {
  const auto [low, high] = node.range();
  if (low > predictor.valid_low || high < predictor.valid_high) node.refuse("must enclose valid_range");
  predictor.hard_low = low;
  predictor.hard_high = high;
}

void read_measured(const Node& node, const Sources& known, Predictor& predictor) {
  node.expect_keys({"name", "title", "kind", "source", "region", "unit", "valid_range", "axis"},
                   {"statistic", "hard_limits", "methods", "methods_flagged", "contrast"});
  predictor.source = read_source(node.at("source"), known);
  predictor.statistic = read_statistic(node, predictor.source);
  predictor.region = read_region(node.at("region"));
  predictor.technique = read_technique(node, predictor.source);
  check_unit(node.at("unit"), predictor.source);
  std::tie(predictor.valid_low, predictor.valid_high) = node.at("valid_range").range();
  std::tie(predictor.axis_low, predictor.axis_high) = node.at("axis").range();
  if (node.has("hard_limits")) read_hard_limits(node.at("hard_limits"), predictor);
}

Predictor read_predictor(const Node& node, const Sources& known) {
  const std::string kind = node.at("kind").text_of({"continuous", "binary", "categorical"});
  Predictor predictor;
  predictor.kind = kind == "continuous" ? Predictor::Kind::Continuous
                   : kind == "binary"   ? Predictor::Kind::Binary
                                        : Predictor::Kind::Categorical;
  predictor.is_fact() ? read_stated(node, predictor) : read_measured(node, known, predictor);
  predictor.name = read_identifier(node.at("name"));
  predictor.title = node.at("title").text();
  predictor.unit = read_unit(node.at("unit"));
  return predictor;
}

void read_level_coefficients(const Node& node, Predictor& predictor) {
  for (const auto& [name, value] : node.members())
    predictor.level_coefficients[read_level(value, predictor, name)] = value.number();
  if (predictor.level_coefficients.size() != predictor.levels.size()) node.refuse("expected one number for each level");
  if (predictor.level_coefficients.at(0) != 0)
    node.at(predictor.meanings.front().name).refuse("expected 0 for the first level, which is the reference");
}

// Terms of the linear predictor: intercept, measured predictors, levels of facts but the reference.
std::vector<std::string> terms_of(const Model& model) {
  std::vector<std::string> terms{"intercept"};
  for (const Predictor& predictor : model.predictors) {
    if (!predictor.is_fact()) terms.push_back(predictor.name);
    for (const Level& level : predictor.meanings)
      if (&level != &predictor.meanings.front()) terms.push_back(term(predictor, level));
  }
  return terms;
}

Origin read_origin(const Node& node) {
  node.expect_keys({"provenance", "method"});
  return {read_provenance(node.at("provenance")), node.at("method").text()};
}

bool is_symmetric(const std::vector<std::vector<double>>& matrix) {
  for (std::size_t i = 0; i < matrix.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (matrix[i][j] != matrix[j][i]) return false;
  return true;
}

// Cholesky's decomposition meets a pivot that is not positive where the matrix is not positive definite; what rounding
// leaves of a pivot that should be 0 counts as 0.
bool is_positive_definite(std::vector<std::vector<double>> matrix) {
  constexpr double kRounding = 1e-12;
  for (std::size_t i = 0; i < matrix.size(); ++i) {
    const double least = kRounding * matrix[i][i];
    for (std::size_t j = 0; j <= i; ++j) {
      for (std::size_t k = 0; k < j; ++k) matrix[i][j] -= matrix[i][k] * matrix[j][k];
      if (i != j) matrix[i][j] /= matrix[j][j];
    }
    if (!(matrix[i][i] > std::max(least, 0.0))) return false;
    matrix[i][i] = std::sqrt(matrix[i][i]);
  }
  return true;
}

double read_input(const Node& node, const Predictor& predictor) {
  return predictor.is_fact() ? read_level(node, predictor, node.text()) : node.number();
}

void check_worked(const Node& node, const Model& model, const Model::Worked& worked) {
  const double linear = linear_predictor(model, worked.inputs);
  if (std::abs(linear - worked.linear_predictor) > kWorkedTolerance)
    node.at("linear_predictor").refuse("the coefficients give " + std::to_string(linear));
  if (std::abs(logistic(linear) - worked.probability) > kWorkedTolerance)
    node.at("probability").refuse("the coefficients give " + std::to_string(logistic(linear)));
}

Model::Worked read_case(const Node& node, const Model& model) {
  node.expect_keys({"inputs", "linear_predictor", "probability"});
  Model::Worked worked;
  const Node inputs = node.at("inputs");
  for (const auto& [name, value] : inputs.members()) {
    const Predictor* predictor = find_predictor(model, name);
    if (predictor == nullptr) value.refuse("no predictor of this name");
    worked.inputs[name] = read_input(value, *predictor);
  }
  if (worked.inputs.size() != model.predictors.size()) inputs.refuse("expected a value for each predictor");
  worked.linear_predictor = node.at("linear_predictor").number();
  worked.probability = node.at("probability").number();
  check_worked(node, model, worked);
  return worked;
}

}  // namespace

const Predictor* find_predictor(const Model& model, std::string_view name) {
  const auto found = std::ranges::find(model.predictors, name, &Predictor::name);
  return found == model.predictors.end() ? nullptr : &*found;
}

int read_level(const Node& node, const Predictor& predictor, const std::string& name) {
  const auto found = std::ranges::find(predictor.meanings, name, &Level::name);
  if (found == predictor.meanings.end()) node.refuse("not a level of " + predictor.name);
  return static_cast<int>(found - predictor.meanings.begin());
}

void read_predictors(const Node& node, const Sources& known, Model& model) {
  for (const Node& item : node.items()) {
    Predictor predictor = read_predictor(item, known);
    if (find_predictor(model, predictor.name) != nullptr)
      item.at("name").refuse("a predictor of this name is there already");
    model.predictors.push_back(std::move(predictor));
  }
  if (model.predictors.empty()) node.refuse("expected one predictor or more");
}

void read_coefficients(const Node& node, Model& model) {
  for (const auto& [name, value] : node.members())
    if (find_predictor(model, name) == nullptr) value.refuse("no predictor of this name");
  for (Predictor& predictor : model.predictors) {
    const Node value = node.at(predictor.name);
    if (predictor.is_fact()) {
      read_level_coefficients(value, predictor);
    } else {
      predictor.coefficient = value.number();
    }
  }
  if (std::ranges::all_of(model.predictors,
                          [](const Predictor& predictor) { return effect_range(predictor).width() == 0; }))
    node.refuse("all predictors are without effect");
}

void read_origins(const Node& node, Model& model) {
  node.expect_keys({"coefficients", "method", "numbers"});
  model.coefficients_provenance = read_provenance(node.at("coefficients"));
  model.provenance_method = node.at("method").text();
  const Node numbers = node.at("numbers");
  const std::vector<std::string> terms = terms_of(model);
  for (const auto& [name, value] : numbers.members()) {
    if (std::ranges::count(terms, name) == 0) value.refuse("expected one of " + listed(terms));
    model.origins.emplace(name, read_origin(value));
  }
  for (const std::string& name : terms) static_cast<void>(numbers.at(name));
  const bool all_published = std::ranges::all_of(
      model.origins, [](const auto& origin) { return origin.second.provenance == Provenance::Published; });
  if (model.coefficients_provenance == Provenance::Published && !all_published)
    node.at("coefficients").refuse("not all of the numbers are published");
}

void read_covariance(const Node& node, Model& model) {
  node.expect_keys({"terms", "matrix"});
  Covariance covariance{.terms = node.at("terms").texts(), .matrix = {}};
  const std::vector<std::string> terms = terms_of(model);
  if (!std::ranges::is_permutation(covariance.terms, terms)) node.at("terms").refuse("expected " + listed(terms));
  for (const Node& row : node.at("matrix").items()) {
    std::vector<double> numbers;
    for (const Node& item : row.items()) numbers.push_back(item.number());
    if (numbers.size() != terms.size()) row.refuse("expected " + std::to_string(terms.size()) + " numbers");
    covariance.matrix.push_back(std::move(numbers));
  }
  if (covariance.matrix.size() != terms.size())
    node.at("matrix").refuse("expected " + std::to_string(terms.size()) + " rows");
  if (!is_symmetric(covariance.matrix) || !is_positive_definite(covariance.matrix))
    node.at("matrix").refuse("not symmetric and positive definite");
  model.covariance = std::move(covariance);
}

void read_coefficient_sd(const Node& node, Model& model) {
  if (model.covariance) node.refuse("vcov holds the variances already");
  node.expect_keys({"method", "numbers"});
  model.coefficient_sd_method = node.at("method").text();
  const std::vector<std::string> terms = terms_of(model);
  for (const auto& [name, value] : node.at("numbers").members()) {
    if (std::ranges::count(terms, name) == 0) value.refuse("expected one of " + listed(terms));
    model.coefficient_sd[name] = value.number();
    if (value.number() <= 0) value.refuse("expected more than 0");
  }
}

void read_worked(const Node& node, Model& model) {
  for (const Node& item : node.items()) model.worked.push_back(read_case(item, model));
  if (model.worked.empty()) node.refuse("expected one worked case or more");
}

}  // namespace classifier
