// Writes one outline of each carrier into the folder that it is given, for make_seeds.
#include "tests/support/roi_objects.h"

int main(int count, char** arguments) {
  if (count != 2) return 2;
  const std::filesystem::path folder = arguments[1];
  fitting::Geometry grid;
  grid.columns = grid.rows = 32;
  grid.slice_thickness_mm = 3;
  for (int slice = 1; slice <= 3; ++slice) grid.slice_origins_mm.emplace_back(0, 0, 3.0 * slice);
  fitting::Mask mask{grid, std::vector<std::uint8_t>(grid.voxels())};
  for (std::size_t i = 0; i < mask.inside.size(); ++i)
    mask.inside[i] = i % 32 > 8 && i % 32 < 20 && i / 32 % 32 > 10 && i / 32 % 32 < 18 ? 1 : 0;
  const support::OutlinedLesion lesion = support::outlined(mask);
  support::write_seg(lesion, folder / "seg");
  support::write_rtstruct(lesion, folder / "rtstruct");
  support::write_scoord_sr(lesion, folder / "scoord");
  support::write_scoord3d_sr(lesion, folder / "scoord3d");
  support::write_gsps(lesion, folder / "gsps");
  return 0;
}
