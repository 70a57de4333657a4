#include "dicom/input/nesting.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <string>

#include "tests/dicom/input/dicom_files.h"
#include "tests/support/temp_folder.h"

namespace {

std::string u16(unsigned value) { return {static_cast<char>(value & 255u), static_cast<char>(value >> 8 & 255u)}; }
std::string u32(std::uint32_t value) { return u16(value & 0xFFFFu) + u16(value >> 16); }

std::string head(const std::string& transfer_syntax) {
  const std::string uid = transfer_syntax + (transfer_syntax.size() % 2 == 1 ? std::string(1, '\0') : "");
  return std::string(128, '\0') + "DICM" + u16(2) + u16(0x10) + "UI" + u16(static_cast<unsigned>(uid.size())) + uid;
}

const std::string kItem = u16(0xFFFE) + u16(0xE000);
const std::string kItemEnd = u16(0xFFFE) + u16(0xE00D) + u32(0), kSequenceEnd = u16(0xFFFE) + u16(0xE0DD) + u32(0);
constexpr std::uint32_t kUndefined = 0xFFFFFFFFu;

std::string open_ended(int depth, const char* vr = "SQ") {
  std::string bytes;
  for (int i = 0; i < depth; ++i)
    bytes += u16(0x0008) + u16(0x1140) + vr + u16(0) + u32(kUndefined) + kItem + u32(kUndefined);
  for (int i = 0; i < depth; ++i) bytes += kItemEnd + kSequenceEnd;
  return bytes;
}

std::string with_lengths(int depth, bool explicit_vr) {
  std::string bytes;
  for (int i = 0; i < depth; ++i) {
    bytes = kItem + u32(static_cast<std::uint32_t>(bytes.size())) + bytes;
    bytes = u16(0x0008) + u16(0x1140) + (explicit_vr ? "SQ" + u16(0) : "") +
            u32(static_cast<std::uint32_t>(bytes.size())) + bytes;
  }
  return bytes;
}

bool accepted(const std::string& bytes) {
  const support::TempFolder folder;
  std::ofstream(folder / "file", std::ios::binary) << bytes;
  return dicom::check_nesting(folder / "file").has_value();
}

constexpr const char* kExplicit = "1.2.840.10008.1.2.1";
constexpr const char* kImplicit = "1.2.840.10008.1.2";

}  // namespace

TEST(NestingGuard, AllowsSixtyFourLevelsAndNoMore) {
  EXPECT_TRUE(accepted(head(kExplicit) + open_ended(64)));
  EXPECT_FALSE(accepted(head(kExplicit) + open_ended(65)));
  EXPECT_TRUE(accepted(head(kExplicit) + with_lengths(64, true)));
  EXPECT_FALSE(accepted(head(kExplicit) + with_lengths(65, true)));
  EXPECT_TRUE(accepted(head(kImplicit) + with_lengths(64, false)));
  EXPECT_FALSE(accepted(head(kImplicit) + with_lengths(65, false)));
}

TEST(NestingGuard, LooksIntoUnknownValuesOfUndefinedLength) {
  // PS3.5 6.2.2: their inside is implicit VR, so the second level already has no VR field.
  std::string inside;
  for (int i = 0; i < 70; ++i) inside += u16(0x0008) + u16(0x1140) + u32(kUndefined) + kItem + u32(kUndefined);
  EXPECT_FALSE(accepted(head(kExplicit) + u16(0x0009) + u16(0x1001) + "UN" + u16(0) + u32(kUndefined) + kItem +
                        u32(kUndefined) + inside));
}

TEST(NestingGuard, CountsDepthNotNumber) {
  std::string many;
  for (int i = 0; i < 500; ++i) many += open_ended(3);
  EXPECT_TRUE(accepted(head(kExplicit) + many));
}

TEST(NestingGuard, SurvivesAHundredThousandLevels) { EXPECT_FALSE(accepted(head(kExplicit) + open_ended(100000))); }

