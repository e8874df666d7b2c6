#include "coordinator/install/authority_secret.h"

#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status.h"
#include "coordinator/cluster/kubernetes_json.h"
#include "coordinator/install/manifests.h"

namespace lighter {
namespace {

using nlohmann::json;

constexpr char kSecretName[] = "lighter-authority";

}  // namespace

absl::StatusOr<std::optional<Authority>> FindAuthority(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(const std::string out,
                   kubectl.Run({"get", "secret", kSecretName, "-n", kAgentNamespace,
                                "--ignore-not-found", "-o", "json"}));
  if (absl::StripAsciiWhitespace(out).empty()) return std::optional<Authority>();
  const json secret = json::parse(out, nullptr, /*allow_exceptions=*/false);
  Authority authority;
  if (!absl::Base64Unescape(Text(secret, {"data", "tls.crt"}), &authority.certificate) ||
      !absl::Base64Unescape(Text(secret, {"data", "tls.key"}), &authority.key) ||
      authority.certificate.empty() || authority.key.empty()) {
    return absl::DataLossError(absl::StrCat(
        "secret ", kSecretName, " in namespace ", kAgentNamespace,
        " does not hold tls.crt and tls.key; delete it and run `lighter agent install` "
        "again"));
  }
  return std::optional<Authority>(std::move(authority));
}

absl::StatusOr<Authority> CreateAuthority(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(Authority authority, MakeAuthority());
  json secret = AgentObject("v1", "Secret", kSecretName);
  secret["type"] = "kubernetes.io/tls";
  secret["data"] = {{"tls.crt", absl::Base64Escape(authority.certificate)},
                    {"tls.key", absl::Base64Escape(authority.key)}};
  RETURN_IF_ERROR(kubectl.Run({"create", "-f", "-"}, {.input = secret.dump()}).status());
  return authority;
}

}  // namespace lighter
