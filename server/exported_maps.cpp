#include "server/exported_maps.h"

#include <array>

namespace server {
namespace {

constexpr std::array<fitting::Parameter, 3> kQuantities{{
    {.name = "T1", .title = "T1", .unit = "ms", .lower = 1, .upper = 20000, .display_upper = 3000},
    {.name = "T2", .title = "T2", .unit = "ms", .lower = 1, .upper = 10000, .display_upper = 200},
    {.name = "PD", .title = "PD", .unit = "%", .lower = 0.1, .upper = 1000, .display_upper = 120},
}};

// Not in the catalog: there is nothing to fit.
const fitting::Model& as_exported() {
  static const fitting::Model kModel = [] {
    fitting::Model model;
    model.name = "symri_maps";
    model.title = "Synthetic MRI, map as exported by SyMRI";
    model.equation = "computed by SyMRI, not by Herald";
    model.parameters = kQuantities;
    model.maps = kQuantities.size();
    return model;
  }();
  return kModel;
}

fitting::ParameterMap map_of(const fitting::Parameter& parameter, const fitting::Plane& plane,
                             std::vector<fitting::VoxelStatus>& status, std::size_t& fitted) {
  fitting::ParameterMap map{parameter, plane.values(), std::vector<float>(plane.size())};
  for (std::size_t voxel = 0; voxel < map.value.size(); ++voxel) {
    const double value = map.value[voxel];
    if (value >= parameter.lower && value <= parameter.upper) {
      ++fitted;
    } else {
      map.value[voxel] = 0;
      status[voxel] = value == 0 ? fitting::VoxelStatus::NotFitted : fitting::VoxelStatus::AtBound;
    }
  }
  return map;
}

}  // namespace

fitting::Fit exported_maps(const fitting::Series& series, const dicom::Acquisition& acquisition) {
  fitting::Fit fit;
  fit.model = &as_exported();
  fit.geometry = series.geometry;
  fit.residual.resize(series.geometry.voxels());
  fit.status.resize(series.geometry.voxels());
  std::size_t fitted = 0;
  for (std::size_t k = 0; k < series.planes.size(); ++k) {
    const auto quantity = static_cast<std::size_t>(acquisition.volumes[k].axis) - 1;
    fit.maps.push_back(map_of(kQuantities.at(quantity), series.planes[k], fit.status, fitted));
  }
  fit.fitted = fitted / std::max<std::size_t>(series.planes.size(), 1);
  fit.considered = series.geometry.voxels();
  fit.description = "values as exported; T1 and T2 in ms, PD in % by the convention of SyMRI";
  return fit;
}

}  // namespace server
