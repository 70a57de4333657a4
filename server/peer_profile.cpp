#include "server/peer_profile.h"

#include <algorithm>

#include "server/result_kinds.h"

namespace server {
namespace {

bool takes(const dicom::Probe& probe, std::string_view kind) {
  const ResultKind* row = find_result_kind(kind);
  return row != nullptr && std::ranges::any_of(probe.classes, [&](const dicom::ProbedClass& probed) {
           return probed.sop_class_uid == row->sop_class_uid && probed.accepted();
         });
}

}  // namespace

std::vector<std::string> sop_classes_sent() {
  std::vector<std::string> classes;
  for (const ResultKind& kind : result_kinds())
    if (std::ranges::count(classes, kind.sop_class_uid) == 0) classes.emplace_back(kind.sop_class_uid);
  return classes;
}

config::Profile suggested_profile(const dicom::Probe& probe, const config::Profile& configured) {
  using namespace config;
  Profile profile;
  const bool normalised = configured.parametric_maps == ParametricMaps::Normalised;
  profile.parametric_maps = !takes(probe, "pm_real") ? ParametricMaps::Off
                            : normalised             ? ParametricMaps::Normalised
                                                     : ParametricMaps::Real;
  profile.segmentations = takes(probe, "seg");
  profile.reports = takes(probe, "sr_measurements")            ? Reports::Comprehensive
                    : takes(probe, "sr_measurements_enhanced") ? Reports::Enhanced
                                                               : Reports::Off;
  profile.segment_reports = !profile.segmentations                 ? SegmentReports::Off
                            : takes(probe, "sr_segments")          ? SegmentReports::Comprehensive3D
                            : takes(probe, "sr_segments_enhanced") ? SegmentReports::Enhanced
                                                                   : SegmentReports::Off;
  const bool pdf = takes(probe, "pdf_results"), capture = takes(probe, "sc_results");
  profile.pages = pdf && capture ? Pages::Both : pdf ? Pages::Pdf : capture ? Pages::Sc : Pages::Off;
  return profile;
}

std::vector<std::string> undeliverable_kinds(const dicom::Probe& probe, const config::Profile& profile) {
  std::vector<std::string> kinds;
  for (const std::string& sent : kinds_sent(profile)) {
    std::string_view rung = sent;
    while (!rung.empty() && !takes(probe, rung)) rung = kind_below(rung);
    if (rung.empty()) kinds.push_back(sent);
  }
  return kinds;
}

}  // namespace server
