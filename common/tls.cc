#include "common/tls.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <ctime>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/file.h"
#include "common/limits.h"
#include "common/status.h"

namespace lighter {
namespace {

constexpr uint64_t kMaxPemBytes = kMiB;

using X509Ptr = std::unique_ptr<X509, decltype(&X509_free)>;
using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free)>;

BioPtr MemoryBio(const std::string& pem) {
  return BioPtr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
}

absl::StatusOr<X509Ptr> ParseCertificate(const std::string& pem, const std::string& path) {
  X509Ptr cert(PEM_read_bio_X509(MemoryBio(pem).get(), nullptr, nullptr, nullptr), &X509_free);
  if (cert == nullptr) return absl::InvalidArgumentError(path + ": not a PEM certificate");
  return cert;
}

std::string TimeText(const ASN1_TIME* time) {
  std::tm tm{};
  if (ASN1_TIME_to_tm(time, &tm) != 1) return "an unreadable time";
  return absl::FormatTime(absl::RFC3339_sec, absl::FromTM(tm, absl::UTCTimeZone()),
                          absl::UTCTimeZone());
}

absl::Status CheckValidNow(X509* cert, const std::string& path) {
  const ASN1_TIME* from = X509_get0_notBefore(cert);
  const ASN1_TIME* until = X509_get0_notAfter(cert);
  if (X509_cmp_current_time(from) < 0 && X509_cmp_current_time(until) > 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(path, ": valid from ", TimeText(from), " until ", TimeText(until),
                   ", this machine's clock says ",
                   absl::FormatTime(absl::RFC3339_sec, absl::Now(), absl::UTCTimeZone()),
                   "; correct the clock or make new certificates"));
}

absl::Status CheckIssuedBy(X509* cert, X509* ca, const std::string& folder) {
  std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)> store(X509_STORE_new(), &X509_STORE_free);
  std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> ctx(X509_STORE_CTX_new(),
                                                                      &X509_STORE_CTX_free);
  X509_STORE_add_cert(store.get(), ca);
  X509_STORE_CTX_init(ctx.get(), store.get(), cert, nullptr);
  if (X509_verify_cert(ctx.get()) == 1) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(folder, ": tls.crt was not issued by ca.crt (",
                   X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx.get())), ")"));
}

}  // namespace

absl::StatusOr<TlsFiles> ReadTlsFolder(const std::string& folder, std::string_view expected_name) {
  const std::string ca_path = folder + "/ca.crt";
  const std::string cert_path = folder + "/tls.crt";
  const std::string key_path = folder + "/tls.key";
  TlsFiles files;
  ASSIGN_OR_RETURN(files.ca, ReadFile(ca_path, kMaxPemBytes));
  ASSIGN_OR_RETURN(files.certificate, ReadFile(cert_path, kMaxPemBytes));
  ASSIGN_OR_RETURN(files.key, ReadFile(key_path, kMaxPemBytes));

  ASSIGN_OR_RETURN(const X509Ptr ca, ParseCertificate(files.ca, ca_path));
  ASSIGN_OR_RETURN(const X509Ptr cert, ParseCertificate(files.certificate, cert_path));
  const KeyPtr key(PEM_read_bio_PrivateKey(MemoryBio(files.key).get(), nullptr, nullptr, nullptr),
                   &EVP_PKEY_free);
  if (key == nullptr) return absl::InvalidArgumentError(key_path + ": not a PEM private key");
  if (X509_check_private_key(cert.get(), key.get()) != 1) {
    return absl::FailedPreconditionError(absl::StrCat(key_path, " does not belong to ", cert_path));
  }
  RETURN_IF_ERROR(CheckValidNow(cert.get(), cert_path));
  RETURN_IF_ERROR(CheckIssuedBy(cert.get(), ca.get(), folder));
  const std::string name(expected_name);
  if (X509_check_host(cert.get(), name.data(), name.size(), 0, nullptr) != 1) {
    return absl::FailedPreconditionError(
        absl::StrCat(cert_path, ": does not carry the DNS name ", name));
  }
  return files;
}

std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(const TlsFiles& files) {
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = files.ca;
  options.pem_key_cert_pairs.push_back({files.key, files.certificate});
  return grpc::SslServerCredentials(options);
}

std::shared_ptr<grpc::ChannelCredentials> MakeChannelCredentials(const TlsFiles& files) {
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = files.ca;
  options.pem_private_key = files.key;
  options.pem_cert_chain = files.certificate;
  return grpc::SslCredentials(options);
}

absl::Status CheckPeerName(const grpc::AuthContext& context, std::string_view name) {
  if (context.IsPeerAuthenticated()) {
    for (const grpc::string_ref& san :
         context.FindPropertyValues("x509_subject_alternative_name")) {
      if (std::string_view(san.data(), san.size()) == name) return absl::OkStatus();
    }
  }
  return absl::PermissionDeniedError(
      absl::StrCat("the peer's certificate does not carry the DNS name ", ToAbsl(name)));
}

}  // namespace lighter
