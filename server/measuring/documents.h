#pragma once
// What measure, propose and nomogram jobs share around their documents: what they come from, what they replace, and the
// forms in which destinations want them.
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "classifier/nomogram_picture.h"
#include "dicom/output/pages.h"
#include "dicom/output/reports.h"
#include "server/job.h"
#include "server/measuring/findings.h"
#include "server/objects.h"

namespace server::measuring {

class Documents {
 public:
  // `job` names revision and what is replaced in its payload. `also` enters the digest beside maps and outlines: what
  // else the documents depend on; `not_before` (YYYYMMDDHHMMSS or empty): when that came to be.
  Documents(Context& context, const storage::Job& job, const Maps& maps, const Outlines& outlines,
            const std::vector<dicom::Reference>& evidence, const std::string& also, const std::string& not_before = {});

  // Writes one report in the class that `kind` stands for and, where a destination may need it, as "…_enhanced".
  // `order`: of several reports of one kind, from 0.
  using Write = std::function<dicom::Result<dicom::Written>(const dicom::ReportSource&, const std::filesystem::path&)>;
  // `order` tells several of one kind apart.
  void report(const std::string& kind, dicom::ReportClass report_class, std::vector<std::string> remarks,
              const Write& write, int order = 0);
  // A picture as "pdf_NAME" and "sc_NAME".
  void picture(const std::string& name, const std::string& title, int series_number,
               const classifier::Picture& picture);
  // Segmentations of what was outlined, one for each grid. Returns what TID 1411 documents refer to, for each.
  std::vector<dicom::MeasuredSegments> segmentations(const std::string& study, const Outlines& outlines,
                                                     const std::string& kind);

  [[nodiscard]] const std::string& content_datetime() const { return source_.content_datetime; }
  [[nodiscard]] int revision() const { return source_.revision; }
  [[nodiscard]] JobOutput take() { return std::move(output_); }

 private:
  void publish_one(const dicom::Written& written, const std::string& kind, int order);
  [[nodiscard]] std::vector<dicom::Reference> predecessors(const std::string& kind) const;

  Context& context_;
  const storage::Job& job_;
  nlohmann::json replaces_;
  WorkFolder folder_;
  dicom::ReportSource source_;
  JobOutput output_;
};

// Maps, lesions and numbers of a measure, propose or nomogram job.
struct Measured {
  Maps maps;
  Outlines outlines;
  Findings findings;
  const Lesion* for_models = nullptr;  // which of the lesions the models see; null: none

  [[nodiscard]] bool nothing() const { return findings.slices.empty(); }
  // What was not taken or not measured and why; empty: nothing. Fit for the queue and the log: it names no region as
  // its author did, which may be a person.
  [[nodiscard]] std::string refused() const;
};
// Of these lesions on the maps that the job names; its remarks begin with those of the outlines. A Refusal where there
// is no map that could be measured.
[[nodiscard]] std::variant<Measured, fitting::Refusal> measure_lesions(Context& context, const storage::Job& job,
                                                                       Outlines outlines);
// Of what people outlined. A Refusal where there is no map that could be measured.
[[nodiscard]] std::variant<Measured, fitting::Refusal> measure_outlines(Context& context, const storage::Job& job);

}  // namespace server::measuring