// DCMTK needs some 200 bytes of memory for each.
TEST(NestingGuard, AllowsTwoMillionElementsAndNoMore) {
  const std::string empty = u16(0x0009) + u16(0x1001) + u32(0);
  std::string bytes = head(kImplicit);
  for (std::size_t k = 0; k < dicom::kMostElements; ++k) bytes += empty;
  EXPECT_TRUE(accepted(bytes));
  EXPECT_FALSE(accepted(bytes + empty));
}

TEST(NestingGuard, CountsItemsAndFragmentsToo) {
  const std::string item = kItem + u32(0);
  std::string items;
  for (std::size_t k = 0; k <= dicom::kMostElements; ++k) items += item;
  EXPECT_FALSE(
      accepted(head(kImplicit) + u16(0x0008) + u16(0x1140) + u32(static_cast<std::uint32_t>(items.size())) + items));
  EXPECT_FALSE(accepted(head("1.2.840.10008.1.2.5") + u16(0x7FE0) + u16(0x0010) + "OB" + u16(0) + u32(kUndefined) +
                        items + kSequenceEnd));
}

// DCMTK sorts them in as they come.
TEST(NestingGuard, AllowsSomeDisorderButNotAHundredThousandElementsInDescendingOrder) {
  const auto descending = [](unsigned count) {
    std::string bytes = head(kImplicit);
    for (unsigned k = count; k > 0; --k) bytes += u16(0x0009 + 2 * (k / 60000)) + u16(0x1000 + k % 60000) + u32(0);
    return bytes;
  };
  EXPECT_TRUE(accepted(descending(10000)));
  EXPECT_FALSE(accepted(descending(100000)));
}

TEST(NestingGuard, TakesEveryItemForItself) {
  const std::string item = kItem + u32(16) + u16(0x0008) + u16(0x1150) + u32(0) + u16(0x0008) + u16(0x1155) + u32(0);
  std::string items;
  for (int k = 0; k < 100000; ++k) items += item;
  EXPECT_TRUE(
      accepted(head(kImplicit) + u16(0x0008) + u16(0x1140) + u32(static_cast<std::uint32_t>(items.size())) + items));
}

TEST(NestingGuard, RefusesAMetaHeaderOfMoreThanAMebibyte) {
  const std::string more = u16(2) + u16(0x0102) + "OB" + u16(0) + u32(1u << 20) + std::string(1u << 20, '\0');
  EXPECT_FALSE(accepted(head(kExplicit) + more + open_ended(1)));
}

TEST(NestingGuard, RefusesSequencesThatDoNotKeepToTheirLength) {
  const std::string inner = u16(0x0008) + u16(0x0060) + "CS" + u16(200) + std::string(200, ' ');
  EXPECT_FALSE(accepted(head(kExplicit) + u16(0x0008) + u16(0x1140) + "SQ" + u16(0) + u32(16) + kItem + u32(8) + inner +
                        open_ended(1)));
}

TEST(NestingGuard, InflatesDeflatedDataSets) {
  const support::TempFolder folder;
  DcmFileFormat file;
  dicom_files::put_mr_header(*file.getDataset());
  DcmItem* item = file.getDataset();
  for (int i = 0; i < 70; ++i) item = &dicom_files::add_item(*item, DCM_ReferencedImageSequence);
  dicom_files::save(file, folder / "deep", EXS_DeflatedLittleEndianExplicit);
  EXPECT_FALSE(dicom::check_nesting(folder / "deep").has_value());
}

namespace {

std::string element(unsigned group, unsigned number, const std::string& vr_and_length) {
  return u16(group) + u16(number) + vr_and_length;
}

std::string implicit_open_ended(int depth) {
  std::string bytes;
  for (int i = 0; i < depth; ++i) bytes += u16(0x0008) + u16(0x1140) + u32(kUndefined) + kItem + u32(kUndefined);
  return bytes;
}

// Seventy levels, begun by `head_of_one` each time.
std::string seventy(const std::string& head_of_one) {
  std::string bytes;
  for (int i = 0; i < 70; ++i) bytes += head_of_one;
  return bytes;
}

}  // namespace

