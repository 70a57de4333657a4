// The acceptor. One thread watches the listening socket; every connection gets a thread of its own, which accepts it
// and reads its association request, so that a client that connects and says nothing holds up nobody else.
//
// (1) DCMTK accepts a connection and reads the association request in one call. The watcher therefore starts the
//     connection's thread while the connection still waits in the queue, and watches again once DCMTK's transport
//     layer says that it was taken.
// (2) DCMTK 3.6.7 can neither bind to one address nor tell which port it got. It listens on a port nobody knows, and
//     its listening socket is then replaced by ours. (Its dcmExternalSocketHandle would do too, but is one for the
//     whole process and not thread-safe.)
//     There is one such listening socket, a door, for plain associations and one for TLS; they share everything else.
// (3) Threads that have ended are joined by the watcher at the next connection, all others by stop().
#include "dicom/network/acceptor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "dicom/dcmtk.h"
#include "dicom/network/association.h"
#include "dicom/network/tls_connection.h"

namespace dicom {
namespace {

// Connections that have not yet said who they are, beside the associations that run. Further ones wait in the kernel's
// queue.
constexpr unsigned kMostStrangers = 64;
constexpr int kQueue = 128;
constexpr std::chrono::seconds kPause{1};  // when the system has no more threads or descriptors

class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_;
};

struct SeatKeeper {
  std::atomic<unsigned>& taken;
  ~SeatKeeper() { --taken; }
};

void check_call(int returned, const std::string& doing) {
  if (returned < 0) fail(Fault::Network, doing + ": " + std::strerror(errno));
}

Descriptor listen_on(const std::string& address, std::uint16_t port) {
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(port);
  where.sin_addr.s_addr = htonl(INADDR_ANY);
  if (!address.empty() && inet_pton(AF_INET, address.c_str(), &where.sin_addr) != 1) {
    fail(Fault::Network, "bind address is not an IPv4 address: " + address);
  }
  const std::string place = (address.empty() ? "any address" : address) + ", port " + std::to_string(port);
  Descriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  check_call(listener.get(), "open a socket");
  const int on = 1;
  check_call(setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "set up the listening socket");
  check_call(bind(listener.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where), "bind to " + place);
  check_call(listen(listener.get(), kQueue), "listen on " + place);
  return listener;
}

std::uint16_t port_of(const Descriptor& listener) {
  sockaddr_in where{};
  socklen_t size = sizeof where;
  check_call(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&where), &size), "read the listening port");
  return ntohs(where.sin_port);
}

struct DropNetwork {
  void operator()(T_ASC_Network* network) const { ASC_dropNetwork(&network); }
};

std::unique_ptr<T_ASC_Network, DropNetwork> open_network(std::chrono::seconds timeout, ConnectionLayer& layer) {
  T_ASC_Network* network = nullptr;
  check(ASC_initializeNetwork(NET_ACCEPTOR, 0, static_cast<int>(timeout.count()), &network), "initialise the network",
        Fault::Network);
  std::unique_ptr<T_ASC_Network, DropNetwork> owned(network);
  check(ASC_setTransportLayer(network, &layer, 0), "set the transport layer", Fault::Network);
  return owned;
}

// Where associations come in, by TLS or without.
struct Door {
  Descriptor listener;
  std::unique_ptr<ConnectionLayer> layer;
  std::unique_ptr<T_ASC_Network, DropNetwork> network;
  std::uint16_t port = 0;
};

class ThreadedAcceptor final : public Acceptor {
 public:
  ThreadedAcceptor(AcceptorOptions options, StoreHandler& handler, CommitmentHandler* commitments);
  ~ThreadedAcceptor() override;
  [[nodiscard]] std::uint16_t port() const override { return plain_ ? plain_->port : 0; }
  [[nodiscard]] std::uint16_t tls_port() const override { return tls_ ? tls_->port : 0; }
  [[nodiscard]] std::optional<Certificate> certificate() const override;
  Result<bool> reload_tls(bool anyway) override { return tls_context_ ? tls_context_->reload(anyway) : false; }
  void stop() override;
  [[nodiscard]] unsigned associations() const override { return associations_; }

 private:
  struct Guest {
    std::uint64_t number = 0;
    std::thread thread;
    bool gone = false;  // guarded by mutex_
  };

