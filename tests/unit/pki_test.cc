#include "common/pki.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <set>

#include "common/limits.h"
#include "common/status.h"
#include "common/tls.h"
#include "common/x509.h"

namespace lighter {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::vector<std::string> kNames = {"lighter-agent", "node-1.example.lighter-agent"};

template <typename T>
T Value(absl::StatusOr<T> value) {
  EXPECT_TRUE(value.ok()) << value.status();
  return value.ok() ? *std::move(value) : T();
}

// What an end of TLS has after it asked `authority` for a certificate.
absl::StatusOr<TlsFiles> Enroll(const Authority& authority, absl::Duration lifetime,
                                absl::Time now) {
  TlsFiles files;
  files.ca = authority.certificate;
  ASSIGN_OR_RETURN(files.key, MakeKey());
  ASSIGN_OR_RETURN(const std::string request, MakeRequest(files.key));
  ASSIGN_OR_RETURN(files.certificate, IssueCertificate(authority, request, kNames, lifetime, now));
  return files;
}

// A request for `key` that asks to be a coordinator and an authority, signed by `signer`.
std::string AmbitiousRequest(EVP_PKEY* key, EVP_PKEY* signer) {
  const RequestPtr request(X509_REQ_new());
  X509_REQ_set_pubkey(request.get(), key);
  X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>("lighter-coordinator"), -1, -1,
                             0);
  STACK_OF(X509_EXTENSION)* extensions = sk_X509_EXTENSION_new_null();
  for (const auto& [nid, value] :
       std::vector<std::pair<int, const char*>>{{NID_subject_alt_name, "DNS:lighter-coordinator"},
                                                {NID_basic_constraints, "critical,CA:TRUE"},
                                                {NID_key_usage, "critical,keyCertSign"}}) {
    sk_X509_EXTENSION_push(extensions, X509V3_EXT_conf_nid(nullptr, nullptr, nid, value));
  }
  X509_REQ_add_extensions(request.get(), extensions);
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  X509_REQ_sign(request.get(), signer, EVP_sha256());
  return Value(ToPem(request.get()));
}

std::vector<std::string> DnsNames(X509* certificate) {
  std::vector<std::string> names;
  auto* const list = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(list); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(list, i);
    EXPECT_EQ(name->type, GEN_DNS);
    names.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                       ASN1_STRING_length(name->d.dNSName));
  }
  GENERAL_NAMES_free(list);
  return names;
}

std::string Serial(const std::string& pem) {
  const CertificatePtr certificate = Value(ParseCertificate(pem, "certificate"));
  BIGNUM* const number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate.get()), nullptr);
  EXPECT_EQ(BN_num_bits(number), 128);
  char* const hex = BN_bn2hex(number);
  std::string serial = hex;
  OPENSSL_free(hex);
  BN_free(number);
  return serial;
}

