#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <functional>

#include "dicom/input/acquisition.h"
#include "tests/dicom/input/dicom_files.h"
#include "tests/dicom/input/encoders.h"
#include "tests/support/temp_folder.h"

using namespace dicom_files;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

using Words = std::vector<std::uint16_t>;
const Words kRamp{0, 1, 2, 300, 4095, 5, 6, 7};

// Three echoes of one slice, written and grouped.
class Scan {
 public:
  using Change = std::function<void(DcmDataset&, int echo)>;

  explicit Scan(const Change& change, E_TransferSyntax syntax = EXS_LittleEndianExplicit) {
    for (int echo = 1; echo <= 3; ++echo) {
      DcmFileFormat file;
      put_mr_header(*file.getDataset(), "1.2.3.1." + std::to_string(echo));
      put(*file.getDataset(), DCM_EchoTime, std::to_string(10 * echo));
      change(*file.getDataset(), echo);
      save(file, folder_ / std::to_string(echo), syntax);
    }
    read();
  }
  void read() {
    images_.clear();
    for (int echo = 1; echo <= 3; ++echo) images_.push_back(dicom::read_instance(path(echo)).value());
  }
  [[nodiscard]] std::filesystem::path path(int echo) const { return folder_ / std::to_string(echo); }
  [[nodiscard]] dicom::Result<dicom::LoadedSeries> load(unsigned threads = 1) const {
    return dicom::load_series(dicom::group(images_).acquisitions.at(0), images_, threads);
  }
  [[nodiscard]] std::vector<float> plane(int echo) const {
    const auto loaded = load();
    EXPECT_TRUE(loaded.has_value()) << (loaded ? "" : loaded.error().what);
    return loaded ? loaded->series.planes.at(echo - 1).values() : std::vector<float>();
  }

 private:
  support::TempFolder folder_;
  std::vector<dicom::Instance> images_;
};

Scan::Change ramp(const PixelFormat& format = {}) {
  return [format](DcmDataset& d, int) { put_pixels(d, kRamp, format); };
}

}  // namespace

TEST(LoadSeries, GivesThePlanesInTheOrderOfTheGrid) {
  const auto loaded = Scan(ramp()).load().value();
  EXPECT_EQ(loaded.series.geometry.rows, 2);
  EXPECT_EQ(loaded.series.geometry.columns, 4);
  EXPECT_EQ(loaded.series.protocol.axis_kind, fitting::Axis::EchoTimeMs);
  EXPECT_THAT(loaded.series.protocol.axis, ElementsAre(10, 20, 30));
  EXPECT_EQ(loaded.series.protocol.repetition_time_ms, 2000);
  EXPECT_THAT(loaded.series.planes.at(2).values(), ElementsAre(0, 1, 2, 300, 4095, 5, 6, 7));
  EXPECT_EQ(loaded.pixel_digest.size(), 64u);
}

TEST(LoadSeries, HasOneDigestForEveryTransferSyntax) {
  const Encoders encoders;
  const std::string expected = Scan(ramp()).load().value().pixel_digest;
  for (const auto syntax : {EXS_LittleEndianImplicit, EXS_BigEndianExplicit, EXS_DeflatedLittleEndianExplicit,
                            EXS_RLELossless, EXS_JPEGProcess14SV1, EXS_JPEGLSLossless}) {
    const auto loaded = Scan(ramp(), syntax).load();
    ASSERT_TRUE(loaded.has_value()) << DcmXfer(syntax).getXferName() << ": " << loaded.error().what;
    EXPECT_EQ(loaded->pixel_digest, expected) << DcmXfer(syntax).getXferName();
    EXPECT_EQ(loaded->series.planes[0][4], 4095);
  }
}

// An odd number of bytes is padded, and swapped in big endian. DCMTK's JPEG-LS encoder aborts on signed pixels of 12
// bits; what other encoders leave of them is in the next test.
TEST(LoadSeries, HasTheSamePixelsOfEveryFormatInEveryTransferSyntax) {
  struct Case {
    PixelFormat format;
    Words words;
    int rows = 2, columns = 4;
  };
  const std::vector<Case> cases{{{16, 16, 15, true}, {0x8000, 0xFFFF, 0, 1, 0x7FFF, 0xFF00, 7, 8}},
                                {{16, 12, 11, true}, {0xF800, 0xFFFF, 0, 1, 0x07FF, 0xFF00, 7, 8}},
                                {{16, 16, 15, false}, {0x8000, 0xFFFF, 0, 1, 0x7FFF, 0xFF00, 7, 8}},
                                {{8, 8, 7, false}, {0x0201, 0x0403, 0xFF05, 0x8007, 0x0009}, 3, 3}};
  const Encoders encoders;
  for (const Case& c : cases) {
    const auto write = [&](DcmDataset& d, int) {
      put_pixels(d, c.words, c.format);
      put_number(d, DCM_Rows, c.rows);
      put_number(d, DCM_Columns, c.columns);
    };
    const auto expected = Scan(write).load().value();
    for (const auto syntax :
         {EXS_LittleEndianImplicit, EXS_BigEndianExplicit, EXS_RLELossless, EXS_JPEGProcess14SV1, EXS_JPEGLSLossless}) {
      if (syntax == EXS_JPEGLSLossless && c.format.is_signed && c.format.stored < 16) continue;
      SCOPED_TRACE(std::string(DcmXfer(syntax).getXferName()) + ", bits " + std::to_string(c.format.stored));
      const auto loaded = Scan(write, syntax).load();
      ASSERT_TRUE(loaded.has_value()) << loaded.error().what;
      EXPECT_EQ(loaded->pixel_digest, expected.pixel_digest);
      EXPECT_EQ(loaded->series.planes, expected.series.planes);
    }
  }
}

