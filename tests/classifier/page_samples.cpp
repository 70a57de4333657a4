// Writes the sample pages of the tests to a folder, to be looked at: page_samples FOLDER
#include <filesystem>
#include <fstream>
#include <iostream>

#include "classifier/nomogram_picture.h"
#include "tests/classifier/pages.h"

namespace {

void write(const std::filesystem::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

bool write(const std::filesystem::path& folder, const std::string& name,
           const classifier::Result<classifier::Picture>& picture) {
  if (!picture) {
    std::cerr << name << ": " << picture.error().what << "\n";
    return false;
  }
  write(folder / (name + ".pdf"), picture->pdf);
  for (std::size_t page = 0; page < picture->pages.size(); ++page)
    write(folder / (name + "-" + std::to_string(page + 1) + ".png"), picture->png(page));
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: page_samples FOLDER\n";
    return 2;
  }
  const std::filesystem::path folder(arguments[1]);
  const classifier_test::Nomograms nomograms;
  bool all = true;
  for (const auto& sample : nomograms.all())
    all = write(folder, sample.name, draw_nomogram(sample.evaluations, classifier_test::labels())) && all;
  for (const auto& [name, page] : classifier_test::results_pages())
    all = write(folder, name, draw_results(page)) && all;
  return all ? 0 : 1;
}
