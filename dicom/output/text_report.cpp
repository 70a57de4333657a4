// SR-B. OHIF shows any title but "Imaging Measurement Report" as a text tree: containers as numbered headings, texts
// and numbers as lines, and nothing that hangs below a text or number (reference: viewers.md 2). So what has children
// is a container, and its own value is the first line in it.
#include "dicom/output/quantity.h"
#include "dicom/output/report_document.h"
#include "dicom/uid.h"

namespace dicom {

using namespace output;

namespace {

ContentItem value_line(const ReportItem& item) {
  if (item.number) return {kContains, private_code(item.name), Number{*item.number, item.unit}, {}};
  return {kContains, private_code(item.name), Text{item.text}, {}};
}

bool has_value(const ReportItem& item) { return item.number.has_value() || !item.text.empty(); }

ContentItem tree(const ReportItem& item) {
  if (item.name.empty()) fail(Fault::Malformed, "an item of the report has no name: viewers go black");
  if (item.children.empty()) return value_line(item);
  ContentItem container{kContains, private_code(item.name), Container{}, {}};
  if (has_value(item)) container.children.push_back(value_line(item));
  for (const ReportItem& child : item.children) container.children.push_back(tree(child));
  return container;
}

// Items of the top level as TID 1501 groups in their order: one with children is a group of its own, lines between two
// such form one.
class Groups {
 public:
  Groups(std::string description, std::string uid_name)
      : description_(std::move(description)), uid_name_(std::move(uid_name)) {}

  void add(const ReportItem& item) {
    if (item.children.empty()) {
      if (!open_) start(description_);
      open_ = true;
      groups_.back().children.push_back(tree(item));
      return;
    }
    start(item.name);
    open_ = false;
    const ContentItem whole = tree(item);
    groups_.back().children.insert(groups_.back().children.end(), whole.children.begin(), whole.children.end());
  }
  [[nodiscard]] std::vector<ContentItem> take() { return std::move(groups_); }

 private:
  void start(const std::string& tracking_id) {
    groups_.push_back(measurement_group("1501", tracking_id,
                                        uid_from_name("tracking|" + uid_name_ + "|" + std::to_string(groups_.size()))));
  }

  std::string description_, uid_name_;
  std::vector<ContentItem> groups_;
  bool open_ = false;  // the last group takes further lines
};

std::vector<Reference> all_evidence(const ReportSource& source) {
  std::vector<Reference> all = source.evidence;
  all.insert(all.end(), source.rois.begin(), source.rois.end());
  return all;
}

}  // namespace

Result<Written> write_text_report(const std::vector<ReportItem>& items, const std::string& series_description,
                                  const ReportSource& source, const std::filesystem::path& folder) {
  return guarded([&] {
    const auto header = read_template(source.template_image);
    Groups groups(series_description,
                  source.digest + "|" + text(*header, DCM_StudyInstanceUID) + "|" + series_description);
    groups.add({"Notice", kResearchNotice, std::nullopt, {}, {}});
    for (const ReportItem& item : items) groups.add(item);
    const ReportDocument document{{"126001", "DCM", "Oncology Measurement Report"},
                                  "text report",
                                  series_description,
                                  9021,
                                  "sr_report",
                                  groups.take(),
                                  {},
                                  {},
                                  source.remarks,
                                  all_evidence(source)};
    return write_report(document, *header, source, folder);
  });
}

}  // namespace dicom
