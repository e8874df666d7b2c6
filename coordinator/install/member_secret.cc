#include "coordinator/install/member_secret.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "common/status.h"
#include "common/tls.h"
#include "coordinator/cluster/kubernetes_json.h"
#include "coordinator/install/agent_objects.h"
#include "coordinator/install/manifests.h"

namespace lighter {
namespace {

using nlohmann::json;

// A member that ends sooner is renewed: the next installation may be that far away.
constexpr absl::Duration kLasting = absl::Hours(365 * 24);

}  // namespace

absl::StatusOr<json> MakeMemberSecret(const Authority& authority, absl::Time now) {
  ASSIGN_OR_RETURN(const std::string key, MakeKey());
  ASSIGN_OR_RETURN(const std::string request, MakeRequest(key));
  ASSIGN_OR_RETURN(const std::string certificate,
                   IssueCertificate(authority, request, {std::string(kMemberTlsName)},
                                    kNodeCertificateLifetime, now));
  json secret = AgentObject("v1", "Secret", kMemberSecret);
  secret["type"] = "kubernetes.io/tls";
  secret["data"] = {{"ca.crt", absl::Base64Escape(authority.certificate)},
                    {"tls.crt", absl::Base64Escape(certificate)},
                    {"tls.key", absl::Base64Escape(key)}};
  return secret;
}

bool IsLastingMember(const std::string& secret, const Authority& authority, absl::Time now) {
  const json object = json::parse(secret, nullptr, /*allow_exceptions=*/false);
  TlsFiles files;
  if (!absl::Base64Unescape(Text(object, {"data", "ca.crt"}), &files.ca) ||
      !absl::Base64Unescape(Text(object, {"data", "tls.crt"}), &files.certificate) ||
      !absl::Base64Unescape(Text(object, {"data", "tls.key"}), &files.key) ||
      files.ca != authority.certificate ||
      !CheckTlsFiles(files, {std::string(kMemberTlsName)}, "", now).ok()) {
    return false;
  }
  const absl::StatusOr<absl::Time> end = NotAfter(files.certificate);
  const absl::StatusOr<absl::Time> last = NotAfter(authority.certificate);
  // Nothing lasts longer than its authority.
  return end.ok() && last.ok() && *end >= std::min(now + kLasting, *last);
}

absl::Status EnsureMemberSecret(const Kubectl& kubectl, const Authority& authority) {
  ASSIGN_OR_RETURN(const std::string present,
                   kubectl.Run({"get", "secret", kMemberSecret, "-n", kAgentNamespace,
                                "--ignore-not-found", "-o", "json"}));
  if (IsLastingMember(present, authority)) return absl::OkStatus();
  ASSIGN_OR_RETURN(json secret, MakeMemberSecret(authority));
  return ApplyObjects(kubectl, {std::move(secret)});
}

}  // namespace lighter
