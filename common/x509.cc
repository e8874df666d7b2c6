#include "common/x509.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <array>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace lighter {
namespace {

// OpenSSL would ask at the terminal otherwise.
int NoPassphrase(char*, int, int, void*) { return -1; }

template <typename Pointer, typename Read>
absl::StatusOr<Pointer> ParsePem(const std::string& pem, Read read, std::string_view what,
                                 std::string_view kind) {
  Pointer object(read(ReadBio(pem).get(), nullptr, &NoPassphrase, nullptr));
  ERR_clear_error();
  if (object == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(ToAbsl(what), ": not a PEM ", ToAbsl(kind)));
  }
  return object;
}

template <typename Write>
absl::StatusOr<std::string> WritePem(Write write) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr || write(bio.get()) != 1) return OpensslError("write PEM");
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_sec, time, absl::UTCTimeZone());
}

}  // namespace

absl::Status OpensslError(std::string_view what) {
  std::array<char, 256> reason{};
  ERR_error_string_n(ERR_peek_last_error(), reason.data(), reason.size());
  ERR_clear_error();
  return absl::InternalError(absl::StrCat(ToAbsl(what), ": ", reason.data()));
}

BioPtr ReadBio(const std::string& pem) {
  return BioPtr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

absl::StatusOr<CertificatePtr> ParseCertificate(const std::string& pem, std::string_view what) {
  return ParsePem<CertificatePtr>(pem, &PEM_read_bio_X509, what, "certificate");
}

absl::StatusOr<KeyPtr> ParseKey(const std::string& pem, std::string_view what) {
  return ParsePem<KeyPtr>(pem, &PEM_read_bio_PrivateKey, what, "private key");
}

absl::StatusOr<RequestPtr> ParseRequest(const std::string& pem, std::string_view what) {
  return ParsePem<RequestPtr>(pem, &PEM_read_bio_X509_REQ, what, "certificate request");
}

CertificatePtr NextCertificate(BIO* bio) {
  CertificatePtr certificate(PEM_read_bio_X509(bio, nullptr, &NoPassphrase, nullptr));
  ERR_clear_error();
  return certificate;
}

absl::StatusOr<std::string> ToPem(X509* certificate) {
  return WritePem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}

absl::StatusOr<std::string> ToPem(EVP_PKEY* key) {
  return WritePem([&](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

absl::StatusOr<std::string> ToPem(X509_REQ* request) {
  return WritePem([&](BIO* bio) { return PEM_write_bio_X509_REQ(bio, request); });
}

absl::Time ToAbslTime(const ASN1_TIME* time) {
  std::tm tm{};
  if (ASN1_TIME_to_tm(time, &tm) != 1) return absl::InfiniteFuture();
  return absl::FromTM(tm, absl::UTCTimeZone());
}

absl::Status CheckValidity(const X509* certificate, std::string_view what, absl::Time now) {
  const absl::Time from = ToAbslTime(X509_get0_notBefore(certificate));
  const absl::Time until = ToAbslTime(X509_get0_notAfter(certificate));
  if (from < now && now < until) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(ToAbsl(what), ": valid from ", TimeText(from), " until ", TimeText(until),
                   ", this machine's clock says ", TimeText(now),
                   "; correct the clock or make new certificates"));
}

}  // namespace lighter
