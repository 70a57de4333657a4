#include "classifier/model.h"

#include <openssl/evp.h>

#include <algorithm>
#include <fstream>

#include "classifier/model_reader.h"

namespace classifier {
namespace {

std::string sha256_hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1)
    throw Failure{"SHA-256 is not available", std::nullopt, std::nullopt};
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string hex;
  for (unsigned i = 0; i < length; ++i) (hex += kHex[digest[i] >> 4]) += kHex[digest[i] & 15];
  return hex;
}

void read_citation(const Node& node, Model& model) {
  node.expect_keys({"text", "doi"});
  model.citation = node.at("text").text();
  if (!node.at("doi").is_null()) model.doi = node.at("doi").text();
}

void read_task(const Node& node, Model& model) {
  node.expect_keys({"type", "positive", "negative", "excluded"}, {"precondition"});
  model.task =
      node.at("type").text_of({"binary", "cutoff_set"}) == "binary" ? Model::Task::Binary : Model::Task::CutoffSet;
  model.positive = node.at("positive").text();
  model.negative = node.at("negative").text();
  model.excluded = node.at("excluded").texts();
  if (node.has("precondition")) model.precondition = node.at("precondition").text();
  if (model.positive == model.negative) node.at("negative").refuse("the same as positive");
}

// A reason where the file asks for less than a probability, and only there.
void read_status(const Node& node, Model& model) {
  model.status = node.at("status").text_of(
      {"research-uncalibrated", "research-calibrated", "do-not-report-probability", "disabled"});
  const bool restricted = model.status == "do-not-report-probability" || model.status == "disabled";
  if (restricted) model.status_reason = node.at("status_reason").text();
  if (!restricted && node.has("status_reason")) node.at("status_reason").refuse("the status needs no reason");
}

// Recalibration needs cases: 50 to move the intercept, 100 to change the slope as well.
Calibration read_calibration(const Node& node) {
  constexpr int kFewestForIntercept = 50, kFewestForSlope = 100;
  node.expect_keys({"a", "b", "source", "date", "n"});
  Calibration calibration{.a = node.at("a").number(),
                          .b = node.at("b").number(),
                          .source = node.at("source").text(),
                          .date = read_name(node.at("date"), "-"),
                          .cases = node.at("n").count()};
  if (calibration.b <= 0) node.at("b").refuse("expected more than 0, else the order of the cases is lost");
  const int fewest = calibration.b == 1 ? kFewestForIntercept : kFewestForSlope;
  if (calibration.cases < fewest)
    node.at("n").refuse("expected " + std::to_string(fewest) + " cases or more for this kind of calibration");
  return calibration;
}

void read_regression(const Node& node, const Sources& known, Model& model) {
  static_cast<void>(node.at("link").text_of({"logit"}));
  read_predictors(node.at("predictors"), known, model);
  read_coefficients(node.at("coefficients"), model);
  model.intercept = node.at("intercept").number();
  read_origins(node.at("provenance"), model);
  if (node.has("vcov")) read_covariance(node.at("vcov"), model);
  if (node.has("coefficient_sd")) read_coefficient_sd(node.at("coefficient_sd"), model);
  if (node.has("calibration")) model.calibration = read_calibration(node.at("calibration"));
  if (model.calibration.has_value() != (model.status == "research-calibrated"))
    node.at("status").refuse("research-calibrated and a calibration come together");
  read_worked(node.at("worked"), model);
}

Awaits read_awaits(const Node& node) {
  node.expect_keys({"lacks", "images", "region"});
  return {.lacks = node.at("lacks").sentences(),
          .images = node.at("images").sentences(),
          .region = node.at("region").text_of({"largest slice", "whole lesion", "3D including necrosis"})};
}

// What no regression stands behind may not have any of its parts.
void expect_no_regression(const Node& node, const std::string& what) {
  for (const char* key : {"predictors", "link", "coefficients", "intercept", "provenance", "vcov", "coefficient_sd",
                          "calibration", "worked"})
    if (node.has(key)) node.at(key).refuse(what + " has none");
}

