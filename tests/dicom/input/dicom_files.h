#pragma once
// Writes small DICOM files for tests, element by element.
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace dicom_files {

inline void put(DcmItem& item, const DcmTagKey& tag, const std::string& value) {
  ASSERT_TRUE(item.putAndInsertString(DcmTag(tag), value.c_str()).good()) << tag.toString();
}
inline void put_number(DcmItem& item, const DcmTagKey& tag, double value) {
  DcmTag full(tag);
  switch (full.getEVR()) {
    case EVR_US:
    case EVR_xs:
      ASSERT_TRUE(item.putAndInsertUint16(DcmTag(tag, EVR_US), static_cast<Uint16>(value)).good());
      break;
    case EVR_FD:
      ASSERT_TRUE(item.putAndInsertFloat64(full, value).good());
      break;
    default:
      put(item, tag, std::to_string(value));
  }
}
// A private element as it looks after a hop through implicit VR: bytes of unknown meaning.
inline void put_unknown(DcmItem& item, const DcmTagKey& tag, const std::string& bytes) {
  auto element = std::make_unique<DcmOtherByteOtherWord>(DcmTag(tag, EVR_UN));
  ASSERT_TRUE(element->putUint8Array(reinterpret_cast<const Uint8*>(bytes.data()), bytes.size()).good());
  ASSERT_TRUE(item.insert(element.release(), OFTrue).good());
}
inline void put_creator(DcmItem& item, Uint16 group, Uint16 block, const char* creator) {
  ASSERT_TRUE(item.putAndInsertString(DcmTag(group, block, EVR_LO), creator).good());
}
inline DcmItem& add_item(DcmItem& item, const DcmTagKey& sequence) {
  DcmItem* added = nullptr;
  EXPECT_TRUE(item.findOrCreateSequenceItem(DcmTag(sequence), added, -2).good());
  return *added;
}
inline void put_code(DcmItem& item, const DcmTagKey& sequence, const char* value, const char* scheme,
                     const char* meaning) {
  DcmItem& code = add_item(item, sequence);
  put(code, DCM_CodeValue, value);
  put(code, DCM_CodingSchemeDesignator, scheme);
  put(code, DCM_CodeMeaning, meaning);
}

inline void put_identity(DcmDataset& dataset, const char* sop_class, const std::string& uid) {
  put(dataset, DCM_SOPClassUID, sop_class);
  put(dataset, DCM_SOPInstanceUID, uid);
  put(dataset, DCM_StudyInstanceUID, "1.2.3");
  put(dataset, DCM_SeriesInstanceUID, "1.2.3.1");
  put(dataset, DCM_FrameOfReferenceUID, "1.2.3.0");
}

// A spin echo of 2 rows and 4 columns at z = 0, without pixels.
inline void put_mr_header(DcmDataset& dataset, const std::string& uid = "1.2.3.1.1") {
  put_identity(dataset, UID_MRImageStorage, uid);
  put(dataset, DCM_ImageType, "ORIGINAL\\PRIMARY\\M");
  put(dataset, DCM_ScanningSequence, "SE");
  put(dataset, DCM_SequenceVariant, "SK");
  put(dataset, DCM_RepetitionTime, "2000");
  put(dataset, DCM_EchoTime, "10");
  put(dataset, DCM_FlipAngle, "90");
  put(dataset, DCM_SliceThickness, "3");
  put(dataset, DCM_PixelSpacing, "2\\1.5");
  put(dataset, DCM_ImagePositionPatient, "-10\\-20\\0");
  put(dataset, DCM_ImageOrientationPatient, "1\\0\\0\\0\\1\\0");
  put_number(dataset, DCM_Rows, 2);
  put_number(dataset, DCM_Columns, 4);
}

struct PixelFormat {
  int allocated = 16, stored = 16, high_bit = 15;
  bool is_signed = false;
};

inline void put_pixels(DcmDataset& dataset, const std::vector<std::uint16_t>& words, const PixelFormat& format = {}) {
  put_number(dataset, DCM_SamplesPerPixel, 1);
  put(dataset, DCM_PhotometricInterpretation, "MONOCHROME2");
  put_number(dataset, DCM_BitsAllocated, format.allocated);
  put_number(dataset, DCM_BitsStored, format.stored);
  put_number(dataset, DCM_HighBit, format.high_bit);
  put_number(dataset, DCM_PixelRepresentation, format.is_signed ? 1 : 0);
  ASSERT_TRUE(dataset.putAndInsertUint16Array(DcmTag(DCM_PixelData, EVR_OW), words.data(), words.size()).good());
}

inline void save(DcmFileFormat& file, const std::filesystem::path& path,
                 E_TransferSyntax syntax = EXS_LittleEndianExplicit) {
  const bool encapsulated = DcmXfer(syntax).isEncapsulated();
  ASSERT_TRUE(file.saveFile(path.c_str(), encapsulated ? EXS_LittleEndianExplicit : syntax).good());
  if (!encapsulated) return;
  DcmFileFormat saved;  // encoders want pixels that were read from somewhere
  ASSERT_TRUE(saved.loadFile(path.c_str()).good());
  saved.loadAllDataIntoMemory();
  const OFCondition encoded = saved.getDataset()->chooseRepresentation(syntax, nullptr);
  ASSERT_TRUE(encoded.good()) << DcmXfer(syntax).getXferName() << ": " << encoded.text();
  ASSERT_TRUE(saved.saveFile(path.c_str(), syntax).good());
}

}  // namespace dicom_files
