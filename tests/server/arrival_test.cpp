// What Herald makes of an exam does not depend on how it arrived: in which order, how often, in which transfer syntax.
// The variants are made by the tools of the package dcmtk, as routers and archives would; none of them rewrites values,
// so every result is the same object to the last byte. Arrival by network: tests/acceptance/arrival_test.cpp.
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>

#include "dicom/input/identity.h"
#include "server/simulate.h"
#include "tests/server/processing.h"
#include "tests/support/judges.h"

namespace {

using namespace processing;
using testing::Contains;
using testing::HasSubstr;

// Every vendor, classic and enhanced, signed and unsigned, one big endian from the start.
constexpr std::array kSets{"hazen_t1ir_siemens_aera_p5",
                           "hazen_t1ir_ge450w_p4",
                           "hazen_t1ir_philips15_p4p5",
                           "hazen_t2se_ge450w_p5",
                           "qiba_t1vfa_dro",
                           "dcmqa_xa30i_siemens_classic_dwi",
                           "hazen_dwi11b_siemens_sola_xa61",
                           "shimtb_t2star_siemens_prisma_6echo"};

std::vector<fs::path> objects_in(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && dicom::read_identity(entry.path())) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

// "study-1/t2/pm_real.dcm" -> SOP Instance UID and digest of the data set. Studies are numbered by their UIDs.
using Results = std::map<std::string, std::pair<std::string, std::string>>;
Results results_of(const fs::path& input) {
  const support::TempFolder out;
  process(input, out.path());
  Results results;
  for (const fs::path& file : objects_in(out.path())) {
    const auto identity = dicom::read_identity(file).value();
    results[fs::relative(file, out.path())] = {identity.sop_instance_uid, identity.payload_digest};
  }
  return results;
}

// --- ways to arrive; each writes its files below `to` ---

void shuffled(const std::vector<fs::path>& files, const fs::path& to) {
  std::vector<std::size_t> names(files.size());
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = i;
  std::shuffle(names.begin(), names.end(), std::mt19937(7));
  for (std::size_t i = 0; i < files.size(); ++i) {
    const fs::path folder = to / std::to_string(names[i] % 5);
    fs::create_directories(folder);
    fs::copy_file(files[i], folder / std::to_string(names[i]));
  }
}

void three_times(const std::vector<fs::path>& files, const fs::path& to) {
  for (const char* copy : {"a", "b", "c"}) {
    fs::create_directories(to / copy);
    for (std::size_t i = 0; i < files.size(); ++i) fs::copy_file(files[i], to / copy / std::to_string(i));
  }
}

bool is_segmentation(const fs::path& file) {
  return dicom::read_identity(file)->sop_class_uid == UID_SegmentationStorage;
}

// No codec takes the single bits of a segmentation: it travels as it is.
void converted(const std::vector<fs::path>& files, const fs::path& to, const std::string& command, bool compresses) {
  fs::create_directories(to);
  for (std::size_t i = 0; i < files.size(); ++i) {
    const fs::path file = to / std::to_string(i);
    if (compresses && is_segmentation(files[i])) {
      fs::copy_file(files[i], file);
      continue;
    }
    const auto verdict = support::run(command + " '" + files[i].string() + "' '" + file.string() + "'");
    ASSERT_EQ(verdict.status, 0) << command << ": " << verdict.output;
  }
}

void expect_transfer_syntax(const fs::path& folder, const std::string& wanted) {
  for (const fs::path& file : objects_in(folder)) {
    if (is_segmentation(file)) continue;
    EXPECT_EQ(dicom::read_identity(file)->transfer_syntax_uid, wanted);
  }
}

struct Way {
  const char* name;
  const char* tool = "";     // what makes the variant; "": we do
  const char* options = "";  // of it
  const char* transfer_syntax = "";
  bool compresses = false;
  void (*arrange)(const std::vector<fs::path>& files, const fs::path& to) = nullptr;
};
constexpr std::array kWays{
    Way{.name = "InAnotherOrder", .arrange = shuffled},
    Way{.name = "InThreeCopies", .arrange = three_times},
    Way{"InImplicitLittleEndian", "dcmconv", "+ti", UID_LittleEndianImplicitTransferSyntax},
    Way{"InExplicitBigEndian", "dcmconv", "+tb", UID_BigEndianExplicitTransferSyntax},
    Way{"InJpegLs", "dcmcjpls", "", UID_JPEGLSLosslessTransferSyntax, true},
    Way{"InJpegLossless", "dcmcjpeg", "+e1", UID_JPEGProcess14SV1TransferSyntax, true},
    Way{"InRle", "dcmcrle", "", UID_RLELosslessTransferSyntax, true},
};

// Of a simulated exam, or of all the real sets in one heap, as a node receives them.
struct Arrived {
  bool real = false;
  Way way;
};
void PrintTo(const Arrived& arrived, std::ostream* out) { *out << arrived.way.name; }

class Arrival : public testing::TestWithParam<Arrived> {
 protected:
  void SetUp() override {
    const Way& way = GetParam().way;
    HERALD_NEEDS(way.arrange != nullptr || support::on_path(way.tool), way.tool);
    if (!GetParam().real) return simulate();
    for (const char* set : kSets) {
      HERALD_NEEDS_DATA(fs::path("dicom") / set);
      add(support::test_data() / "dicom" / set);
    }
  }
  void simulate() {
    server::SimulateOptions options;
    options.matrix = 32;
    options.slices = 8;
    ASSERT_TRUE(server::simulate(options, work_ / "simulated"));
    add(work_ / "simulated");
  }
  void add(const fs::path& folder) {
    const auto files = objects_in(folder);
    files_.insert(files_.end(), files.begin(), files.end());
  }
  [[nodiscard]] Results expected() const {
    fs::create_directories(work_ / "originals");
    for (std::size_t i = 0; i < files_.size(); ++i) fs::copy_file(files_[i], work_ / "originals" / std::to_string(i));
    return results_of(work_ / "originals");
  }

