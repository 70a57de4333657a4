#include "tests/dicom/network/objects.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcrleerg.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmjpls/djencode.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>

#include "dicom/dcmtk.h"

namespace support {
namespace {

void must(const OFCondition& condition) {
  if (condition.good()) return;
  std::cerr << "cannot make a test object: " << condition.text() << '\n';
  std::abort();
}

void register_encoders() {
  static const bool once = [] {
    dicom::initialise_dcmtk();
    DJLSEncoderRegistration::registerCodecs();
    DcmRLEEncoderRegistration::registerCodecs();
    return true;
  }();
  (void)once;
}

void fill(DcmDataset& data, int number, const ObjectOptions& options) {
  must(data.putAndInsertString(DCM_SOPClassUID, options.sop_class.c_str()));
  must(data.putAndInsertString(DCM_SOPInstanceUID, instance_uid(number).c_str()));
  must(data.putAndInsertString(DCM_Modality, "MR"));
  must(data.putAndInsertString(DCM_ManufacturerModelName, options.model.c_str()));
  must(data.putAndInsertString(DCM_StudyInstanceUID, kStudyUid));
  must(data.putAndInsertString(DCM_SeriesInstanceUID, kSeriesUid));
  must(data.putAndInsertUint16(DCM_SamplesPerPixel, 1));
  must(data.putAndInsertString(DCM_PhotometricInterpretation, "MONOCHROME2"));
  must(data.putAndInsertUint16(DCM_Rows, static_cast<Uint16>(options.rows)));
  must(data.putAndInsertUint16(DCM_Columns, static_cast<Uint16>(options.columns)));
  must(data.putAndInsertUint16(DCM_BitsAllocated, 16));
  must(data.putAndInsertUint16(DCM_BitsStored, 12));
  must(data.putAndInsertUint16(DCM_HighBit, 11));
  must(data.putAndInsertUint16(DCM_PixelRepresentation, 0));
  std::vector<Uint16> pixels(static_cast<std::size_t>(options.rows) * options.columns);
  for (std::size_t i = 0; i < pixels.size(); ++i)
    pixels[i] = static_cast<Uint16>((i * 37 + static_cast<std::size_t>(number) * 11) % 4096);
  must(data.putAndInsertUint16Array(DCM_PixelData, pixels.data(), pixels.size()));
}

}  // namespace

std::string instance_uid(int number) { return "1.2.826.0.1.3680043.9.1.30." + std::to_string(number); }

dicom::Outgoing make_object(const std::filesystem::path& folder, int number, const ObjectOptions& options) {
  register_encoders();
  DcmFileFormat file;
  fill(*file.getDataset(), number, options);
  const auto syntax = DcmXfer(options.transfer_syntax.c_str()).getXfer();
  must(file.getDataset()->chooseRepresentation(syntax, nullptr));
  const auto path = folder / ("object-" + std::to_string(number) + ".dcm");
  must(file.saveFile(path.c_str(), syntax));
  return {path, options.sop_class, instance_uid(number)};
}

std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::string data_set_of(const std::filesystem::path& file) {
  const std::string bytes = bytes_of(file);
  std::size_t group_length = 0;
  for (std::size_t i = 0; i < 4; ++i)
    group_length |= static_cast<std::size_t>(static_cast<unsigned char>(bytes.at(140 + i))) << (8 * i);
  return bytes.substr(144 + group_length);
}

}  // namespace support
