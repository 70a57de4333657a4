#include "classifier/nomogram_scales.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numbers>

#include "classifier/linear.h"
#include "classifier/text.h"
#include "classifier/ticks.h"

// All scales share one horizontal coordinate: Points and the predictors points from 0 to 100, the three lower ones
// total points from 0 to a round number above the greatest sum. Values stand above their scale and tick labels below
// it, so the two never meet; level names take as many lanes below each other as they need.

namespace classifier {
namespace {

constexpr Style kName{.size = 8.5, .bold = true}, kDetail{.size = 6.8, .colour = kGrey}, kTick{.size = 7};
constexpr double kValueSize = 7.5, kMajor = 4.5, kMinor = 2.5, kDot = 2.9;
constexpr double kRowGap = 5, kLane = 9.5, kLevelWidth = 190;
constexpr std::size_t kMostLabelled = 2;  // branches whose values stand on the scales themselves

enum class Shape { Circle, Diamond, Square, Up, Down };
struct Look {
  Colour colour;
  Shape shape = Shape::Circle;
};
// Known values red; the branches differ in shape and in colours that the colour-blind tell apart.
constexpr Colour kRed{.78, .05, .13}, kBlue{.07, .36, .66}, kOrange{.80, .40, .0}, kGreen{.10, .48, .28},
    kPurple{.45, .20, .55};
constexpr std::array<Look, kAssumed + 1> kLooks{{{kRed, Shape::Circle},
                                                 {kBlue, Shape::Diamond},
                                                 {kOrange, Shape::Square},
                                                 {kGreen, Shape::Up},
                                                 {kPurple, Shape::Down},
                                                 {kOrange, Shape::Diamond},
                                                 {kBlue, Shape::Square},
                                                 {kPurple, Shape::Up},
                                                 {kGreen, Shape::Down},
                                                 {kGrey, Shape::Circle}}};

Colour lighter(const Colour& colour) {
  const auto mix = [](double part) { return 1 - .45 * (1 - part); };
  return {mix(colour.red), mix(colour.green), mix(colour.blue)};
}

std::vector<Point> corners(Shape shape, Point at, double r) {
  if (shape == Shape::Diamond)
    return {{at.x, at.y - 1.3 * r}, {at.x + 1.3 * r, at.y}, {at.x, at.y + 1.3 * r}, {at.x - 1.3 * r, at.y}};
  if (shape == Shape::Square)
    return {{at.x - r, at.y - r}, {at.x + r, at.y - r}, {at.x + r, at.y + r}, {at.x - r, at.y + r}};
  if (shape == Shape::Up) return {{at.x, at.y - 1.2 * r}, {at.x + 1.2 * r, at.y + r}, {at.x - 1.2 * r, at.y + r}};
  if (shape == Shape::Down) return {{at.x, at.y + 1.2 * r}, {at.x + 1.2 * r, at.y - r}, {at.x - 1.2 * r, at.y - r}};
  std::vector<Point> circle;
  constexpr int kCorners = 48;
  for (int i = 0; i < kCorners; ++i) {
    const double angle = 2 * std::numbers::pi * i / kCorners;
    circle.push_back({at.x + r * std::cos(angle), at.y + r * std::sin(angle)});
  }
  return circle;
}

// Points out of the end of a scale.
std::vector<Point> arrow(Point at, double direction) {
  return {{at.x + direction * 7, at.y}, {at.x, at.y - 3.6}, {at.x, at.y + 3.6}};
}

// A value of the patient on one scale.
struct Spot {
  std::size_t branch = 0;  // 0: the same in all
  double points = 0;       // on predictors and Points
  double x = 0;
  std::string text;   // above it; empty: nothing
  double beyond = 0;  // -1, 1: off the left, right end
};

struct Tick {
  double x = 0;
  std::string text;
};

struct Axis {
  std::string name{}, title{}, detail{};
  double low = 0, high = 0;   // x of its ends
  std::vector<Tick> major{};  // labels that fit
  std::vector<double> unlabelled{}, minor{};
  std::vector<Tick> levels{};  // names below, each at its tick
  std::vector<Spot> spots{};
};

bool collide(std::vector<Span> labels, double gap) {
  std::ranges::sort(labels, {}, &Span::centre);
  for (std::size_t i = 1; i < labels.size(); ++i)
    if (labels[i - 1].centre + labels[i - 1].width / 2 + gap > labels[i].centre - labels[i].width / 2) return true;
  return false;
}

// As many round ticks as have room for their labels.
void add_ticks(Axis& axis, double low, double high, const std::function<double(double)>& x) {
  for (const int n : {10, 7, 5, 4, 3, 2, 1}) {
    const Ticks ticks = pretty_within(low, high, n);
    std::vector<Span> labels;
    for (const double value : ticks.at) labels.push_back({x(value), text_width(tick_text(value, ticks.step), kTick)});
    if (n > 1 && (ticks.at.size() < 2 || collide(labels, 4))) continue;
    if (ticks.at.size() > 1 && collide(labels, 4)) return;
    for (const double value : ticks.at) axis.major.push_back({x(value), tick_text(value, ticks.step)});
    const std::vector<double> minor = minor_ticks(ticks, low, high);
    if (2.4 * static_cast<double>(minor.size()) < axis.high - axis.low)
      for (const double value : minor) axis.minor.push_back(x(value));
    return;
  }
}

// --- what stands on which scale ---

class Nomogram {
 public:
  Nomogram(const Evaluation& evaluation, const ScaleFrame& frame)
      : evaluation_(evaluation), model_(*evaluation.model), frame_(frame), scale_(nomogram_scale(model_)) {
    double most = 0;
    for (const Predictor& predictor : model_.predictors)
      most += effect_range(predictor).width() * scale_.points_per_logit;
    total_ = pretty(0, most, 10).at.back();
  }

