#include "tests/server/report_reader.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <stdexcept>

namespace report {
namespace {

std::string text(DcmItem& item, const DcmTagKey& tag) {
  OFString value;
  item.findAndGetOFStringArray(tag, value);
  return value;
}

template <class Visit>
void for_each_item(DcmItem& parent, const DcmTagKey& tag, Visit visit) {
  DcmSequenceOfItems* sequence = nullptr;
  if (parent.findAndGetSequence(tag, sequence).bad() || sequence == nullptr) return;
  for (unsigned long i = 0; i < sequence->card(); ++i) visit(*sequence->getItem(i));
}

std::string meaning(DcmItem& item, const DcmTagKey& sequence) {
  std::string found;
  for_each_item(item, sequence, [&](DcmItem& code) { found = text(code, DCM_CodeMeaning); });
  return found;
}

void read_number(DcmItem& from, Item& item) {
  for_each_item(from, DCM_MeasuredValueSequence, [&](DcmItem& measured) {
    Float64 exact = 0;
    item.number = measured.findAndGetFloat64(DCM_FloatingPointValue, exact).good()
                      ? exact
                      : std::stod(text(measured, DCM_NumericValue));
    for_each_item(measured, DCM_MeasurementUnitsCodeSequence,
                  [&](DcmItem& unit) { item.unit = text(unit, DCM_CodeValue); });
  });
}

Item read_item(DcmItem& from) {
  Item item;
  item.type = text(from, DCM_ValueType);
  item.name = meaning(from, DCM_ConceptNameCodeSequence);
  if (item.type == "TEXT") item.text = text(from, DCM_TextValue);
  if (item.type == "UIDREF") item.text = text(from, DCM_UID);
  if (item.type == "CODE") item.text = meaning(from, DCM_ConceptCodeSequence);
  if (item.type == "PNAME") item.text = text(from, DCM_PersonName);
  if (item.type == "NUM") read_number(from, item);
  for_each_item(from, DCM_ContentSequence, [&](DcmItem& child) { item.children.push_back(read_item(child)); });
  return item;
}

void collect(const Item& item, const std::string& beginning, std::vector<const Item*>& found) {
  for (const Item& child : item.children) {
    if (child.name.starts_with(beginning)) found.push_back(&child);
    collect(child, beginning, found);
  }
}

void collect_predecessors(DcmItem& dataset, std::vector<std::string>& uids) {
  for_each_item(dataset, DCM_PredecessorDocumentsSequence, [&](DcmItem& study) {
    for_each_item(study, DCM_ReferencedSeriesSequence, [&](DcmItem& series) {
      for_each_item(series, DCM_ReferencedSOPSequence,
                    [&](DcmItem& instance) { uids.push_back(text(instance, DCM_ReferencedSOPInstanceUID)); });
    });
  });
}

}  // namespace

std::vector<const Item*> Item::named(const std::string& beginning) const {
  std::vector<const Item*> found;
  collect(*this, beginning, found);
  return found;
}

std::string Item::all_text() const {
  std::string all = name + ": " + text + "\n";
  for (const Item& child : children) all += child.all_text();
  return all;
}

Report read(const std::filesystem::path& file) {
  DcmFileFormat format;
  if (format.loadFile(file.c_str()).bad()) throw std::runtime_error("cannot read " + file.string());
  DcmDataset& dataset = *format.getDataset();
  Report report;
  report.root = read_item(dataset);
  report.sop_instance_uid = text(dataset, DCM_SOPInstanceUID);
  report.sop_class_uid = text(dataset, DCM_SOPClassUID);
  report.series_description = text(dataset, DCM_SeriesDescription);
  collect_predecessors(dataset, report.predecessors);
  return report;
}

}  // namespace report