void read_content(const Node& node, const Sources& known, Model& model) {
  if (node.has("awaits")) {
    if (model.status != "disabled") node.at("awaits").refuse("only a disabled model awaits something");
    expect_no_regression(node, "a model that awaits its coefficients");
    model.awaits = read_awaits(node.at("awaits"));
  } else if (model.task == Model::Task::CutoffSet) {
    expect_no_regression(node, "a cut-off set");
  } else {
    read_regression(node, known, model);
  }
  read_cutoffs(node.at("cutoffs"), known, model);
  if (model.task == Model::Task::CutoffSet && !model.awaits && model.cutoffs.empty())
    node.at("cutoffs").refuse("expected one cut-off or more");
}

Model read_model(const Node& node, const Sources& known) {
  node.expect_keys(
      {"schema", "id", "version", "citation", "task", "population", "cutoffs", "performance", "status", "flags"},
      {"variant_of", "predictors", "link", "coefficients", "intercept", "provenance", "vcov", "coefficient_sd",
       "calibration", "worked", "not_computable", "awaits", "status_reason"});
  static_cast<void>(node.at("schema").text_of({"herald.model/1"}));
  Model model;
  model.id = read_name(node.at("id"), "._-");
  model.version = read_name(node.at("version"), "._-");
  if (node.has("variant_of")) model.variant_of = read_name(node.at("variant_of"), "._-");
  if (model.variant_of == model.id) node.at("variant_of").refuse("the model itself");
  read_citation(node.at("citation"), model);
  read_task(node.at("task"), model);
  read_population(node.at("population"), model);
  read_status(node, model);
  read_content(node, known, model);
  check_conditions(node.at("population"), model);
  if (node.has("not_computable")) model.not_computable = node.at("not_computable").sentences();
  model.performance = node.at("performance").text();
  model.flags = node.at("flags").texts();
  return model;
}

// One byte more than allowed is enough to refuse.
std::string read_file(const std::filesystem::path& file) {
  if (!std::filesystem::is_regular_file(file)) throw Failure{"no such file", std::nullopt, std::nullopt};
  std::ifstream in(file, std::ios::binary);
  std::string text(kLargestModelBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || !in.is_open()) throw Failure{"cannot be read", std::nullopt, std::nullopt};
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

// "m.json:45: /predictors/0/unit: expected …"
std::string message(std::string_view name, std::string_view text, const Failure& failure) {
  std::string message(name);
  if (failure.line || failure.pointer)
    message += ":" + std::to_string(failure.line ? *failure.line : line_of(text, *failure.pointer));
  if (failure.pointer) message += ": " + (failure.pointer->empty() ? "/" : *failure.pointer);
  return message + ": " + failure.reason;
}

Model model_from(std::string_view json, const Sources& known) {
  if (json.size() > kLargestModelBytes)
    throw Failure{"larger than " + std::to_string(kLargestModelBytes) + " bytes", std::nullopt, std::nullopt};
  const nlohmann::json document = parse_json(json);
  Model model = read_model(Node(document), known);
  model.sha256 = sha256_hex(json);
  return model;
}

}  // namespace

std::string to_string(Provenance provenance) {
  switch (provenance) {
    case Provenance::Published:
      return "published";
    case Provenance::Reconstructed:
      return "reconstructed";
    case Provenance::LocallyFitted:
      return "locally fitted";
  }
  return "";
}
Result<Model> load_model(const std::filesystem::path& file, const Sources& known_sources) {
  const std::string name = file.filename().string();
  try {
    return parse_model(read_file(file), name, known_sources);
  } catch (const Failure& failure) {
    return tl::unexpected(Error{message(name, {}, failure)});
  } catch (const std::exception& e) {
    return tl::unexpected(Error{name + ": " + e.what()});
  }
}

Result<Model> parse_model(std::string_view json, std::string_view name, const Sources& known_sources) {
  try {
    return model_from(json, known_sources);
  } catch (const Failure& failure) {
    return tl::unexpected(Error{message(name, json, failure)});
  } catch (const std::exception& e) {
    return tl::unexpected(Error{std::string(name) + ": " + e.what()});
  }
}

}  // namespace classifier
