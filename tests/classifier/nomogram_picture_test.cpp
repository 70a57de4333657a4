#include "classifier/nomogram_picture.h"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>

#include "classifier/layout.h"
#include "tests/classifier/page_checks.h"
#include "tests/classifier/pages.h"
#include "tests/support/judges.h"
#include "tests/support/temp_folder.h"

namespace {

using classifier::Evaluation;
using classifier::Page;
using classifier::PathMark;
using classifier::Point;
using classifier::TextMark;
using namespace classifier_test;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

std::vector<Page> laid_out(const Evaluation& evaluation) {
  auto pages = lay_out_nomogram({evaluation}, labels());
  if (!pages) throw std::runtime_error(pages.error().what);
  return *std::move(pages);
}

std::string error_of(const std::vector<Evaluation>& evaluations, const classifier::PictureLabels& with = labels()) {
  const auto picture = draw_nomogram(evaluations, with);
  return picture ? "no error" : picture.error().what;
}

Point centre(const PathMark& mark) {
  Point sum;
  for (const Point& point : mark.points) sum = {sum.x + point.x, sum.y + point.y};
  const auto n = static_cast<double>(mark.points.size());
  return {sum.x / n, sum.y / n};
}

// Where on a scale, 0 to 1, a thing stands.
double part_of(const std::vector<Page>& pages, const std::string& axis, double x) {
  const auto found = named<PathMark>(pages, "axis " + axis);
  if (found.size() != 1) throw std::runtime_error("no scale " + axis);
  return (x - found[0]->points[0].x) / (found[0]->points[1].x - found[0]->points[0].x);
}
Point marker(const std::vector<Page>& pages, const std::string& name) {
  const auto found = named<PathMark>(pages, "patient " + name);
  if (found.size() != 1) throw std::runtime_error("no marker " + name);
  return centre(*found[0]);
}
std::vector<std::string> names_of_markers(const std::vector<Page>& pages) {
  std::vector<std::string> names;
  for (const Page& page : pages)
    for (const auto& mark : page.marks)
      if (mark.name.starts_with("patient ")) names.push_back(mark.name);
  return names;
}
bool has_line(const std::vector<Page>& pages, Point from, Point to) {
  const auto same = [](Point a, Point b) { return std::abs(a.x - b.x) < .01 && std::abs(a.y - b.y) < .01; };
  for (const auto* path : named<PathMark>(pages, ""))
    if (path->points.size() == 2 && ((same(path->points[0], from) && same(path->points[1], to)) ||
                                     (same(path->points[0], to) && same(path->points[1], from))))
      return true;
  return false;
}

TEST(NomogramPage, HasTextThatNeitherOverlapsNorLeavesThePage) {
  const Nomograms nomograms;
  for (const auto& sample : nomograms.all()) {
    const auto pages = lay_out_nomogram(sample.evaluations, labels());
    ASSERT_TRUE(pages) << sample.name << ": " << pages.error().what;
    expect_clean(*pages, sample.name);
  }
}

TEST(NomogramPage, CutsNoSentence) {
  const Nomograms nomograms;
  for (const auto& sample : nomograms.all()) {
    const std::string text = running_text(*lay_out_nomogram(sample.evaluations, labels()));
    const Evaluation& evaluation = sample.evaluations[0];
    for (const auto* sentences :
         {&evaluation.flags, &evaluation.refusals, &evaluation.model->flags, &evaluation.model->population})
      for (const std::string& sentence : *sentences)
        EXPECT_TRUE(says(text, sentence)) << sample.name << ": " << sentence;
    for (const std::string& fact :
         {evaluation.model->id, evaluation.model->version, evaluation.model->citation, evaluation.model->status})
      EXPECT_TRUE(says(text, fact)) << sample.name << ": " << fact;
  }
}

TEST(NomogramPage, SaysOnEveryPageThatItIsForResearch) {
  const Nomograms nomograms;
  for (const auto& sample : nomograms.all()) {
    const std::vector<Page> pages = laid_out(sample.evaluations[0]);
    for (const Page& page : pages)
      EXPECT_THAT(all_text({page}), HasSubstr("RESEARCHUSEONLY-notfordiagnosis")) << sample.name;
  }
}

TEST(NomogramPage, TellsTheDoubtsBesideTheProbability) {
  const Nomograms nomograms;
  for (const char* name : {"unknown_er", "known_er"}) {
    const auto pages = laid_out(nomograms[name]);
    const std::string first = running_text({pages[0]});
    for (const char* doubt : {"Doubts", "coefficients are reconstructed", "ER status comes from a biopsy", "LR"})
      EXPECT_TRUE(says(first, doubt)) << name << ": " << doubt;
    EXPECT_LE(pages.size(), 2u) << name;
  }
}

// Golden numbers of rms::nomogram, read off the drawn scales; tolerances are half of the last printed digit.
TEST(NomogramPage, DrawsTheScalesOfRmsForZhang) {
  const Nomograms nomograms;
  const auto pages = laid_out(nomograms["unknown_er"]);
  const auto points_at = [&](double x) { return 100 * part_of(pages, "Points", x); };
  EXPECT_NEAR(points_at(named<PathMark>(pages, "axis T2star")[0]->points[1].x), 100, 1e-6);
  EXPECT_NEAR(points_at(named<PathMark>(pages, "axis T1_post")[0]->points[1].x), 60.9, .05);
  EXPECT_NEAR(points_at(marker(pages, "ER 1").x), 13.19, .005);
  EXPECT_NEAR(points_at(marker(pages, "ER 2").x), 0, 1e-6);
  for (const TextMark* text : texts(pages[0])) {
    if (text->text != "0.5") continue;
    const double total = 180 * part_of(pages, "Total points", text->box.x + text->box.width / 2);
    EXPECT_NEAR(total, 54.69, .005);
  }
  EXPECT_THAT(all_text(pages), HasSubstr("\n0.5\n"));
}

TEST(NomogramPage, DrawsTheScalesOfRmsForSymri) {
  const Nomograms nomograms;
  const auto pages = laid_out(nomograms["three_branches"]);
  const auto end_of = [&](const char* name) {
    return 100 * part_of(pages, "Points", named<PathMark>(pages, std::string("axis ") + name)[0]->points[1].x);
  };
  EXPECT_NEAR(end_of("ADC"), 16.9, .05);
  EXPECT_NEAR(end_of("max_diameter"), 88.4, .05);
  EXPECT_NEAR(end_of("T2_pre"), 100, 1e-6);
  EXPECT_NEAR(100 * part_of(pages, "Points", marker(pages, "enhancement_pattern 2").x), 9.3, .05);
  EXPECT_NEAR(100 * part_of(pages, "Points", marker(pages, "enhancement_pattern 3").x), 4.1, .05);
}

TEST(NomogramPage, PutsThePatientWhereTheValueIs) {
  const Nomograms nomograms;
  const auto pages = laid_out(nomograms["unknown_er"]);
  EXPECT_NEAR(part_of(pages, "T2star", marker(pages, "T2star 0").x), (53.233 - 15) / (110 - 15), 1e-6);
  EXPECT_NEAR(part_of(pages, "T1_post", marker(pages, "T1_post 0").x), (580.93 - 200) / (1100 - 200), 1e-6);
  for (const auto& [branch, total] : {std::pair{"1", nomograms["unknown_er"].branches[0].total_points},
                                      {"2", nomograms["unknown_er"].branches[1].total_points}})
    for (const char* axis : {"Total points", "Linear predictor", "Probability"})
      EXPECT_NEAR(180 * part_of(pages, axis, marker(pages, std::string(axis) + " " + branch).x), total, 1e-6);
}

TEST(NomogramPage, JoinsValuesToPointsAndTotalToProbability) {
  const Nomograms nomograms;
  const auto pages = laid_out(nomograms["known_er"]);
  const double points_y = named<PathMark>(pages, "axis Points")[0]->points[0].y;
  for (const char* predictor : {"T2star", "T1_post", "ER"}) {
    const Point at = marker(pages, std::string(predictor) + " 0");
    EXPECT_TRUE(has_line(pages, at, {at.x, points_y})) << predictor;
  }
  EXPECT_TRUE(has_line(pages, marker(pages, "Total points 0"), marker(pages, "Probability 0")));
}

TEST(NomogramPage, HasARedDotOnEveryScaleWhereAllIsKnown) {
  const Nomograms nomograms;
  const auto pages = laid_out(nomograms["known_er"]);
  EXPECT_THAT(names_of_markers(pages),
              SizeIs(3 + 3 + 3));  // on Points, the predictors, the lower scales
  const auto dot = named<PathMark>(pages, "patient Probability 0")[0];
  EXPECT_GT(dot->fill->red, 3 * std::max(dot->fill->green, dot->fill->blue));
}

TEST(NomogramPage, GivesEachBranchAMarkerAndItsCondition) {
  const Nomograms nomograms;
  const auto pages = laid_out(nomograms["unknown_er"]);
  const auto first = named<PathMark>(pages, "patient Probability 1"),
             second = named<PathMark>(pages, "patient Probability 2");
  ASSERT_THAT(first, SizeIs(1));
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_NE(first[0]->fill, second[0]->fill);
  EXPECT_NE(first[0]->points[0].x - centre(*first[0]).x,
            second[0]->points[0].x - centre(*second[0]).x);  // another shape
  EXPECT_THAT(all_text(pages), HasSubstr("79.2ifERnegative\n"));
  EXPECT_THAT(all_text(pages), HasSubstr("66.0ifERpositive\n"));
  EXPECT_THAT(all_text(laid_out(nomograms["eight_branches"])), HasSubstr("\nH\n"));
}

// Every number between 0 and 1 that is a probability of the patient stands in one text with its label, or right beside.
TEST(NomogramPage, LabelsEveryProbability) {
  const Nomograms nomograms;
  for (const char* name : {"unknown_er", "known_er", "three_branches", "eight_branches"}) {
    const Evaluation& evaluation = nomograms[name];
    const auto pages = laid_out(evaluation);
    std::size_t labelled = 0;
    for (const Page& page : pages)
      for (const TextMark* text : texts(page))
        labelled += text->text.find("research, uncalibrated") != std::string::npos ? 1 : 0;
    const std::size_t on_the_scale = evaluation.branches.size() <= 2 ? evaluation.branches.size() : 0;
    EXPECT_EQ(labelled, 1 + evaluation.branches.size() + on_the_scale) << name;
  }
}

TEST(NomogramPage, DrawsAnArrowWhereAValueIsBeyondItsScale) {
  const Nomograms nomograms;
  const auto pages = laid_out(nomograms["extrapolated"]);
  const auto arrow = named<PathMark>(pages, "patient T2star 0")[0];
  ASSERT_THAT(arrow->points, SizeIs(3));
  EXPECT_GT(arrow->points[0].x, named<PathMark>(pages, "axis T2star")[0]->points[1].x);
  EXPECT_THAT(all_text(pages), HasSubstr("131.7ms,extrapolation\n"));
  EXPECT_THAT(all_text(pages), HasSubstr("1250ms,extrapolation\n"));
  EXPECT_THAT(all_text(pages), Not(HasSubstr("\n1.00")));
  EXPECT_THAT(all_text(laid_out(nomograms["unknown_er"])), Not(HasSubstr("ms,extrapolation")));
}

TEST(NomogramPage, HasScalesButNoPatientWhereTheModelRefused) {
  const Nomograms nomograms;
  for (const char* name : {"refused", "other_field", "not_reported"}) {
    const auto pages = laid_out(nomograms[name]);
    EXPECT_THAT(names_of_markers(pages), IsEmpty()) << name;
    const double last = named<PathMark>(pages, "axis Probability")[0]->points[0].y;
    std::string below;
    for (const TextMark* text : texts(pages[0]))
      if (text->baseline > last) below += squeezed(text->text);
    EXPECT_TRUE(says(below, nomograms[name].refusals[0])) << name;
  }
}

// Should an evaluation bring a branch all the same.
TEST(NomogramPage, PutsNobodyOnTheProbabilityOfAModelThatMustNotReportOne) {
  const Nomograms nomograms;
  classifier::Model model = *nomograms["three_branches"].model;
  model.status = "do-not-report-probability";
  Evaluation evaluation = nomograms["three_branches"];
  evaluation.model = &model;
  const auto pages = laid_out(evaluation);
  for (const char* axis : {"Linear predictor", "Probability"})
    for (const char* branch : {"0", "1", "2", "3"})
      EXPECT_THAT(named<PathMark>(pages, std::string("patient ") + axis + " " + branch), IsEmpty());
  EXPECT_THAT(all_text(pages), Not(HasSubstr("0.77")));
}

TEST(NomogramPage, HasATableOnlyWhereThereAreCutoffsOnly) {
  const Nomograms nomograms;
  const auto pages = laid_out(nomograms["cutoff_set"]);
  EXPECT_THAT(named<PathMark>(pages, "axis Points"), IsEmpty());
  EXPECT_THAT(all_text(pages),
              HasSubstr("ADCmean\n1.01×10⁻³mm²/s\n≥0.97×10⁻³mm²/"
                        "s:HER2-overexpression\nHER2-overexpression\nLR+1.56\n39/41\n14/36\n0.668(0.543–0.794)\n"));
  EXPECT_THAT(all_text(pages), HasSubstr("\nnotapplied\n"));
}

TEST(NomogramPage, GivesOfADisabledModelTheReasonOnly) {
  const Nomograms nomograms;
  const auto pages = laid_out(nomograms["disabled"]);
  EXPECT_THAT(named<PathMark>(pages, "axis Points"), IsEmpty());
  EXPECT_THAT(all_text(pages), HasSubstr("themodelisdisabled:"));
  EXPECT_THAT(all_text(pages), HasSubstr("FISH-positiveagainstFISH-negative:notevaluated\n"));
  EXPECT_THAT(all_text(pages), Not(HasSubstr("39/41")));
}

// A local calibration moves the ticks of the probability; the linear predictor stays.
TEST(NomogramPage, HasTheRisksOfTheLocalCalibration) {
  classifier::Model model = zhang();
  model.calibration = {.a = .5, .b = .8, .source = "local cases", .date = "2026-11-01", .cases = 120};
  const Evaluation evaluation = evaluate(model, zhang_values(53.233, 580.93), {{"er", "neg"}});
  const auto pages = laid_out(evaluation);
  const auto scale = nomogram_scale(model);
  bool found = false;
  for (const TextMark* text : texts(pages[0])) {
    if (text->text != "0.9") continue;
    found = true;
    const double total = 180 * part_of(pages, "Total points", text->box.x + text->box.width / 2);
    EXPECT_NEAR(.5 + .8 * (scale.intercept + total / scale.points_per_logit), std::log(9.), 1e-6);
  }
  EXPECT_TRUE(found);
  EXPECT_THAT(all_text(pages), HasSubstr("a0.500,b0.800,localcases,"));
}

TEST(NomogramPage, ShowsAnIntervalWhereThereIsOne) {
  const Nomograms nomograms;
  Evaluation evaluation = nomograms["known_er"];
  EXPECT_THAT(all_text(laid_out(evaluation)), Not(HasSubstr("95%interval")));
  evaluation.branches[0].interval = {.1, .998};
  EXPECT_THAT(all_text(laid_out(evaluation)), HasSubstr("95%interval0.10to>0.99\n"));
}

TEST(NomogramPage, PutsStatedFactsOnASideByTheirNames) {
  const Nomograms nomograms;
  const std::string text = all_text(laid_out(nomograms["known_er"]));
  EXPECT_THAT(text, HasSubstr("ER\npositive\npositive:HER2-low\nHER2-low\nLR+1.48\n52/72\n44/86\n0.617\n"));
  EXPECT_THAT(text, HasSubstr("PR\nnotpositive\npositive:HER2-low\nHER2-positive\nLR−0.68\n"));
}

TEST(NomogramPage, RefusesWhatCannotBeDrawn) {
  const Nomograms nomograms;
  const Evaluation& good = nomograms["unknown_er"];
  EXPECT_EQ(error_of({}), "there is no evaluation to draw");
  EXPECT_EQ(error_of({Evaluation{}}), "an evaluation without its model cannot be drawn");
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    Evaluation evaluation = good;
    evaluation.branches[1].points[0].points = bad;
    EXPECT_THAT(error_of({evaluation}), HasSubstr("a number of the evaluation is not finite"));
    evaluation = good;
    evaluation.branches[0].probability = bad;
    EXPECT_THAT(error_of({evaluation}), HasSubstr("a number of the evaluation is not finite"));
    evaluation = good;
    evaluation.cutoffs[0].measured = bad;
    EXPECT_THAT(error_of({evaluation}), HasSubstr("a cut-off of the evaluation is not finite"));
  }
  auto endless = labels();
  endless.title = std::string(20000, 'x');
  EXPECT_THAT(error_of({good}, endless), HasSubstr("leave no room"));
  endless = labels();
  endless.software = std::string(2000, 'x');
  EXPECT_EQ(error_of({good}, endless), "the name of the software is too long");
  Evaluation reasons = nomograms["refused"];
  reasons.refusals = long_sentences(60);
  EXPECT_THAT(error_of({reasons}), HasSubstr("more predictors or reasons than a page holds"));
}

