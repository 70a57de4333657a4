// The account as a colleague would put it: what the study holds, acquisition by acquisition, with what speaks for each
// and what became of it; then what is missing, what was passed over and what went wrong.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "server/explain.h"
#include "server/pacs_evidence.h"
#include "server/result_kinds.h"

namespace server {
namespace {

using nlohmann::json;

std::string joined(const json& list, std::string_view separator = ", ") {
  std::string out;
  for (const json& item : list) {
    if (!out.empty()) out += separator;
    out += item.is_string() ? item.get<std::string>() : item.dump();
  }
  return out;
}

std::string counted(std::size_t n, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", n, n == 1 ? one : many);
}

class Words {
 public:
  explicit Words(const json& account) : account_(account) {}

  std::string all() {
    add(0, fmt::format("Study {}: {}, recipe {}.", account_.at("study").get<std::string>(),
                       counted(account_.at("instances").get<std::size_t>(), "file", "files"),
                       account_.value("recipe", "not asked yet")));
    if (!account_.contains("acquisitions")) {
      add(1, "Not looked at yet: images are arriving, or its grouping is waiting for a worker.");
      return out_;
    }
    const auto files = account_.at("instances").get<std::size_t>(), seen = account_.value("files", files);
    if (files > seen) add(1, counted(files - seen, "file has", "files have") + " arrived since it was looked at last.");
    for (const json& line : account_.at("acquisitions")) acquisition(line);
    if (account_.at("acquisitions").empty()) add(1, "No set of these images can be fitted.");
    missing();
    outlines();
    facts();
    reports();
    passed_over();
    trouble();
    deliveries();
    return out_;
  }

 private:
  void add(int depth, const std::string& text) {
    out_ += std::string(static_cast<std::size_t>(depth) * 2, ' ') + text + "\n";
  }

  // --- an acquisition

  void acquisition(const json& line) {
    const std::string slot = line.at("slot").get<std::string>();
    const std::string contrast = line.at("contrast").get<std::string>(), time = line.value("time", "");
    out_ += "\n";
    add(1, fmt::format("{}: {}{}{}", slot.empty() ? "No slot" : slot,
                       line.value("title", line.at("kind").get<std::string>()),
                       contrast == "unknown" ? "" : ", " + contrast + " contrast",
                       time.empty() ? "" : ", acquired at " + time));
    volumes(line.value("volumes", json::array()));
    for (const char* list : {"evidence", "reasons"})
      for (const json& sentence : line.at(list)) add(2, sentence.get<std::string>());
    for (const json& sentence : line.at("notes")) add(2, "Note: " + sentence.get<std::string>() + ".");
    if (const std::string closed = line.value("closed_by", ""); !closed.empty()) add(2, "Complete: " + closed + ".");
    revision(line);
    add(2, fate(line));
    results_of(line);
  }

  // One line for the volumes that one series holds, however many.
  void volumes(const json& list) {
    for (std::size_t first = 0; first < list.size();) {
      std::size_t end = first + 1;
      std::size_t images = list[first].at("images").get<std::size_t>();
      while (end < list.size() && list[end].at("series") == list[first].at("series"))
        images += list[end++].at("images").get<std::size_t>();
      const std::string name = list[first].at("name").get<std::string>();
      add(2,
          fmt::format("- {}: series {}{}, {}",
                      end - first == 1 ? name
                                       : fmt::format("{} to {} ({})", name, list[end - 1].at("name").get<std::string>(),
                                                     counted(end - first, "volume", "volumes")),
                      joined(list[first].at("series")), quoted(list[first].at("descriptions")),
                      counted(images, "image", "images")));
      first = end;
    }
  }

  static std::string quoted(const json& descriptions) {
    const std::string text = joined(descriptions, "\", \"");
    return text.empty() ? "" : " \"" + text + "\"";
  }

  // A set of images that grew or changed after its maps had been made.
  void revision(const json& line) {
    if (const int number = line.value("revision", 1); number > 1)
      add(2, fmt::format("Revision {}: further images came after its maps had been made; those are replaced.", number));
  }

  const json* job_of(const json& line) const {
    if (!line.contains("job_key")) return nullptr;
    const auto found = std::find_if(account_.at("jobs").begin(), account_.at("jobs").end(),
                                    [&](const json& job) { return job.at("key") == line.at("job_key"); });
    return found == account_.at("jobs").end() ? nullptr : &*found;
  }

  std::string fate_of_job(const json& job) const {
    const std::string state = job.at("state").get<std::string>(), reason = job.value("reason", "");
    const std::string name = fmt::format("job {}", job.at("id").get<std::int64_t>());
    if (state == "done")
      return "Computed (" + name + (reason.empty() ? ")." : "), but not everything: " + reason + ".");
    if (state == "refused") return "Not computed (" + name + "): " + reason + ".";
    if (state == "dead")
      return fmt::format("Failed {} ({}): {}.", counted(job.at("attempts").get<std::size_t>(), "time", "times"), name,
                         reason);
    if (account_.value("dry_run", false)) return "It would be computed.";
    if (state == "running") return "Being computed (" + name + ").";
    return "Waiting for a worker (" + name + ")" + (reason.empty() ? "." : ", after: " + reason + ".");
  }