  support::TempFolder work_;
  std::vector<fs::path> files_;
};

std::vector<Arrived> arrivals() {
  std::vector<Arrived> all;
  for (const bool real : {false, true})
    for (const Way& way : kWays) all.push_back({real, way});
  return all;
}

}  // namespace

TEST_P(Arrival, GivesTheSameResults) {
  const Way& way = GetParam().way;
  const fs::path variants = work_ / "variants";
  if (way.arrange != nullptr) {
    way.arrange(files_, variants);
  } else {
    converted(files_, variants, std::string(way.tool) + " " + way.options, way.compresses);
    expect_transfer_syntax(variants, way.transfer_syntax);
  }
  const Results results = expected();
  EXPECT_GT(results.size(), 20u);
  EXPECT_EQ(results_of(variants), results);
}

INSTANTIATE_TEST_SUITE_P(Of, Arrival, testing::ValuesIn(arrivals()), [](const auto& test) {
  return std::string(test.param.real ? "RealScans" : "ASimulatedExam") + test.param.way.name;
});

// No decoder for it is in Debian's DCMTK. Four real images that an archive compressed, made into the echoes of a fit.
TEST(ArrivalInJpeg2000, IsRefusedByName) {
  HERALD_NEEDS_DATA("dicom/dicom2nifti_multivendor");
  const support::TempFolder work;
  fs::create_directories(work / "exam");
  int echo = 0;
  for (const fs::path& image :
       objects_in(support::test_data() / "dicom/dicom2nifti_multivendor/generic/compressed_j2k")) {
    DcmFileFormat file;
    ASSERT_TRUE(file.loadFile(image.c_str()).good());
    DcmDataset& dataset = *file.getDataset();
    dataset.putAndInsertString(DCM_EchoTime, std::to_string(20 * ++echo).c_str());
    dataset.putAndInsertString(DCM_ScanningSequence, "SE");
    dataset.findAndDeleteElement(DCM_InversionTime);
    dataset.putAndInsertString(DCM_ImagePositionPatient, "0\\0\\0");
    ASSERT_TRUE(file.saveFile((work / "exam" / std::to_string(echo)).c_str(), dataset.getOriginalXfer()).good());
  }
  const auto summary = process(work / "exam", work / "out");
  EXPECT_EQ(summary.written, 0u);
  std::vector<std::string> reasons;
  for (const json& job : summary.studies.at(0).at("jobs")) reasons.push_back(job.value("reason", ""));
  EXPECT_THAT(reasons, Contains(HasSubstr("JPEG 2000")));
}
