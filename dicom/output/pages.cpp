#include "dicom/output/pages.h"

#include <array>
#include <cstdio>

#include "dicom/output/common.h"
#include "dicom/output/elements.h"

namespace dicom {

using namespace output;

namespace {

void put_head(DcmItem& to, DcmItem& source, const PageRequest& request, const char* sop_class, const char* modality,
              const std::string& series) {
  put_modules(
      to, source, sop_class,
      {modality, series, marked_description(request.series_description, request.revision), request.series_number},
      request.equipment, moment(request.content_datetime));
  // SC Equipment module: made by a program at a workstation.
  put_text(to, DCM_ConversionType, "WSD");
  put_text(to, DCM_BurnedInAnnotation, "NO");
  put_text(to, DCM_RecognizableVisualFeatures, "NO");
}

std::string title_of(const PageRequest& request) { return request.title + ". " + kResearchNotice; }

// Encapsulated Document module (PS3.3 C.24.2).
void put_document(DcmItem& to, const PageRequest& request, std::string_view pdf) {
  check(to.insertEmptyElement(DCM_AcquisitionDateTime), "insert acquisition time");
  put_text(to, DCM_DocumentTitle, paragraph(title_of(request), 1024));
  add_code(to, DCM_ConceptNameCodeSequence, "126000", "DCM", "Imaging Measurement Report");
  put_text(to, DCM_MIMETypeOfEncapsulatedDocument, "application/pdf");
  for (const SeriesReferences& series : by_series(request.evidence))
    for (const Reference& instance : series.instances) add_reference(to, DCM_SourceInstanceSequence, instance);
  put_hierarchy(to, DCM_PredecessorDocumentsSequence, request.predecessors);
  std::string even(pdf);
  if (even.size() % 2 != 0) even += '\0';
  check(to.putAndInsertUint32(DCM_EncapsulatedDocumentLength, static_cast<Uint32>(pdf.size())), "insert length");
  check(to.putAndInsertUint8Array(DCM_EncapsulatedDocument, reinterpret_cast<const Uint8*>(even.data()),
                                  static_cast<unsigned long>(even.size())),
        "insert the document");
}

// Images among the evidence are source images; reports and documents are source instances (PS3.3 C.12.4).
bool is_document(const Reference& reference) {
  for (const char* root : {"1.2.840.10008.5.1.4.1.1.88.", "1.2.840.10008.5.1.4.1.1.104."})
    if (reference.sop_class_uid.starts_with(root)) return true;
  return false;
}

void put_evidence(DcmItem& to, const PageRequest& request) {
  for (const SeriesReferences& series : by_series(request.evidence))
    for (const Reference& instance : series.instances) {
      if (is_document(instance))
        add_reference(to, DCM_SourceInstanceSequence, instance);
      else
        put_code(add_reference(to, DCM_SourceImageSequence, instance), DCM_PurposeOfReferenceCodeSequence,
                 {"121322", "DCM", "Source image for image processing operation"});
    }
  put_replaced(to, request.predecessors);
}

void put_pixels(DcmItem& to, const PageImage& page) {
  put_unsigned(to, DCM_SamplesPerPixel, 3);
  put_text(to, DCM_PhotometricInterpretation, "RGB");
  put_unsigned(to, DCM_PlanarConfiguration, 0);
  put_unsigned(to, DCM_Rows, page.height);
  put_unsigned(to, DCM_Columns, page.width);
  put_unsigned(to, DCM_BitsAllocated, 8);
  put_unsigned(to, DCM_BitsStored, 8);
  put_unsigned(to, DCM_HighBit, 7);
  put_unsigned(to, DCM_PixelRepresentation, 0);
  put_text(to, DCM_LossyImageCompression, "00");
  std::vector<std::uint8_t> even(page.rgb.begin(), page.rgb.end());
  if (even.size() % 2 != 0) even.push_back(0);
  check(to.putAndInsertUint8Array(DcmTag(DCM_PixelData, EVR_OB), even.data(), static_cast<unsigned long>(even.size())),
        "insert pixels");
}

void check_page(const PageImage& page) {
  const bool sized = page.width > 0 && page.height > 0 && page.width <= 65535 && page.height <= 65535;
  if (!sized || page.rgb.size() != static_cast<std::size_t>(page.width) * static_cast<std::size_t>(page.height) * 3)
    fail(Fault::Malformed, "a page is empty, or has another size than its pixels");
}

Written write_page(const PageRequest& request, DcmItem& source, const std::string& series, const PageImage& page,
                   std::size_t number, const std::filesystem::path& folder) {
  DcmFileFormat file;
  DcmDataset& to = *file.getDataset();
  put_head(to, source, request, UID_SecondaryCaptureImageStorage, "OT", series);
  put_text(to, DCM_InstanceNumber, std::to_string(number));
  put_text(to, DCM_ImageType, "DERIVED\\SECONDARY");
  // Of a page there is none of both.
  for (const DcmTagKey& tag : {DCM_PatientOrientation, DCM_Laterality})
    check(to.insertEmptyElement(tag), "insert orientation and side");
  put_text(to, DCM_ImageComments, paragraph(title_of(request), 1024));
  put_text(to, DCM_DerivationDescription, paragraph(title_of(request), 1024));
  put_evidence(to, request);
  put_pixels(to, page);
  char name[64];
  std::snprintf(name, sizeof name, "sc_%s_%04zu.dcm", file_suffix(series).c_str(), number);
  return save(file, folder / name);
}

}  // namespace

Result<Written> write_encapsulated_pdf(const PageRequest& request, std::string_view pdf,
                                       const std::filesystem::path& folder) {
  return guarded([&] {
    if (!pdf.starts_with("%PDF-")) fail(Fault::Malformed, "the document is no PDF");
    const auto source = read_template(request.template_image);
    const std::string series =
        series_uid_for("pdf|" + request.title, *source, request.digest, request.equipment, request.revision);
    DcmFileFormat file;
    DcmDataset& to = *file.getDataset();
    put_head(to, *source, request, UID_EncapsulatedPDFStorage, "DOC", series);
    put_document(to, request, pdf);
    return save(file, folder / ("pdf_" + file_suffix(series) + ".dcm"));
  });
}

Result<std::vector<Written>> write_secondary_capture(const PageRequest& request, std::span<const PageImage> pages,
                                                     const std::filesystem::path& folder) {
  return guarded([&] {
    if (pages.empty()) fail(Fault::Malformed, "there is no page to write");
    for (const PageImage& page : pages) check_page(page);
    const auto source = read_template(request.template_image);
    const std::string series = series_uid_for("secondary capture|" + request.title, *source, request.digest,
                                              request.equipment, request.revision);
    std::vector<Written> written;
    for (const PageImage& page : pages)
      written.push_back(write_page(request, *source, series, page, written.size() + 1, folder));
    return written;
  });
}

}  // namespace dicom
