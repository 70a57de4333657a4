#pragma once
// An OpenSSL certificate as people see it. For the .cpp files of this folder only: OpenSSL types appear.
#include <openssl/x509.h>

#include "dicom/network/tls.h"

namespace dicom {

[[nodiscard]] Certificate describe(X509& certificate);

}  // namespace dicom
