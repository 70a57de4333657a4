#include <gmock/gmock.h>

#include <fstream>

#include "tests/architecture/rules.h"
#include "tests/support/temp_folder.h"

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Architecture, IsWhatTheTableSays) {
  const architecture::Report report = architecture::check(HERALD_SOURCE_DIR);
  EXPECT_THAT(report.violations, IsEmpty());
  EXPECT_GT(report.files, 50u);
}

// The checker itself, on small trees with a planted violation.
class Rules : public ::testing::Test {
 protected:
  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << (path.ends_with(".h") ? "#pragma once\n" : "") << text;
  }
  std::vector<std::string> violations() { return architecture::check(root_.path()).violations; }
  std::vector<std::string> after(const std::string& path, const std::string& text) {
    write(path, text);
    return violations();
  }
  support::TempFolder root_;
};

TEST_F(Rules, AreContentWithATreeThatKeepsThem) {
  write("fitting/fit.h", "#include <Eigen/Core>\n");
  write("fitting/fit.cpp", "#include \"fitting/fit.h\"\n");
  write("classifier/model.cpp", "#include <nlohmann/json.hpp>\n#include \"fitting/fit.h\"\n");
  write("storage/jobs.cpp", "#include <sqlite3.h>\n");
  write("dicom/dcmtk.h", "#include <dcmtk/dcmdata/dctk.h>\n");
  write("dicom/network/acceptor.h", "#include <string>\n");
  write("dicom/network/acceptor.cpp", "#include \"dicom/dcmtk.h\"\n#include \"dicom/network/acceptor.h\"\n");
  write("dicom/output/object.h", "#include <string>\n");
  write("dicom/input/instance.cpp",
        "#include \"dicom/dcmtk.h\"\n#include \"dicom/output/object.h\"\n#include \"fitting/fit.h\"\n");
  write("config/settings.h", "#include \"dicom/network/acceptor.h\"\n");
  write("config/settings.cpp", "#include \"config/settings.h\"\n#include <toml.hpp>\n");
  write("server/main.cpp",
        "#include \"config/settings.h\"\n#include \"dicom/network/acceptor.h\"\n#include <CLI/CLI.hpp>\n");
  EXPECT_THAT(violations(), IsEmpty());
}

TEST_F(Rules, AreContentWithoutAnyFile) { EXPECT_THAT(violations(), IsEmpty()); }

TEST_F(Rules, KeepFittingToItself) {
  EXPECT_THAT(after("fitting/maps/t1.cpp", "\n#include \"dicom/uid.h\"\n"),
              ElementsAre("fitting/maps/t1.cpp:2: includes dicom/uid.h, which fitting must not know"));
}

TEST_F(Rules, KeepStorageToItself) {
  EXPECT_THAT(after("storage/jobs.h", "#include \"fitting/fit.h\"\n"),
              ElementsAre("storage/jobs.h:2: includes fitting/fit.h, which storage must not know"));
}

TEST_F(Rules, KeepTheNetworkApartFromWhatItCarries) {
  write("dicom/network/a.cpp",
        "#include \"dicom/input/a.h\"\n#include \"dicom/output/a.h\"\n#include \"fitting/a.h\"\n");
  write("dicom/input/a.cpp", "#include \"dicom/network/a.h\"\n#include \"dicom/output/a.h\"\n");
  write("dicom/output/a.cpp", "#include \"dicom/network/a.h\"\n#include \"dicom/input/a.h\"\n");
  write("dicom/a.cpp", "#include \"dicom/input/a.h\"\n");
  EXPECT_THAT(violations(),
              ElementsAre("dicom/a.cpp:1: includes dicom/input/a.h, which dicom must not know",
                          "dicom/input/a.cpp:1: includes dicom/network/a.h, which dicom/input must not know",
                          "dicom/input/a.cpp:2: includes dicom/output/a.h, which dicom/input must not know",
                          "dicom/network/a.cpp:1: includes dicom/input/a.h, which dicom/network must not know",
                          "dicom/network/a.cpp:2: includes dicom/output/a.h, which dicom/network must not know",
                          "dicom/network/a.cpp:3: includes fitting/a.h, which dicom/network must not know",
                          "dicom/output/a.cpp:1: includes dicom/network/a.h, which dicom/output must not know"));
}

TEST_F(Rules, LetOnlyTheSettingsSeeTheOptionsOfOthers) {
  write("config/settings.h", "#include \"storage/object_store.h\"\n#include \"storage/jobs.h\"\n");
  write("config/recipe.h", "#include \"storage/object_store.h\"\n");
  EXPECT_THAT(violations(),
              ElementsAre("config/recipe.h:2: includes storage/object_store.h, which config must not know",
                          "config/settings.h:3: includes storage/jobs.h, which config must not know"));
}

