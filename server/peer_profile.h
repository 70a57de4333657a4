#pragma once
// What a probe of a destination means for its profile. Pure.
#include <string>
#include <vector>

#include "config/profile.h"
#include "dicom/network/probe.h"

namespace server {

// The SOP classes of all result kinds, each once, in sending order: what a probe has to ask about.
[[nodiscard]] std::vector<std::string> sop_classes_sent();

// The widest profile of which the peer takes every object. `configured` decides what cannot be asked over the network:
// whether Parametric Maps are normalised for the peer's viewers.
[[nodiscard]] config::Profile suggested_profile(const dicom::Probe& probe, const config::Profile& configured);

// The kinds of `profile` that will reach the peer in no form, on no rung of the ladder. In sending order.
[[nodiscard]] std::vector<std::string> undeliverable_kinds(const dicom::Probe& probe, const config::Profile& profile);

}  // namespace server
