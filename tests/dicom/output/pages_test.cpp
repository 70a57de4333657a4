#include "dicom/output/pages.h"

#include <gmock/gmock.h>

#include <thread>

#include "tests/dicom/output/synthetic.h"
#include "tests/support/judges.h"

namespace dicom {
namespace {

using synthetic::kRoot;
using synthetic::Object;
using testing::HasSubstr;
using testing::IsEmpty;

// Of odd length: the file must be padded and the document must not change.
const std::string kPdf = std::string("%PDF-1.4\n") + '\0' + "\xFF binary\n%%EOF\n" + std::string(4, 'x');

std::vector<std::uint8_t> pixels(int width, int height, unsigned seed) {
  std::vector<std::uint8_t> rgb(static_cast<std::size_t>(width * height * 3));
  for (std::size_t i = 0; i < rgb.size(); ++i) rgb[i] = static_cast<std::uint8_t>(i * i % 251 + seed);
  return rgb;
}

struct Scene {
  support::TempFolder folder;
  PageRequest request;
  std::vector<std::uint8_t> first = pixels(5, 3, 1), second = pixels(8, 6, 4);
  std::vector<PageImage> pages = {{5, 3, first}, {8, 6, second}};

  Scene() {
    request.template_image = synthetic::write_template(folder.path());
    request.content_datetime = "20261101113000";
    request.digest = "inputs and settings";
    request.equipment.version = "0.1.0";
    request.evidence = {{UID_ComprehensiveSRStorage, kRoot + ".5.1", kRoot + ".5"},
                        {UID_ParametricMapStorage, kRoot + ".6.1", kRoot + ".6"}};
  }
  void revise() {
    request.revision = 2;
    request.predecessors = {{UID_EncapsulatedPDFStorage, kRoot + ".3.1", kRoot + ".3"}};
  }
  [[nodiscard]] Written pdf() const {
    auto written = write_encapsulated_pdf(request, kPdf, folder.path());
    EXPECT_TRUE(written) << written.error().what;
    return written ? *written : Written{};
  }
  [[nodiscard]] std::vector<Written> capture() const {
    auto written = write_secondary_capture(request, pages, folder.path());
    EXPECT_TRUE(written) << written.error().what;
    return written ? *written : std::vector<Written>(2);
  }
};

TEST(EncapsulatedPdf, HoldsTheDocumentByteForByte) {
  HERALD_NEEDS(support::has_pydicom(), "pydicom");
  ASSERT_EQ(kPdf.size() % 2, 1u);
  const Scene scene;
  const auto raw = scene.folder / "page.pdf";
  std::ofstream(raw, std::ios::binary).write(kPdf.data(), static_cast<std::streamsize>(kPdf.size()));
  const auto verdict = support::pydicom(
      "import sys, pydicom\n"
      "d = pydicom.dcmread(sys.argv[1])\n"
      "pdf = open(sys.argv[2], 'rb').read()\n"
      "assert len(d.EncapsulatedDocument) % 2 == 0\n"
      "assert d.EncapsulatedDocument[:d.EncapsulatedDocumentLength] == pdf\n"
      "assert d.EncapsulatedDocumentLength == len(pdf)\n"
      "assert d.MIMETypeOfEncapsulatedDocument == 'application/pdf' and d.Modality == 'DOC'\n"
      "assert d.ConceptNameCodeSequence[0].CodeValue == '126000'\n"
      "assert d.BurnedInAnnotation == 'NO' and d.ManufacturerModelName == 'Herald'\n",
      {scene.pdf().file, raw});
  EXPECT_EQ(verdict.status, 0) << verdict.output;
}

TEST(SecondaryCapture, HoldsThePixelsOfEveryPageInOneSeries) {
  HERALD_NEEDS(support::has_pydicom(), "pydicom");
  const Scene scene;
  const auto written = scene.capture();
  ASSERT_EQ(written.size(), 2u);
  EXPECT_EQ(written[0].series_uid, written[1].series_uid);
  const auto raw = scene.folder / "pages.raw";
  std::ofstream out(raw, std::ios::binary);
  for (const PageImage& page : scene.pages)
    out.write(reinterpret_cast<const char*>(page.rgb.data()), static_cast<std::streamsize>(page.rgb.size()));
  out.close();
  const auto verdict = support::pydicom(
      "import sys, numpy, pydicom\n"
      "raw = numpy.fromfile(sys.argv[3], numpy.uint8)\n"
      "for n, (name, w, h) in enumerate([(sys.argv[1], 5, 3), (sys.argv[2], 8, 6)]):\n"
      "    d = pydicom.dcmread(name)\n"
      "    assert d.pixel_array.shape == (h, w, 3) and d.InstanceNumber == n + 1\n"
      "    assert (d.pixel_array.ravel() == raw[:w * h * 3]).all()\n"
      "    raw = raw[w * h * 3:]\n"
      "    assert d.PhotometricInterpretation == 'RGB' and d.ConversionType == 'WSD' and d.Modality == 'OT'\n"
      "    assert d.BurnedInAnnotation == 'NO' and list(d.ImageType) == ['DERIVED', 'SECONDARY']\n",
      {written[0].file, written[1].file, raw});
  EXPECT_EQ(verdict.status, 0) << verdict.output;
}

TEST(Pages, SayWhatTheyShowWhatTheyReplaceAndThatTheyAreForResearch) {
  Scene scene;
  scene.revise();
  Object pdf(scene.pdf().file), page(scene.capture()[0].file);
  for (Object* object : {&pdf, &page}) {
    EXPECT_EQ(text(object->data(), DCM_SeriesDescription), "Results rev 2 (RESEARCH)");
    EXPECT_EQ(text(object->data(), DCM_PatientName), "M\xC3\xBCller^Anna");
  }
  EXPECT_EQ(text(pdf.data(), DCM_DocumentTitle), std::string("Lesion results. ") + kResearchNotice);
  EXPECT_THAT(text(page.data(), DCM_ImageComments), HasSubstr(kResearchNotice));
  EXPECT_EQ(Object::items(pdf.data(), DCM_SourceInstanceSequence).size(), 2u);
  EXPECT_EQ(text(Object::item(page.data(), DCM_SourceInstanceSequence), DCM_ReferencedSOPInstanceUID), kRoot + ".5.1");
  EXPECT_EQ(text(Object::item(page.data(), DCM_SourceImageSequence), DCM_ReferencedSOPInstanceUID), kRoot + ".6.1");
  DcmItem& study = Object::item(pdf.data(), DCM_PredecessorDocumentsSequence);
  EXPECT_EQ(text(study, DCM_StudyInstanceUID), kRoot + ".1.1");
  EXPECT_EQ(text(Object::item(page.data(), DCM_ReferencedInstanceSequence), DCM_ReferencedSOPInstanceUID),
            kRoot + ".3.1");
}

TEST(Pages, RefuseWhatIsNoPdfNoPageOrAPageOfAnotherSize) {
  const Scene scene;
  EXPECT_FALSE(write_encapsulated_pdf(scene.request, "<html>", scene.folder.path()));
  EXPECT_FALSE(write_encapsulated_pdf(scene.request, "", scene.folder.path()));
  EXPECT_FALSE(write_secondary_capture(scene.request, {}, scene.folder.path()));
  const std::vector<PageImage> wrong = {{5, 4, scene.first}}, flat = {{0, 0, {}}};
  EXPECT_FALSE(write_secondary_capture(scene.request, wrong, scene.folder.path()));
  EXPECT_FALSE(write_secondary_capture(scene.request, flat, scene.folder.path()));
}

TEST(Pages, AreTheSameBytesTheSecondTimeAndOfTwoTitlesTwoSeriesAndFiles) {
  Scene scene;
  const Written pdf = scene.pdf(), page = scene.capture()[1];
  const std::string pdf_bytes = synthetic::bytes(pdf.file), page_bytes = synthetic::bytes(page.file);
  EXPECT_EQ(synthetic::bytes(scene.pdf().file), pdf_bytes);
  EXPECT_EQ(synthetic::bytes(scene.capture()[1].file), page_bytes);
  scene.request.title = "Nomogram";
  EXPECT_NE(scene.pdf().series_uid, pdf.series_uid);
  EXPECT_NE(scene.pdf().file, pdf.file);
  EXPECT_NE(scene.capture()[1].file, page.file);
}

TEST(Pages, AreTheSameBytesFromManyThreads) {
  warm_up_writers();
  const Scene scene;
  const std::string expected = synthetic::bytes(scene.pdf().file) + synthetic::bytes(scene.capture()[0].file);
  std::vector<std::string> written(8);
  std::vector<std::thread> threads;
  for (std::string& bytes : written)
    threads.emplace_back([&bytes] {
      const Scene own;
      bytes = synthetic::bytes(own.pdf().file) + synthetic::bytes(own.capture()[0].file);
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& bytes : written) EXPECT_EQ(bytes, expected);
}

TEST(Pages, PassDciodvfy) {
  HERALD_NEEDS(support::on_path("dciodvfy"), "dciodvfy");
  Scene first, second;
  second.revise();
  for (const Scene* scene : {&first, &second}) {
    const auto pdf = support::dciodvfy(scene->pdf().file);
    EXPECT_THAT(pdf.lines_with("Error"), IsEmpty()) << pdf.output;
    EXPECT_THAT(pdf.output, HasSubstr("EncapsulatedPDF"));
    for (const Written& written : scene->capture()) {
      const auto page = support::dciodvfy(written.file);
      EXPECT_THAT(page.lines_with("Error"), IsEmpty()) << page.output;
      EXPECT_THAT(page.output, HasSubstr("SCImage"));
    }
  }
}

}  // namespace
}  // namespace dicom