TEST(NomogramPage, SurvivesOddWords) {
  const Nomograms nomograms;
  classifier::Model model = *nomograms["unknown_er"].model;
  model.predictors[0].title = std::string(120, 'W');
  model.predictors[2].levels[0] = std::string(400, 'W') + " \xff\xc3(\xed\xa0\x80";
  model.positive = "ΔT1 ≥ T2* ⁻³ \n\t\x7f";
  Evaluation evaluation = nomograms["unknown_er"];
  evaluation.model = &model;
  evaluation.flags = {std::string(5000, 'x'), "", " "};
  const auto pages = laid_out(evaluation);
  expect_clean(pages, "odd words");
  EXPECT_TRUE(draw_nomogram({evaluation}, labels()));
}

TEST(NomogramPicture, IsAPdfAndARasterOfEachPage) {
  const Nomograms nomograms;
  const auto picture = draw_nomogram({nomograms["three_branches"], nomograms["disabled"]}, labels());
  ASSERT_TRUE(picture) << picture.error().what;
  EXPECT_THAT(picture->pdf, StartsWith("%PDF-1."));
  EXPECT_THAT(picture->pdf, Not(HasSubstr("CreationDate")));
  const std::size_t count = picture->pages.size();
  ASSERT_GE(count, 2u);
  for (std::size_t page = 0; page < count; ++page) {
    const auto& raster = picture->pages[page];
    EXPECT_EQ(raster.width, 1684);
    EXPECT_EQ(raster.height, 1190);
    ASSERT_THAT(raster.rgb, SizeIs(std::size_t{1684} * 1190 * 3));
    EXPECT_EQ(raster.rgb[0], 255);
    // The notice, in its colour and in RGB order.
    const std::size_t bar = (std::size_t{40} * 1684 + 70) * 3;
    EXPECT_NEAR(raster.rgb[bar], 252, 1);
    EXPECT_NEAR(raster.rgb[bar + 2], 176, 1);
    EXPECT_THAT(picture->png(page), StartsWith("\x89PNG\r\n"));
  }
  EXPECT_THAT(picture->png(count), IsEmpty());
}

