#include "dicom/dcmtk.h"

#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpls/djdecode.h>
#include <dcmtk/oflog/oflog.h>

#include <cmath>
#include <mutex>

namespace dicom {

std::optional<double> number(DcmItem& item, const DcmTagKey& tag, unsigned long index) {
  const std::string value = text(item, tag, index);
  if (value.empty()) return std::nullopt;
  try {
    std::size_t used = 0;
    const double parsed = std::stod(value, &used);
    if (used != value.size() || !std::isfinite(parsed)) return std::nullopt;
    return parsed;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

void initialise_dcmtk() {
  static std::once_flag once;
  std::call_once(once, [] {
    OFLog::configure(OFLogger::FATAL_LOG_LEVEL);  // DCMTK's own messages may print patient data
    if (!dcmDataDict.isDictionaryLoaded())
      fail(Fault::Unsupported, "DCMTK's data dictionary is not installed (package libdcmtk17)");
    DcmRLEDecoderRegistration::registerCodecs();
    DJDecoderRegistration::registerCodecs();
    DJLSDecoderRegistration::registerCodecs();
  });
}

}  // namespace dicom
