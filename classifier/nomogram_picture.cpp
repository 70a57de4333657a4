#include "classifier/nomogram_picture.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "classifier/facts.h"
#include "classifier/layout.h"
#include "classifier/linear.h"
#include "classifier/nomogram_scales.h"
#include "classifier/sheet.h"
#include "classifier/text.h"
#include "classifier/ticks.h"

namespace classifier {
namespace {

constexpr double kPanel = 208, kPanelGap = 18;  // result and model, to the right of the scales
constexpr double kNames = 122;                  // names of the scales
constexpr std::size_t kLongestLabel = 120;      // of the texts that stand on every page
constexpr Style kHeading{.size = 8.5, .bold = true}, kBody{.size = 7.5}, kSmall{.size = 6.8},
    kFaint{.size = 6.8, .colour = kGrey}, kProbability{.size = 15, .bold = true};

bool contains(const std::vector<std::string>& all, const std::string& one) { return std::ranges::count(all, one) > 0; }

// --- sentences ---

// Of the exam and of the model, each once; where evaluate() stopped early it gave none of the model's own.
std::vector<std::string> doubts(const Evaluation& evaluation) {
  const Model& model = *evaluation.model;
  std::vector<std::string> all;
  for (const std::string& flag : evaluation.flags)
    if (!contains(model.population, flag) && !contains(all, flag)) all.push_back(flag);
  for (const std::string& flag : model.flags)
    if (!contains(all, flag)) all.push_back(flag);
  const bool is_told = std::ranges::any_of(
      all, [&](const std::string& flag) { return flag.find(model.provenance_method) != std::string::npos; });
  if (!is_told && !model.predictors.empty())
    all.push_back("coefficients are " + to_string(model.coefficients_provenance) + ": " + model.provenance_method);
  return all;
}

// The same note of several cut-offs stands once.
std::vector<std::string> notes_of_cutoffs(const Model& model) {
  std::vector<std::pair<std::string, std::string>> notes;  // note, titles
  for (const Cutoff& cutoff : model.cutoffs) {
    if (cutoff.note.empty()) continue;
    const auto same = std::ranges::find(notes, cutoff.note, &std::pair<std::string, std::string>::first);
    same == notes.end() ? void(notes.emplace_back(cutoff.note, cutoff.title))
                        : void(same->second += ", " + cutoff.title);
  }
  std::vector<std::string> all;
  for (const auto& [note, titles] : notes) all.push_back(titles + ": " + note);
  return all;
}

struct Statement {
  std::string name, text;
};

std::vector<Statement> about(const Model& model) {
  std::vector<Statement> all{{"Source", model.citation}};
  if (!model.doi.empty()) all.back().text += ", doi " + model.doi;
  if (model.cases > 0)
    all.push_back({"Cases", std::to_string(model.cases) + ", of these " + std::to_string(model.positive_cases) + " " +
                                model.positive});
  if (!model.predictors.empty()) all.push_back({"Coefficients", to_string(model.coefficients_provenance)});
  if (const auto& local = model.calibration)
    all.push_back({"Calibration", "a " + decimal(local->a, 3) + ", b " + decimal(local->b, 3) + ", " + local->source +
                                      ", " + local->date + ", " + std::to_string(local->cases) + " cases"});
  all.push_back({"Status", model.status});
  all.push_back({"Performance", model.performance});
  if (!model.sha256.empty()) all.push_back({"File", "SHA-256 " + model.sha256.substr(0, 16) + "…"});
  return all;
}

std::vector<std::string> sentences(const std::vector<Statement>& statements) {
  std::vector<std::string> all;
  for (const Statement& statement : statements) all.push_back(statement.name + ": " + statement.text);
  return all;
}

// --- cut-offs ---

int decimals_of(double number) {
  const std::string text = shortest(number);
  const auto point = text.find('.');
  return point == std::string::npos ? 0 : static_cast<int>(text.size() - point - 1);
}

// With the decimals of the cut-off, and more where the two would read the same although they differ.
std::string measured_text(double measured, double cutoff) {
  int decimals = decimals_of(cutoff);
  while (measured != cutoff && decimals < 9 && decimal(measured, decimals) == decimal(cutoff, decimals)) ++decimals;
  return decimal(measured, decimals);
}

std::string readable(const std::string& relation) { return relation == ">=" ? "≥" : relation == "<=" ? "≤" : relation; }

// Without what stands in brackets: "positive".
std::string title_of(const Fact& fact, const std::string& answer) {
  const auto found = std::ranges::find(fact.answers, answer, &std::pair<std::string, std::string>::first);
  return found == fact.answers.end() ? answer : found->second.substr(0, found->second.find(" ("));
}

// The answers on the positive side, as a person reads them.
std::string answers_text(const Cutoff& cutoff) {
  const Fact* fact = find_fact(cutoff.fact);
  std::string all;
  for (const std::string& answer : cutoff.answers) {
    std::string text = answer;
    if (fact != nullptr) text = title_of(*fact, answer);
    all += (all.empty() ? "" : " or ") + text;
  }
  return all;
}

std::string positive_side(const Cutoff& cutoff) {
  return cutoff.fact.empty() ? readable(cutoff.relation) + " " + quantity(shortest(cutoff.value), cutoff.unit)
                             : answers_text(cutoff);
}

std::string measured_of(const CutoffSide& side) {
  const Cutoff& cutoff = *side.cutoff;
  if (cutoff.fact.empty()) return quantity(measured_text(side.measured, cutoff.value), cutoff.unit);
  return side.positive_side ? answers_text(cutoff) : "not " + answers_text(cutoff);
}

std::string area_text(const Cutoff& cutoff) {
  if (!cutoff.auc_interval) return decimal(cutoff.auc, 3);
  return decimal(cutoff.auc, 3) + " (" + decimal(cutoff.auc_interval->first, 3) + "–" +
         decimal(cutoff.auc_interval->second, 3) + ")";
}

std::vector<std::string> cutoff_row(const Evaluation& evaluation, const Cutoff& cutoff) {
  const Model& model = *evaluation.model;
  const std::string& other = cutoff.positive == model.positive ? model.negative : model.positive;
  const auto share = [](int part, int whole) { return std::to_string(part) + "/" + std::to_string(whole); };
  std::string measured = "–", side_text = "not applied", ratio = "–";
  const auto side = std::ranges::find(evaluation.cutoffs, &cutoff, &CutoffSide::cutoff);
  if (side != evaluation.cutoffs.end()) {
    measured = measured_of(*side);
    side_text = side->positive_side ? cutoff.positive : other;
    ratio = (side->positive_side ? "LR+ " : "LR− ") + decimal(side->likelihood_ratio, 2);
  }
  return {cutoff.title,
          measured,
          positive_side(cutoff) + ": " + cutoff.positive,
          side_text,
          ratio,
          share(cutoff.true_positive, cutoff.positives),
          share(cutoff.true_negative, cutoff.negatives),
          area_text(cutoff),
          to_string(cutoff.provenance)};
}

// Those on a probability belong to the authors' own model and are nowhere applied.
Table cutoff_table(const Evaluation& evaluation) {
  Table table{{"Quantity", "Measured", "Published cut-off", "Lies on the side of", "Likelihood ratio", "Sensitivity",
               "Specificity", "AUC", "Provenance"},
              {}};
  for (const Cutoff& cutoff : evaluation.model->cutoffs)
    if (cutoff.on != "probability") table.rows.push_back(cutoff_row(evaluation, cutoff));
  return table;
}

// --- the panel to the right of the scales ---

double draw_branch(Page& page, const Evaluation& evaluation, std::size_t i, double x, double y) {
  const Branch& branch = evaluation.branches[i];
  const bool several = evaluation.branches.size() > 1;
  const std::string letter = tag(evaluation, i);
  std::string condition = several && letter.size() == 1 ? letter + ": " + branch.label : branch.label;
  double at = y;
  if (!condition.empty()) {
    draw_marker(page, several ? i + 1 : 0, {x + 4, y + 5.4});
    at = paragraph(page, condition, x + 13, y, kPanel - 13,
                   {.size = 7.5, .bold = true, .colour = several ? colour_of_branch(i + 1) : kInk});
  }
  const std::string number = probability_text(branch.probability);
  const double after = x + 13 + text_width(number, kProbability) + 7;
  page.text(number, x + 13, at + 15, kProbability);
  const double right = x + kPanel - after;
  double beside = paragraph(page, "probability of " + evaluation.model->positive, after, at + 1, right, kBody);
  beside = paragraph(page, branch.probability_label, after, beside, right, {.size = 7.5, .bold = true});
  at = std::max(beside, at + 19) + 1;
  if (branch.interval)
    at = paragraph(page,
                   "95 % interval " + probability_text(branch.interval->first) + " to " +
                       probability_text(branch.interval->second),
                   x + 13, at, kPanel - 13, kBody);
  const std::string sums =
      "Total points " + decimal(branch.total_points, 1) + ", linear predictor " + decimal(branch.linear_predictor, 2);
  return paragraph(page, sums, x + 13, at, kPanel - 13, kFaint) + 6;
}

double draw_result(Page& page, const Evaluation& evaluation, double x, double y) {
  y = paragraph(page, "Result", x, y, kPanel, kHeading) + 3;
  if (evaluation.branches.empty() || !shows_probability(*evaluation.model))
    return paragraph(page, "No probability. The reasons stand below the scales.", x, y, kPanel, kBody) + 6;
  for (std::size_t i = 0; i < evaluation.branches.size(); ++i) y = draw_branch(page, evaluation, i, x, y);
  return y;
}

double draw_model(Page& page, const Model& model, double x, double y) {
  y = paragraph(page, "Model", x, y, kPanel, kHeading) + 2;
  constexpr double kIndent = 52;
  for (const Statement& statement : about(model)) {
    page.text(statement.name, x, y + kSmall.size, kFaint);
    y = paragraph(page, statement.text, x + kIndent, y, kPanel - kIndent, kSmall) + 1.2;
  }
  return y;
}

// --- the page ---

double draw_reasons(Page& page, const std::vector<std::string>& refusals, bool has_probability, double x, double y,
                    double width) {
  if (refusals.empty()) return y;
  y = paragraph(page, has_probability ? "Not computed:" : "No probability was computed:", x, y, width, kHeading) + 1;
  for (const std::string& refusal : refusals) {
    page.text("•", x, y + kBody.size, kBody);
    y = paragraph(page, refusal, x + 9, y, width - 9, kBody);
  }
  return y;
}

// What the panel had room for.
struct Told {
  bool branches = false, model = false;
};

// Scales and panel side by side; nothing when the scales are too tall for a page.
std::optional<Told> draw_body(Sheet& sheet, const Evaluation& evaluation) {
  const double panel = sheet.right() - kPanel, names = sheet.left() + kNames;
  const ScaleFrame frame{
      .names = sheet.left(), .left = names, .width = panel - kPanelGap - 26 - names, .limit = panel - kPanelGap};
  Page& page = sheet.page();
  double scales = draw_scales(page, evaluation, frame, sheet.y) + (evaluation.refusals.empty() ? 0 : 8);
  scales = draw_reasons(page, evaluation.refusals, !evaluation.branches.empty(), sheet.left(), scales,
                        frame.limit - sheet.left());
  if (scales > sheet.bottom()) return std::nullopt;
  // Drawn on paper of its own first: what has no room beside the scales stands below them.
  const double room = std::max(scales, sheet.top() + .62 * (sheet.bottom() - sheet.top()));
  double y = sheet.y;
  const auto draw_if_it_fits = [&](const auto& draw) {
    Page tried = page;
    const double end = draw(tried);
    if (end > room) return false;
    page = std::move(tried);
    y = end + 4;
    return true;
  };
  Told told;
  told.branches = draw_if_it_fits([&](Page& tried) { return draw_result(tried, evaluation, panel, y); });
  if (!told.branches) {
    y = paragraph(page, "Result", panel, y, kPanel, kHeading) + 3;
    y = paragraph(page,
                  "The results of the " + std::to_string(evaluation.branches.size()) + " combinations stand below.",
                  panel, y, kPanel, kBody) +
        10;
  }
  told.model = draw_if_it_fits([&](Page& tried) { return draw_model(tried, *evaluation.model, panel, y); });
  sheet.y = std::max(scales, y) + 8;
  return told;
}

std::string probability_of(const Branch& branch) {
  const std::string text = probability_text(branch.probability) + " (" + branch.probability_label + ")";
  if (!branch.interval) return text;
  return text + ", 95 % interval " + probability_text(branch.interval->first) + " to " +
         probability_text(branch.interval->second);
}

Table branch_table(const Evaluation& evaluation) {
  Table table{{"", "Combination", "Total points", "Linear predictor", "Probability of " + evaluation.model->positive},
              {}};
  for (std::size_t i = 0; i < evaluation.branches.size(); ++i) {
    const Branch& branch = evaluation.branches[i];
    table.rows.push_back({tag(evaluation, i), branch.label, decimal(branch.total_points, 1),
                          decimal(branch.linear_predictor, 2), probability_of(branch)});
  }
  return table;
}

std::string question(const Model& model) {
  const std::string classes = model.positive + " against " + model.negative;
  if (model.status == "disabled") return classes + ": not evaluated";
  return model.predictors.empty() ? classes + ": published cut-offs" : "Nomogram: probability of " + classes;
}

Result<std::vector<Page>> lay_out(const Evaluation& evaluation, const PictureLabels& labels) {
  const Model& model = *evaluation.model;
  Sheet sheet(labels, {.subtitle = question(model),
                       .reference = model.id + ", version " + model.version,
                       .caveat = model.status == "research-uncalibrated" ? "NOT CALIBRATED" : ""});
  if (!sheet.has_body()) return tl::unexpected(Error{model.id + ": title and notice leave no room on the page"});
  const bool is_disabled = model.status == "disabled", has_scales = !model.predictors.empty() && !is_disabled;
  Told told;
  if (has_scales) {
    const auto drawn = draw_body(sheet, evaluation);
    if (!drawn) return tl::unexpected(Error{model.id + ": more predictors or reasons than a page holds"});
    told = *drawn;
    if (!told.branches) sheet.table(branch_table(evaluation));
  }
  std::vector<Section> sections;
  if (!has_scales) sections.push_back({is_disabled ? "Not evaluated" : "Not computed", evaluation.refusals});
  if (const Table table = cutoff_table(evaluation); !is_disabled && !table.rows.empty()) {
    sheet.heading("Published cut-offs of single quantities");
    sheet.table(table);
  }
  sections.push_back({"Doubts", doubts(evaluation)});
  if (!told.model) sections.push_back({"Model", sentences(about(model))});
  sections.push_back({"Limits: the cases that the model was made from", model.population});
  if (!is_disabled) sections.push_back({"Cut-offs", notes_of_cutoffs(model)});
  sections.push_back({"Notes", labels.notes});
  sheet.sections(sections);
  return sheet.take();
}

bool is_finite(const Branch& branch) {
  return std::isfinite(branch.linear_predictor) && std::isfinite(branch.probability) &&
         std::isfinite(branch.total_points) &&
         (!branch.interval || std::isfinite(branch.interval->first + branch.interval->second)) &&
         std::ranges::all_of(branch.points, [](const Branch::Points& points) { return std::isfinite(points.points); });
}

std::optional<Error> problem(const Evaluation& evaluation) {
  if (evaluation.model == nullptr) return Error{"an evaluation without its model cannot be drawn"};
  const std::string& id = evaluation.model->id;
  if (!std::ranges::all_of(evaluation.branches, is_finite))
    return Error{id + ": a number of the evaluation is not finite"};
  for (const CutoffSide& side : evaluation.cutoffs)
    if (side.cutoff == nullptr || !std::isfinite(side.measured) || !std::isfinite(side.likelihood_ratio))
      return Error{id + ": a cut-off of the evaluation is not finite"};
  return std::nullopt;
}

}  // namespace

Result<std::vector<Page>> lay_out_nomogram(const std::vector<Evaluation>& evaluations, const PictureLabels& labels) {
  if (evaluations.empty()) return tl::unexpected(Error{"there is no evaluation to draw"});
  if (labels.software.size() > kLongestLabel) return tl::unexpected(Error{"the name of the software is too long"});
  std::vector<Page> all;
  for (const Evaluation& evaluation : evaluations) {
    if (auto error = problem(evaluation)) return tl::unexpected(*std::move(error));
    auto pages = lay_out(evaluation, labels);
    if (!pages) return tl::unexpected(pages.error());
    std::ranges::move(*pages, std::back_inserter(all));
  }
  add_footers(all, labels.software);
  return all;
}

Result<Picture> draw_nomogram(const std::vector<Evaluation>& evaluations, const PictureLabels& labels) {
  const auto pages = lay_out_nomogram(evaluations, labels);
  if (!pages) return tl::unexpected(pages.error());
  return paint(*pages, labels.title);
}

}  // namespace classifier