class PkiTest : public ::testing::Test {
 protected:
  void ExpectRefused(const std::string& request, const std::string& reason) {
    const auto issued = IssueCertificate(authority_, request, kNames, absl::Hours(1));
    EXPECT_EQ(issued.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(Message(issued.status()), HasSubstr(reason));
  }

  const absl::Time now_ = absl::Now();
  const Authority authority_ = Value(MakeAuthority(now_));
};

TEST_F(PkiTest, WhatIsIssuedPassesAsTlsFiles) {
  const TlsFiles files = Value(Enroll(authority_, kNodeCertificateLifetime, now_));
  EXPECT_EQ(CheckTlsFiles(files, kNames, "", now_), absl::OkStatus());
  const absl::Time end = Value(NotAfter(files.certificate));
  EXPECT_LT(absl::AbsDuration(end - (now_ + absl::Hours(3 * 365 * 24))), absl::Seconds(2));
}

TEST_F(PkiTest, ACertificateSaysWhatTheIssuerWantsAndNoMore) {
  const KeyPtr key(EVP_EC_gen("P-256"));
  const std::string request = AmbitiousRequest(key.get(), key.get());
  const std::string pem = Value(IssueCertificate(authority_, request, kNames, absl::Hours(1)));
  const CertificatePtr certificate = Value(ParseCertificate(pem, "certificate"));
  X509* const x = certificate.get();
  EXPECT_THAT(DnsNames(x), ElementsAre(kNames[0], kNames[1]));
  EXPECT_EQ(X509_check_ca(x), 0);
  EXPECT_EQ(X509_get_key_usage(x), uint32_t{KU_DIGITAL_SIGNATURE});
  EXPECT_EQ(X509_get_extended_key_usage(x), uint32_t{XKU_SSL_SERVER | XKU_SSL_CLIENT});
  EXPECT_EQ(X509_get_ext_count(x), 5);
  EXPECT_EQ(X509_check_host(x, "lighter-coordinator", 0, 0, nullptr), 0);
  EXPECT_EQ(EVP_PKEY_eq(X509_get0_pubkey(x), key.get()), 1);
}

TEST_F(PkiTest, SerialsAreRandom) {
  std::set<std::string> serials = {Serial(authority_.certificate)};
  for (int i = 0; i < 20; ++i) {
    serials.insert(Serial(Value(Enroll(authority_, absl::Hours(1), now_)).certificate));
  }
  EXPECT_EQ(serials.size(), 21U);
}

TEST_F(PkiTest, ClocksMayBeWrongByDays) {
  const TlsFiles files = Value(Enroll(authority_, kRunCertificateLifetime, now_));
  for (const absl::Duration off : {absl::Hours(26), absl::Hours(6 * 24)}) {
    EXPECT_EQ(CheckTlsFiles(files, kNames, "", now_ + off), absl::OkStatus());
    EXPECT_EQ(CheckTlsFiles(files, kNames, "", now_ - off), absl::OkStatus());
  }
  for (const absl::Duration off : {absl::Hours(8 * 24), absl::Hours(-8 * 24)}) {
    const absl::Status status = CheckTlsFiles(files, kNames, "", now_ + off);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(Message(status), HasSubstr("this machine's clock says"));
  }
}

TEST_F(PkiTest, NothingOutlivesTheAuthority) {
  const absl::Time end = Value(NotAfter(authority_.certificate));
  const absl::Time late = end - absl::Hours(24);
  const TlsFiles files = Value(Enroll(authority_, kNodeCertificateLifetime, late));
  EXPECT_EQ(Value(NotAfter(files.certificate)), end);
  const auto too_late = Enroll(authority_, absl::Hours(1), end + absl::Hours(1));
  EXPECT_EQ(too_late.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(too_late.status()), HasSubstr("the authority's certificate: valid from"));
}

TEST_F(PkiTest, ARequestMustBeSignedByItsOwnKey) {
  const KeyPtr key(EVP_EC_gen("P-256"));
  const KeyPtr other(EVP_EC_gen("P-256"));
  ExpectRefused(AmbitiousRequest(key.get(), other.get()), "not signed by its own key");
}

TEST_F(PkiTest, HostileRequestsAreRefused) {
  ExpectRefused("", "not a PEM certificate request");
  ExpectRefused("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
                "not a PEM certificate request");
  ExpectRefused(authority_.certificate, "not a PEM certificate request");
  ExpectRefused(
      "-----BEGIN CERTIFICATE REQUEST-----\nProc-Type: 4,ENCRYPTED\n"
      "DEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAA\n"
      "-----END CERTIFICATE REQUEST-----\n",
      "not a PEM certificate request");
  ExpectRefused(std::string(kMaxRequestBytes + 1, 'A'), "larger than");
  const KeyPtr rsa(EVP_RSA_gen(2048));
  ExpectRefused(AmbitiousRequest(rsa.get(), rsa.get()), "not for a P-256 key");
  const KeyPtr other_curve(EVP_EC_gen("P-384"));
  ExpectRefused(AmbitiousRequest(other_curve.get(), other_curve.get()), "not for a P-256 key");

  std::string request = Value(MakeRequest(Value(MakeKey())));
  EXPECT_TRUE(IssueCertificate(authority_, request, kNames, absl::Hours(1)).ok());
  for (size_t i = 0; i < request.size(); ++i) {
    std::string damaged = request;
    damaged[i] = damaged[i] == 'A' ? 'B' : 'A';
    const auto issued = IssueCertificate(authority_, damaged, kNames, absl::Hours(1));
    // Some bits of the last base64 digits count for nothing.
    EXPECT_TRUE(!issued.ok() || i > request.size() - 60) << i;
  }
}

TEST_F(PkiTest, OnlyNodeLikeNamesAreGiven) {
  const std::string request = Value(MakeRequest(Value(MakeKey())));
  const std::vector<std::vector<std::string>> bad = {
      {},        {""},   {"*.lighter-agent"},    {"a..b"}, {"a,DNS:b"}, {"Node"},
      {"-a"},    {"a-"}, {std::string(64, 'a')}, {"a b"},  {"a\n"},     {"good", "bad_"},
      {"10.0/"}, {".a"}, {std::string(1, '\0')}};
  for (const std::vector<std::string>& names : bad) {
    EXPECT_EQ(IssueCertificate(authority_, request, names, absl::Hours(1)).status().code(),
              absl::StatusCode::kInvalidArgument)
        << (names.empty() ? "none" : names.back());
  }
}

TEST_F(PkiTest, AnAuthorityMustBeOne) {
  const std::string request = Value(MakeRequest(Value(MakeKey())));
  const auto issue = [&](const Authority& authority) {
    return IssueCertificate(authority, request, kNames, absl::Hours(1)).status();
  };
  const Authority other = Value(MakeAuthority());
  EXPECT_THAT(Message(issue({authority_.certificate, other.key})), HasSubstr("does not belong"));
  EXPECT_THAT(Message(issue({"junk", other.key})), HasSubstr("not a PEM certificate"));
  EXPECT_THAT(Message(issue({authority_.certificate, "junk"})), HasSubstr("not a PEM private key"));
  const TlsFiles member = Value(Enroll(authority_, absl::Hours(1), now_));
  EXPECT_THAT(Message(issue({member.certificate, member.key})), HasSubstr("may not sign others"));
}

TEST_F(PkiTest, AuthoritiesOfOneNameAreToldApart) {
  TlsFiles files = Value(Enroll(authority_, absl::Hours(1), now_));
  files.ca = Value(MakeAuthority()).certificate;
  EXPECT_THAT(Message(CheckTlsFiles(files, kNames, "")), HasSubstr("was not issued by ca.crt"));
}

TEST(PkiKeyTest, OnlyP256KeysPass) {
  const std::string key = Value(MakeKey());
  EXPECT_EQ(CheckKey(key, "k"), absl::OkStatus());
  EXPECT_NE(key, Value(MakeKey()));
  EXPECT_THAT(Message(CheckKey(key.substr(0, key.size() / 2), "k")),
              HasSubstr("k: not a PEM private key"));
  const KeyPtr rsa(EVP_RSA_gen(2048));
  EXPECT_THAT(Message(CheckKey(Value(ToPem(rsa.get())), "k")), HasSubstr("k: not a P-256 key"));
}

// Nobody is asked for a passphrase, and OpenSSL's error queue is left as TLS needs it.
TEST(PkiKeyTest, EncryptedKeysAreRefused) {
  const KeyPtr key(EVP_EC_gen("P-256"));
  const BioPtr bio(BIO_new(BIO_s_mem()));
  ASSERT_EQ(PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), EVP_aes_256_cbc(), "secret", 6,
                                          nullptr, nullptr),
            1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  EXPECT_THAT(Message(CheckKey(std::string(data, size), "k")),
              HasSubstr("k: not a PEM private key"));
  EXPECT_EQ(ERR_peek_error(), 0U);
}

}  // namespace
}  // namespace lighter
