#include "server/conformance.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "dicom/network/commitment.h"
#include "dicom/network/negotiation.h"
#include "dicom/network/query.h"
#include "dicom/network/retrieve.h"
#include "dicom/network/sop_class.h"
#include "dicom/network/store_status.h"
#include "dicom/output/object.h"
#include "dicom/output/quantity.h"
#include "fitting/model.h"
#include "server/delivery.h"
#include "server/markdown.h"
#include "server/result_kinds.h"

// In the order of PS3.2 annex A: introduction, networking (implementation model, application entity, network
// interfaces, configuration), media, character sets, security, annexes.

namespace server {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string in_seconds(std::chrono::seconds time) { return fmt::format("{} s", time.count()); }

std::string in_seconds(std::chrono::milliseconds time) {
  return fmt::format("{:g} s", std::chrono::duration<double>(time).count());
}

std::string named(std::string_view uid) { return dicom::sop_class_name(std::string(uid)); }

// "Explicit VR Little Endian (1.2.840.10008.1.2.1)"
std::string syntax(std::string_view uid) {
  return fmt::format("{} ({})", dicom::transfer_syntax_name(std::string(uid)), uid);
}

template <class Uids>
std::string syntaxes(const Uids& uids) {
  std::string all;
  for (const auto& uid : uids) all += (all.empty() ? "" : ", ") + syntax(uid);
  return all;
}

// ---------------------------------------------------------------------------------------------- 1 to 3

void introduction(Markdown& page, std::string_view version) {
  page.heading(1, "Herald: DICOM conformance statement");
  page.paragraph(fmt::format("Product version: {}", version));
  page.paragraph(fmt::format("**{}.** Every object that Herald writes says so.", dicom::kResearchNotice));
  page.heading(2, "1 Overview");
  page.paragraph(
      "Herald is a DICOM node for quantitative breast MRI. It receives MR examinations by C-STORE, computes maps of "
      "relaxation times, diffusion and enhancement, measures outlined lesions, evaluates nomograms, and sends the "
      "results to one or more destinations by C-STORE. Where a PACS to ask is configured, it finds out by C-FIND what "
      "that has of a study and fetches what is missing by C-MOVE or C-GET.");
  page.table({"Service", "User (SCU)", "Provider (SCP)"}, {{"Verification", "yes", "yes"},
                                                           {"Storage", "yes", "yes"},
                                                           {"Query/Retrieve, study root: FIND, MOVE, GET", "yes", "no"},
                                                           {"Storage Commitment, push model", "yes", "yes"},
                                                           {"Modality Worklist, MPPS, DICOMweb, Media", "no", "no"}});
  page.heading(2, "2 About this statement");
  page.paragraph(
      "It was written by `herald conformance` from the settings of a node and from the tables by which that node "
      "works: "
      "it describes this version with these settings. Conformance does not promise that two systems work together; "
      "`herald probe DESTINATION` asks a receiver what it takes.");
  page.heading(2, "3 Terms");
  page.paragraph(
      "AE: application entity. IOD: information object definition. PDU: protocol data unit. SCU, SCP: user and "
      "provider "
      "of a service. SOP: service-object pair. SR: structured report. TID: template of PS3.16. VR: value "
      "representation.");
}

// ---------------------------------------------------------------------------------------------- 4.1

void implementation_model(Markdown& page, const config::Settings& settings) {
  page.heading(2, "4 Networking");
  page.heading(3, "4.1 Implementation model");
  page.paragraph(
      fmt::format("One application entity, `{}`, with three real-world activities: it **receives** what modalities and "
                  "workstations "
                  "send; it **delivers** results, with one connection per destination; it **asks** a PACS, where "
                  "one is configured.",
                  settings.receive.ae_title));
  page.list({
      "Receiving: each data set is written to disk as it came, bit for bit, before it is acknowledged. Nothing but its "
      "identifiers is looked at until then.",
      "Delivering starts when a job has finished; maps do not wait for the whole study. Maps go first, reports after "
      "the maps that they refer to, pages last.",
      "Asking starts when no image of a study has come for the quiet period.",
  });
  page.paragraph(fmt::format(
      "Sequence: images arrive; {} after the last one the study is looked at; a series without counts counts as "
      "complete after {}; each map is delivered when it has been computed; a SEG, RT Structure Set, SR with "
      "coordinates or "
      "Presentation State with outlines of the study starts the measurement, whose reports are delivered.",
      in_seconds(settings.grouping.settle), in_seconds(settings.grouping.quiet)));
}

// ---------------------------------------------------------------------------------------------- 4.2, receiving

void identification(Markdown& page, const config::Settings& settings) {
  page.heading(3, fmt::format("4.2 Application entity {}", settings.receive.ae_title));
  page.heading(4, "4.2.1 Identification and general policies");
  page.table({"", ""}, {{"Application context", "1.2.840.10008.3.1.1.1"},
                        {"Implementation class UID", std::string(dicom::implementation_class_uid())},
                        {"Implementation version name", std::string(dicom::implementation_version_name())},
                        {"Asynchronous operations", "not supported: one operation at a time"},
                        {"Extended negotiation, user identity", "not supported"},
                        {"Role selection",
                         "proposed for C-GET and, as provider, for reports of storage commitment; accepted as proposed "
                         "for storage commitment"}});
}

std::string callers(const dicom::AcceptorOptions& receive) {
  if (receive.calling_ae_titles.empty())
    return "nobody: none is listed, and all are rejected (permanent, calling AE title)";
  if (receive.calling_ae_titles.front() == "*") return "anybody";
  return fmt::format("{}; others are rejected (permanent, calling AE title)",
                     fmt::join(receive.calling_ae_titles, ", "));
}

void receiving(Markdown& page, const dicom::AcceptorOptions& receive) {
  page.heading(4, "4.2.2 Receiving: association acceptance");
  page.table({"", ""},
             {{"Called AE title", receive.ae_title + "; any other is rejected (permanent, called AE title)"},
              {"Calling AE titles", callers(receive)},
              {"TCP port", receive.plain ? std::to_string(receive.port) : "none without TLS"},
              {"TCP port, by TLS", receive.tls ? std::to_string(receive.tls->port) : "none"},
              {"Associations at a time",
               fmt::format("{}; more are rejected (transient, local limit exceeded)", receive.most_associations)},
              {"Largest PDU received", fmt::format("{} bytes", receive.largest_pdu)},
              {"Time for the association request", in_seconds(receive.acse_timeout)},
              {"Silence within a message", in_seconds(receive.dimse_timeout) + ", then abort"},
              {"Silence between messages", in_seconds(receive.idle_timeout) + ", then abort"}});
  Rows classes{{named(dicom::kVerificationClass), std::string(dicom::kVerificationClass), "SCP"},
               {"every storage SOP class of the standard", std::string(dicom::kStorageRoot) + "*", "SCP"}};
  for (const std::string_view uid : dicom::other_storage_classes())
    classes.push_back({named(uid), std::string(uid), "SCP"});
  classes.push_back({named(dicom::kCommitmentClass), dicom::kCommitmentClass,
                     "SCP, or SCU where the peer proposes the provider's role; in implicit VR little endian only"});
  page.paragraph("Presentation contexts that are accepted (private SOP classes are not):");
  page.table({"SOP class", "UID", "Role"}, classes);
  page.paragraph(
      "Of the transfer syntaxes proposed in a context the first one of this list is accepted. Objects are kept in the "
      "transfer syntax in which they came.");
  Rows rows;
  for (const std::string_view uid : dicom::accepted_transfer_syntaxes())
    rows.push_back({dicom::transfer_syntax_name(std::string(uid)), std::string(uid)});
  page.table({"Transfer syntax", "UID"}, rows);
}

void storage_provider(Markdown& page) {
  page.heading(4, "4.2.3 Receiving: storage");
  page.paragraph(
      "Level 2 (full): all attributes are kept, private ones included; nothing is coerced. An instance that comes "
      "again "
      "with the same content is answered with success; one that comes again with other content is kept beside the "
      "first, which is the one that is used, and success is answered. Statuses of C-STORE:");
  Rows rows;
  for (const dicom::StoreAnswer& answer : dicom::store_answers())
    rows.push_back({fmt::format("{:04X}H", static_cast<unsigned>(answer.status)), answer.when});
  page.table({"Status", "When"}, rows);
  page.paragraph(
      "Computed with are classic, enhanced and legacy converted enhanced MR images, uncompressed or compressed without "
      "loss (RLE, JPEG lossless, JPEG-LS). JPEG 2000 and images compressed with loss are kept and passed over. "
      "Outlines "
      "are read from Segmentation, RT Structure Set, Comprehensive, Comprehensive 3D and Enhanced SR, and Grayscale "
      "Softcopy Presentation State. What is not used is listed with its reason by `herald explain`.");
}

std::string report_in_words(const config::Scanner& scanner) {
  return fmt::format("`{}`: {}, called at {}:{} by {}; first retry after {}, doubled up to {}, given up after {} days",
                     scanner.peer.ae_title,
                     scanner.report_on_same_association ? "on its own association while that is open, else on a new one"
                                                        : "on a new association",
                     scanner.peer.host, scanner.peer.port, scanner.peer.calling_ae_title,
                     in_seconds(scanner.first_retry), in_seconds(scanner.longest_retry),
                     scanner.give_up_after.count() / 24);
}

void commitment_provider(Markdown& page, const config::Settings& settings) {
  page.paragraph(fmt::format(
      "**Storage commitment.** {} N-ACTION is answered with 0000H when the transaction is on disk, with 0110H when it "
      "cannot be written, and with 0115H when its data set cannot be read (at most {} references and {} MiB). The "
      "report "
      "(N-EVENT-REPORT) says of each instance what is true when it is sent: kept is what the index has and whose file "
      "is "
      "there in full length; 0112H: not here, 0119H: here with another SOP class, 0110H: its file is damaged. The "
      "same transaction asked for again is reported again.",
      settings.commitment ? "Whoever may store may ask for it."
                          : "It is switched off: N-ACTION is answered with 0122H.",
      dicom::kMostReferences, dicom::kLargestCommitment >> 20));
  if (settings.scanners.empty()) {
    page.paragraph(
        "No scanner is configured: a report goes on the association that asked for it, and is given up when that was "
        "closed before.");
    return;
  }
  std::vector<std::string> lines;
  for (const config::Scanner& scanner : settings.scanners) lines.push_back(report_in_words(scanner));
  page.paragraph("Reports go to");
  page.list(lines);
}

// ---------------------------------------------------------------------------------------------- 4.2, delivering

const char* verdict_in_words(dicom::Verdict::Kind kind) {
  switch (kind) {
    case dicom::Verdict::Kind::Delivered:
      return "delivered";
    case dicom::Verdict::Kind::Later:
      return "tried again";
    case dicom::Verdict::Kind::Never:
      break;
  }
  return "not tried again";
}

std::string statuses(const dicom::StatusMeaning& row) {
  return row.first == row.last ? fmt::format("{:04X}H", row.first)
                               : fmt::format("{:04X}H to {:04X}H", row.first, row.last);
}

std::string marked(bool yes) { return yes ? "yes" : ""; }

bool sends(const config::Profile& profile, std::string_view kind) {
  const auto kinds = kinds_sent(profile);
  return std::ranges::count(kinds, kind) > 0;
}

void objects_sent(Markdown& page, const config::Settings& settings) {
  page.heading(4, "4.2.4 Delivering: presentation contexts");
  page.paragraph(
      fmt::format("Proposed is one presentation context for each SOP class of the result set, with the transfer "
                  "syntaxes {}, in this order; role SCU. The object files are in the first one, and are "
                  "rewritten where the peer takes only the second.",
                  syntaxes(dicom::kProposedSyntaxes)));
  std::vector<std::string> columns{"Result, in sending order", "SOP class", "UID"};
  for (const config::NamedProfile& named_profile : config::kProfiles) columns.emplace_back(named_profile.name);
  for (const config::Destination& destination : settings.destinations)
    columns.push_back("destination " + destination.name);
  columns.emplace_back("replaced by, where refused");
  Rows rows;
  for (const ResultKind& kind : result_kinds()) {
    std::vector<std::string> row{std::string(kind.many), named(kind.sop_class_uid), std::string(kind.sop_class_uid)};
    for (const config::NamedProfile& named_profile : config::kProfiles)
      row.push_back(marked(sends(named_profile.profile, kind.name)));
    for (const config::Destination& destination : settings.destinations)
      row.push_back(marked(sends(destination.profile, kind.name)));
    const ResultKind* below = find_result_kind(kind.below);
    row.emplace_back(below == nullptr ? std::string_view("nothing") : below->many);
    rows.push_back(std::move(row));
  }
  page.table(columns, rows);
  page.paragraph(
      "A profile is what a destination is sent unless its settings change parts of it. Where a peer accepts no "
      "presentation context for a SOP class, or answers 0122H, all objects of that kind of a result set are replaced "
      "by "
      "those of the last column; what comes after them in the order waits for that.");
}

std::string confirmation_in_words(const config::Confirmation& confirm) {
  std::vector<std::string_view> words;
  for (const config::Confirm by : confirm.by) words.push_back(config::kConfirmWords[static_cast<std::size_t>(by)]);
  return fmt::format("confirmed by {}; asked {} times each, a report is waited for {}, on the same association {}",
                     fmt::join(words, ", then "), confirm.attempts, in_seconds(confirm.timeout),
                     in_seconds(confirm.wait));
}

std::string sentence_about(const config::Destination& d) {
  return fmt::format(
      "`{}`: called {}, calling {}, port {}{}; {}; waits {} for the connection, {} for the association, {} within a "
      "message; "
      "first retry after {}, doubled up to {}, given up after {} days; {}",
      d.name, d.peer.ae_title, d.peer.calling_ae_title, d.peer.port, d.peer.tls ? " by TLS" : "",
      fmt::join(config::in_toml(d.profile), ", "), in_seconds(d.peer.connect_timeout), in_seconds(d.peer.acse_timeout),
      in_seconds(d.peer.dimse_timeout), in_seconds(d.first_retry), in_seconds(d.longest_retry),
      d.give_up_after.count() / 24, confirmation_in_words(d.confirm));
}

void confirming(Markdown& page) {
  page.paragraph(
      "**Confirmation.** By the settings of each destination an object counts as delivered when C-STORE was answered "
      "with success or a warning (`none`, the default), when the peer has committed to it (`commitment`), or when a "
      "query shows it (`find`, C-FIND at image level). Commitment is asked for on an association of its own, with a "
      "new "
      "Transaction UID each time, which is on disk before; the report is taken on the same association for a short "
      "time, "
      "and on associations that the peer opens at any time: its AE title may open them for this alone. Every "
      "N-EVENT-REPORT is answered: 0000H, 0110H for a transaction that is none of ours or cannot be written, 0113H for "
      "an unknown event type, 0115H for a data set that cannot be read. What the peer does not keep is sent again.");
  page.paragraph(
      "A peer that cannot be reached several times in a row counts as down: until C-ECHO finds it back nothing is sent "
      "there.");
}

void delivering(Markdown& page, const config::Settings& settings) {
  page.heading(4, "4.2.5 Delivering: association initiation");
  page.paragraph(fmt::format(
      "One association at a time and destination, for at most {} objects of one study; PDUs of up to {} bytes are "
      "received on it, and those that the peer allows are sent. An association that cannot be opened, and an object "
      "that "
      "may be taken later, are tried again. Nothing undelivered is deleted.",
      kMostPerAssociation, dicom::kLargestPduReceived));
  if (settings.destinations.empty()) {
    page.paragraph("No destination is configured: results stay on the node.");
  } else {
    std::vector<std::string> lines;
    for (const config::Destination& destination : settings.destinations) lines.push_back(sentence_about(destination));
    page.list(lines);
  }
  page.paragraph("What the answers to C-STORE mean (the first row that holds a status):");
  Rows rows;
  for (const dicom::StatusMeaning& row : dicom::status_meanings())
    rows.push_back({statuses(row), row.meaning, verdict_in_words(row.kind)});
  page.table({"Status", "Meaning", "The object is"}, rows);
  page.paragraph(
      "SOP Instance UIDs are derived from the content: sending again sends the same UID with the same content, and "
      "other "
      "content has another UID.");
  confirming(page);
}

// ---------------------------------------------------------------------------------------------- 4.2, asking

const char* method_in_words(config::Query::Method method) {
  switch (method) {
    case config::Query::Method::Move:
      return "C-MOVE";
    case config::Query::Method::Get:
      return "C-GET";
    case config::Query::Method::Off:
      break;
  }
  return "nothing is fetched";
}

void asking(Markdown& page, const config::Settings& settings) {
  page.heading(4, "4.2.6 Asking: query and retrieve");
  page.table({"SOP class", "UID", "Role"}, {{named(dicom::kFindClass), dicom::kFindClass, "SCU"},
                                            {named(dicom::kMoveClass), dicom::kMoveClass, "SCU"},
                                            {named(dicom::kGetClass), dicom::kGetClass, "SCU"}});
  std::string classes;
  for (const char* uid : dicom::fetched_classes()) classes += (classes.empty() ? "" : ", ") + named(uid);
  page.paragraph(
      fmt::format("Queries are at series and image level of one study, by Study Instance UID; asked for are Series "
                  "Instance UID, Series "
                  "Number, Modality, Series Description and Number of Series Related Instances, or SOP Instance UIDs. "
                  "Identifiers are "
                  "in Implicit VR Little Endian. By C-GET are accepted (role SCP): {}; in {}, or compressed in {}.",
                  classes, syntaxes(dicom::kProposedSyntaxes), syntaxes(dicom::fetched_compressed_syntaxes())));
  if (!settings.query) {
    page.paragraph("No PACS to ask is configured: these services are not used.");
    return;
  }
  const config::Query& query = *settings.query;
  page.list({fmt::format("asked is {}, calling {}, port {}{}", query.peer.ae_title, query.peer.calling_ae_title,
                         query.peer.port, query.peer.tls ? " by TLS" : ""),
             fmt::format("fetched by: {}{}", method_in_words(query.method),
                         query.method == config::Query::Method::Move ? " to " + query.move_destination : ""),
             fmt::format("{} attempts, {} apart; at most {} series and {} images of a study at once", query.attempts,
                         in_seconds(query.wait), query.most_series_per_study, query.most_instances_per_study)});
}

// ---------------------------------------------------------------------------------------------- 4.3 to 7

std::string tls_of(const dicom::AcceptorOptions& receive) {
  if (!receive.tls) return "not configured";
  return fmt::format("port {}; a certificate of the client is {}; {} AE titles or certificates bound",
                     receive.tls->port, receive.tls->require_certificate ? "required" : "not required",
                     receive.tls->bindings.size());
}

void interfaces(Markdown& page, const config::Settings& settings) {
  page.heading(3, "4.3 Network interfaces");
  page.paragraph(
      "TCP/IP, version 4 for listening. Host names are resolved by the operating system; AE titles are mapped to hosts "
      "and ports by the settings.");
  page.heading(3, "4.4 Configuration");
  page.paragraph(
      "One file, `herald.toml`, which explains every key; `herald check-config` reads it back. Titles, port, "
      "addresses, "
      "time limits and profiles of this statement are those of that file.");
  page.heading(2, "5 Media interchange");
  page.paragraph("None.");
  page.heading(2, "6 Character sets");
  page.paragraph(
      "Received objects may be in any character set: their bytes are kept. Written objects are in ISO_IR 192 (UTF-8), "
      "to "
      "which the attributes of patient and study are converted.");
  page.heading(2, "7 Security");
  page.paragraph(fmt::format(
      "Associations are accepted and requested in plain TCP, or by TLS according to the {} (PS3.15 B.12), where the "
      "settings say so: TLS 1.2 and 1.3, without compression, renegotiation and resumption. Where TLS is asked for, "
      "there is no fall-back to plain text.",
      dicom::kTlsProfile));
  page.table({"", ""}, {{"Cipher suites, best first", fmt::format("{}", fmt::join(dicom::tls_cipher_suites(), ", "))},
                        {"Groups", fmt::format("{}", fmt::join(dicom::tls_groups(), ", ")) +
                                       "; with DHE those that fit the key, from 2048 bits"},
                        {"Least strength", "112 bits: RSA keys from 2048 bits, no SHA-1 in certificates"},
                        {"Listening", tls_of(settings.receive)},
                        {"Certificates", "X.509 in PEM files; revocation is not asked for"}});
  page.paragraph(
      "A calling AE title may be bound to certificates (by SHA-256 fingerprint, common name or DNS name); it is then "
      "rejected with any other certificate and without TLS (permanent, calling AE title). Titles without a binding can "
      "be claimed by whoever may connect: without TLS, run it in a protected network. The certificate of a peer that "
      "is "
      "called has to be of its host, or of the name that the settings give.");
  page.paragraph(
      "There is no user identity and there are no audit messages. Logs hold UIDs and counts, no patient data. Herald "
      "does not de-identify: results carry the patient's identity of their source.");
}

// ---------------------------------------------------------------------------------------------- 8

void objects(Markdown& page, const config::Settings& settings) {
  page.heading(2, "8 Annexes");
  page.heading(3, "8.1 Written objects");
  page.list({
      fmt::format(
          "Patient and study are those of the source images; each kind of object is a series of its own. "
          "Manufacturer `{}`, Manufacturer's Model Name `{}`, Device Serial Number `{}`. Objects with that model "
          "name are refused on the way in.",
          settings.equipment.manufacturer, dicom::kModelName, settings.equipment.serial),
      fmt::format("The notice \"{}\" or \"(RESEARCH)\" stands in Series Description and in the description or comment "
                  "attributes of each IOD; pages have it burned in.",
                  dicom::kResearchNotice),
      "Map series: MR Image Storage, 16 bit, one image per slice of the source, value = stored value times Rescale "
      "Slope, "
      "with Real World Value Mapping; the unit stands in the Series Description.",
      "Parametric Map: 32 bit floating point, one frame per slice; identity rescale; quantity, unit and method in the "
      "Real "
      "World Value Mapping.",
      "Reports: TID 1500 with TID 1410 groups (measurements) or TID 1411 groups (segments); the nomogram as a text "
      "tree "
      "in which every item has a concept name. Complete, unverified: Herald never signs.",
      "No private attributes and no private SOP classes are written.",
  });
}

Rows code_rows() {
  Rows rows;
  const auto in_words = [](const dicom::Code& code) {
    return fmt::format("({}, {}, \"{}\")", code.value, code.scheme, code.meaning);
  };
  for (const fitting::Model& model : fitting::catalog())
    for (const fitting::Parameter& parameter : model.parameters.first(model.maps)) {
      const dicom::Quantity quantity = dicom::quantity_of(parameter, &model);
      rows.push_back(
          {std::string(model.name), in_words(quantity.quantity), in_words(quantity.unit), in_words(quantity.method)});
    }
  std::ranges::sort(rows);
  return rows;
}

void codes(Markdown& page) {
  page.heading(3, "8.2 Codes");
  page.paragraph("Quantity, unit (UCUM) and Measurement Method of every map:");
  page.table({"Map", "Quantity", "Unit", "Method"}, code_rows());
  const dicom::Code example = dicom::private_code("Voxels");
  page.paragraph(fmt::format(
      "The private coding scheme is `{}`, UID {}, named in the Coding Scheme Identification Sequence of each object "
      "that "
      "uses it. It has a code for every name that no standard scheme has: the methods above, names of statistics, "
      "derived "
      "quantities, answers, and items of the nomogram report. The value of a code follows from its meaning: the first "
      "eight characters of the meaning in capitals, with one underscore for whatever stands between letters and "
      "digits, a "
      "further underscore, and seven digits of a hash of the whole meaning. Equal meanings have equal values, and "
      "other "
      "meanings other ones; for example ({}, {}, \"{}\").",
      dicom::kPrivateScheme, dicom::private_scheme_uid(), example.value, example.scheme, example.meaning));
}

void viewers(Markdown& page) {
  page.heading(3, "8.3 What viewers show");
  page.paragraph("Seen in OHIF 3.12 and 3.13 with these objects; of the others, what their sources and makers say.");
  page.table(
      {"Object", "OHIF", "3D Slicer", "PACS of images"},
      {{"MR map series", "shown, with values under the probe", "shown", "shown"},
       {"Parametric Map, real units", "one colour: choose normalised or off", "shown", "often refused"},
       {"Parametric Map, normalised", "shown as overlay of the map series", "values are 0 to 1", "often refused"},
       {"Segmentation", "shown", "shown", "often refused"},
       {"Report of measurements (TID 1410)", "outlines on the map with their numbers", "table", "stored, rarely shown"},
       {"Report about segments (TID 1411)", "a black viewport: off in the profile ohif", "table",
        "stored, rarely shown"},
       {"Nomogram report", "shown as text", "stored", "stored, rarely shown"},
       {"Page as PDF", "shown", "stored", "usually shown"},
       {"Page as Secondary Capture", "shown", "shown", "shown"}});
}

void limits(Markdown& page, const config::Settings& settings) {
  page.heading(3, "8.4 Limits");
  page.list({
      fmt::format("Below {:g} GiB of free disk new objects are refused with A700H; what is undelivered is not deleted.",
                  static_cast<double>(settings.store.floor_bytes) / (1u << 30)),
      "A Parametric Map is not normalised where rows times columns is no multiple of 4, for OHIF cannot show it.",
      "Storage commitment is given for images by index and length of the file: their bytes are not read once more.",
      "A Segmentation of several frames with broken bytes is one of which a frame begins within a byte (rows times "
      "columns is no multiple of 8) or whose bytes are padded to an even number: OHIF 3.13.2 draws it beside its place "
      "or refuses it, so that it is not sent where Parametric Maps are normalised; the contours of the report are.",
      "A Segmentation that a peer refuses is not replaced: it stays on the node, and `herald outbox` says so.",
  });
  if (settings.store.durability == storage::Durability::Relaxed)
    page.paragraph(
        "**Images are answered with Success when they are with the operating system (`durability = \"relaxed\"`): a "
        "power "
        "cut may lose those of the last seconds.**");
}

}  // namespace

std::string conformance_statement(const config::Settings& settings, std::string_view version) {
  Markdown page;
  introduction(page, version);
  implementation_model(page, settings);
  identification(page, settings);
  receiving(page, settings.receive);
  storage_provider(page);
  commitment_provider(page, settings);
  objects_sent(page, settings);
  delivering(page, settings);
  asking(page, settings);
  interfaces(page, settings);
  objects(page, settings);
  codes(page);
  viewers(page);
  limits(page, settings);
  return page.text();
}

}  // namespace server
