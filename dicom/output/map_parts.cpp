#include "dicom/output/map_parts.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>

#include "dicom/output/elements.h"
#include "dicom/uid.h"

namespace dicom::output {

namespace {

void add_definition(DcmItem& mapping, const Code& name, const Code& value) {
  DcmItem& item = add_item(mapping, DCM_QuantityDefinitionSequence);
  put_text(item, DCM_ValueType, "CODE");
  put_code(item, DCM_ConceptNameCodeSequence, name);
  put_code(item, DCM_ConceptCodeSequence, value);
}

std::string lower_case_name(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    name += byte < 0x80 && std::isalnum(byte) != 0 ? static_cast<char>(std::tolower(byte)) : '_';
  }
  return name;
}

std::string contrast_words(const std::string& contrast) {
  if (contrast == "before") return " pre";
  if (contrast == "after") return " post";
  return {};
}

}  // namespace

Map checked(const MapRequest& request) {
  Map map{&request, request.fit, nullptr, {}};
  if (map.fit == nullptr || request.parameter >= map.fit->maps.size())
    fail(Fault::Malformed, "there is no map to write");
  map.parameter = &map.fit->maps[request.parameter];
  const fitting::Geometry& geometry = map.geometry();
  if (geometry.voxels() == 0 || geometry.rows > 65535 || geometry.columns > 65535 ||
      map.parameter->value.size() != geometry.voxels())
    fail(Fault::Malformed, "the map has another size than its geometry");
  if (request.source.per_slice.size() != static_cast<std::size_t>(geometry.slices()))
    fail(Fault::Malformed, "the source images are not listed for every slice of the map");
  if (!std::all_of(map.parameter->value.begin(), map.parameter->value.end(), [](float v) { return std::isfinite(v); }))
    fail(Fault::Malformed, "the map holds values that are not finite");
  map.quantity = quantity_of(map.parameter->parameter, map.fit->model);
  return map;
}

std::string series_uid(const Map& map, const std::string& role, DcmItem& source) {
  const MapRequest& request = *map.request;
  return uid_from_name("series|" + role + "|" + text(source, DCM_StudyInstanceUID) + "|" + request.source.digest + "|" +
                       request.slot + "|" + map.quantity.label + "|" + request.equipment.version);
}

std::string series_description(const Map& map, const std::string& kind) {
  const std::string unit = map.quantity.unit_text.empty() ? "" : " [" + map.quantity.unit_text + "]";
  const int revision = map.request->revision;
  const std::string tail = contrast_words(map.request->contrast) + unit +
                           (revision > 1 ? " rev " + std::to_string(revision) : std::string()) + " (RESEARCH)";
  return one_line(map.quantity.title, 64 - kind.size() - 1 - tail.size()) + " " + kind + tail;
}

std::string derivation_description(const Map& map) {
  const fitting::Fit& fit = *map.fit;
  std::string words;
  if (fit.model != nullptr) words = std::string(fit.model->title) + ": " + std::string(fit.model->equation) + ". ";
  words += fit.description + ". " + std::to_string(fit.fitted) + " of " + std::to_string(fit.considered) +
           (fit.noise > 0 ? " voxels above the noise" : " bright voxels") + " have a value; 0 = no value. " +
           kModelName + " " + map.request->equipment.version + ". " + kResearchNotice;
  return paragraph(words, 1024);
}

std::string file_stem(const Map& map) {
  const std::string slot = lower_case_name(map.request->slot), parameter = lower_case_name(map.quantity.label);
  if (slot.empty()) return parameter;
  const bool named = slot == parameter || slot.starts_with(parameter + "_") || slot.ends_with("_" + parameter);
  return named ? slot : slot + "_" + parameter;
}

std::string laterality(DcmItem& source) {
  for (const DcmTagKey& tag : {DCM_ImageLaterality, DCM_Laterality}) {
    const std::string side = text(source, tag);
    if (side == "L" || side == "R" || side == "B") return side;
  }
  return "B";
}

std::string position(const fitting::Geometry& geometry, int slice) {
  const fitting::Vec3& origin = geometry.slice_origins_mm[static_cast<std::size_t>(slice)];
  return decimal_string(std::span(origin.data(), 3));
}

std::string orientation(const fitting::Geometry& geometry) {
  return decimal_string(std::span(geometry.row_direction.data(), 3)) + "\\" +
         decimal_string(std::span(geometry.column_direction.data(), 3));
}

std::string pixel_spacing(const fitting::Geometry& geometry) {
  return decimal_string(geometry.row_spacing_mm) + "\\" + decimal_string(geometry.column_spacing_mm);
}

DcmItem& add_real_world_mapping(DcmItem& to, const Map& map, double slope) {
  const Quantity& quantity = map.quantity;
  DcmItem& item = add_item(to, DCM_RealWorldValueMappingSequence);
  check(item.putAndInsertFloat64(DCM_RealWorldValueIntercept, 0), "insert intercept");
  check(item.putAndInsertFloat64(DCM_RealWorldValueSlope, slope), "insert slope");
  put_text(item, DCM_LUTExplanation,
           one_line(quantity.title + (quantity.unit_text.empty() ? "" : " in " + quantity.unit_text)));
  put_text(item, DCM_LUTLabel, one_line(quantity.label, 16));
  put_code(item, DCM_MeasurementUnitsCodeSequence, quantity.unit);
  add_definition(item, {"246205007", "SCT", "Quantity"}, quantity.quantity);
  add_definition(item, {"370129005", "SCT", "Measurement Method"}, quantity.method);
  add_definition(item, {"113241", "DCM", "Model fitting method"}, quantity.fit);
  return item;
}

void add_source_images(DcmItem& to, std::span<const Reference> sources) {
  std::map<std::string, std::string> frames;  // of each object, "3\\7"
  for (const Reference& source : sources) {
    std::string& list = frames[source.sop_instance_uid];
    if (source.frame > 0) list += (list.empty() ? "" : "\\") + std::to_string(source.frame);
  }
  for (const Reference& source : sources) {
    const auto object = frames.extract(source.sop_instance_uid);
    if (object.empty()) continue;  // with its first frame
    DcmItem& item = add_reference(to, DCM_SourceImageSequence, source);
    if (!object.mapped().empty()) put_text(item, DCM_ReferencedFrameNumber, object.mapped());
    put_code(item, DCM_PurposeOfReferenceCodeSequence,
             {"121322", "DCM", "Source image for image processing operation"});
  }
}

}  // namespace dicom::output