TEST(NomogramPicture, HasTheSameBytesAgain) {
  const Nomograms nomograms;
  const auto once = draw_nomogram({nomograms["unknown_er"]}, labels()),
             again = draw_nomogram({nomograms["unknown_er"]}, labels());
  ASSERT_TRUE(once && again);
  EXPECT_EQ(once->pdf, again->pdf);
  EXPECT_EQ(once->pages[0].rgb, again->pages[0].rgb);
  EXPECT_EQ(once->png(0), again->png(0));
}

std::string bytes_of(const std::filesystem::path& file) {
  std::ostringstream all;
  all << std::ifstream(file, std::ios::binary).rdbuf();
  return all.str();
}

TEST(Pictures, HaveTheSameBytesInAnotherProcess) {
  const support::TempFolder first, second;
  for (const auto* folder : {&first, &second})
    ASSERT_EQ(support::run(std::string(HERALD_PAGE_SAMPLES) + " '" + folder->path().string() + "'").status, 0);
  std::size_t compared = 0;
  for (const auto& entry : std::filesystem::directory_iterator(first.path())) {
    EXPECT_TRUE(bytes_of(entry.path()) == bytes_of(second / entry.path().filename())) << entry.path().filename();
    ++compared;
  }
  EXPECT_GT(compared, 30u);
}

