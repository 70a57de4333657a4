#pragma once
// Private to classifier/: the parts of the model loader. A walk through the file in the order of the structs of
// model.h: each read_… takes the node of its object, names the keys it knows and leaves nothing unread, since a key
// that is not read would be a number that somebody believes to be in force. All of them throw Failure.
#include <string>
#include <string_view>

#include "classifier/json_node.h"
#include "classifier/model.h"

namespace classifier {

// Names end up in messages, reports and commands.
[[nodiscard]] std::string read_name(const Node& node, std::string_view also_allowed);
[[nodiscard]] std::string read_identifier(const Node& node);
[[nodiscard]] std::string read_unit(const Node& node);
[[nodiscard]] Provenance read_provenance(const Node& node);

// A result slot or derived quantity that the recipe can give, in a unit that a derived quantity has.
[[nodiscard]] std::string read_source(const Node& node, const Sources& known);
void check_unit(const Node& unit, const std::string& source);

// "statistic" and "region" of a predictor or cut-off measured on `source`.
[[nodiscard]] std::string read_statistic(const Node& node, const std::string& source);
[[nodiscard]] std::string read_region(const Node& node);

// "methods", "methods_flagged" and "contrast" of what is measured on `source`, all optional. A change by the contrast
// agent has two sides of it, a diameter neither side nor method.
[[nodiscard]] Technique read_technique(const Node& node, const std::string& source);

// "source" of a fact, and the fact itself.
[[nodiscard]] std::string read_fact_source(const Node& node);
[[nodiscard]] std::string read_fact(const Node& node);
void check_answer(const Node& node, const std::string& fact, const std::string& answer);

[[nodiscard]] const Predictor* find_predictor(const Model& model, std::string_view name);

// Places of a fact's levels by name.
[[nodiscard]] int read_level(const Node& node, const Predictor& predictor, const std::string& name);

void read_predictors(const Node& node, const Sources& known, Model& model);
void read_coefficients(const Node& node, Model& model);
void read_origins(const Node& node, Model& model);     // "provenance"
void read_covariance(const Node& node, Model& model);  // "vcov"
void read_coefficient_sd(const Node& node, Model& model);
void read_worked(const Node& node, Model& model);

void read_cutoffs(const Node& node, const Sources& known, Model& model);

void read_population(const Node& node, Model& model);
// After predictors and cut-offs: what a condition affects must be there.
void check_conditions(const Node& population, const Model& model);

}  // namespace classifier