TEST(LoadSeries, HasOneDigestOfSignedPixelsWithAndWithoutSignExtension) {
  const auto digest = [](const Words& words) {
    return Scan([&](DcmDataset& d, int) { put_pixels(d, words, {16, 12, 11, true}); }).load().value().pixel_digest;
  };
  EXPECT_EQ(digest({0xF800, 0xFFFF, 0, 1, 0x07FF, 0xFF00, 7, 8}), digest({0x0800, 0x0FFF, 0, 1, 0x07FF, 0x0F00, 7, 8}));
}

TEST(LoadSeries, ChangesTheDigestWithOnePixel) {
  const Scan other([](DcmDataset& d, int echo) {
    Words words = kRamp;
    if (echo == 2) words[3] = 301;
    put_pixels(d, words);
  });
  EXPECT_NE(Scan(ramp()).load().value().pixel_digest, other.load().value().pixel_digest);
}

TEST(LoadSeries, HonoursStoredBitsHighBitAndSign) {
  const Words shifted{0x0010, 0xFFF0, 0x8000, 0x7FF0, 0x0000, 0x000F, 0x123F, 0x0020};
  EXPECT_THAT(Scan([&](DcmDataset& d, int) {
                put_pixels(d, shifted, {16, 12, 15, false});
              }).plane(1),
              ElementsAre(1, 4095, 2048, 2047, 0, 0, 291, 2));
  EXPECT_THAT(Scan([&](DcmDataset& d, int) {
                put_pixels(d, shifted, {16, 12, 15, true});
              }).plane(1),
              ElementsAre(1, -1, -2048, 2047, 0, 0, 291, 2));
  const Words overlaid{0xF001, 0xF002, 3, 4, 5, 6, 7, 0x0FFF};  // overlays lived in the unused bits
  EXPECT_THAT(Scan([&](DcmDataset& d, int) {
                put_pixels(d, overlaid, {16, 12, 11, false});
              }).plane(1),
              ElementsAre(1, 2, 3, 4, 5, 6, 7, 4095));
  const Words bytes{0x0201, 0x0403, 0x0605, 0xFF07};
  EXPECT_THAT(Scan([&](DcmDataset& d, int) {
                put_pixels(d, bytes, {8, 8, 7, false});
              }).plane(1),
              ElementsAre(1, 2, 3, 4, 5, 6, 7, 255));
}

TEST(LoadSeries, ReadsThirtyTwoBitsInBothByteOrders) {
  Words words(16);
  words[0] = 0x5678, words[1] = 0x0001;  // 0x00015678
  words[14] = words[15] = 0xFFFF;
  const auto write = [&](DcmDataset& d, int) { put_pixels(d, words, {32, 32, 31, true}); };
  EXPECT_THAT(Scan(write).plane(1), ElementsAre(0x15678, 0, 0, 0, 0, 0, 0, -1));
  for (std::size_t i = 0; i < words.size(); i += 2)
    std::swap(words[i], words[i + 1]);  // DCMTK swaps bytes within words only
  EXPECT_THAT(Scan(write, EXS_BigEndianExplicit).plane(1), ElementsAre(0x15678, 0, 0, 0, 0, 0, 0, -1));
}

TEST(LoadSeries, AppliesTheRescaleOfEachImage) {
  const Scan scan([](DcmDataset& d, int echo) {
    put_pixels(d, kRamp);
    put(d, DCM_RescaleSlope, std::to_string(echo));
    put(d, DCM_RescaleIntercept, "-10");
  });
  EXPECT_EQ(scan.plane(1)[3], 290);
  EXPECT_EQ(scan.plane(3)[3], 890);
}

