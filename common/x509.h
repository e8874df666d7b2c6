// Owned OpenSSL objects, PEM in and out, and what one certificate says of itself: what
// common/pki (makes certificates) and common/tls (checks and uses them) both stand on.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace lighter {

// Deletes with OpenSSL's function for the type.
template <auto Free>
struct OpensslFree {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using BioPtr = std::unique_ptr<BIO, OpensslFree<&BIO_free>>;
using CertificatePtr = std::unique_ptr<X509, OpensslFree<&X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, OpensslFree<&EVP_PKEY_free>>;
using RequestPtr = std::unique_ptr<X509_REQ, OpensslFree<&X509_REQ_free>>;

// "what: <OpenSSL's words>", Internal. Empties OpenSSL's error queue, which every function here
// leaves empty: a thread's next TLS call would take what lies there for its own.
absl::Status OpensslError(std::string_view what);

// A read-only BIO over `pem`, which must outlive it. Several blocks are read one after the other.
BioPtr ReadBio(const std::string& pem);

// The first such block of `pem`. Encrypted blocks are refused, never asked a passphrase for.
// InvalidArgument ("what: not a PEM certificate" and so on) where there is none.
absl::StatusOr<CertificatePtr> ParseCertificate(const std::string& pem, std::string_view what);
absl::StatusOr<KeyPtr> ParseKey(const std::string& pem, std::string_view what);
absl::StatusOr<RequestPtr> ParseRequest(const std::string& pem, std::string_view what);
// The next certificate of `bio`; null where no other one follows.
CertificatePtr NextCertificate(BIO* bio);

absl::StatusOr<std::string> ToPem(X509* certificate);
absl::StatusOr<std::string> ToPem(EVP_PKEY* key);  // PKCS#8, unencrypted
absl::StatusOr<std::string> ToPem(X509_REQ* request);

// The epoch's end (InfiniteFuture) for a time that cannot be read.
absl::Time ToAbslTime(const ASN1_TIME* time);

// FailedPrecondition, with both clocks, where `certificate` is not valid at `now`; `what` names it.
absl::Status CheckValidity(const X509* certificate, std::string_view what, absl::Time now);

}  // namespace lighter