  [[nodiscard]] ConnectionLimits limits() const;
  ConnectionEvents events();
  Door open_door(std::uint16_t port, std::unique_ptr<ConnectionLayer> layer) const;

  void watch();
  Door* wait_at_the_doors();
  bool make_room();
  void invite(Door& door);
  void forget_the_gone();
  void attend(Guest& guest, Door& door);
  void host(std::uint64_t number, Door& door);
  void serve_or_reject(Association& association, std::uint64_t number);
  bool take_seat();
  void taken();

  const AcceptorOptions options_;
  StoreHandler& handler_;
  CommitmentHandler* const commitments_;
  Descriptor stop_event_;
  std::unique_ptr<ListenersContext> tls_context_;
  std::optional<Door> plain_, tls_;
  bool plain_was_first_ = false;  // of the watcher: the doors take turns

  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Guest> guests_;        // changed by the watcher only, and by stop() after it
  unsigned present_ = 0;           // guests that are not gone
  std::uint64_t at_the_door_ = 0;  // the guest that is about to accept, see (1); 0: nobody
  bool not_taken_ = false;         // the last guest could not accept
  bool stopping_ = false;
  std::uint64_t last_number_ = 0;  // of the watcher
  std::atomic<unsigned> associations_{0};
  std::mutex stop_mutex_;
  std::thread watcher_;
};

ThreadedAcceptor::ThreadedAcceptor(AcceptorOptions options, StoreHandler& handler, CommitmentHandler* commitments)
    : options_(std::move(options)),
      handler_(handler),
      commitments_(commitments),
      stop_event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  check_call(stop_event_.get(), "open an event descriptor");
  dcmDisableGethostbyaddr.set(OFTrue);  // a name server that is down must not hold up an association
  if (options_.plain) plain_.emplace(open_door(options_.port, std::make_unique<ConnectionLayer>(limits(), events())));
  if (options_.tls) {
    tls_context_ = std::make_unique<ListenersContext>(*options_.tls);
    auto layer = std::make_unique<TlsAcceptingLayer>(limits(), events(), *tls_context_);
    tls_.emplace(open_door(options_.tls->port, std::move(layer)));
  }
  watcher_ = std::thread([this] { watch(); });
}

ConnectionLimits ThreadedAcceptor::limits() const {
  return {.silence = options_.dimse_timeout,
          .stop_descriptor = stop_event_.get(),
          .handshake = options_.acse_timeout,
          .screens_requests = true};
}

ConnectionEvents ThreadedAcceptor::events() {
  return {
      .connected = [this] { taken(); },
      .refused = [this](const std::string& address, const std::string& why) { handler_.tls_refused(address, why); }};
}

Door ThreadedAcceptor::open_door(std::uint16_t port, std::unique_ptr<ConnectionLayer> layer) const {
  Descriptor listener = listen_on(options_.bind_address, port);
  const std::uint16_t given = port_of(listener);
  auto network = open_network(options_.acse_timeout, *layer);
  check_call(dup3(listener.get(), DUL_networkSocket(network->network), O_CLOEXEC),
             "hand over the listening socket");  // (2)
  return {std::move(listener), std::move(layer), std::move(network), given};
}

std::optional<Certificate> ThreadedAcceptor::certificate() const {
  return tls_context_ ? own_certificate(tls_context_->current()) : std::nullopt;
}

ThreadedAcceptor::~ThreadedAcceptor() { stop(); }

void ThreadedAcceptor::stop() {
  const std::lock_guard only_one(stop_mutex_);
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  eventfd_write(stop_event_.get(), 1);  // never read: it wakes whoever waits, and whoever comes to wait
  if (watcher_.joinable()) watcher_.join();
  for (Guest& guest : guests_) guest.thread.join();
  guests_.clear();
  for (const auto* door : {&plain_, &tls_})
    if (*door) shutdown((*door)->listener.get(), SHUT_RDWR);
}

void ThreadedAcceptor::watch() {
  while (Door* const door = wait_at_the_doors()) {
    if (!make_room()) return;
    forget_the_gone();
    invite(*door);
  }
}

