#include "dicom/network/sender.h"

#include <dcmtk/dcmdata/dcistrmf.h>
#include <dcmtk/dcmdata/dcmetinf.h>
#include <dcmtk/dcmnet/dimse.h>
#include <dcmtk/dcmnet/diutil.h>
#include <dcmtk/dcmnet/dul.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <utility>

#include "dicom/dcmtk.h"
#include "dicom/network/negotiation.h"
#include "dicom/network/requested_association.h"
#include "dicom/network/sop_class.h"
#include "dicom/network/store_status.h"

namespace dicom {
namespace {

// What is known of a file before an association is asked for.
struct Parcel {
  ProposedContext context;          // empty when the file cannot be sent
  std::string transfer_syntax_uid;  // of the file
  std::uint64_t data_set_at = 0;    // offset of the first byte after group 0002
  std::uint64_t end = 0;            // size of the file
  Verdict verdict;                  // of a file that cannot be sent
};

bool is_plain(const std::string& transfer_syntax_uid) {
  return transfer_syntax_uid == UID_LittleEndianExplicitTransferSyntax ||
         transfer_syntax_uid == UID_LittleEndianImplicitTransferSyntax ||
         transfer_syntax_uid == UID_BigEndianExplicitTransferSyntax;
}

// Everything but plain pixels goes as it is or not at all: a lossy or lossless decision is not the sender's.
ProposedContext context_for(const std::string& sop_class_uid, const std::string& transfer_syntax_uid) {
  if (!is_plain(transfer_syntax_uid)) return {sop_class_uid, {transfer_syntax_uid}};
  return {sop_class_uid, {kProposedSyntaxes.begin(), kProposedSyntaxes.end()}};
}

Parcel pack(const Outgoing& outgoing) {
  Parcel parcel;
  DcmInputFileStream stream(outgoing.file.c_str());
  if (stream.status().bad()) {
    parcel.verdict = {Verdict::Kind::Later, -1, "the file cannot be opened"};
    return parcel;
  }
  DcmMetaInfo header;
  header.transferInit();
  const OFCondition condition = header.read(stream, EXS_Unknown, EGL_noChange);
  header.transferEnd();
  parcel.transfer_syntax_uid = text(header, DCM_TransferSyntaxUID);
  if (condition.bad() || parcel.transfer_syntax_uid.empty()) {
    parcel.verdict = {Verdict::Kind::Never, -1, "the file is not a DICOM file"};
    return parcel;
  }
  std::error_code unknown_size;
  parcel.data_set_at = static_cast<std::uint64_t>(stream.tell());
  parcel.end = std::filesystem::file_size(outgoing.file, unknown_size);
  if (unknown_size || parcel.end <= parcel.data_set_at) {
    parcel.verdict = {Verdict::Kind::Never, -1, "the file has no data set"};
    return parcel;
  }
  parcel.context = context_for(outgoing.sop_class_uid, parcel.transfer_syntax_uid);
  return parcel;
}

// Group 0000 of a C-STORE-RQ (PS3.7 9.3.1.1), implicit little endian.
class StoreRequest {
 public:
  StoreRequest(const Outgoing& outgoing, std::uint16_t message) {
    append_uid(0x0002, outgoing.sop_class_uid);
    append_us(0x0100, 0x0001);  // C-STORE-RQ
    append_us(0x0110, message);
    append_us(0x0700, 0x0000);  // priority: medium
    append_us(0x0800, 0x0001);  // a data set follows
    append_uid(0x1000, outgoing.sop_instance_uid);
    std::string all;
    all.swap(bytes_);
    append_head(0x0000, 4);
    append(static_cast<std::uint32_t>(all.size()), 4);
    bytes_ += all;
  }
  [[nodiscard]] std::string& bytes() { return bytes_; }