TEST_F(Rules, LetNobodyKnowTheServer) {
  EXPECT_THAT(after("classifier/a.cpp", "#include \"server/log.h\"\n"),
              ElementsAre("classifier/a.cpp:1: includes server/log.h, which classifier must not know"));
}

TEST_F(Rules, KeepLibrariesWithTheirOwners) {
  for (const char* library : {"dcmtk/dcmdata/dctk.h", "sqlite3.h", "toml.hpp", "spdlog/spdlog.h", "CLI/CLI.hpp",
                              "boost/asio.hpp", "nlohmann/json.hpp", "openssl/evp.h"}) {
    EXPECT_THAT(after("fitting/a.cpp", std::string("#  include <") + library + ">\n"),
                ElementsAre(std::string("fitting/a.cpp:1: includes <") + library + ">, which fitting must not know"));
  }
}

TEST_F(Rules, KeepItkBehindTheRegistration) {
  write("fitting/registration_itk.cpp", "#include <itkImage.h>\n");
  write("fitting/registration.cpp", "#include <itkImage.h>\n");
  write("fitting/registration_itk.h", "#include <itkImage.h>\n");
  write("server/work.cpp", "#include <itkImage.h>\n");
  EXPECT_THAT(violations(),
              ElementsAre("fitting/registration.cpp:1: includes <itkImage.h>, which fitting must not know",
                          "fitting/registration_itk.h:2: includes <itkImage.h>, which fitting must not know",
                          "server/work.cpp:1: includes <itkImage.h>, which server must not know"));
}

TEST_F(Rules, KeepCairoBehindTheCanvas) {
  write("classifier/canvas.cpp", "#include <cairo-pdf.h>\n");
  write("classifier/canvas.h", "#include <cairo.h>\n");
  write("classifier/nomogram_picture.cpp", "#include <cairo.h>\n");
  EXPECT_THAT(violations(),
              ElementsAre("classifier/canvas.h:2: includes <cairo.h>, which classifier must not know",
                          "classifier/nomogram_picture.cpp:1: includes <cairo.h>, which classifier must not know"));
}

TEST_F(Rules, KeepLibrariesOutOfHeadersThatOthersInclude) {
  write("storage/sqlite.h", "#include <sqlite3.h>\n");
  write("storage/jobs.h", "#include \"storage/sqlite.h\"\n");
  write("storage/jobs.cpp", "#include \"storage/jobs.h\"\n");
  write("server/main.cpp", "#include \"storage/jobs.h\"\n");
  EXPECT_THAT(violations(), ElementsAre("server/main.cpp:1: reaches <sqlite3.h> through storage/sqlite.h"));
}

TEST_F(Rules, WantIncludesThatStartAtTheRoot) {
  write("fitting/a.cpp", "#include \"fit.h\"\n#include \"../dicom/uid.h\"\n#include \"fitting/../dicom/uid.h\"\n");
  EXPECT_THAT(violations(),
              ElementsAre("fitting/a.cpp:1: includes fit.h, which does not start at the root",
                          "fitting/a.cpp:2: includes ../dicom/uid.h, which does not start at the root",
                          "fitting/a.cpp:3: includes fitting/../dicom/uid.h, which does not start at the root"));
}

TEST_F(Rules, WantHeadersWithPragmaOnce) {
  std::filesystem::create_directories(root_ / "fitting");
  std::ofstream(root_ / "fitting/a.h") << "#ifndef A\n#endif\n";
  EXPECT_THAT(violations(), ElementsAre("fitting/a.h:1: does not begin with #pragma once"));
}

TEST_F(Rules, WantFilesThatOneCanRead) {
  EXPECT_THAT(after("fitting/a.cpp", std::string(600, '\n')), IsEmpty());
  EXPECT_THAT(after("fitting/a.cpp", std::string(601, '\n')),
              ElementsAre("fitting/a.cpp:600: is longer than 600 lines"));
}

TEST_F(Rules, WantTestsThatDoNotSleep) {
  EXPECT_THAT(after("tests/a_test.cpp",
                    "\n std::this_thread::sleep"
                    "_for(1s);\n"),
              ElementsAre("tests/a_test.cpp:2: a test that sleeps"));
  EXPECT_THAT(after("tests/a_test.cpp", "state = 'sleeping'; asleep(1);\n"), IsEmpty());
}

}  // namespace
