#pragma once
// Parts that all result objects share: who the patient is, who made the object, how it gets its UID. Included by .cpp
// files of dicom/output only. Every function unwinds by Failure.
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dicom/dcmtk.h"
#include "dicom/input/code.h"
#include "dicom/output/object.h"

namespace dicom::output {

// The attributes of an image of the source series that our objects repeat (patient, study, frame of reference, scanner,
// technique), text in UTF-8 whatever the image's character set. Pixels are not read.
[[nodiscard]] std::unique_ptr<DcmDataset> read_template(const std::filesystem::path& image);

// A point in time, as its date and its time of day.
struct Moment {
  std::string date, time;
};
// Of YYYYMMDDHHMMSS.
[[nodiscard]] Moment moment(const std::string& datetime);

struct Series {
  std::string modality, uid, description;
  int number = 0;
};

// SOP Common (without the SOP Instance UID), Patient, General Study, Patient Study, General Series and General
// Equipment modules, Contributing Equipment (the scanner and us) and the identification of our private codes.
void put_modules(DcmItem& to, DcmItem& source, const char* sop_class_uid, const Series& series,
                 const Equipment& equipment, const Moment& when);
// Frame of Reference module. A source without one gets its own: nothing is known about its relation to others.
void put_frame_of_reference(DcmItem& to, DcmItem& source);

void put_code(DcmItem& item, const DcmTag& tag, const Code& code);
// Text for a VR of one line: valid UTF-8, no control characters, no backslash (the delimiter of values), at most `most`
// characters.
[[nodiscard]] std::string one_line(std::string_view text, std::size_t most = 64);
// Text for ST, LT and UT: valid UTF-8, line feeds kept, at most `most` characters.
[[nodiscard]] std::string paragraph(std::string_view text, std::size_t most);

// References of one series, in order of first appearance, each instance once.
struct SeriesReferences {
  std::string series_uid;
  std::vector<Reference> instances;
};
// Malformed when a reference lacks a UID.
[[nodiscard]] std::vector<SeriesReferences> by_series(std::span<const Reference> references);

// References to instances of this very study, as items of study, series and instance: the Hierarchical SOP Instance
// Reference Macro (PS3.3 C.17.2.1) under `sequence`. Nothing where there are none.
void put_hierarchy(DcmItem& to, const DcmTag& sequence, std::span<const Reference> references);
// What an image or a Segmentation replaces, where the standard knows no predecessor: Referenced Instance Sequence with
// a purpose of our own.
void put_replaced(DcmItem& to, std::span<const Reference> predecessors);

// "Lesion measurements rev 2 (RESEARCH)", shortened where it must be; the mark is not doubled.
[[nodiscard]] std::string marked_description(const std::string& description, int revision);
// The UID of the series that plays `role` in the study of `source`: other inputs, settings (both in `digest`), version,
// revision: another series.
[[nodiscard]] std::string series_uid_for(const std::string& role, DcmItem& source, const std::string& digest,
                                         const Equipment& equipment, int revision);
// The end of a UID, which keeps the files of series of one kind apart.
[[nodiscard]] std::string file_suffix(const std::string& uid);

// Derives the SOP Instance UID from the bytes of the data set with an empty one, sets it, and writes the file in
// explicit VR little endian with a meta header that is the same on every machine.
[[nodiscard]] Written save(DcmFileFormat& file, const std::filesystem::path& path);

}  // namespace dicom::output
