#pragma once
// The images that a map was made of, read again: by a map job, and by a measurement that looks at the signal itself.
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "dicom/input/acquisition.h"
#include "server/context.h"

namespace server {

// What image_name() gave of images that are here. Throws a Failure when one of them is not here any more, or no
// longer as it came (it is in quarantine then).
[[nodiscard]] std::vector<dicom::Instance> read_named(Context& context, const nlohmann::json& names);

// Some volumes and some neighbouring slices of an acquisition, in their order: what load_series() makes of it is that
// part of the whole.
[[nodiscard]] dicom::Acquisition part_of(const dicom::Acquisition& acquisition, const std::vector<std::size_t>& volumes,
                                         int first_slice, int slices);

// The acquisition of a map job as it was when the job ran. A Refusal when these images form several.
struct ReadAgain {
  std::vector<dicom::Instance> instances;
  dicom::Acquisition acquisition;
};
[[nodiscard]] std::variant<ReadAgain, fitting::Refusal> read_again(Context& context, const nlohmann::json& payload);

// What a map job was told. Throws a Failure when it is not here any more.
[[nodiscard]] nlohmann::json payload_of_map(Context& context, std::int64_t map_job);

// When the agent arrives, on the clock of the series: as the headers say, else as the images show.
[[nodiscard]] std::variant<double, fitting::Refusal> arrival_in(const fitting::Series& series,
                                                                const dicom::Acquisition& dynamic);

}  // namespace server
