#include "common/desired.h"

#include <openssl/err.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/digest.h"
#include "common/limits.h"
#include "common/reference.h"
#include "common/status.h"
#include "common/x509.h"

namespace lighter {
namespace {

// So that no other thing that the authority's key ever signs can be taken for a list.
constexpr std::string_view kPrefix = "lighter desired list 1\n";

constexpr size_t kSetIdLength = 16;

using DigestContext = std::unique_ptr<EVP_MD_CTX, OpensslFree<&EVP_MD_CTX_free>>;

std::string Signed(const std::string& desired) { return std::string(kPrefix) + desired; }

const unsigned char* Bytes(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

absl::Status CheckImage(const v1::DesiredImage& image) {
  RETURN_IF_ERROR(Digest::Parse(image.manifest_digest()).status());
  if (image.manifest_size() == 0 || image.manifest_size() > kMaxConfigBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("manifest ", image.manifest_digest(), " has size ", image.manifest_size()));
  }
  for (const std::string& name : image.names()) {
    ASSIGN_OR_RETURN(const Reference reference, Reference::Parse(name));
    if (reference.str() != name) {
      return absl::InvalidArgumentError(absl::StrCat("name ", name, " is not normalised"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::SignedDesired> SignDesired(const v1::Desired& desired,
                                              const Authority& authority) {
  v1::SignedDesired list;
  list.set_desired(desired.SerializeAsString());
  if (list.desired().size() > kMaxDesiredBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the desired list has ", list.desired().size(), " bytes, at most ",
                     kMaxDesiredBytes, " fit; `lighter prune` takes out what is not needed"));
  }
  ASSIGN_OR_RETURN(const KeyPtr key, ParseKey(authority.key, "the authority's key"));
  const std::string text = Signed(list.desired());
  const DigestContext context(EVP_MD_CTX_new());
  size_t size = 0;
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, Bytes(text), text.size()) != 1) {
    return OpensslError("sign the desired list");
  }
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     Bytes(text), text.size()) != 1) {
    return OpensslError("sign the desired list");
  }
  signature.resize(size);
  list.set_signature(std::move(signature));
  return list;
}

absl::StatusOr<v1::Desired> VerifyDesired(const v1::SignedDesired& list, const std::string& ca) {
  if (list.desired().size() > kMaxDesiredBytes) {
    return absl::InvalidArgumentError("the desired list is too large");
  }
  ASSIGN_OR_RETURN(const CertificatePtr certificate, ParseCertificate(ca, "the CA's certificate"));
  const std::string text = Signed(list.desired());
  const DigestContext context(EVP_MD_CTX_new());
  const bool ours = EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr,
                                         X509_get0_pubkey(certificate.get())) == 1 &&
                    EVP_DigestVerify(context.get(), Bytes(list.signature()),
                                     list.signature().size(), Bytes(text), text.size()) == 1;
  ERR_clear_error();
  if (!ours) {
    return absl::PermissionDeniedError(
        "the desired list is not signed by this cluster's authority");
  }
  v1::Desired desired;
  if (!desired.ParseFromString(list.desired())) {
    return absl::InvalidArgumentError("the desired list cannot be read");
  }
  for (const v1::DesiredRelease& release : desired.releases()) {
    for (const auto* images : {&release.images(), &release.previous_images()}) {
      for (const v1::DesiredImage& image : *images) {
        RETURN_IF_ERROR(Annotate(CheckImage(image), "the desired list, " + release.name()));
      }
    }
  }
  return desired;
}

v1::NodeSet MakeNodeSet(const std::set<std::string>& nodes) {
  v1::NodeSet set;
  set.set_id(Digest::Of(absl::StrJoin(nodes, "\n")).hex().substr(0, kSetIdLength));
  for (const std::string& node : nodes) set.add_nodes(node);
  return set;
}

const v1::NodeSet* SparedNodes(const v1::Desired& list, const v1::DesiredImage& image) {
  if (image.spared().empty()) return nullptr;
  const auto it = std::find_if(list.node_sets().begin(), list.node_sets().end(),
                               [&](const v1::NodeSet& set) { return set.id() == image.spared(); });
  return it == list.node_sets().end() ? nullptr : &*it;
}

v1::Desired WantedOn(const v1::Desired& list, const std::string& node) {
  std::set<std::string> sets;  // that have the node
  for (const v1::NodeSet& set : list.node_sets()) {
    if (std::find(set.nodes().begin(), set.nodes().end(), node) != set.nodes().end()) {
      sets.insert(set.id());
    }
  }
  v1::Desired wanted = list;
  if (sets.empty()) return wanted;
  for (v1::DesiredRelease& release : *wanted.mutable_releases()) {
    for (auto* images : {release.mutable_images(), release.mutable_previous_images()}) {
      images->erase(std::remove_if(images->begin(), images->end(),
                                   [&](const v1::DesiredImage& image) {
                                     return sets.contains(image.spared());
                                   }),
                    images->end());
    }
  }
  return wanted;
}

}  // namespace lighter
