#pragma once
// Programs of other people that judge our objects. A test asks available() first and is skipped by name where the
// program is absent.
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

namespace support {

struct Verdict {
  int status = -1;
  std::string output;  // standard output and error

  // Lines that hold `word`.
  [[nodiscard]] std::vector<std::string> lines_with(const std::string& word) const {
    std::vector<std::string> found;
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);)
      if (line.find(word) != std::string::npos) found.push_back(line);
    return found;
  }
};

// The command is the test's own: never build it from anything that was read.
inline Verdict run(const std::string& command) {
  Verdict verdict;
  // In a group: behind a here-document a redirection of its own would be a command, and its success the verdict.
  FILE* pipe = popen(("{ " + command + "\n} 2>&1").c_str(), "r");
  if (pipe == nullptr) return verdict;
  std::array<char, 4096> buffer{};
  for (std::size_t n = 0; (n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    verdict.output.append(buffer.data(), n);
  const int status = pclose(pipe);
  verdict.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return verdict;
}

inline bool on_path(const std::string& program) { return run("command -v " + program).status == 0; }
inline bool has_pixelmed() { return on_path("java") && std::filesystem::exists("/usr/share/java/pixelmed.jar"); }
inline bool has_pydicom() { return run("/usr/bin/python3 -c 'import pydicom, numpy'").status == 0; }

// dicom3tools: modules and attributes of an IOD. Errors are lines that begin with "Error".
inline Verdict dciodvfy(const std::filesystem::path& file) { return run("dciodvfy '" + file.string() + "'"); }

// PixelMed: templates of a structured report. The JDK's limits on XPath are smaller than its rules, and its best
// optimiser costs more than it saves here.
inline Verdict pixelmed_sr(const std::filesystem::path& file) {
  return run(
      "java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Djdk.xml.xpathExprOpLimit=0 -Djdk.xml.xpathTotalOpLimit=0 "
      "-Djdk.xml.xpathExprGrpLimit=0 -cp "
      "/usr/share/java/pixelmed.jar "
      "com.pixelmed.validate.DicomSRValidator '" +
      file.string() + "'");
}

// pydicom: `script` sees the files as sys.argv[1:].
inline Verdict pydicom(const std::string& script, const std::vector<std::filesystem::path>& files) {
  std::string command = "/usr/bin/python3 - ";
  for (const auto& file : files) command += "'" + file.string() + "' ";
  return run(command + "<<'PYTHON'\n" + script + "\nPYTHON\n");
}

}  // namespace support

#define HERALD_NEEDS(available, name) \
  if (!(available)) GTEST_SKIP() << (name) << " is not installed"
