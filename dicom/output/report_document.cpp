#include "dicom/output/report_document.h"

#include "dicom/output/elements.h"
#include "dicom/uid.h"

namespace dicom::output {

namespace {

ContentItem text_item(const char* relationship, const Code& name, const std::string& text) {
  return {relationship, name, Text{text}, {}};
}

std::vector<ContentItem> observer(const Equipment& equipment) {
  const std::string uid = uid_from_name("device|" + equipment.manufacturer + "|" + kModelName + "|" + equipment.serial);
  return {
      {kModifier, {"121049", "DCM", "Language of Content Item and Descendants"}, Code{"en", "RFC5646", "English"}, {}},
      {kContext, {"121005", "DCM", "Observer Type"}, Code{"121007", "DCM", "Device"}, {}},
      {kContext, {"121012", "DCM", "Device Observer UID"}, Uid{uid}, {}},
      text_item(kContext, {"121013", "DCM", "Device Observer Name"}, kModelName),
      text_item(kContext, {"121014", "DCM", "Device Observer Manufacturer"}, equipment.manufacturer),
      text_item(kContext, {"121015", "DCM", "Device Observer Model Name"}, kModelName),
      text_item(kContext, {"121016", "DCM", "Device Observer Serial Number"}, equipment.serial),
      // "MRI of breast" is not in CID 100, which the template asks for.
      {kModifier, {"121058", "DCM", "Procedure reported"}, Code{"126020", "DCM", "Multiparametric MRI"}, {}},
  };
}

// TID 1500 has room for free text only here; viewers pass over it, and a comment beside a measurement would blacken
// them.
ContentItem comments(const std::vector<std::string>& remarks) {
  ContentItem container{kContains, {"C0034375", "UMLS", "Qualitative Evaluations"}, Container{}, {}};
  container.children.push_back(text_item(kContains, {"121106", "DCM", "Comment"}, kResearchNotice));
  for (const std::string& remark : remarks)
    container.children.push_back(text_item(kContains, {"121106", "DCM", "Comment"}, remark));
  return container;
}

ContentItem content(const ReportDocument& document, const Equipment& equipment) {
  ContentItem root{kContains, document.title, Container{"1500"}, observer(equipment)};
  root.children.push_back({kContains, {"126010", "DCM", "Imaging Measurements"}, Container{}, document.groups});
  root.children.push_back(comments(document.remarks));
  return root;
}

void put_evidence(DcmItem& to, const std::vector<Reference>& references) {
  if (references.empty()) return;
  DcmItem& study = add_item(to, DCM_CurrentRequestedProcedureEvidenceSequence);
  put_text(study, DCM_StudyInstanceUID, text(to, DCM_StudyInstanceUID));
  for (const SeriesReferences& series : by_series(references)) {
    DcmItem& item = add_item(study, DCM_ReferencedSeriesSequence);
    put_text(item, DCM_SeriesInstanceUID, series.series_uid);
    for (const Reference& instance : series.instances) add_reference(item, DCM_ReferencedSOPSequence, instance);
  }
}

// SR Document Series and SR Document General modules. The machine never signs.
void put_document_modules(DcmItem& to) {
  check(to.insertEmptyElement(DCM_ReferencedPerformedProcedureStepSequence), "insert procedure step");
  check(to.insertEmptyElement(DCM_PerformedProcedureCodeSequence), "insert procedure");
  put_text(to, DCM_CompletionFlag, "COMPLETE");
  put_text(to, DCM_CompletionFlagDescription, "Automatically generated, not reviewed. RESEARCH USE ONLY");
  put_text(to, DCM_VerificationFlag, "UNVERIFIED");
}

std::string marked(const std::string& description) {
  constexpr std::string_view kMark = " (RESEARCH)";
  if (description.ends_with("(RESEARCH)")) return description;
  return one_line(description, 64 - kMark.size()) + std::string(kMark);
}

}  // namespace

ContentItem measurement_group(const char* template_id, const std::string& tracking_id, const std::string& uid_name) {
  ContentItem group{kContains, {"125007", "DCM", "Measurement Group"}, Container{template_id}, {}};
  group.children.push_back(text_item(kContext, {"112039", "DCM", "Tracking Identifier"}, tracking_id));
  group.children.push_back(
      {kContext, {"112040", "DCM", "Tracking Unique Identifier"}, Uid{uid_from_name("tracking|" + uid_name)}, {}});
  return group;
}

Written write_report(const ReportDocument& document, DcmDataset& source, const ReportSource& report,
                     const std::filesystem::path& folder) {
  const std::string series =
      uid_from_name("series|" + document.role + "|" + text(source, DCM_StudyInstanceUID) + "|" + report.digest + "|" +
                    document.series_description + "|" + report.equipment.version);
  DcmFileFormat file;
  DcmDataset& to = *file.getDataset();
  put_modules(to, source, UID_ComprehensiveSRStorage,
              {"SR", series, marked(document.series_description), document.series_number}, report.equipment,
              moment(report.content_datetime));
  put_document_modules(to);
  put_evidence(to, document.evidence);
  put_content(to, content(document, report.equipment));
  // One study may get several reports of a kind; the end of the series UID keeps their files apart.
  return save(file, folder / (document.file_name + "_" + series.substr(series.size() - 8) + ".dcm"));
}

}  // namespace dicom::output
