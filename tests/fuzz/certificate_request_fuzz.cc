// A node's request for a certificate (PEM): whatever is in it, what the authority signs has the
// names that it chose and can sign nothing.
#include <openssl/x509v3.h>

#include <string>

#include "common/pki.h"
#include "common/x509.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lighter;
  static const Authority authority = MakeAuthority().value();
  const std::string pem(fuzz::AsText(data, size));
  (void)NotAfter(pem);
  (void)CheckKey(pem, "key");
  const auto issued = IssueCertificate(authority, pem, {"agent.lighter"}, absl::Hours(1));
  if (!issued.ok()) return 0;
  const CertificatePtr certificate = ParseCertificate(*issued, "issued").value();
  REQUIRE(X509_check_ca(certificate.get()) == 0);
  REQUIRE(X509_check_host(certificate.get(), "agent.lighter", 0, 0, nullptr) == 1);
  return 0;
}