  std::string fate(const json& line) const {
    if (const json* job = job_of(line)) return fate_of_job(*job);
    if (line.contains("kept")) return "Kept as it is: nothing of it is computed.";
    if (const std::string why = line.value("refused", ""); !why.empty()) return "Not computed: " + why + ".";
    if (const std::string what = line.value("waiting_for", ""); !what.empty()) return "Waiting for " + what + ".";
    return "No decision yet.";
  }

  // The objects of this acquisition's job, map by map.
  void results_of(const json& line) {
    const json* job = job_of(line);
    if (job == nullptr) return;
    std::map<std::string, std::map<std::string, int>> by_slot;
    for (const json& result : account_.at("results"))
      if (result.at("job") == job->at("id"))
        by_slot[result.at("slot").get<std::string>()][result.at("kind").get<std::string>()] +=
            result.at("objects").get<int>();
    for (const auto& [slot, kinds] : by_slot) {
      std::string list;
      for (const auto& [kind, objects] : kinds) list += (list.empty() ? "" : ", ") + object_name(kind, objects);
      add(3, fmt::format("{}: {}", slot, list));
    }
  }

  static std::string object_name(const std::string& kind, int objects) {
    const auto n = static_cast<std::size_t>(objects);
    if (kind == "mr_map") return "MR series of " + counted(n, "image", "images");
    const ResultKind* known = find_result_kind(kind);
    if (known == nullptr) return fmt::format("{} {}", n, kind);
    return counted(n, known->one, known->many);
  }

  // --- the rest

  void title(const std::string& text) {
    out_ += "\n";
    add(1, text);
  }

  void missing() {
    const json& empty = account_.at("empty_required");
    const std::vector<std::string> asked = inquiry_in_words(account_.value("pacs", json()));
    if (empty.empty() && asked.empty()) return;
    out_ += "\n";
    if (!empty.empty())
      add(1, "Missing: the recipe needs " + joined(empty) + ", and nothing here fills " +
                 (empty.size() == 1 ? "it." : "them."));
    for (const std::string& sentence : asked) add(1, sentence);
  }

  static std::string outline_name(const json& line) {
    if (line.contains("proposal")) return "nobody has outlined a lesion; one is proposed";
    const json& uids = line.at("instances");
    return uids.size() == 1 ? uids.front().get<std::string>() : counted(uids.size(), "outline", "outlines");
  }

  void outline(const json& line) {
    add(2, fmt::format("{}: {}", outline_name(line), fate(line)));
    if (line.contains("nomogram_job_key")) add(2, "nomogram: " + fate({{"job_key", line.at("nomogram_job_key")}}));
  }

  // Names alone: what they say is the reports' business.
  void facts() {
    const json names = account_.value("facts", json::array());
    if (!names.empty()) add(1, "Facts stated: " + joined(names) + ".");
  }

  void outlines() {
    if (account_.at("rois").empty()) return;
    title("Outlines:");
    for (const json& line : account_.at("rois")) outline(line);
  }

  void reports() {
    for (const json& result : account_.at("results")) {
      if (!result.at("slot").get<std::string>().empty()) continue;
      add(2, object_name(result.at("kind").get<std::string>(), result.at("objects").get<int>()));
    }
  }

  void passed_over() {
    if (account_.at("passed_over").empty()) return;
    title("Passed over:");
    for (const json& line : account_.at("passed_over")) {
      const std::string description = line.at("description").get<std::string>();
      add(2, fmt::format("series {}{}, {}: {}", line.at("series_number").get<int>(),
                         description.empty() ? "" : " \"" + description + "\"",
                         counted(line.at("images").get<std::size_t>(), "image", "images"),
                         line.at("reason").get<std::string>()));
    }
  }

  void trouble() {
    if (account_.at("unreadable").empty() && account_.at("incidents").empty()) return;
    title("Trouble:");
    for (const json& line : account_.at("unreadable"))
      add(2, fmt::format("{} cannot be read: {}", line.at("instance").get<std::string>(),
                         line.at("reason").get<std::string>()));
    std::map<std::pair<std::string, std::string>, std::size_t> incidents;
    for (const json& line : account_.at("incidents"))
      ++incidents[{line.at("kind").get<std::string>(), line.at("reason").get<std::string>()}];
    for (const auto& [incident, times] : incidents)
      add(2, incident.first + ": " + incident.second +
                 (times == 1 ? "" : fmt::format(" ({})", counted(times, "file", "files"))));
  }

  void deliveries() {
    const json list = account_.value("deliveries", json::array());
    if (list.empty()) return;
    title("Sent:");
    for (const json& line : list)
      add(2, fmt::format("{} {} {}{}{}", counted(line.at("objects").get<std::size_t>(), "object", "objects"),
                         delivery_state(line.at("state").get<std::string>()), line.at("destination").get<std::string>(),
                         confirmation(line),
                         line.contains("problem") ? ": " + line.at("problem").get<std::string>() : ""));
  }
  static std::string delivery_state(const std::string& state) {
    return state == "replaced" ? "replaced for" : state == "sent" ? "stored by" : state + " to";
  }
  static std::string confirmation(const json& line) {
    if (line.at("state") == "sent") return ", not confirmed yet";
    const std::string proof = line.value("proof", "");
    return proof == "commitment" ? ", which has committed to keep them"
           : proof == "find"     ? ", where a query shows them"
                                 : "";
  }

  const json& account_;
  std::string out_;
};

}  // namespace

std::string explain_in_words(const nlohmann::json& account) { return Words(account).all(); }

}  // namespace server
