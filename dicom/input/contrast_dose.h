#pragma once
// The dose of contrast agent that a header tells, mmol per kg of body weight. Internal to dicom/input.
#include <optional>
#include <string>

#include "dicom/dcmtk.h"

namespace dicom {

struct ContrastDose {
  std::optional<double> mmol_per_kg;
  std::string why;  // how it was derived, or why it is not known; no identity, no weight
};

// volume x concentration / Patient's Weight, from the attributes of a classic header (enhanced ones are translated):
//
//   volume         (0018,1044) Total Dose, the undiluted agent in ml; without it (0018,1041) Volume, taken as undiluted
//   concentration  that of the label of the agent which (0018,0010), (0018,0012) or (0018,1048) names; or, of an agent
//                  that is not known by name but is said to be gadolinium, (0018,1049) in mg of it per ml, where that
//                  is 0.25, 0.5 or 1 mmol/ml
//   weight         (0010,1030)
//
// Nothing is guessed: two agents, a concentration that contradicts the agent's, a total dose above the volume, values
// that no patient gets (volume outside 1..60 ml, weight outside 25..250 kg, dose outside 0.01..0.5 mmol/kg) make it
// unknown.
[[nodiscard]] ContrastDose contrast_dose(DcmItem& item);

}  // namespace dicom