// The door at which somebody waits; nullptr: we are to stop.
Door* ThreadedAcceptor::wait_at_the_doors() {
  const auto listener = [](const std::optional<Door>& door) { return door ? door->listener.get() : -1; };
  std::array<pollfd, 3> watched{pollfd{stop_event_.get(), POLLIN, 0}, pollfd{listener(plain_), POLLIN, 0},
                                pollfd{listener(tls_), POLLIN, 0}};
  while (poll(watched.data(), watched.size(), -1) < 0) {
  }
  if (watched[0].revents != 0) return nullptr;
  const bool at_plain = watched[1].revents != 0, at_tls = watched[2].revents != 0;
  plain_was_first_ = at_plain && !(at_tls && plain_was_first_);
  return plain_was_first_ ? &*plain_ : &*tls_;
}

bool ThreadedAcceptor::make_room() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopping_ || present_ < options_.most_associations + kMostStrangers; });
  return !stopping_;
}

void ThreadedAcceptor::invite(Door& door) {
  std::unique_lock lock(mutex_);
  Guest& guest = guests_.emplace_back();
  guest.number = at_the_door_ = ++last_number_;
  try {
    guest.thread = std::thread([this, &guest, &door] { attend(guest, door); });
    ++present_;
    changed_.wait(lock, [this] { return at_the_door_ == 0; });
  } catch (const std::system_error&) {
    guests_.pop_back();
    not_taken_ = true;
  }
  // The connection still waits in the queue: without a pause this would be a busy loop.
  if (std::exchange(not_taken_, false)) changed_.wait_for(lock, kPause, [this] { return stopping_; });
}

void ThreadedAcceptor::forget_the_gone() {
  std::list<Guest> gone;
  {
    const std::lock_guard lock(mutex_);
    for (auto guest = guests_.begin(); guest != guests_.end();) {
      const auto next = std::next(guest);
      if (guest->gone) gone.splice(gone.end(), guests_, guest);
      guest = next;
    }
  }
  for (Guest& guest : gone) guest.thread.join();
}

void ThreadedAcceptor::attend(Guest& guest, Door& door) {
  try {
    host(guest.number, door);
  } catch (const std::exception&) {
    // Out of memory, at most: the association is lost, the node is not. The Association has closed its connection.
  }
  const std::lock_guard lock(mutex_);
  if (at_the_door_ == guest.number) {
    at_the_door_ = 0;
    not_taken_ = true;
  }
  guest.gone = true;
  --present_;
  changed_.notify_all();
}

void ThreadedAcceptor::taken() {
  const std::lock_guard lock(mutex_);
  at_the_door_ = 0;
  changed_.notify_all();
}

void ThreadedAcceptor::host(std::uint64_t number, Door& door) {
  T_ASC_Association* requested = nullptr;
  const OFCondition condition = ASC_receiveAssociation(door.network.get(), &requested, options_.largest_pdu, nullptr,
                                                       nullptr, OFFalse, DUL_NOBLOCK, 0);
  if (condition.bad() || !has_connection(*requested)) {  // not DICOM, silent, gone again, or stopped
    if (requested != nullptr) {
      ASC_dropAssociation(requested);
      ASC_destroyAssociation(&requested);
    }
    return;
  }
  Association association(requested, options_, handler_, commitments_);
  serve_or_reject(association, number);
}

void ThreadedAcceptor::serve_or_reject(Association& association, std::uint64_t number) {
  if (const auto refusal = association.check()) {
    association.reject(*refusal);
  } else if (!take_seat()) {
    association.reject(Refusal::TooManyAssociations);
  } else {
    const SeatKeeper seat{associations_};
    association.serve(number);
  }
}

bool ThreadedAcceptor::take_seat() {
  unsigned seated = associations_;
  while (seated < options_.most_associations) {
    if (associations_.compare_exchange_weak(seated, seated + 1)) return true;
  }
  return false;
}

}  // namespace

Result<std::unique_ptr<Acceptor>> Acceptor::start(AcceptorOptions options, StoreHandler& handler,
                                                  CommitmentHandler* commitments) {
  return guarded([&]() -> std::unique_ptr<Acceptor> {
    initialise_dcmtk();
    return std::make_unique<ThreadedAcceptor>(std::move(options), handler, commitments);
  });
}

}  // namespace dicom
