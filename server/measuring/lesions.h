#pragma once
// Who outlined what: the outlines of a study as lesions, each with the readings of its readers.
#include <set>
#include <string>
#include <vector>

#include "dicom/input/roi.h"
#include "server/context.h"

namespace server::measuring {

// One outline of one lesion.
struct Reading {
  int reader = 1;       // 1, 2, …: in the order of their names; names stay out of everything but the reports
  int number = 1;       // of this reader's outlines of this lesion, in the order of their dates
  std::string roi_uid;  // the object that holds it; empty: Herald's own proposal
  dicom::Region region;
};

struct Lesion {
  std::string tracking_id, tracking_uid;
  dicom::Code category, type;
  std::string laterality;         // where every reading that says one says the same
  bool lesion = true;             // false: reference tissue, measured beside it
  bool proposal = false;          // an algorithm's, which nobody has reviewed
  std::vector<Reading> readings;  // never empty, by reader and number

  [[nodiscard]] bool several() const { return readings.size() > 1; }
  [[nodiscard]] int readers() const { return readings.back().reader; }
};

struct Outlines {
  std::vector<dicom::RoiObject> objects;  // their regions have been moved into the lesions
  std::vector<std::string> readers;       // names, by number - 1; "" where an object names nobody
  std::vector<Lesion> lesions;            // by tracking UID's first appearance; empty: nothing could be taken
  std::vector<std::string> remarks;
  std::vector<std::string> refused;  // why something was not taken, in words that name nobody: for the log
  std::set<std::string> drawn_on;    // series whose images the outlines refer to
};

// Reads the outlines with these SOP Instance UIDs. Regions with one Tracking UID are readings of one lesion, whoever
// drew them; a region without one is a lesion of its own. What cannot be read or was proposed by an algorithm and
// reviewed by nobody is left out and said; so is everything that makes one doubt who meant what: outlines under
// different Tracking UIDs that overlap by more than half, sides that disagree.
[[nodiscard]] Outlines read_outlines(Context& context, const std::vector<std::string>& roi_uids);

// The number of the lesion that the models see: the largest one by the mean volume of its readings; nullptr when none
// is marked as one. A single outline that its author did not call a lesion is taken for one, and said.
[[nodiscard]] const Lesion* lesion_for_models(const std::vector<Lesion>& lesions, std::vector<std::string>& remarks);

// "Reader 1" or "Reader 1, reading 2".
[[nodiscard]] std::string reading_label(const Lesion& lesion, const Reading& reading);

}  // namespace server::measuring
