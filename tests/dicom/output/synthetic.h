#pragma once
// An invented patient's source image and a fit to go with it.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "dicom/dcmtk.h"
#include "dicom/output/map_objects.h"
#include "fitting/model.h"
#include "tests/support/temp_folder.h"

namespace synthetic {

inline const std::string kRoot = "1.2.826.0.1.3680043.10.9999";  // for tests only

struct Patient {
  std::string charset = "ISO_IR 100";
  std::string name = "M\xFCller^Anna";  // Latin-1
  bool sparse = false;                  // what anonymisers and odd scanners leave out
};

inline void put(DcmItem& item, const DcmTagKey& tag, const std::string& value) {
  ASSERT_TRUE(item.putAndInsertString(tag, value.c_str()).good());
}

// A source image without pixels worth the name: only its header is looked at.
inline std::filesystem::path write_template(const std::filesystem::path& folder, const Patient& patient = {}) {
  dicom::initialise_dcmtk();
  DcmFileFormat file;
  DcmDataset& d = *file.getDataset();
  if (!patient.charset.empty()) put(d, DCM_SpecificCharacterSet, patient.charset);
  put(d, DCM_SOPClassUID, UID_MRImageStorage);
  put(d, DCM_SOPInstanceUID, kRoot + ".1.10.1");
  put(d, DCM_StudyInstanceUID, kRoot + ".1.1");
  put(d, DCM_SeriesInstanceUID, kRoot + ".1.10");
  put(d, DCM_PatientName, patient.name);
  put(d, DCM_PatientID, "PID1");
  put(d, DCM_Manufacturer, "SIEMENS");
  put(d, DCM_Modality, "MR");
  put(d, DCM_SeriesDescription, "t1_vibe_vfa");
  if (patient.sparse) put(d, DCM_PatientSex, "0");  // GE Signa DV26, phantom
  if (!patient.sparse) {
    put(d, DCM_FrameOfReferenceUID, kRoot + ".1.2");
    put(d, DCM_PatientBirthDate, "19700101");
    put(d, DCM_PatientSex, "F");
    put(d, DCM_PatientAge, "056Y");
    put(d, DCM_StudyDate, "20261101");
    put(d, DCM_StudyTime, "101500");
    put(d, DCM_StudyID, "1");
    put(d, DCM_AccessionNumber, "A123");
    put(d, DCM_StudyDescription, "MRI Breast");
    put(d, DCM_InstitutionName, "TEST");
    put(d, DCM_ManufacturerModelName, "Skyra");
    put(d, DCM_DeviceSerialNumber, "45678");
    put(d, DCM_SoftwareVersions, "syngo MR E11");
    put(d, DCM_BodyPartExamined, "BREAST");
    put(d, DCM_PatientPosition, "FFP");
    put(d, DCM_ScanningSequence, "GR");
    put(d, DCM_SequenceVariant, "SP\\OSP");
    put(d, DCM_MRAcquisitionType, "3D");
    put(d, DCM_MagneticFieldStrength, "3");
  }
  const Uint16 pixel = 1;
  d.putAndInsertUint16Array(DCM_PixelData, &pixel, 1);
  auto path = folder / "template.dcm";
  EXPECT_TRUE(file.saveFile(path.c_str(), EXS_LittleEndianExplicit).good());
  return path;
}

inline constexpr fitting::Parameter kT1{"T1", "T1", "ms", 1, 5000, 2500};
inline constexpr fitting::Parameter kT2Star{"T2star", "T2*", "ms", 0.1, 500, 100};
inline constexpr fitting::Parameter kAdc{"ADC", "ADC", "10-6.mm2/s", 1, 5000, 3000};
inline constexpr fitting::Parameter kOdd{"Wobble", "Wobble", "mT/m", 0, 800000, 500000};  // a map that no table knows

inline const fitting::Model& vfa() {
  static const fitting::Model model = [] {
    fitting::Model m;
    m.name = "t1_vfa";
    m.title = "T1 by variable flip angle";
    m.equation = "S = S0 sin a (1 - E1) / (1 - E1 cos a), E1 = exp(-TR/T1)";
    m.axis = fitting::Axis::FlipAngleDeg;
    return m;
  }();
  return model;
}

// A stack of slices, tilted by `degrees` about the row direction.
inline fitting::Geometry geometry(int columns, int rows, int slices, double degrees = 5) {
  fitting::Geometry g;
  g.columns = columns;
  g.rows = rows;
  const double angle = degrees * std::acos(-1.0) / 180;
  g.column_direction = {0, std::cos(angle), std::sin(angle)};
  g.column_spacing_mm = 0.8;
  g.row_spacing_mm = 0.9;
  g.slice_thickness_mm = 2.5;
  const fitting::Vec3 normal{0, -std::sin(angle), std::cos(angle)};
  for (int k = 0; k < slices; ++k) g.slice_origins_mm.push_back(fitting::Vec3{-25, -30, -10} + 2.5 * k * normal);
  return g;
}

// Values between 0 and the top of the display window, a few of them failed.
inline fitting::Fit fit(const fitting::Geometry& g, const fitting::Parameter& parameter = kT1,
                        const fitting::Model* model = &vfa()) {
  fitting::Fit f;
  f.model = model;
  f.geometry = g;
  f.protocol = {fitting::Axis::FlipAngleDeg, {5, 15}, 4.3};
  f.description = "flip angles 5, 15 degrees";
  fitting::ParameterMap map{parameter, std::vector<float>(g.voxels()), std::vector<float>(g.voxels())};
  for (std::size_t i = 0; i < map.value.size(); ++i)
    map.value[i] =
        i % 17 == 0
            ? 0.0f
            : static_cast<float>(parameter.display_upper * (0.1 + 0.8 * static_cast<double>(i % 1009) / 1009.0));
  f.maps.push_back(map);
  f.considered = g.voxels();
  f.fitted = g.voxels() - g.voxels() / 17;
  return f;
}

inline dicom::MapRequest request(const fitting::Fit& f, const std::filesystem::path& template_image) {
  dicom::MapRequest r;
  r.fit = &f;
  r.slot = "t1_pre";
  r.contrast = "before";
  r.source.template_image = template_image;
  for (int k = 0; k < f.geometry.slices(); ++k)
    r.source.per_slice.push_back({{UID_MRImageStorage, kRoot + ".1.10." + std::to_string(k + 1), kRoot + ".1.10"},
                                  {UID_MRImageStorage, kRoot + ".1.11." + std::to_string(k + 1), kRoot + ".1.11"}});
  r.source.content_datetime = "20261101101959";
  r.source.digest = "digest of pixels and settings";
  r.equipment.version = "0.1.0";
  return r;
}

inline std::string bytes(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A written object, opened again.
class Object {
 public:
  explicit Object(const std::filesystem::path& path) { EXPECT_TRUE(file_.loadFile(path.c_str()).good()) << path; }
  [[nodiscard]] DcmDataset& data() { return *file_.getDataset(); }
  [[nodiscard]] DcmItem& meta() { return *file_.getMetaInfo(); }
  // All values of an attribute, looked for in sequences too.
  [[nodiscard]] std::string all(const DcmTagKey& tag) { return all_of(data(), tag); }
  [[nodiscard]] static std::string all_of(DcmItem& item, const DcmTagKey& tag) {
    OFString value;
    item.findAndGetOFStringArray(tag, value, OFTrue);
    return value.c_str();
  }
  [[nodiscard]] static std::vector<DcmItem*> items(DcmItem& item, const DcmTagKey& tag) {
    std::vector<DcmItem*> found;
    DcmSequenceOfItems* sequence = nullptr;
    if (item.findAndGetSequence(tag, sequence).bad()) return found;
    for (unsigned long i = 0; i < sequence->card(); ++i) found.push_back(sequence->getItem(i));
    return found;
  }
  [[nodiscard]] static DcmItem& item(DcmItem& parent, const DcmTagKey& tag) {
    const auto found = items(parent, tag);
    if (found.empty()) throw std::runtime_error(std::string("no sequence ") + tag.toString().c_str());
    return *found.front();
  }

 private:
  DcmFileFormat file_;
};

}  // namespace synthetic
