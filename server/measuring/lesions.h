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

// What those who drew an outline say that it is: something else, nothing, or a lesion.
enum class Meaning { Other, Unsaid, Lesion };

struct Lesion {
  std::string tracking_id, tracking_uid;
  dicom::Code category, type;     // Tissue where nobody says what it is and it is not taken for a lesion
  std::string laterality;         // where every reading that says one says the same
  bool lesion = true;             // false: reference tissue, or one of several of which nobody says what they are;
                                  // measured beside it
  bool proposal = false;          // an algorithm's, which nobody has reviewed
  std::vector<Reading> readings;  // never empty, by reader and number
  Meaning meaning = Meaning::Lesion;
  bool same_as_larger = false;  // overlaps a larger lesion by more than half: probably the same one

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
//
// Which of them are lesions: those that are coded as one (category Morphologically Abnormal Structure; type or finding
// Neoplasm, Lesion or Mass; RT ROI Interpreted Type GTV). Where there are none, the only outline of which nobody says
// what it is (no codes, as in presentation states, or Tissue, which viewers write unasked) is taken for one, and said;
// of several such ones none is, and that is said. Whatever is called something else never is: an organ, reference
// tissue, EXTERNAL, SUPPORT, and the CTV and PTV, which are a tumour with a margin around it.
[[nodiscard]] Outlines read_outlines(Context& context, const std::vector<std::string>& roi_uids);

// The lesion that the models see: the largest one by the mean volume of its readings; nullptr when there is none.
[[nodiscard]] const Lesion* lesion_for_models(const std::vector<Lesion>& lesions, std::vector<std::string>& remarks);

// How many lesions there are: two of which one is the `same_as_larger` count once.
[[nodiscard]] std::size_t distinct_lesions(const std::vector<Lesion>& lesions);

// "Reader 1" or "Reader 1, reading 2".
[[nodiscard]] std::string reading_label(const Lesion& lesion, const Reading& reading);

}  // namespace server::measuring
