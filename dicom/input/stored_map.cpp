#include "dicom/input/stored_map.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "dicom/dcmtk.h"
#include "dicom/input/functional_groups.h"

namespace dicom {
namespace {

constexpr const char* kMeasurementMethod = "370129005";  // SCT

struct Mapping {
  double slope = 1, intercept = 0;
};

Mapping mapping_of(DcmItem& item) {
  return {required_number(item, DCM_RealWorldValueSlope, 0, "Real World Value Slope"),
          required_number(item, DCM_RealWorldValueIntercept, 0, "Real World Value Intercept")};
}

DcmItem& real_world_item(const FunctionalGroups& groups, unsigned long frame) {
  DcmItem* item = groups.macro(frame, DCM_RealWorldValueMappingSequence);
  if (item == nullptr)
    fail(Fault::Malformed, "frame " + std::to_string(frame + 1) + " has no real world value mapping");
  return *item;
}

std::string method_of(DcmItem& mapping) {
  DcmSequenceOfItems* definitions = nullptr;
  if (mapping.findAndGetSequence(DCM_QuantityDefinitionSequence, definitions).bad() || definitions == nullptr)
    return {};
  for (DcmItem* item : items_of(*definitions)) {
    DcmItem* name = first_item(*item, DCM_ConceptNameCodeSequence);
    DcmItem* value = first_item(*item, DCM_ConceptCodeSequence);
    if (name != nullptr && value != nullptr && text(*name, DCM_CodeValue) == kMeasurementMethod)
      return text(*value, DCM_CodeMeaning);
  }
  return {};
}

std::string derivation_of(const FunctionalGroups& groups, DcmDataset& dataset) {
  if (DcmItem* item = groups.macro(0, DCM_DerivationImageSequence)) {
    const std::string described = text(*item, DCM_DerivationDescription);
    if (!described.empty()) return described;
  }
  return text(dataset, DCM_DerivationDescription);
}

const Float32* float_pixels(DcmDataset& dataset, std::size_t needed) {
  const Float32* values = nullptr;
  unsigned long count = 0;
  if (dataset.findAndGetFloat32Array(DCM_FloatPixelData, values, &count).bad() || values == nullptr)
    fail(Fault::Unsupported, "the parametric map has no float pixel data");
  if (count < needed) fail(Fault::Malformed, "the pixel data are shorter than the frames");
  return values;
}

// Frame indices, ascending along the normal.
std::vector<unsigned long> order_of(const std::vector<fitting::Geometry>& planes) {
  const fitting::Vec3 normal = planes.front().row_direction.cross(planes.front().column_direction);
  const auto height = [&](unsigned long i) { return planes[i].slice_origins_mm.front().dot(normal); };
  std::vector<unsigned long> order(planes.size());
  std::iota(order.begin(), order.end(), 0ul);
  std::stable_sort(order.begin(), order.end(), [&](unsigned long a, unsigned long b) { return height(a) < height(b); });
  for (std::size_t i = 1; i < order.size(); ++i)
    if (height(order[i]) - height(order[i - 1]) <= kSameFrameHeightMm)
      fail(Fault::Malformed, "two frames of the parametric map lie on one slice");
  return order;
}

void read_frames(StoredMap& map, const FunctionalGroups& groups, DcmDataset& dataset) {
  std::vector<fitting::Geometry> planes;
  for (unsigned long i = 0; i < groups.frames(); ++i) {
    planes.push_back(groups.plane(i));
    if (!same_stack(planes.back(), planes.front()))
      fail(Fault::Unsupported, "the frames of the parametric map are not one stack");
  }
  map.geometry = planes.front();
  map.geometry.slice_origins_mm.clear();
  const std::size_t size = planes.front().slice_voxels();
  const Float32* stored = float_pixels(dataset, size * planes.size());
  map.value.reserve(size * planes.size());
  for (const unsigned long frame : order_of(planes)) {
    map.geometry.slice_origins_mm.push_back(planes[frame].slice_origins_mm.front());
    const Mapping mapping = mapping_of(real_world_item(groups, frame));
    for (const Float32* value = stored + frame * size; value != stored + (frame + 1) * size; ++value) {
      if (!std::isfinite(*value)) fail(Fault::Malformed, "the parametric map holds a value that is not a number");
      map.value.push_back(static_cast<float>(*value * mapping.slope + mapping.intercept));
    }
  }
}

StoredMap map_of(DcmDataset& dataset) {
  StoredMap map;
  map.sop_instance_uid = text(dataset, DCM_SOPInstanceUID);
  map.series_uid = text(dataset, DCM_SeriesInstanceUID);
  map.study_uid = text(dataset, DCM_StudyInstanceUID);
  map.frame_of_reference_uid = text(dataset, DCM_FrameOfReferenceUID);
  const FunctionalGroups groups(dataset);
  DcmItem& mapping = real_world_item(groups, 0);
  map.quantity = text(mapping, DCM_LUTLabel);
  if (DcmItem* unit = first_item(mapping, DCM_MeasurementUnitsCodeSequence)) map.unit = text(*unit, DCM_CodeValue);
  map.method = method_of(mapping);
  map.derivation = derivation_of(groups, dataset);
  map.content_datetime = text(dataset, DCM_ContentDate) + text(dataset, DCM_ContentTime).substr(0, 6);
  read_frames(map, groups, dataset);
  return map;
}

}  // namespace

Result<StoredMap> read_parametric_map(const std::filesystem::path& file) {
  return guarded([&] {
    DcmFileFormat object;
    load_object(object, file.string(), UID_ParametricMapStorage, "parametric map");
    return map_of(*object.getDataset());
  });
}

}  // namespace dicom
