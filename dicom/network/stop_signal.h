#pragma once
// Wakes a thread that waits for a peer, so that a shutdown need not wait for it.

namespace dicom {

// Once requested it stays so. Safe from any thread.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  void request();
  [[nodiscard]] bool requested() const;
  // Readable as soon as it was requested; -1 where the system has no descriptors left: nobody is woken then.
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

}  // namespace dicom