TEST(LoadSeries, UndoesThePrivateScaleOfPhilips) {
  const Scan scan([](DcmDataset& d, int) {
    put_pixels(d, kRamp);
    put(d, DCM_Manufacturer, "Philips");
    put(d, DCM_RescaleSlope, "2");
    put(d, DCM_RescaleIntercept, "8");
    put_creator(d, 0x2005, 0x10, "Philips MR Imaging DD 001");
    ASSERT_TRUE(d.putAndInsertFloat32(DcmTag(0x2005, 0x100E, EVR_FL), 0.5f).good());
  });
  EXPECT_EQ(scan.plane(1)[3], (300 * 2 + 8) / (2 * 0.5));
}

TEST(LoadSeries, KeepsTheScannersIntegersWhereEverySliceHasOneImage) {
  const auto is_integer = [](const Scan& scan) { return scan.load().value().series.planes.at(0).floats().empty(); };
  const Scan scaled([](DcmDataset& d, int) {
    put_pixels(d, kRamp, {16, 12, 11, true});
    put(d, DCM_RescaleSlope, "2");
    put(d, DCM_RescaleIntercept, "-4096");
  });
  EXPECT_TRUE(is_integer(scaled));
  EXPECT_THAT(scaled.plane(1), ElementsAre(-4096, -4094, -4092, -3496, -4098, -4086, -4084, -4082));
  EXPECT_TRUE(is_integer(Scan(ramp())));
  EXPECT_FALSE(is_integer(Scan([](DcmDataset& d, int) { put_pixels(d, Words(16, 7), {32, 32, 31, false}); })));
}

TEST(LoadSeries, RefusesAScaleThatFloatsCannotHold) {
  const auto with_slope = [](const char* slope) {
    return Scan([slope](DcmDataset& d, int) {
             put_pixels(d, kRamp);
             put(d, DCM_RescaleSlope, slope);
           })
        .load();
  };
  EXPECT_THAT(with_slope("1e38").error().what, HasSubstr("not a number"));
  EXPECT_FLOAT_EQ(with_slope("1e-42").value().series.planes[0][4], 4095e-42F);
}

TEST(LoadSeries, AveragesDirectionsGeometrically) {
  const support::TempFolder folder;
  std::vector<dicom::Instance> images;
  const std::vector<std::pair<const char*, Words>> contents{{"0", {8, 8, 8, 8, 8, 8, 8, 8}},
                                                            {"800", {1, 2, 0, 3, 3, 3, 3, 3}},
                                                            {"800", {4, 2, 5, 3, 3, 3, 3, 3}},
                                                            {"800", {2, 2, 5, 3, 3, 3, 3, 3}}};
  for (const auto& [b, words] : contents) {
    DcmFileFormat file;
    const std::string number = std::to_string(images.size() + 1);
    put_mr_header(*file.getDataset(), "1.2.3.1." + number);
    put(*file.getDataset(), DCM_ScanningSequence, "EP");
    put_number(*file.getDataset(), DCM_DiffusionBValue, std::stod(b));
    put_pixels(*file.getDataset(), words);
    save(file, folder / number);
    images.push_back(dicom::read_instance(folder / number).value());
  }
  const auto loaded = dicom::load_series(dicom::group(images).acquisitions.at(0), images, 1).value();
  EXPECT_THAT(loaded.series.protocol.axis, ElementsAre(0, 800));
  EXPECT_FLOAT_EQ(loaded.series.planes[1][0], 2);
  EXPECT_FLOAT_EQ(loaded.series.planes[1][1], 2);
  EXPECT_EQ(loaded.series.planes[1][2], 0);  // one of the three measured nothing
}

TEST(LoadSeries, DoesNotDependOnThreads) {
  const Scan scan(ramp());
  const auto one = scan.load(1).value(), four = scan.load(4).value();
  EXPECT_EQ(one.pixel_digest, four.pixel_digest);
  EXPECT_EQ(one.series.planes, four.series.planes);
}

TEST(LoadSeries, RefusesPixelsThatAreNotWhatTheHeaderSaid) {
  const Scan shorter([](DcmDataset& d, int echo) { put_pixels(d, echo == 2 ? Words{1, 2, 3, 4} : kRamp); });
  EXPECT_THAT(shorter.load().error().what, HasSubstr("shorter"));
  const Scan without([](DcmDataset& d, int echo) {
    put_pixels(d, kRamp);
    if (echo == 3) delete d.remove(DCM_PixelData);
  });
  EXPECT_THAT(without.load().error().what, HasSubstr("no pixel data"));
  const Scan slope([](DcmDataset& d, int) {
    put_pixels(d, kRamp);
    put(d, DCM_RescaleSlope, "0");
  });
  EXPECT_THAT(slope.load().error().what, HasSubstr("rescale slope"));
}

TEST(LoadSeries, RefusesAFileThatWasExchanged) {
  const Scan scan(ramp());
  std::filesystem::copy_file(scan.path(1), scan.path(2), std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(scan.load().error().what, HasSubstr("another object"));
  std::filesystem::remove(scan.path(2));
  EXPECT_FALSE(scan.load().has_value());
}
