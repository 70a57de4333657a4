#pragma once
// A destination that does not answer is left alone: after so many failed associations in a row it counts as down, and
// only a probe at growing intervals goes there until one works. Pure; lives in memory, so that a start tries at once.
#include "storage/outbox.h"

namespace server {

class Breaker {
 public:
  enum class Change { None, WentDown, CameBack };

  Breaker(int failures_until_down, storage::Duration first, storage::Duration longest)
      : failures_until_down_(failures_until_down), first_(first), longest_(longest) {}

  [[nodiscard]] bool is_down() const { return probes_ > 0; }
  // Down, and a probe is due. At most `longest` after the last failure.
  [[nodiscard]] bool is_probe_due(storage::Time now) const { return is_down() && now >= next_probe_; }
  [[nodiscard]] int failures() const { return failures_; }
  [[nodiscard]] storage::Duration wait() const { return wait_; }  // until the next probe, when the last one failed

  // An association failed. `unit`: jitter in [0, 1).
  Change failed(storage::Time now, double unit) {
    ++failures_;
    if (failures_ < failures_until_down_) return Change::None;
    wait_ = storage::backoff(++probes_, first_, longest_, unit);
    next_probe_ = now + wait_;
    return probes_ == 1 ? Change::WentDown : Change::None;
  }
  Change worked() {
    const bool was_down = is_down();
    failures_ = probes_ = 0;
    return was_down ? Change::CameBack : Change::None;
  }

 private:
  int failures_until_down_;
  storage::Duration first_, longest_;
  int failures_ = 0, probes_ = 0;
  storage::Duration wait_{};
  storage::Time next_probe_{};
};

}  // namespace server
