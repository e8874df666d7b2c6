#include "coordinator/lock/lease_store.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status.h"

namespace lighter {
namespace {

// Kubectl's error as the interface has it.
absl::Status FromServer(const absl::Status& status, bool is_new) {
  if (status.ok() || !absl::IsAborted(status)) return status;
  const std::string reason = ServerReason(status);
  const std::string words = Message(status);
  if (reason == "Forbidden") return absl::PermissionDeniedError(words);
  if (reason == "Conflict" || reason == "AlreadyExists") return absl::AbortedError(words);
  // Of one that was there: somebody deleted it.
  if (reason == "NotFound") return is_new ? absl::NotFoundError(words) : absl::AbortedError(words);
  return absl::UnavailableError(words);
}

KubectlCall CallWith(std::string input) {
  return {.input = std::move(input), .timeout = absl::Seconds(20), .outlives_stop = true};
}

}  // namespace

absl::StatusOr<std::vector<RunLease>> KubectlLeases::List(const std::string& ns) {
  const std::string selector = absl::StrCat(
      "app.kubernetes.io/managed-by=lighter,app.kubernetes.io/component=", kRunLeaseComponent);
  const absl::StatusOr<std::string> out = kubectl_.Run(
      {"get", "leases.coordination.k8s.io", "-n", ns, "-l", selector, "-o", "json"}, CallWith(""));
  RETURN_IF_ERROR(FromServer(out.status(), /*is_new=*/true));
  return ParseLeases(*out);
}

absl::StatusOr<std::string> KubectlLeases::Write(const RunLease& lease) {
  const bool is_new = lease.resource_version.empty();
  const absl::StatusOr<std::string> out = kubectl_.Run(
      {is_new ? "create" : "replace", "-f", "-", "-o", "jsonpath={.metadata.resourceVersion}"},
      CallWith(LeaseToJson(lease).dump()));
  RETURN_IF_ERROR(FromServer(out.status(), is_new));
  return std::string(absl::StripAsciiWhitespace(*out));
}

absl::Status KubectlLeases::Delete(const RunLease& lease) {
  const nlohmann::json how = {{"apiVersion", "v1"},
                              {"kind", "DeleteOptions"},
                              {"preconditions", {{"resourceVersion", lease.resource_version}}}};
  const std::string path =
      absl::StrCat("/apis/coordination.k8s.io/v1/namespaces/", lease.ns, "/leases/", lease.name);
  return FromServer(
      kubectl_.Run({"delete", "--raw", path, "-f", "-"}, CallWith(how.dump())).status(),
      /*is_new=*/false);
}

}  // namespace lighter
