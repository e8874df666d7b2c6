// Throw-away certificates for tests of mutual TLS.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "common/tls.h"

namespace lighter::support {

// A certificate authority with a P-256 key. Ends the program where OpenSSL fails.
class CertificateAuthority {
 public:
  CertificateAuthority();

  // A certificate for DNS name `name`, or for the address of "IP:127.0.0.1", valid from one hour
  // before now + `from_now` for a day, its new key, and this CA's certificate.
  TlsFiles Issue(const std::string& name, absl::Duration from_now = absl::ZeroDuration()) const;

 private:
  std::shared_ptr<EVP_PKEY> key_;
  std::shared_ptr<X509> certificate_;
};

// Writes ca.crt, tls.crt and tls.key into `folder` (created), as ReadTlsFolder expects them.
void WriteTlsFolder(const TlsFiles& files, const std::string& folder);

}  // namespace lighter::support
