#pragma once
// The kinds of objects that Herald makes, in one table: what each is by SOP class, what a person calls it, in which
// order they are sent, and what takes the place of which where a peer refuses its SOP class. Everything that sends,
// asks or tells about kinds reads this table.
//
// The ladder (reference nodes.md 5, viewers.md 4): a Parametric Map falls back to the MR series, which has its numbers
// and has been sent before it; a report to the same report as Enhanced SR; a PDF page to Secondary Capture. MR series,
// segmentations and lower rungs have nothing below. The job that makes an object makes its lower rungs too; they are
// queued only after the refusal (storage::Outbox::replace).
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.h"
#include "storage/jobs.h"

namespace server {

struct ResultKind {
  std::string_view name;  // as in storage::ResultRow::kind
  std::string_view sop_class_uid;
  std::string_view below;      // the kind that takes its place; empty: none
  std::string_view one, many;  // "report of measurements", "reports of measurements"
};

// A segmentation of several frames, of which one begins within a byte for rows times columns is no multiple of 8, is of
// a kind of its own ("seg_unaligned"), for there are viewers that draw it in the wrong place.

// All kinds, in sending order: maps first, so that what refers to them finds them there.
[[nodiscard]] std::span<const ResultKind> result_kinds();
// nullptr: no such kind.
[[nodiscard]] const ResultKind* find_result_kind(std::string_view name);

// The kind that is sent instead of `name`; empty: none.
[[nodiscard]] std::string_view kind_below(std::string_view name);
// Whether that is still to be sent when `name` is refused, for its turn comes later (all but the MR series).
[[nodiscard]] bool is_replaced_by_something_new(std::string_view name);

// What a destination with this profile is sent as long as it refuses nothing, in sending order.
[[nodiscard]] std::vector<std::string> kinds_sent(const config::Profile& profile);

// Which result kinds each destination wants, in sending order.
[[nodiscard]] std::vector<storage::Delivery> deliveries(const config::Settings& settings);

// The kinds that jobs have to write: what the destinations are sent, and what they may be sent instead. Without
// destinations those of the full profile, for the results stay in the store. Jobs may write more (the float Parametric
// Map is what measuring reads).
[[nodiscard]] std::set<std::string, std::less<>> needed_kinds(const config::Settings& settings);

}  // namespace server