  [[nodiscard]] std::vector<Axis> axes() const {
    std::vector<Axis> all{points_axis()};
    for (const Predictor& predictor : model_.predictors) all.push_back(predictor_axis(predictor));
    all.push_back(total_axis());
    all.push_back(linear_axis());
    all.push_back(probability_axis());
    return all;
  }

 private:
  [[nodiscard]] double x_of_points(double points) const { return frame_.left + frame_.width * points / 100; }
  [[nodiscard]] double x_of_total(double total) const { return frame_.left + frame_.width * total / total_; }
  [[nodiscard]] double x_of_linear(double linear) const {
    return x_of_total((linear - scale_.intercept) * scale_.points_per_logit);
  }
  // The local calibration moves the risks, not the linear predictor.
  [[nodiscard]] double x_of_risk(double risk) const {
    const double linear = std::log(risk / (1 - risk));
    return x_of_linear(model_.calibration ? (linear - model_.calibration->a) / model_.calibration->b : linear);
  }
  [[nodiscard]] double points_of(const Predictor& predictor, double value) const {
    return scale_.points_per_logit * (effect(predictor, value) - effect_range(predictor).least);
  }

  static double points_in(const Branch& branch, const std::string& predictor) {
    const auto found = std::ranges::find(branch.points, predictor, &Branch::Points::predictor);
    return found == branch.points.end() ? 0 : found->points;
  }

  // One spot where all branches agree, else one for each. Where several facts are unknown, an answer to one of them is
  // assumed by several branches.
  [[nodiscard]] std::vector<Spot> spots_of(const Predictor& predictor) const {
    std::vector<Spot> spots;
    const auto& branches = evaluation_.branches;
    for (std::size_t i = 0; i < branches.size(); ++i) {
      const double points = points_in(branches[i], predictor.name);
      const std::size_t look = branches[i].assumed.size() > 1 ? kAssumed : i + 1;
      const Spot spot{branches[i].assumed.contains(predictor.name) ? look : 0, points, x_of_points(points), "", 0};
      const bool again = std::ranges::any_of(
          spots, [&](const Spot& other) { return other.branch == spot.branch && other.points == spot.points; });
      if (!again) spots.push_back(spot);
    }
    return spots;
  }

