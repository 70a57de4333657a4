// What a peer says to the acceptor, byte by byte. The first byte of the data says how the conversation begins and how
// the node fares meanwhile (Plan); the others are said on one connection, after which the peer hangs up. Whatever it
// was, the connection ends at once and for a known reason, nothing stays in the folder but what was handed over as
// complete, and the node answers the next peer.
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <set>
#include <span>
#include <string>

#include "dicom/network/acceptor.h"
#include "dicom/uid.h"
#include "tests/fuzz/require.h"
#include "tests/support/raw_client.h"
#include "tests/support/temp_folder.h"

// Of an element of a command set DCMTK allocates as many bytes as its length says, untouched, before it looks whether
// they will come: that this fails must do no harm, and that it does not takes AddressSanitizer half a second each.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1:max_allocation_size_mb=64"; }

namespace {

constexpr const char* kImplicit = "1.2.840.10008.1.2";

struct Plan {
  enum class Opening {
    Nothing,     // the data are all that is said
    Associated,  // after a request that is accepted
    Messages,    // likewise, and the data are fragments: context, control, size in two bytes, and the bytes
  };
  explicit Plan(std::uint8_t first)
      : opening(static_cast<Opening>((first & 0x0f) % 3)),
        reporter(first & 0x20),
        full(first & 0x40),
        answers_at_once(first & 0x80) {}

  Opening opening;
  bool reporter;         // the peer may report on commitment, and not store
  bool full;             // there is no room for a file
  bool answers_at_once;  // commitment is reported on the same association
};

class Node final : public dicom::StoreHandler, public dicom::CommitmentHandler {
 public:
  Node() {
    dicom::AcceptorOptions options;
    options.bind_address = "127.0.0.1";
    options.port = 0;
    options.calling_ae_titles = {"SCANNER"};
    options.reporting_ae_titles = {"PACS"};
    options.acse_timeout = options.dimse_timeout = options.idle_timeout = std::chrono::seconds(5);
    auto started = dicom::Acceptor::start(options, *this, this);
    fuzz::require(started.has_value());
    acceptor_ = std::move(*started);
  }

  [[nodiscard]] std::uint16_t port() const { return acceptor_->port(); }
  void prepare(const Plan& plan) {
    const std::lock_guard lock(mutex_);
    full_ = plan.full;
    answers_at_once_ = plan.answers_at_once;
  }
  // After the peer has seen the end of its connection: an association that was opened was so before.
  void wait_until_alone() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_ == 0 && untold_ == 0; });
  }
  void require_whole_files_only() {
    const std::lock_guard lock(mutex_);
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
      fuzz::require(whole_.erase(entry.path()) == 1 && std::filesystem::remove(entry.path()));
    fuzz::require(whole_.empty());
  }

  dicom::Result<std::filesystem::path> new_file(std::uint64_t) override {
    const std::lock_guard lock(mutex_);
    if (full_) return tl::unexpected(dicom::Error{dicom::Fault::Io, "full"});
    return folder_ / std::to_string(++files_);
  }
  dicom::StoreStatus store(dicom::Received received) override {
    for (const auto* uid : {&received.sop_class_uid, &received.sop_instance_uid, &received.transfer_syntax_uid})
      fuzz::require(dicom::is_uid(*uid));
    fuzz::require(received.calling_ae_title == "SCANNER");
    std::ifstream file(received.file, std::ios::binary);
    std::string head(132, '\0');
    fuzz::require(file.read(head.data(), 132) && head.ends_with("DICM"));
    const std::lock_guard lock(mutex_);
    fuzz::require(whole_.insert(received.file).second);
    return dicom::StoreStatus::Success;
  }
  void opened(std::uint64_t, const std::string& calling) override {
    fuzz::require(calling == "SCANNER" || calling == "PACS");
    change(open_, 1);
  }
  void closed(std::uint64_t, const std::string& how) override {
    // A peer that has hung up is waited for by nobody.
    fuzz::require(how == "released" || how == "aborted" || how == "connection lost" || how == "protocol error");
    change(open_, -1);
  }

  std::uint16_t reported(const std::string&, const dicom::CommitmentReport& report) override {
    fuzz::require(dicom::is_uid(report.transaction_uid));
    return 0;
  }
  std::uint16_t asked(const std::string& calling, const dicom::CommitmentRequest& request) override {
    fuzz::require(calling == "SCANNER" && dicom::is_uid(request.transaction_uid) && !request.instances.empty());
    return 0;
  }
  std::optional<dicom::CommitmentReport> report_now(const std::string&, const std::string& transaction_uid) override {
    const std::lock_guard lock(mutex_);
    if (!answers_at_once_) return std::nullopt;
    ++untold_;
    return dicom::CommitmentReport{transaction_uid, {}, {}};
  }
  void told(const std::string&, const dicom::CommitmentReport&, std::optional<std::uint16_t>) override {
    change(untold_, -1);
  }
  void malformed(const std::string&, const std::string&) override {}

 private:
  void change(int& count, int by) {
    const std::lock_guard lock(mutex_);
    count += by;
    fuzz::require(count >= 0);
    changed_.notify_all();
  }

  support::TempFolder folder_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::filesystem::path> whole_;
  bool full_ = false, answers_at_once_ = false;
  int open_ = 0, untold_ = 0, files_ = 0;
  std::unique_ptr<dicom::Acceptor> acceptor_;
};

std::string request_of(const char* calling) {
  return support::associate_request("HERALD", calling,
                                    {{1, "1.2.840.10008.5.1.4.1.1.4", {kImplicit, "1.2.840.10008.1.2.1"}},
                                     {3, "1.2.840.10008.1.1", {kImplicit}},
                                     {5, dicom::kCommitmentClass, {kImplicit}}});
}

std::string fragments(std::string_view data) {
  constexpr std::size_t kHead = 4;
  std::string pdus;
  while (data.size() >= kHead) {
    const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(data[at]); };
    const std::string_view content = data.substr(kHead, static_cast<std::size_t>(byte(2) << 8 | byte(3)));
    pdus += support::data_pdu(byte(0), byte(1), std::string(content));
    data.remove_prefix(kHead + content.size());
  }
  return pdus;
}

std::string said(const Plan& plan, std::string_view data) {
  if (plan.opening == Plan::Opening::Nothing) return std::string(data);
  const std::string request = request_of(plan.reporter ? "PACS" : "SCANNER");
  return request + (plan.opening == Plan::Opening::Messages ? fragments(data) : std::string(data));
}

void require_answers(const Node& node) {
  support::RawClient client(node.port());
  client.send(request_of("SCANNER") + support::data_pdu(3, 3, support::echo_command(1)) + support::release_request());
  fuzz::require(support::contexts_in(client.read_pdu()).size() == 3);
  fuzz::require(support::status_in(client.read_pdu()) == 0);
  fuzz::require(client.read_pdu().starts_with('\6'));
  client.hang_up();
  client.read_to_the_end();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Node node;  // its end joins all threads, so that what is lost is lost by this input
  const Plan plan(data[0]);
  node.prepare(plan);
  {
    support::RawClient client(node.port());
    client.send(said(plan, {reinterpret_cast<const char*>(data) + 1, size - 1}));
    client.hang_up();
    client.read_to_the_end();
  }
  node.wait_until_alone();
  node.require_whole_files_only();
  require_answers(node);
  node.wait_until_alone();
  return 0;
}