// Poppler reads the text back.
std::string text_of_pdf(const std::string& pdf) {
  const support::TempFolder folder;
  std::ofstream(folder / "page.pdf", std::ios::binary) << pdf;
  const auto verdict = support::run("pdftotext -layout '" + (folder / "page.pdf").string() + "' -");
  EXPECT_EQ(verdict.status, 0) << verdict.output;
  return verdict.output;
}

TEST(NomogramPicture, CanBeReadAsText) {
  HERALD_NEEDS(support::on_path("pdftotext"), "pdftotext");
  const Nomograms nomograms;
  const std::string text = text_of_pdf(draw_nomogram({nomograms["unknown_er"]}, labels())->pdf);
  for (const char* expected : {"RESEARCH USE ONLY - not for diagnosis - NOT CALIBRATED", "53.23 ms", "580.9 ms", "0.87",
                               "0.70", "research, uncalibrated", "if ER negative", "if ER positive",
                               "zhang2026.her2pos_vs_low.er_t2s_t1post", "LR+ 4.77", "57/86", "Quant Imaging Med Surg"})
    EXPECT_THAT(text, HasSubstr(expected));
  const std::string symri = text_of_pdf(draw_nomogram({nomograms["three_branches"]}, labels())->pdf);
  EXPECT_THAT(symri, HasSubstr("1.011 × 10⁻³ mm²/s"));
}

TEST(ResultsPicture, CanBeReadAsText) {
  HERALD_NEEDS(support::on_path("pdftotext"), "pdftotext");
  const std::string text = text_of_pdf(draw_results(results(8, 12, 2))->pdf);
  for (const char* expected : {"ΔT1", "T2*", "10⁻⁶ mm²/s", "1495.2", "Solid outline", "10 mm", "page 2 of 2"})
    EXPECT_THAT(text, HasSubstr(expected));
}

}  // namespace