  static void bring_within(Spot& spot, double low, double high) {
    constexpr double kSlack = 1e-6;
    spot.beyond = spot.x < low - kSlack ? -1 : spot.x > high + kSlack ? 1 : 0;
    spot.x = std::clamp(spot.x, low, high);
  }
  static void call_extrapolation(Spot& spot) {
    spot.text += (spot.text.empty() ? "" : ", ") + std::string("extrapolation");
  }

  [[nodiscard]] Axis points_axis() const {
    Axis axis{.name = "Points", .title = "Points", .low = x_of_points(0), .high = x_of_points(100)};
    add_ticks(axis, 0, 100, [this](double points) { return x_of_points(points); });
    for (const Predictor& predictor : model_.predictors) {
      for (Spot spot : spots_of(predictor)) {
        if (evaluation_.branches.size() <= kMostLabelled) spot.text = decimal(spot.points, 1);
        bring_within(spot, axis.low, axis.high);
        if (spot.beyond != 0) call_extrapolation(spot);
        axis.spots.push_back(spot);
      }
    }
    return axis;
  }

  [[nodiscard]] static std::string detail_of(const Predictor& predictor) {
    if (predictor.is_fact()) return predictor.source.empty() ? "" : "from " + predictor.source;
    std::string detail = readable_unit(predictor.unit);
    for (const std::string& part : {predictor.statistic, predictor.region})
      if (!part.empty()) detail += (detail.empty() ? "" : ", ") + part;
    return detail;
  }

  [[nodiscard]] Axis predictor_axis(const Predictor& predictor) const {
    Axis axis{.name = predictor.name, .title = predictor.title, .detail = detail_of(predictor)};
    axis.low = x_of_points(0);
    axis.high = x_of_points(effect_range(predictor).width() * scale_.points_per_logit);
    predictor.is_fact() ? add_levels(axis, predictor) : add_values(axis, predictor);
    return axis;
  }

  // Levels with the same effect share a tick.
  void add_levels(Axis& axis, const Predictor& predictor) const {
    for (const auto& [level, text] : predictor.levels) {
      const double x = x_of_points(points_of(predictor, level));
      const auto same =
          std::ranges::find_if(axis.levels, [&](const Tick& tick) { return std::abs(tick.x - x) < 1e-6; });
      same == axis.levels.end() ? axis.levels.push_back({x, text}) : void(same->text += " / " + text);
    }
    axis.spots = spots_of(predictor);
  }

  void add_values(Axis& axis, const Predictor& predictor) const {
    add_ticks(axis, predictor.axis_low, predictor.axis_high,
              [&](double value) { return x_of_points(points_of(predictor, value)); });
    for (const double end : {axis.low, axis.high}) axis.minor.push_back(end);
    axis.spots = spots_of(predictor);
    if (predictor.coefficient == 0) return;  // nothing tells which value it was
    for (Spot& spot : axis.spots) {
      const double value =
          (spot.points / scale_.points_per_logit + effect_range(predictor).least) / predictor.coefficient;
      spot.text = quantity(four_digits(value), predictor.unit);
      bring_within(spot, axis.low, axis.high);
      const double slack = 1e-9 * (predictor.valid_high - predictor.valid_low);
      if (spot.beyond != 0 || value < predictor.valid_low - slack || value > predictor.valid_high + slack)
        call_extrapolation(spot);
    }
  }

  // The three lower scales: a spot for each branch.
  void add_branches(Axis& axis, const std::function<std::string(const Branch&)>& text) const {
    const auto& branches = evaluation_.branches;
    for (std::size_t i = 0; i < branches.size(); ++i) {
      Spot spot{branches.size() > 1 ? i + 1 : 0, 0, x_of_total(branches[i].total_points), "", 0};
      bring_within(spot, axis.low, axis.high);
      spot.text = branches.size() > kMostLabelled ? tag(evaluation_, i) : text(branches[i]);
      if (spot.beyond != 0) call_extrapolation(spot);
      axis.spots.push_back(spot);
    }
  }