 private:
  void append(std::uint32_t value, int size) {
    for (int i = 0; i < size; ++i) bytes_.push_back(static_cast<char>(value >> (8 * i)));
  }
  void append_head(std::uint16_t element, std::size_t length) {
    append(0x0000, 2);
    append(element, 2);
    append(static_cast<std::uint32_t>(length), 4);
  }
  void append_us(std::uint16_t element, std::uint16_t value) {
    append_head(element, 2);
    append(value, 2);
  }
  void append_uid(std::uint16_t element, std::string uid) {
    if (uid.size() % 2 != 0) uid.push_back('\0');
    append_head(element, uid.size());
    bytes_ += uid;
  }
  std::string bytes_;
};

void send_fragment(T_ASC_Association& association, DUL_PDV fragment) {
  DUL_PDVLIST list{};
  list.count = 1;
  list.pdv = &fragment;
  check(DUL_WritePDVs(&association.DULassociation, &list), "send", Fault::Network);
}

// The longest fragment the peer takes; an even number, as PS3.8 annex E wants.
std::size_t longest_fragment(const T_ASC_Association& association) { return association.sendPDVLength & ~1ul; }

// The data set goes out as it stands in the file, a fragment at a time.
void send_bytes(T_ASC_Association& association, const Outgoing& outgoing, const Parcel& parcel,
                T_ASC_PresentationContextID context, std::uint16_t message) {
  std::ifstream file(outgoing.file, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(parcel.data_set_at));

  StoreRequest request(outgoing, message);
  send_fragment(association, {request.bytes().size(), context, DUL_COMMANDPDV, OFTrue, request.bytes().data()});
  std::uint64_t left = parcel.end - parcel.data_set_at;
  std::vector<char> buffer(std::min<std::uint64_t>(longest_fragment(association), left));
  while (left > 0) {
    const auto size = std::min<std::uint64_t>(buffer.size(), left);
    if (!file.read(buffer.data(), static_cast<std::streamsize>(size))) fail(Fault::Network, "the file cannot be read");
    left -= size;
    send_fragment(association, {size, context, DUL_DATASETPDV, left == 0, buffer.data()});
  }
}

std::uint16_t receive_status(T_ASC_Association& association, const Peer& peer, std::uint16_t message) {
  T_DIMSE_Message response{};
  T_ASC_PresentationContextID context = 0;
  DcmDataset* detail = nullptr;  // may quote the patient: not looked at
  const OFCondition condition = DIMSE_receiveCommand(
      &association, DIMSE_NONBLOCKING, static_cast<int>(peer.dimse_timeout.count()), &context, &response, &detail);
  delete detail;
  check(condition, "wait for the answer", Fault::Network);
  if (response.CommandField != DIMSE_C_STORE_RSP || response.msg.CStoreRSP.MessageIDBeingRespondedTo != message) {
    fail(Fault::Network, "peer answered something else");
  }
  return response.msg.CStoreRSP.DimseStatus;
}

// Another plain syntax than the file's was agreed upon: DCMTK writes the data set anew. Values stay in the file until
// they are sent.
std::uint16_t send_rewritten(T_ASC_Association& association, const Peer& peer, const Outgoing& outgoing,
                             DcmDataset& data_set, T_ASC_PresentationContextID context, std::uint16_t message) {
  T_DIMSE_C_StoreRQ request{};
  request.MessageID = message;
  request.DataSetType = DIMSE_DATASET_PRESENT;
  request.Priority = DIMSE_PRIORITY_MEDIUM;
  OFStandard::strlcpy(request.AffectedSOPClassUID, outgoing.sop_class_uid.c_str(), sizeof request.AffectedSOPClassUID);
  OFStandard::strlcpy(request.AffectedSOPInstanceUID, outgoing.sop_instance_uid.c_str(),
                      sizeof request.AffectedSOPInstanceUID);
  T_DIMSE_C_StoreRSP response{};
  DcmDataset* detail = nullptr;
  const OFCondition condition =
      DIMSE_storeUser(&association, context, &request, nullptr, &data_set, nullptr, nullptr, DIMSE_NONBLOCKING,
                      static_cast<int>(peer.dimse_timeout.count()), &response, &detail);
  delete detail;
  check(condition, "send", Fault::Network);
  return response.DimseStatus;
}

Verdict not_accepted(const Parcel& parcel) {
  std::string problem = "peer does not accept " + sop_class_name(parcel.context.abstract_syntax);
  if (!is_plain(parcel.transfer_syntax_uid)) problem += " in " + transfer_syntax_name(parcel.transfer_syntax_uid);
  return {Verdict::Kind::Never, -1, std::move(problem), true};
}

Verdict verdict_of(std::uint16_t status) {
  return {classify(status), status,
          status == STATUS_Success ? std::string() : "peer answered " + describe_status(status),
          status == kSopClassNotSupported};
}

Verdict as_verdict(const Error& error) {
  Verdict verdict{error.fault == Fault::Rejected ? Verdict::Kind::Never : Verdict::Kind::Later, -1, error.what};
  verdict.unreachable = error.fault == Fault::Network;
  return verdict;
}

// One sending: the instances of one call, their verdicts, and the association while there is one.
class Shipment {
 public:
  Shipment(const Peer& peer, std::span<const Outgoing> instances,
           const std::function<void(std::size_t, const Verdict&)>& progress, const std::function<bool()>& stop)
      : peer_(peer), instances_(instances), progress_(progress), stop_(stop) {}

