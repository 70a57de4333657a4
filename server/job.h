#pragma once
// Jobs: what a worker does with a row of the queue. Each kind has a file; run_job() picks it by the row's kind.
#include <chrono>
#include <string>
#include <variant>
#include <vector>

#include "dicom/input/instance.h"
#include "fitting/series.h"
#include "server/context.h"

namespace server {

// Where the time of a map went.
struct Spent {
  std::chrono::milliseconds reading{}, aligning{}, fitting{}, writing{};
};

// Objects to deliver; empty for a grouping.
struct JobOutput {
  std::vector<storage::ResultRow> results;
  std::string slot;      // for the log
  Spent spent = {};      // for the log
  std::string left_out;  // maps that this acquisition could have had, and why it has none; empty: all are there
};
using JobOutcome = std::variant<JobOutput, fitting::Refusal>;

// Reads the study's headers, decides what was acquired, queues map and measure jobs, keeps the account for `explain`.
JobOutcome run_group_job(Context& context, const storage::Job& job);
// Reads one acquisition, fits every model that suits it, writes the objects of their maps. The first map of the first
// model has the name of the slot ("dwi": ADC), every further one its parameter's behind it ("dwi_d", "dwi_k").
JobOutcome run_map_job(Context& context, const storage::Job& job);
// Reads the study's outlines and maps, measures, writes what was measured: Segmentation, reports, results page.
JobOutcome run_measure_job(Context& context, const storage::Job& job);
// The same of lesions that an algorithm proposes, marked as unreviewed.
JobOutcome run_propose_job(Context& context, const storage::Job& job);
// Measures likewise, evaluates the recipe's nomograms with the facts of the study, writes report and picture.
JobOutcome run_nomogram_job(Context& context, const storage::Job& job);

// Claims one job that is due and carries it to its end in the queue. False when there was none. Never throws: what
// fails is a row and a log line. `owner` names the process; `lease` must outlast the job or be renewed by the caller's
// heartbeat.
bool run_next_job(Context& context, const std::string& owner);

// The SOP Instance UID in what dicom::image_name() gave.
[[nodiscard]] inline std::string uid_in(const std::string& image_name) {
  return image_name.substr(0, image_name.find('#'));
}

// What a folder of phantoms or test objects asks for: all of these images belong to the first one's study and frame of
// reference.
void take_for_one_study(std::vector<dicom::Instance>& instances);

// Queues a look at the study as it is now. Once for each arrival: a grouping that died is not tried again before
// something else comes.
void queue_grouping(Context& context, const storage::StudyState& study, bool quiet);

}  // namespace server