  [[nodiscard]] Axis lower(const char* name, const std::string& title, const std::string& detail) const {
    return {.name = name, .title = title, .detail = detail, .low = x_of_total(0), .high = x_of_total(total_)};
  }

  [[nodiscard]] Axis total_axis() const {
    Axis axis = lower("Total points", "Total points", "");
    add_ticks(axis, 0, total_, [this](double total) { return x_of_total(total); });
    add_branches(axis, [&](const Branch& branch) {
      const std::string total = decimal(branch.total_points, 1);
      return evaluation_.branches.size() == 1 ? total : total + " " + short_label(branch);
    });
    return axis;
  }

  [[nodiscard]] double linear_at(double total) const { return scale_.intercept + total / scale_.points_per_logit; }

  [[nodiscard]] Axis linear_axis() const {
    Axis axis = lower("Linear predictor", "Linear predictor", "log odds");
    add_ticks(axis, linear_at(0), linear_at(total_), [this](double linear) { return x_of_linear(linear); });
    if (shows_probability(model_))
      add_branches(axis, [](const Branch& branch) { return decimal(branch.linear_predictor, 2); });
    return axis;
  }

  // Ticks of the risk as the field prints them; labels that have no room are left out, the middle ones last.
  [[nodiscard]] Axis probability_axis() const {
    const std::string label = !shows_probability(model_)     ? "not reported for this model"
                              : evaluation_.branches.empty() ? "research, uncalibrated"
                                                             : evaluation_.branches[0].probability_label;
    Axis axis = lower("Probability", "Probability of " + model_.positive, label);
    std::vector<Span> placed;
    for (const double risk : {.5, .1, .9, .05, .95, .2, .8, .3, .7, .4, .6}) {
      const double x = x_of_risk(risk);
      if (!(x >= axis.low && x <= axis.high)) continue;
      const std::string text = shortest(risk);
      std::vector<Span> with = placed;
      with.push_back({x, text_width(text, kTick)});
      if (collide(with, 4)) {
        axis.unlabelled.push_back(x);
      } else {
        axis.major.push_back({x, text});
        placed = with;
      }
    }
    if (shows_probability(model_))
      add_branches(axis, [](const Branch& branch) {
        return probability_text(branch.probability) + " (" + branch.probability_label + ")";
      });
    return axis;
  }

