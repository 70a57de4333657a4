#include "dicom/network/stop_signal.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace dicom {

StopSignal::StopSignal() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

StopSignal::~StopSignal() {
  if (descriptor_ >= 0) close(descriptor_);
}

void StopSignal::request() {
  eventfd_write(descriptor_, 1);  // never read: it wakes whoever waits, and whoever comes to wait
}

bool StopSignal::requested() const {
  pollfd watched{descriptor_, POLLIN, 0};
  return poll(&watched, 1, 0) > 0 && watched.revents == POLLIN;
}

}  // namespace dicom
