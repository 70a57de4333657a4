#pragma once
// What an incoming structured report says about a lesion that images do not tell, or that a reader judged: coded
// content only, never free text, never a threshold of ours. What is not in this table is not taken:
//
//   fact         concept name                                                   answers
//   er           LN 16112-5 Estrogen receptor [Interpretation] in Tissue,       pos, neg: SCT 10828004 Positive,
//                85337-4 … in Breast cancer specimen by Immune stain, 40556-3   SCT 260385009 Negative,
//                … in Tissue by Immune stain; DCM 111475 Estrogen receptor      LN LA6576-8, LN LA6577-6
//   pr           LN 16113-3, 85339-0, 40557-1; DCM 111476 Progesterone receptor the same
//   ki67         LN 29593-1 Cells.Ki-67 nuclear Ag/cells in Tissue, 85330-9     a NUM of 0 to 100 in UCUM %
//                … in Breast cancer specimen
//   lesion       DCM 121071 Finding                                             mass: SCT 4147007 Mass
//   shape        SCT 107644003 Shape                                            CID 6004: round SCT 42700002, oval
//                                                                               84360004, irregular 49608001
//   margin       DCM 111037 Margins                                             CID 6006: circumscribed SCT 129738007,
//                                                                               spiculated 129742005; irregular
//                                                                               49608001
//   oedema       SCT 79654002 Edema                                             no, yes: SCT 373067005 No, 373066001
//                                                                               Yes, 272519000 Absent, 52101004 Present
//   tic          any                                                            DCM 130597 Persistent, 130598 Plateau,
//                                                                               130599 Washout delayed phase
//
// and, for every fact of classifier/facts.h, codes of the scheme 99HERALD by their meaning, in any case: the fact's
// name or "Estrogen receptor status", "Progesterone receptor status", "Ki-67", "Lesion type", "Shape", "Margin", "T2
// hyperintensity", "Edema", "Internal enhancement", "Kinetic curve type"; as answer the word of the table above
// ("pos", "nme", "rim") or "positive", "negative", "non-mass enhancement", or a standard answer of the table (of T2
// hyperintensity: those of oedema's No and Yes). No standard codes were found for non-mass
// enhancement, T2 hyperintensity and internal enhancement. A percentage of stained cells (LN 14228-1) is not a status:
// the threshold between them is the pathologist's.
#include <filesystem>
#include <string>
#include <vector>

#include "dicom/result.h"

namespace dicom {

struct StatedFact {
  std::string name, answer;  // as in classifier/facts.h: "er", "pos"; "ki67", "23"
  std::string said_by;       // Person Observer Name, or empty: for the report, never for a log
  std::string said_at;       // Observation DateTime of the item, else Content Date and Time: YYYYMMDDHHMMSS, or empty
  std::string utc_offset;    // of said_at: "+0100", by the item or (0008,0201); empty: local time, nobody says where
  std::string tracking_uid;  // of the measurement group that it stands in; empty: none, or it has no valid one
  bool of_all_lesions = false;  // false: it stands in a group, and a group of another lesion does not say the same
};

// In document order; the same answer to the same question of the same lesion once. Measurement groups, Measurement
// Group (DCM 125007) or whatever has a Tracking Unique Identifier, are of one lesion when they have the same one.
//
// What is stated must be beyond doubt: a report that answers one question in two ways, be it of two lesions, or in one
// way that is in the table and in one that is not ("Equivocal", 0.23 of 1), states nothing of it. Nothing is stated
// where the observers of an item (those of the nearest container around it that names any) are devices only, nor by a
// report whose Completion Flag is PARTIAL, nor by one of Herald's own. Verification is not asked for: most reports that
// readers sign elsewhere are UNVERIFIED.
//
// Empty when the report states nothing. Fault::Unsupported: not a structured report.
[[nodiscard]] Result<std::vector<StatedFact>> read_stated_facts(const std::filesystem::path& sr_file);

}  // namespace dicom
