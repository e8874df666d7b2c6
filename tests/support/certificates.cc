#include "tests/support/certificates.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <filesystem>

#include "common/file.h"

namespace lighter::support {
namespace {

constexpr int kX509v3 = 2;  // the field counts from 0

// Ends the program where an OpenSSL call did not succeed.
void Check(bool ok) {
  if (!ok) std::abort();
}

std::shared_ptr<EVP_PKEY> MakeKey() {
  std::shared_ptr<EVP_PKEY> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  Check(key != nullptr);
  return key;
}

void AddExtension(X509* certificate, int nid, const std::string& value) {
  const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str()), &X509_EXTENSION_free);
  Check(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1);
}

// A certificate without its issuer and signature.
std::shared_ptr<X509> MakeCertificate(const std::string& name, EVP_PKEY* key,
                                      absl::Duration from_now) {
  std::shared_ptr<X509> certificate(X509_new(), X509_free);
  X509* x = certificate.get();
  const auto start = static_cast<long>(absl::ToInt64Seconds(from_now - absl::Hours(1)));
  const auto day = static_cast<long>(absl::ToInt64Seconds(absl::Hours(24)));
  static long serial = 0;
  Check(X509_set_version(x, kX509v3) == 1);
  Check(ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial) == 1);
  Check(X509_gmtime_adj(X509_getm_notBefore(x), start) != nullptr);
  Check(X509_gmtime_adj(X509_getm_notAfter(x), start + day) != nullptr);
  Check(X509_set_pubkey(x, key) == 1);
  Check(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                                   0) == 1);
  return certificate;
}

std::string TakePem(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string pem(data, static_cast<size_t>(size));
  BIO_free(bio);
  return pem;
}

std::string CertificatePem(X509* certificate) {
  BIO* bio = BIO_new(BIO_s_mem());
  Check(PEM_write_bio_X509(bio, certificate) == 1);
  return TakePem(bio);
}

std::string KeyPem(EVP_PKEY* key) {
  BIO* bio = BIO_new(BIO_s_mem());
  Check(PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return TakePem(bio);
}

}  // namespace

CertificateAuthority::CertificateAuthority() : key_(MakeKey()) {
  certificate_ = MakeCertificate("test CA", key_.get(), absl::ZeroDuration());
  Check(X509_set_issuer_name(certificate_.get(), X509_get_subject_name(certificate_.get())) == 1);
  AddExtension(certificate_.get(), NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(certificate_.get(), NID_key_usage, "critical,keyCertSign");
  Check(X509_sign(certificate_.get(), key_.get(), EVP_sha256()) > 0);
}

TlsFiles CertificateAuthority::Issue(const std::string& name, absl::Duration from_now) const {
  const std::shared_ptr<EVP_PKEY> key = MakeKey();
  const std::shared_ptr<X509> leaf = MakeCertificate(name, key.get(), from_now);
  Check(X509_set_issuer_name(leaf.get(), X509_get_subject_name(certificate_.get())) == 1);
  AddExtension(leaf.get(), NID_subject_alt_name,
               name.find(':') == std::string::npos ? "DNS:" + name : name);
  Check(X509_sign(leaf.get(), key_.get(), EVP_sha256()) > 0);
  return {CertificatePem(certificate_.get()), CertificatePem(leaf.get()), KeyPem(key.get())};
}

void WriteTlsFolder(const TlsFiles& files, const std::string& folder) {
  std::filesystem::create_directories(folder);
  Check(WriteFileAtomic(folder + "/ca.crt", files.ca, 0600).ok());
  Check(WriteFileAtomic(folder + "/tls.crt", files.certificate, 0600).ok());
  Check(WriteFileAtomic(folder + "/tls.key", files.key, 0600).ok());
}

}  // namespace lighter::support
