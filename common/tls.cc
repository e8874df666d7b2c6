#include "common/tls.h"

#include <grpcpp/security/tls_credentials_options.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/limits.h"
#include "common/status.h"
#include "common/x509.h"

namespace lighter {
namespace {

constexpr char kCaFile[] = "/ca.crt";
constexpr char kCertificateFile[] = "/tls.crt";
constexpr char kKeyFile[] = "/tls.key";
constexpr unsigned kReloadSeconds = 1;

absl::Status CheckIssuedBy(X509* certificate, X509* ca, const std::string& folder, absl::Time now) {
  const std::unique_ptr<X509_STORE, OpensslFree<&X509_STORE_free>> store(X509_STORE_new());
  const std::unique_ptr<X509_STORE_CTX, OpensslFree<&X509_STORE_CTX_free>> context(
      X509_STORE_CTX_new());
  X509_STORE_add_cert(store.get(), ca);
  X509_STORE_CTX_init(context.get(), store.get(), certificate, nullptr);
  X509_STORE_CTX_set_time(context.get(), 0, absl::ToTimeT(now));
  const bool verified = X509_verify_cert(context.get()) == 1;
  ERR_clear_error();
  if (verified) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(folder, "tls.crt was not issued by ", folder, "ca.crt (",
                   X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get())), ")"));
}

}  // namespace

std::string NodeTlsName(const std::string& node) {
  return absl::StrCat(node, ".", ToAbsl(kAgentTlsName));
}

std::vector<std::string> AgentTlsNames(const std::string& node) {
  std::vector<std::string> names = {std::string(kAgentTlsName)};
  if (!node.empty()) names.push_back(NodeTlsName(node));
  return names;
}

absl::Status CheckTlsFiles(const TlsFiles& files, const std::vector<std::string>& names,
                           const std::string& folder, absl::Time now) {
  ASSIGN_OR_RETURN(const CertificatePtr ca, ParseCertificate(files.ca, folder + "ca.crt"));
  ASSIGN_OR_RETURN(const CertificatePtr certificate,
                   ParseCertificate(files.certificate, folder + "tls.crt"));
  ASSIGN_OR_RETURN(const KeyPtr key, ParseKey(files.key, folder + "tls.key"));
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    ERR_clear_error();
    return absl::FailedPreconditionError(
        absl::StrCat(folder, "tls.key does not belong to ", folder, "tls.crt"));
  }
  RETURN_IF_ERROR(CheckValidity(certificate.get(), folder + "tls.crt", now));
  RETURN_IF_ERROR(CheckValidity(ca.get(), folder + "ca.crt", now));
  RETURN_IF_ERROR(CheckIssuedBy(certificate.get(), ca.get(), folder, now));
  for (const std::string& name : names) {
    if (X509_check_host(certificate.get(), name.data(), name.size(), 0, nullptr) != 1) {
      return absl::FailedPreconditionError(
          absl::StrCat(folder, "tls.crt: does not carry the DNS name ", name));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<TlsFiles> ReadTlsFolder(const std::string& folder,
                                       const std::vector<std::string>& names) {
  TlsFiles files;
  ASSIGN_OR_RETURN(files.ca, ReadFile(folder + kCaFile, kMaxPemBytes));
  ASSIGN_OR_RETURN(files.certificate, ReadFile(folder + kCertificateFile, kMaxPemBytes));
  ASSIGN_OR_RETURN(files.key, ReadFile(folder + kKeyFile, kMaxPemBytes));
  RETURN_IF_ERROR(CheckTlsFiles(files, names, folder + "/"));
  return files;
}

// SslServerCredentials would keep what they were made of for as long as the server lives, and
// replacing the server would close its port and end a load.
std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(const std::string& folder) {
  grpc::experimental::TlsServerCredentialsOptions options(
      std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
          folder + kKeyFile, folder + kCertificateFile, folder + kCaFile, kReloadSeconds));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  return grpc::experimental::TlsServerCredentials(options);
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
