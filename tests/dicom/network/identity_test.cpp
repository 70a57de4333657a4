#include "dicom/input/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdint>
#include <fstream>
#include <random>

#include "tests/dicom/network/objects.h"
#include "tests/support/temp_folder.h"
#include "tests/support/test_data.h"

namespace {

using support::make_object;
using support::TempFolder;
using testing::HasSubstr;

// Little pieces of data sets, written by hand so that every oddity can be said.
std::string number(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text.push_back(static_cast<char>(value >> (8 * i)));
  return text;
}
std::string tag(std::uint32_t group_element) {
  return number(group_element >> 16, 2) + number(group_element & 0xFFFF, 2);
}
std::string short_form(std::uint32_t group_element, const char* vr, const std::string& value) {
  return tag(group_element) + vr + number(value.size(), 2) + value;
}
std::string long_form(std::uint32_t group_element, const char* vr, const std::string& value, std::uint64_t length) {
  return tag(group_element) + vr + number(0, 2) + number(length, 4) + value;
}
std::string implicit_form(std::uint32_t group_element, const std::string& value, std::uint64_t length) {
  return tag(group_element) + number(length, 4) + value;
}
constexpr std::uint64_t kUndefined = 0xFFFFFFFF;
const std::string kItem = tag(0xFFFEE000) + number(kUndefined, 4);
const std::string kItemEnd = tag(0xFFFEE00D) + number(0, 4);
const std::string kSequenceEnd = tag(0xFFFEE0DD) + number(0, 4);

std::string header(const std::string& transfer_syntax) {
  return std::string(128, '\0') + "DICM" + short_form(0x00020010, "UI", transfer_syntax);
}

std::string identity_with(const std::string& between) {
  return short_form(0x00080016, "UI", support::kMrImage) + short_form(0x00080018, "UI", "1.2.3") + between +
         short_form(0x0020000D, "UI", "1.2.4") + short_form(0x0020000E, "UI", "1.2.5");
}

class IdentityOf : public testing::Test {
 protected:
  dicom::Result<dicom::Identity> bytes(const std::string& bytes) {
    std::ofstream(folder_ / "file.dcm", std::ios::binary) << bytes;
    return dicom::read_identity(folder_ / "file.dcm");
  }
  dicom::Result<dicom::Identity> explicit_with(const std::string& between) {
    return bytes(header(support::kExplicit) + identity_with(between));
  }
  static void expect_right(const dicom::Result<dicom::Identity>& identity) {
    ASSERT_TRUE(identity) << identity.error().what;
    EXPECT_EQ(identity->sop_class_uid, support::kMrImage);
    EXPECT_EQ(identity->sop_instance_uid, "1.2.3");
    EXPECT_EQ(identity->study_uid, "1.2.4");
    EXPECT_EQ(identity->series_uid, "1.2.5");
  }
  TempFolder folder_;
};

class IdentityInSyntax : public testing::TestWithParam<const char*> {};

TEST_P(IdentityInSyntax, IsReadAndDigested) {
  TempFolder folder;
  const auto object = make_object(folder.path(), 1, {.transfer_syntax = GetParam(), .model = "Skyra"});
  const auto identity = dicom::read_identity(object.file);
  ASSERT_TRUE(identity) << identity.error().what;
  EXPECT_EQ(identity->sop_class_uid, support::kMrImage);
  EXPECT_EQ(identity->sop_instance_uid, support::instance_uid(1));
  EXPECT_EQ(identity->study_uid, support::kStudyUid);
  EXPECT_EQ(identity->series_uid, support::kSeriesUid);
  EXPECT_EQ(identity->transfer_syntax_uid, GetParam());
  EXPECT_EQ(identity->manufacturer_model, "Skyra");
  EXPECT_EQ(identity->payload_digest.size(), 64u);
}

INSTANTIATE_TEST_SUITE_P(Identity, IdentityInSyntax,
                         testing::Values(support::kExplicit, support::kImplicit, support::kBigEndian,
                                         support::kDeflated, support::kJpegLs, support::kRle));

TEST_F(IdentityOf, AKnownDataSetHasTheKnownDigest) {
  const auto identity = explicit_with("");
  expect_right(identity);
  // by Python's hashlib, of the same 72 bytes
  EXPECT_EQ(identity->payload_digest, "e8298d7fbc654e3603cb5412ad6e9a2275a2ca42f65ead8ea6035483854801d6");
}

TEST_F(IdentityOf, TheSameDataSetDoesNotDependOnTheHeader) {
  const auto plain = bytes(header(support::kExplicit) + identity_with(""));
  const auto titled = bytes(header(support::kExplicit) + short_form(0x00020016, "AE", "SCANNER ") + identity_with(""));
  const auto other = bytes(header(support::kExplicit) + identity_with("") + short_form(0x00280010, "US", number(3, 2)));
  EXPECT_EQ(plain->payload_digest, titled->payload_digest);
  EXPECT_NE(plain->payload_digest, other->payload_digest);
}

TEST_F(IdentityOf, SequencesAreSkippedHoweverTheyAreDelimited) {
  const std::string inner = short_form(0x0020000D, "UI", "9.9.9") + short_form(0x0020000E, "UI", "9.9.8");
  const std::string defined_item = tag(0xFFFEE000) + number(inner.size(), 4) + inner;
  expect_right(explicit_with(long_form(0x00081140, "SQ", defined_item, defined_item.size())));
  expect_right(explicit_with(long_form(0x00081140, "SQ", defined_item + kSequenceEnd, kUndefined)));
  expect_right(
      explicit_with(long_form(0x00081140, "SQ", kItem + inner + kItemEnd + defined_item + kSequenceEnd, kUndefined)));
  expect_right(explicit_with(long_form(0x00081140, "SQ", kSequenceEnd, kUndefined)));
}

TEST_F(IdentityOf, ANestedSequenceIsNotTakenForTheTopLevel) {
  const std::string nested =
      long_form(0x00081140, "SQ", kItem + short_form(0x00081150, "UI", "7.7") + kItemEnd + kSequenceEnd, kUndefined);
  expect_right(explicit_with(long_form(0x00089215, "SQ", kItem + nested + kItemEnd + kSequenceEnd, kUndefined)));
}

TEST_F(IdentityOf, UnknownValuesOfUndefinedLengthAreImplicitInside) {  // as after an implicit hop through an archive
  const std::string inside = implicit_form(0x00091001, "abcd", 4) + implicit_form(0x00091002, kSequenceEnd, kUndefined);
  const std::string unknown = long_form(0x00091010, "UN", kItem + inside + kItemEnd + kSequenceEnd, kUndefined);
  expect_right(explicit_with(unknown));
  expect_right(explicit_with(unknown + long_form(0x00091140, "SQ",
                                                 kItem + short_form(0x00091150, "UI", "7.7") + kItemEnd + kSequenceEnd,
                                                 kUndefined)));
}

TEST_F(IdentityOf, NestingTenThousandDeepIsReadWithoutRecursion) {
  std::string deep, ends;
  for (int i = 0; i < 10000; ++i) {
    deep += long_form(0x00081140, "SQ", kItem, kUndefined);
    ends += kItemEnd + kSequenceEnd;
  }
  expect_right(explicit_with(deep + ends));
  EXPECT_FALSE(explicit_with(deep));
}

TEST_F(IdentityOf, TooManyElementsAreRefused) {
  std::string many;
  for (int i = 0; i < 70000; ++i) many += short_form(0x00091010, "LO", "");
  const auto identity = explicit_with(many);
  ASSERT_FALSE(identity);
  EXPECT_THAT(identity.error().what, HasSubstr("too many elements"));
}

TEST_F(IdentityOf, AMandatoryUidThatIsMissingIsNamed) {
  const auto identity = bytes(header(support::kExplicit) + short_form(0x00080016, "UI", support::kMrImage) +
                              short_form(0x0020000D, "UI", "1.2.4") + short_form(0x0020000E, "UI", "1.2.5"));
  ASSERT_FALSE(identity);
  EXPECT_EQ(identity.error().fault, dicom::Fault::Malformed);
  EXPECT_THAT(identity.error().what, HasSubstr("(0008,0018)"));
}

TEST_F(IdentityOf, AUidThatIsNoneIsRefusedWithItsPlace) {
  const auto identity = bytes(header(support::kExplicit) + short_form(0x00080016, "UI", "../../x1"));
  ASSERT_FALSE(identity);
  EXPECT_EQ(identity.error().what, "(0008,0016) at byte 159: not a UID");
}

TEST_F(IdentityOf, UidsMayBePaddedWithNullOrSpace) {
  const auto identity = bytes(header(support::kExplicit) + short_form(0x00080016, "UI", std::string("1.2.30") + '\0') +
                              short_form(0x00080018, "UI", "1.2.3 ") + short_form(0x0020000D, "UI", "1.2.4") +
                              short_form(0x0020000E, "UI", "1.02.5"));  // leading zeros exist in real files
  ASSERT_TRUE(identity) << identity.error().what;
  EXPECT_EQ(identity->sop_class_uid, "1.2.30");
  EXPECT_EQ(identity->sop_instance_uid, "1.2.3");
  EXPECT_EQ(identity->series_uid, "1.02.5");
}

TEST_F(IdentityOf, LengthsBeyondTheFileAreRefused) {
  EXPECT_FALSE(explicit_with(long_form(0x00091010, "OB", "abc", 4000000000u)));
  EXPECT_FALSE(explicit_with(long_form(0x00091010, "OB", "abc", 3000)));
  EXPECT_FALSE(bytes(header(support::kImplicit) + implicit_form(0x00080016, "1.2", 0x7FFFFFFF)));
}

TEST_F(IdentityOf, ADeflateBombIsCapped) {
  std::string bomb = long_form(0x00091010, "OB", "", 2000000000);
  bomb.resize(64 << 20);
  z_stream stream{};
  ASSERT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(1 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(bomb.data());
  stream.avail_in = static_cast<uInt>(bomb.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  ASSERT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  const auto identity = bytes(header(support::kDeflated) + packed);
  ASSERT_FALSE(identity);
  EXPECT_THAT(identity.error().what, HasSubstr("too far"));
}

TEST_F(IdentityOf, AMissingFileIsAnIoFault) {
  const auto identity = dicom::read_identity(folder_ / "none.dcm");
  ASSERT_FALSE(identity);
  EXPECT_EQ(identity.error().fault, dicom::Fault::Io);
  EXPECT_FALSE(dicom::read_identity(folder_.path()));
}

class TruncatedIdentity : public testing::TestWithParam<const char*> {};

TEST_P(TruncatedIdentity, IsAnErrorOrTheRightAnswer) {
  TempFolder folder;
  const auto object = make_object(folder.path(), 1, {.transfer_syntax = GetParam(), .rows = 4, .columns = 4});
  const std::string whole = support::bytes_of(object.file);
  int right = 0;
  for (std::size_t size = whole.size(); size-- > 0;) {
    std::filesystem::resize_file(object.file, size);
    const auto identity = dicom::read_identity(object.file);
    if (!identity) continue;
    ++right;
    EXPECT_EQ(identity->sop_instance_uid, support::instance_uid(1));
    EXPECT_EQ(identity->series_uid, support::kSeriesUid);
  }
  EXPECT_GT(right, 0);
}

INSTANTIATE_TEST_SUITE_P(Identity, TruncatedIdentity,
                         testing::Values(support::kExplicit, support::kImplicit, support::kBigEndian,
                                         support::kDeflated, support::kRle));

TEST(Identity, SurvivesChangedBytes) {
  TempFolder folder;
  const auto object = make_object(folder.path(), 1, {.rows = 4, .columns = 4});
  const std::string whole = support::bytes_of(object.file);
  std::mt19937 random(3);
  for (int round = 0; round < 1000; ++round) {
    std::string bytes = whole;
    for (int i = 0; i < 1 + round % 4; ++i) bytes[128 + random() % (bytes.size() - 128)] = static_cast<char>(random());
    std::filesystem::remove(folder / "changed.dcm");  // ext4 flushes a file that is written over, not a new one
    std::ofstream(folder / "changed.dcm", std::ios::binary) << bytes;
    const auto identity = dicom::read_identity(folder / "changed.dcm");
    EXPECT_TRUE(identity || !identity.error().what.empty());
  }
}

TEST(Identity, SurvivesOddFiles) {
  HERALD_NEEDS_DATA("odd");
  std::size_t files = 0, read = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(support::test_data() / "odd")) {
    if (!entry.is_regular_file()) continue;
    ++files;
    const auto identity = dicom::read_identity(entry.path());
    if (identity) ++read;
    EXPECT_TRUE(identity || !identity.error().what.empty());
  }
  RecordProperty("files", static_cast<int>(files));
  RecordProperty("read", static_cast<int>(read));
  EXPECT_GT(read, files / 4);
}

TEST(Identity, ReadsEveryRealScannerFile) {
  HERALD_NEEDS_DATA("dicom");
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(support::test_data() / "dicom")) {
    if (!entry.is_regular_file() || entry.path().extension() != ".dcm") continue;
    ++files;
    const auto identity = dicom::read_identity(entry.path());
    EXPECT_TRUE(identity) << entry.path() << ": " << identity.error().what;
  }
  EXPECT_GT(files, 0u);
}

}  // namespace