  const Evaluation& evaluation_;
  const Model& model_;
  const ScaleFrame& frame_;
  Scale scale_;
  double total_ = 0;
};

// --- drawing ---

// How many markers of the same place stand on one another.
std::size_t height_of_stack(const std::vector<Spot>& spots, std::size_t of) {
  std::size_t below = 0;
  for (std::size_t i = 0; i < of; ++i)
    below += std::abs(spots[i].x - spots[of].x) < 1 && spots[i].branch != spots[of].branch ? 1 : 0;
  return below;
}

constexpr double kStack = 7;

double room_for_spots(const std::vector<Spot>& spots) {
  std::size_t tallest = 0;
  bool texts = false;
  for (std::size_t i = 0; i < spots.size(); ++i) {
    tallest = std::max(tallest, height_of_stack(spots, i));
    texts = texts || !spots[i].text.empty();
  }
  return kDot + 1.5 + kStack * static_cast<double>(tallest) + (texts ? kLane : 0);
}

void draw_spot_texts(Page& page, const Axis& axis, double y, const ScaleFrame& frame) {
  std::vector<Span> labels;
  std::vector<const Spot*> spots;
  for (const Spot& spot : axis.spots) {
    if (spot.text.empty()) continue;
    spots.push_back(&spot);
    labels.push_back({spot.x, text_width(spot.text, {.size = kValueSize, .bold = true})});
  }
  const std::vector<double> lefts = spread(labels, frame.left - 14, frame.limit, 6);
  for (std::size_t i = 0; i < lefts.size(); ++i) {
    const Colour colour = colour_of_branch(spots[i]->branch);
    const double baseline = y - room_for_spots(axis.spots) + kLane - 2, centre = lefts[i] + labels[i].width / 2;
    page.text(spots[i]->text, lefts[i], baseline, {.size = kValueSize, .bold = true, .colour = colour}).halo = true;
    if (std::abs(centre - spots[i]->x) > labels[i].width / 2)
      page.line({spots[i]->x, y - kDot},
                {std::clamp(spots[i]->x, lefts[i], lefts[i] + labels[i].width), baseline + 1.5}, .5, colour);
  }
}

void draw_spots(Page& page, const Axis& axis, double y, const ScaleFrame& frame) {
  for (std::size_t i = 0; i < axis.spots.size(); ++i) {
    const Spot& spot = axis.spots[i];
    const Point at{spot.x, y - kStack * static_cast<double>(height_of_stack(axis.spots, i))};
    const std::string name = "patient " + axis.name + " " + std::to_string(spot.branch);
    if (spot.beyond == 0) {
      draw_marker(page, spot.branch, at, name);
    } else {
      page.path({.points = arrow(at, spot.beyond), .width = 0, .closed = true, .fill = colour_of_branch(spot.branch)},
                Layer::Front, name);
    }
  }
  draw_spot_texts(page, axis, y, frame);
}

// Names of levels, from the rightmost on, each in the first lane where it does not run into one that is there; a line
// leads down to it. One that would run beyond the limit stands to the left of its line. Returns where they end.
double draw_levels(Page& page, const std::vector<Tick>& levels, double y, const ScaleFrame& frame) {
  struct Placed {
    double tick, left, right;
    std::size_t lane, lines;
  };
  std::vector<Tick> order = levels;
  std::ranges::stable_sort(order, std::greater(), &Tick::x);
  std::vector<Placed> placed;
  double end = y;
  for (const Tick& level : order) {
    const std::vector<std::string> lines = wrapped(level.text, kTick, kLevelWidth);
    double width = 0;
    for (const std::string& line : lines) width = std::max(width, text_width(line, kTick));
    const double left = std::min(level.x + 3, frame.limit - width);
    std::size_t lane = 0;  // in lines of text
    const auto blocked = [&](const Placed& other) {
      const bool side_by_side = left + width + 8 < other.left || left > other.right + 8;
      const bool below = lane >= other.lane + other.lines;
      const bool leader_runs_through = below && level.x > other.left - 2 && level.x < other.right + 2;
      const bool its_leader_runs_through =
          other.lane >= lane + lines.size() && other.tick > left - 2 && other.tick < left + width + 2;
      return (!side_by_side && !below) || leader_runs_through || its_leader_runs_through;
    };
    while (lane < 40 && std::ranges::any_of(placed, blocked)) ++lane;
    const double from = y + static_cast<double>(lane) * kTick.line_height();
    page.line({level.x, y - 2}, {level.x, from + kTick.size}, .4, kGrey, Layer::Back);
    for (std::size_t i = 0; i < lines.size(); ++i)
      page.text(lines[i], left, from + kTick.size + static_cast<double>(i) * kTick.line_height(), kTick).halo = true;
    placed.push_back({level.x, left, left + width, lane, lines.size()});
    end = std::max(end, from + static_cast<double>(lines.size()) * kTick.line_height());
  }
  return end;
}

// Small enough for the longest word: a name is not broken within a word unless it must.
Style name_style(const std::string& title, double width) {
  Style style = kName;
  for (std::size_t at = 0; at < title.size();) {
    const std::size_t end = std::min(title.find(' ', at), title.size());
    style = fitted(title.substr(at, end - at), style, width, 6);
    at = end + 1;
  }
  return style;
}

double draw_names(Page& page, const Axis& axis, double y, const ScaleFrame& frame) {
  const double width = frame.left - frame.names - 20;
  const Style style = name_style(axis.title, width);
  double at = y + 3;
  for (const std::string& line : wrapped(axis.title, style, width)) {
    page.text(line, frame.names, at, style);
    at += kName.line_height();
  }
  if (axis.detail.empty()) return at - kName.line_height() + 3;
  at -= kName.line_height() - kDetail.line_height() - 1;
  for (const std::string& line : wrapped(axis.detail, kDetail, width)) {
    page.text(line, frame.names, at, kDetail);
    at += kDetail.line_height();
  }
  return at - kDetail.line_height() + 2;
}

// The scale at `y`; returns where its labels end.
double draw_axis(Page& page, const Axis& axis, double y, const ScaleFrame& frame) {
  const auto tick = [&](double x, double length) { page.line({x, y}, {x, y + length}, .6, kInk); };
  page.line({axis.low, y}, {axis.high, y}, .9, kInk, Layer::Middle, "axis " + axis.name);
  for (const double x : axis.minor) tick(x, kMinor);
  for (const double x : axis.unlabelled) tick(x, kMajor);
  double end = y + kMajor;
  for (const Tick& major : axis.major) {
    tick(major.x, kMajor);
    page.text(major.text, major.x, y + kMajor + kTick.size, kTick, Align::Centre).halo = true;
    end = y + kMajor + kTick.line_height();
  }
  for (const Tick& level : axis.levels) tick(level.x, kMajor);
  if (!axis.levels.empty()) end = draw_levels(page, axis.levels, y + kMajor, frame);
  draw_spots(page, axis, y, frame);
  return std::max(end, draw_names(page, axis, y, frame));
}

}  // namespace

bool shows_probability(const Model& model) { return model.status != "do-not-report-probability"; }

Colour colour_of_branch(std::size_t branch) { return kLooks.at(branch % kLooks.size()).colour; }

void draw_marker(Page& page, std::size_t branch, Point at, const std::string& name) {
  const Look& look = kLooks.at(branch % kLooks.size());
  page.path(
      {.points = corners(look.shape, at, kDot), .width = .6, .colour = kWhite, .closed = true, .fill = look.colour},
      Layer::Front, name);
}

std::string short_label(const Branch& branch) {
  std::string text = branch.label;
  for (auto open = text.find(" ("); open != std::string::npos; open = text.find(" (")) {
    const auto close = text.find(')', open);
    text.erase(open, close == std::string::npos ? std::string::npos : close + 1 - open);
  }
  return text;
}

std::string tag(const Evaluation& evaluation, std::size_t branch) {
  if (evaluation.branches.size() == 1) return "";
  if (evaluation.branches.size() <= kMostLabelled) return short_label(evaluation.branches[branch]);
  return {static_cast<char>('A' + branch)};
}

double draw_scales(Page& page, const Evaluation& evaluation, const ScaleFrame& frame, double top) {
  struct Drawn {
    double y;
    std::vector<Spot> spots;
  };
  std::vector<Drawn> drawn;
  double y = top;
  for (const Axis& axis : Nomogram(evaluation, frame).axes()) {
    const double at = y + std::max(7., room_for_spots(axis.spots));
    y = draw_axis(page, axis, at, frame) + kRowGap;
    drawn.push_back({at, axis.spots});
  }
  // Up to Points, where the spots stand in the order of the predictors; down from Total points.
  const auto join = [&](const Spot& from, double from_y, const Spot& to, double to_y, double width) {
    page.line({from.x, from_y}, {to.x, to_y}, width, lighter(colour_of_branch(from.branch)), Layer::Back);
  };
  const std::size_t total = drawn.size() - 3;
  std::size_t point = 0;
  for (std::size_t row = 1; row < total; ++row)
    for (const Spot& spot : drawn[row].spots) join(spot, drawn[row].y, drawn[0].spots.at(point++), drawn[0].y, .7);
  for (std::size_t i = 0; i < drawn.back().spots.size(); ++i)
    join(drawn[total].spots.at(i), drawn[total].y, drawn.back().spots[i], drawn.back().y, 1);
  return y - kRowGap;
}

}  // namespace classifier