  std::vector<Verdict> run() {
    for (const Outgoing& outgoing : instances_) parcels_.push_back(pack(outgoing));
    const auto contexts = wanted_contexts();
    if (!contexts.empty()) {
      const auto done = guarded([&] {
        RequestedAssociation association(peer_, contexts);
        send_all(association);
      });
      if (!done) rest_ = as_verdict(done.error());
    }
    while (verdicts_.size() < instances_.size()) {
      const Parcel& parcel = parcels_[verdicts_.size()];
      give(parcel.context == ProposedContext{} ? parcel.verdict : rest_);
    }
    return std::move(verdicts_);
  }

 private:
  std::vector<ProposedContext> wanted_contexts() const {
    std::vector<ProposedContext> contexts;
    for (const Parcel& parcel : parcels_) {
      const bool wanted = parcel.context != ProposedContext{} &&
                          std::find(contexts.begin(), contexts.end(), parcel.context) == contexts.end();
      if (wanted && contexts.size() < kMostContexts) contexts.push_back(parcel.context);
    }
    return contexts;
  }

  void send_all(RequestedAssociation& association) {
    while (verdicts_.size() < instances_.size()) {
      if (stop_ && stop_()) {
        rest_.problem = "not sent: Herald was told to stop";
        rest_.tried = false;
        return;
      }
      auto sent = guarded([&] { return send_one(association, verdicts_.size()); });
      if (!sent) {
        association.give_up();
        rest_.problem = "not sent: the association had ended before";
        rest_.tried = false;
        give(as_verdict(sent.error()));
        return;
      }
      give(std::move(*sent));
    }
  }

  Verdict send_one(RequestedAssociation& association, std::size_t index) {
    const Outgoing& outgoing = instances_[index];
    const Parcel& parcel = parcels_[index];
    if (parcel.context == ProposedContext{}) return parcel.verdict;
    if (!association.proposed(parcel.context))
      return {Verdict::Kind::Later, -1, "left for another association: too many SOP classes"};
    const auto context = association.accepted(parcel.context);
    if (context.presentationContextID == 0) return not_accepted(parcel);
    const auto message = static_cast<std::uint16_t>(index % 65535 + 1);
    if (context.acceptedTransferSyntax != parcel.transfer_syntax_uid) {
      DcmFileFormat file;
      const bool readable = file.loadFile(outgoing.file.c_str()).good();
      if (!readable) return {Verdict::Kind::Never, -1, "the data set of the file cannot be parsed"};
      return verdict_of(send_rewritten(association.get(), peer_, outgoing, *file.getDataset(),
                                       context.presentationContextID, message));
    }
    send_bytes(association.get(), outgoing, parcel, context.presentationContextID, message);
    return verdict_of(receive_status(association.get(), peer_, message));
  }

  void give(Verdict verdict) {
    verdicts_.push_back(std::move(verdict));
    if (progress_) progress_(verdicts_.size(), verdicts_.back());
  }

  const Peer& peer_;
  const std::span<const Outgoing> instances_;
  const std::function<void(std::size_t, const Verdict&)>& progress_;
  const std::function<bool()>& stop_;
  std::vector<Parcel> parcels_;
  std::vector<Verdict> verdicts_;
  Verdict rest_;  // of the instances that are not reached
};

}  // namespace

std::vector<Verdict> send(const Peer& peer, std::span<const Outgoing> instances,
                          const std::function<void(std::size_t done, const Verdict&)>& progress,
                          const std::function<bool()>& stop) {
  return Shipment(peer, instances, progress, stop).run();
}

Result<void> echo(const Peer& peer) {
  return guarded([&] {
    const ProposedContext verification{UID_VerificationSOPClass, {kProposedSyntaxes.begin(), kProposedSyntaxes.end()}};
    RequestedAssociation association(peer, std::span(&verification, 1));
    if (association.accepted(verification).presentationContextID == 0)
      fail(Fault::Rejected, "peer does not accept verification");
    DIC_US status = 0;
    check(association.echo(peer.dimse_timeout, status), "verification", Fault::Network);
    if (status != STATUS_Success) fail(Fault::Rejected, "peer answered " + describe_status(status));
  });
}

}  // namespace dicom
