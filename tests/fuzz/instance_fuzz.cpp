// The data are 1 to 8 files, of one image or of several frames, with the separator between them (as
// tests/fuzz/make_seeds writes them); what was read is grouped as one study.
#include <algorithm>
#include <string_view>
#include <vector>

#include "dicom/input/acquisition.h"
#include "tests/fuzz/memory_file.h"

namespace {

constexpr std::string_view kSeparator =
    "\xFF"
    "CUT";
constexpr std::size_t kMostFiles = 8;

std::vector<std::string_view> cut(std::string_view data) {
  std::vector<std::string_view> pieces;
  for (;;) {
    const std::size_t end = pieces.size() + 1 < kMostFiles ? data.find(kSeparator) : std::string_view::npos;
    pieces.push_back(data.substr(0, end));
    if (end == std::string_view::npos) return pieces;
    data.remove_prefix(end + kSeparator.size());
  }
}

constexpr std::size_t kMostImages = 2000;  // in all: frames are cheap to claim, and grouping them twice takes time

bool is_there(const std::vector<dicom::Instance>& instances, const std::string& uid) {
  return std::any_of(instances.begin(), instances.end(), [&](const auto& i) { return i.sop_instance_uid == uid; });
}

void require_frames(const std::vector<dicom::Instance>& images) {
  fuzz::require(!images.empty());
  for (std::size_t k = 0; k < images.size(); ++k) {
    fuzz::require(images[k].sop_instance_uid == images.front().sop_instance_uid);
    fuzz::require(images[k].frame == (images.front().frame == 0 ? 0 : static_cast<int>(k) + 1));
    fuzz::require(images[k].position_mm.allFinite() && images[k].row_direction.allFinite());
  }
}

// As the store hands them out: one study, each object once.
std::vector<dicom::Instance> read_all(std::string_view data) {
  std::vector<dicom::Instance> instances;
  for (const std::string_view piece : cut(data)) {
    const fuzz::MemoryFile file({reinterpret_cast<const std::uint8_t*>(piece.data()), piece.size()});
    auto images = dicom::read_instances(file.path());
    if (!images) continue;
    require_frames(*images);
    if (is_there(instances, images->front().sop_instance_uid) || instances.size() + images->size() > kMostImages)
      continue;
    for (dicom::Instance& image : *images) {
      image.study_uid = instances.empty() ? image.study_uid : instances.front().study_uid;
      instances.push_back(std::move(image));
    }
  }
  return instances;
}

// Every sentence of the answer, and which images it is about.
std::string account_of(const dicom::Grouping& grouping, std::span<const dicom::Instance> instances) {
  std::string account;
  for (const dicom::Acquisition& acquisition : grouping.acquisitions) {
    account += digest_of(acquisition, instances) + acquisition.problem + "\n";
    for (const std::string& sentence : acquisition.evidence) account += sentence + "\n";
    for (const std::string& sentence : acquisition.notes) account += sentence + "\n";
  }
  for (const dicom::PassedOver& passed : grouping.passed_over)
    account += passed.series_uid + " " + std::to_string(passed.images) + passed.reason + "\n";
  return account;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto instances = read_all({reinterpret_cast<const char*>(data), size});
  if (instances.empty()) return 0;
  const std::string account = account_of(dicom::group(instances), instances);
  std::reverse(instances.begin(), instances.end());
  fuzz::require(account_of(dicom::group(instances), instances) == account);  // in any order, to the last character
  return 0;
}
