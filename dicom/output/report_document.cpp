#include "dicom/output/report_document.h"

#include "dicom/output/elements.h"
#include "dicom/uid.h"

namespace dicom::output {

namespace {

ContentItem text_item(const char* relationship, const Code& name, const std::string& text) {
  return {relationship, name, Text{text}, {}};
}

// TID 1204 and TID 1002/1004.
std::vector<ContentItem> device_observer(const Equipment& equipment) {
  const std::string uid = uid_from_name("device|" + equipment.manufacturer + "|" + kModelName + "|" + equipment.serial);
  return {
      {kModifier, {"121049", "DCM", "Language of Content Item and Descendants"}, Code{"en", "RFC5646", "English"}, {}},
      {kContext, {"121005", "DCM", "Observer Type"}, Code{"121007", "DCM", "Device"}, {}},
      {kContext, {"121012", "DCM", "Device Observer UID"}, Uid{uid}, {}},
      text_item(kContext, {"121013", "DCM", "Device Observer Name"}, kModelName),
      text_item(kContext, {"121014", "DCM", "Device Observer Manufacturer"}, equipment.manufacturer),
      text_item(kContext, {"121015", "DCM", "Device Observer Model Name"}, kModelName),
      text_item(kContext, {"121016", "DCM", "Device Observer Serial Number"}, equipment.serial),
  };
}

// TID 1002/1003. The identifier stands beside the role and not below it: Enhanced SR allows observation context below
// containers only.
void add_reader(std::vector<ContentItem>& to, const PersonObserver& reader) {
  to.push_back({kContext, {"121005", "DCM", "Observer Type"}, Code{"121006", "DCM", "Person"}, {}});
  to.push_back({kContext, {"121008", "DCM", "Person Observer Name"}, Person{reader.name}, {}});
  to.push_back({kContext,
                {"121011", "DCM", "Person Observer's Role in this Procedure"},
                Code{"121094", "DCM", "Performing"},
                {}});
  if (!reader.label.empty())
    to.push_back(text_item(kContext, {"128775", "DCM", "Identifier within Person Observer's Role"}, reader.label));
}

std::vector<ContentItem> head(const ReportSource& report) {
  std::vector<ContentItem> items = device_observer(report.equipment);
  for (const PersonObserver& reader : report.readers) add_reader(items, reader);
  // "MRI of breast" is not in CID 100, which the template asks for.
  items.push_back(
      {kModifier, {"121058", "DCM", "Procedure reported"}, Code{"126020", "DCM", "Multiparametric MRI"}, {}});
  return items;
}

// TID 1600 with one group.
ContentItem library(const std::vector<Reference>& images) {
  ContentItem group{kContains, {"126200", "DCM", "Image Library Group"}, Container{}, {}};
  group.children.push_back({kAcquisition, {"121139", "DCM", "Modality"}, Code{"MR", "DCM", "Magnetic Resonance"}, {}});
  group.children.push_back({kAcquisition, {"123014", "DCM", "Target Region"}, Code{"76752008", "SCT", "Breast"}, {}});
  for (const Reference& image : images) group.children.push_back({kContains, {}, image, {}});
  return {kContains, {"111028", "DCM", "Image Library"}, Container{}, {group}};
}

// TID 1500 has room for findings in words, and for free text, only here; viewers pass over it, and a comment beside a
// measurement would blacken them.
ContentItem evaluations(const ReportDocument& document) {
  ContentItem container{kContains, {"C0034375", "UMLS", "Qualitative Evaluations"}, Container{}, document.qualitative};
  container.children.push_back(text_item(kContains, {"121106", "DCM", "Comment"}, kResearchNotice));
  for (const std::string& remark : document.remarks)
    container.children.push_back(text_item(kContains, {"121106", "DCM", "Comment"}, remark));
  return container;
}

ContentItem content(const ReportDocument& document, const ReportSource& report) {
  ContentItem root{kContains, document.title, Container{"1500"}, head(report)};
  if (!document.library.empty()) root.children.push_back(library(document.library));
  root.children.push_back({kContains, {"126010", "DCM", "Imaging Measurements"}, Container{}, document.groups});
  root.children.push_back(evaluations(document));
  return root;
}

const char* sop_class_of(ReportClass report_class) {
  switch (report_class) {
    case ReportClass::Enhanced:
      return UID_EnhancedSRStorage;
    case ReportClass::Comprehensive3D:
      return UID_Comprehensive3DSRStorage;
    case ReportClass::Comprehensive:
      break;
  }
  return UID_ComprehensiveSRStorage;
}

// SR Document Series and SR Document General modules. The machine never signs.
void put_document_modules(DcmItem& to) {
  check(to.insertEmptyElement(DCM_ReferencedPerformedProcedureStepSequence), "insert procedure step");
  check(to.insertEmptyElement(DCM_PerformedProcedureCodeSequence), "insert procedure");
  put_text(to, DCM_CompletionFlag, "COMPLETE");
  put_text(to, DCM_CompletionFlagDescription, "Automatically generated, not reviewed. RESEARCH USE ONLY");
  put_text(to, DCM_VerificationFlag, "UNVERIFIED");
}

}  // namespace

ContentItem measurement_group(const char* template_id, const std::string& tracking_id, const std::string& tracking_uid,
                              const std::string& reader) {
  ContentItem group{kContains, {"125007", "DCM", "Measurement Group"}, Container{template_id}, {}};
  if (!reader.empty()) group.children.push_back(text_item(kContext, {"C67447", "NCIt", "Activity Session"}, reader));
  group.children.push_back(text_item(kContext, {"112039", "DCM", "Tracking Identifier"}, tracking_id));
  group.children.push_back({kContext, {"112040", "DCM", "Tracking Unique Identifier"}, Uid{tracking_uid}, {}});
  return group;
}

Written write_report(const ReportDocument& document, DcmDataset& source, const ReportSource& report,
                     const std::filesystem::path& folder) {
  const char* sop_class = sop_class_of(report.report_class);
  const std::string series = series_uid_for(document.role + "|" + document.series_description + "|" + sop_class, source,
                                            report.digest, report.equipment, report.revision);
  DcmFileFormat file;
  DcmDataset& to = *file.getDataset();
  put_modules(to, source, sop_class,
              {"SR", series, marked_description(document.series_description, report.revision), document.series_number},
              report.equipment, moment(report.content_datetime));
  put_document_modules(to);
  put_hierarchy(to, DCM_PredecessorDocumentsSequence, report.predecessors);
  put_hierarchy(to, DCM_CurrentRequestedProcedureEvidenceSequence, document.evidence);
  put_content(to, content(document, report));
  return save(file, folder / (document.file_name + "_" + file_suffix(series) + ".dcm"));
}

}  // namespace dicom::output
