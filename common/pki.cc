#include "common/pki.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/limits.h"
#include "common/status.h"
#include "common/x509.h"

namespace lighter {
namespace {

constexpr int kX509v3 = 2;  // the field counts from 0
constexpr int kSerialBits = 128;
constexpr size_t kMaxDnsNameBytes = 253;
constexpr size_t kMaxDnsLabelBytes = 63;
constexpr char kAuthorityName[] = "lighter CA";
constexpr char kMemberName[] = "lighter";

// Several calls of OpenSSL, each of which gives 1 for success.
#define RETURN_IF_OPENSSL_FAILS(call)        \
  do {                                       \
    if (!(call)) return OpensslError(#call); \
  } while (false)

bool IsP256(const EVP_PKEY* key) {
  std::array<char, 32> group{};
  size_t size = 0;
  return EVP_PKEY_is_a(key, "EC") == 1 &&
         EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) == 1 &&
         std::string_view(group.data(), size) == SN_X9_62_prime256v1;
}

absl::StatusOr<KeyPtr> ParseP256Key(const std::string& key, std::string_view what) {
  ASSIGN_OR_RETURN(KeyPtr parsed, ParseKey(key, what));
  if (IsP256(parsed.get())) return parsed;
  ERR_clear_error();
  return absl::InvalidArgumentError(absl::StrCat(ToAbsl(what), ": not a P-256 key"));
}

bool IsDnsName(std::string_view name) {
  if (name.empty() || name.size() > kMaxDnsNameBytes) return false;
  for (const absl::string_view label : absl::StrSplit(ToAbsl(name), '.')) {
    if (label.empty() || label.size() > kMaxDnsLabelBytes) return false;
    if (label.front() == '-' || label.back() == '-') return false;
    for (const char c : label) {
      if (!absl::ascii_islower(c) && !absl::ascii_isdigit(c) && c != '-') return false;
    }
  }
  return true;
}

absl::Status AddExtension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, OpensslFree<&X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  RETURN_IF_OPENSSL_FAILS(extension != nullptr);
  RETURN_IF_OPENSSL_FAILS(X509_add_ext(certificate, extension.get(), -1) == 1);
  return absl::OkStatus();
}

absl::Status AddDnsNames(X509* certificate, const std::vector<std::string>& names) {
  const std::unique_ptr<GENERAL_NAMES, OpensslFree<&GENERAL_NAMES_free>> list(GENERAL_NAMES_new());
  for (const std::string& name : names) {
    GENERAL_NAME* const entry = GENERAL_NAME_new();
    RETURN_IF_OPENSSL_FAILS(sk_GENERAL_NAME_push(list.get(), entry) > 0);  // owned by the list
    ASN1_IA5STRING* const text = ASN1_IA5STRING_new();
    GENERAL_NAME_set0_value(entry, GEN_DNS, text);
    RETURN_IF_OPENSSL_FAILS(ASN1_STRING_set(text, name.data(), static_cast<int>(name.size())) == 1);
  }
  RETURN_IF_OPENSSL_FAILS(X509_add1_ext_i2d(certificate, NID_subject_alt_name, list.get(), 0, 0) ==
                          1);
  return absl::OkStatus();
}

// A certificate for `key` without issuer, extensions and signature.
absl::StatusOr<CertificatePtr> MakeBareCertificate(const char* common_name, EVP_PKEY* key,
                                                   absl::Time from, absl::Time until) {
  CertificatePtr certificate(X509_new());
  X509* const x = certificate.get();
  const std::unique_ptr<BIGNUM, OpensslFree<&BN_free>> serial(BN_new());
  RETURN_IF_OPENSSL_FAILS(x != nullptr && serial != nullptr);
  RETURN_IF_OPENSSL_FAILS(X509_set_version(x, kX509v3) == 1);
  RETURN_IF_OPENSSL_FAILS(BN_rand(serial.get(), kSerialBits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) ==
                          1);
  RETURN_IF_OPENSSL_FAILS(BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(x)) != nullptr);
  RETURN_IF_OPENSSL_FAILS(ASN1_TIME_set(X509_getm_notBefore(x), absl::ToTimeT(from)) != nullptr);
  RETURN_IF_OPENSSL_FAILS(ASN1_TIME_set(X509_getm_notAfter(x), absl::ToTimeT(until)) != nullptr);
  RETURN_IF_OPENSSL_FAILS(X509_set_pubkey(x, key) == 1);
  RETURN_IF_OPENSSL_FAILS(X509_NAME_add_entry_by_NID(
                              X509_get_subject_name(x), NID_commonName, MBSTRING_UTF8,
                              reinterpret_cast<const unsigned char*>(common_name), -1, -1, 0) == 1);
  return certificate;
}

// The key of a request, proven to be the requester's.
absl::StatusOr<KeyPtr> ProvenKey(const std::string& request) {
  if (request.size() > kMaxRequestBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the certificate request is larger than ", kMaxRequestBytes, " bytes"));
  }
  ASSIGN_OR_RETURN(const RequestPtr parsed, ParseRequest(request, "the certificate request"));
  KeyPtr key(X509_REQ_get_pubkey(parsed.get()));
  // Looked at first: checking a signature costs what the requester's key makes it cost.
  const bool p256 = key != nullptr && IsP256(key.get());
  const bool signed_by_it = p256 && X509_REQ_verify(parsed.get(), key.get()) == 1;
  ERR_clear_error();
  if (!p256) return absl::InvalidArgumentError("the certificate request is not for a P-256 key");
  if (!signed_by_it) {
    return absl::InvalidArgumentError("the certificate request is not signed by its own key");
  }
  return key;
}

}  // namespace

