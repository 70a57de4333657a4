#pragma once
// The one way to talk to DCMTK inside dicom/. Included by .cpp files only: no DCMTK type appears in a header of ours.
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dicom/result.h"

namespace dicom {

// Unwinds inside one .cpp; guarded() turns it into a Result at the public function.
struct Failure {
  Error error;
};

[[noreturn]] inline void fail(Fault fault, std::string what) { throw Failure{{fault, std::move(what)}}; }

inline void check(const OFCondition& condition, const char* doing, Fault fault = Fault::Malformed) {
  if (condition.bad()) fail(fault, std::string(doing) + ": " + condition.text());
}

template <class F>
auto guarded(F&& f) -> Result<decltype(f())> {
  try {
    if constexpr (std::is_void_v<decltype(f())>) {
      f();
      return {};
    } else {
      return f();
    }
  } catch (Failure& failure) {
    return tl::unexpected(std::move(failure.error));
  } catch (const std::exception& e) {
    return tl::unexpected(Error{Fault::Malformed, e.what()});
  }
}

// Value `index` of an attribute as text without padding; empty when absent.
inline std::string text(DcmItem& item, const DcmTagKey& tag, unsigned long index = 0) {
  OFString value;
  if (item.findAndGetOFString(tag, value, index).bad()) return {};
  const auto first = value.find_first_not_of(' ');
  if (first == OFString_npos) return {};
  const auto last = value.find_last_not_of(" \0");
  return std::string(value.c_str() + first, last - first + 1);
}

// Value `index` of a numeric attribute (DS, IS, FD, US …); nullopt when absent or not a finite number.
std::optional<double> number(DcmItem& item, const DcmTagKey& tag, unsigned long index = 0);

// One-time set-up: data dictionary, decoders (RLE, JPEG, JPEG-LS), quiet logs, and the first use of DCMTK's writers,
// which is not thread-safe (reference: dicom.md 3, defect 5). Call once before threads start; later calls do nothing.
void initialise_dcmtk();

}  // namespace dicom