// Each of these made DCMTK 3.6.7 recurse while the guard saw a value to skip, or nothing.
TEST(NestingGuard, SeesWhatDcmtkSees) {
  const std::string deep = open_ended(70), pixels = element(0x7FE0, 0x0010, "OW" + u16(0) + u32(2)) + u16(0);
  EXPECT_FALSE(accepted(head(kExplicit) + pixels + deep)) << "after the pixel data";
  EXPECT_FALSE(accepted(head(kExplicit) + element(0x7FE0, 0x0009, "OD" + u16(0) + u32(0)) + deep))
      << "other pixel data";
  EXPECT_FALSE(accepted(head(kExplicit) +
                        seventy(element(0x7FE0, 0x0008, "SQ" + u16(0) + u32(kUndefined)) + kItem + u32(kUndefined))))
      << "pixel data that are a sequence";
  EXPECT_FALSE(accepted(head(kExplicit) + element(0x0021, 0x1001, "??" + u16(0)) + deep)) << "a VR that is none";
  EXPECT_FALSE(accepted(head(kExplicit) + element(0x0021, 0x1001, "ox" + u16(0)) + deep)) << "a VR of DCMTK's own";
  EXPECT_FALSE(accepted(head("1.2.840.113619.5.2") + implicit_open_ended(70))) << "GE's private implicit syntax";
  EXPECT_FALSE(accepted(head("1.2.3") + implicit_open_ended(70))) << "an unknown syntax";
  EXPECT_FALSE(accepted(head(kImplicit) + head(kExplicit).substr(132) + implicit_open_ended(70))) << "two syntaxes";
  EXPECT_FALSE(accepted(head(kImplicit) + u16(0x0008) + u16(0x1140) + u32(0x7FFFFFF0) + kItem + u32(kUndefined) +
                        implicit_open_ended(70)))
      << "an implicit sequence that is longer than the file";
  EXPECT_FALSE(
      accepted(head(kExplicit) + seventy(element(0x0008, 0x1140, "SQ" + u16(0) + u32(8)) + kItem + u32(0x7FFFFFF0))))
      << "an item that outlasts its sequence";
}

TEST(NestingGuard, RefusesAMetaHeaderThatDoesNotKeepToItsLength) {
  const auto with_length = [](std::uint32_t length) {
    const std::string plain = head(kExplicit);
    return plain.substr(0, 132) + u16(2) + u16(0) + "UL" + u16(4) + u32(length) + plain.substr(132) + open_ended(1);
  };
  const auto length = static_cast<std::uint32_t>(head(kExplicit).size() - 132);
  EXPECT_TRUE(accepted(with_length(length)));
  EXPECT_FALSE(accepted(with_length(length - 8)));
  EXPECT_FALSE(accepted(with_length(length + 8)));
}

TEST(NestingGuard, ToleratesWhatRealFilesHave) {
  const std::string pixels = element(0x7FE0, 0x0010, "OW" + u16(0) + u32(4)) + u32(0);
  EXPECT_TRUE(accepted(head(kExplicit) + open_ended(3) + pixels + std::string(512, '\0'))) << "padding with zeros";
  EXPECT_TRUE(accepted(head(kExplicit) + open_ended(3) + element(0x7FE0, 0x0010, "OW" + u16(0) + u32(4096)) + u32(0)))
      << "pixel data cut short";
  EXPECT_TRUE(accepted(head("1.2.840.10008.1.2.4.70") + element(0x7FE0, 0x0010, "OB" + u16(0) + u32(kUndefined)) +
                       kItem + u32(0) + kItem + u32(4096) + u32(0)))
      << "compressed pixel data cut short";
}