absl::StatusOr<std::string> MakeKey() {
  const KeyPtr key(EVP_EC_gen(SN_X9_62_prime256v1));
  RETURN_IF_OPENSSL_FAILS(key != nullptr);
  return ToPem(key.get());
}

absl::Status CheckKey(const std::string& key, std::string_view what) {
  return ParseP256Key(key, what).status();
}

absl::StatusOr<std::string> MakeRequest(const std::string& key) {
  ASSIGN_OR_RETURN(const KeyPtr parsed, ParseP256Key(key, "the key"));
  const RequestPtr request(X509_REQ_new());
  RETURN_IF_OPENSSL_FAILS(request != nullptr);
  RETURN_IF_OPENSSL_FAILS(X509_REQ_set_pubkey(request.get(), parsed.get()) == 1);
  RETURN_IF_OPENSSL_FAILS(X509_REQ_sign(request.get(), parsed.get(), EVP_sha256()) > 0);
  return ToPem(request.get());
}

absl::StatusOr<Authority> MakeAuthority(absl::Time now) {
  const KeyPtr key(EVP_EC_gen(SN_X9_62_prime256v1));
  RETURN_IF_OPENSSL_FAILS(key != nullptr);
  ASSIGN_OR_RETURN(const CertificatePtr certificate,
                   MakeBareCertificate(kAuthorityName, key.get(), now - kClockTolerance,
                                       now + kAuthorityLifetime));
  X509* const x = certificate.get();
  RETURN_IF_OPENSSL_FAILS(X509_set_issuer_name(x, X509_get_subject_name(x)) == 1);
  RETURN_IF_ERROR(AddExtension(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0"));
  RETURN_IF_ERROR(AddExtension(x, x, NID_key_usage, "critical,keyCertSign"));
  // Two authorities of ours have one name; this tells them apart.
  RETURN_IF_ERROR(AddExtension(x, x, NID_subject_key_identifier, "hash"));
  RETURN_IF_OPENSSL_FAILS(X509_sign(x, key.get(), EVP_sha256()) > 0);
  Authority authority;
  ASSIGN_OR_RETURN(authority.certificate, ToPem(x));
  ASSIGN_OR_RETURN(authority.key, ToPem(key.get()));
  return authority;
}

absl::StatusOr<std::string> IssueCertificate(const Authority& authority, const std::string& request,
                                             const std::vector<std::string>& names,
                                             absl::Duration lifetime, absl::Time now) {
  ASSIGN_OR_RETURN(const CertificatePtr ca,
                   ParseCertificate(authority.certificate, "the authority's certificate"));
  ASSIGN_OR_RETURN(const KeyPtr ca_key, ParseKey(authority.key, "the authority's key"));
  if (X509_check_private_key(ca.get(), ca_key.get()) != 1) {
    ERR_clear_error();
    return absl::FailedPreconditionError("the authority's key does not belong to its certificate");
  }
  if (X509_check_ca(ca.get()) != 1) {
    return absl::FailedPreconditionError("the authority's certificate may not sign others");
  }
  RETURN_IF_ERROR(CheckValidity(ca.get(), "the authority's certificate", now));
  ASSIGN_OR_RETURN(const KeyPtr key, ProvenKey(request));
  if (names.empty()) return absl::InvalidArgumentError("a certificate needs a DNS name");
  for (const std::string& name : names) {
    if (!IsDnsName(name)) return absl::InvalidArgumentError("not a lower-case DNS name: " + name);
  }

  const absl::Time until = std::min(now + lifetime, ToAbslTime(X509_get0_notAfter(ca.get())));
  ASSIGN_OR_RETURN(const CertificatePtr certificate,
                   MakeBareCertificate(kMemberName, key.get(), now - kClockTolerance, until));
  X509* const x = certificate.get();
  RETURN_IF_OPENSSL_FAILS(X509_set_issuer_name(x, X509_get_subject_name(ca.get())) == 1);
  RETURN_IF_ERROR(AddExtension(x, ca.get(), NID_basic_constraints, "critical,CA:FALSE"));
  RETURN_IF_ERROR(AddExtension(x, ca.get(), NID_key_usage, "critical,digitalSignature"));
  RETURN_IF_ERROR(AddExtension(x, ca.get(), NID_ext_key_usage, "serverAuth,clientAuth"));
  RETURN_IF_ERROR(AddExtension(x, ca.get(), NID_authority_key_identifier, "keyid"));
  RETURN_IF_ERROR(AddDnsNames(x, names));
  RETURN_IF_OPENSSL_FAILS(X509_sign(x, ca_key.get(), EVP_sha256()) > 0);
  return ToPem(x);
}

absl::StatusOr<absl::Time> NotAfter(const std::string& certificate) {
  ASSIGN_OR_RETURN(const CertificatePtr parsed, ParseCertificate(certificate, "the certificate"));
  return ToAbslTime(X509_get0_notAfter(parsed.get()));
}

}  // namespace lighter
