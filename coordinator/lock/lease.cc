#include "coordinator/lock/lease.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/printable.h"
#include "common/status.h"
#include "coordinator/cluster/kubernetes_json.h"

namespace lighter {
namespace {

using nlohmann::json;

constexpr char kCommandAnnotation[] = "lighter/command";
constexpr char kProcessAnnotation[] = "lighter/process";
constexpr int64_t kMaxSeconds = 300;

absl::Duration DurationOf(const json& lease) {
  const json& seconds = At(lease, {"spec", "leaseDurationSeconds"});
  if (!seconds.is_number_integer()) return kLeaseDuration;
  return absl::Seconds(std::clamp<int64_t>(seconds.get<int64_t>(), 1, kMaxSeconds));
}

}  // namespace

std::string RunLease::Describe() const {
  return absl::StrCat(OneLine(holder), command.empty() ? "" : ", `" + OneLine(command) + "`",
                      ", since ", OneLine(acquired.substr(0, acquired.find('.'))),
                      acquired.find('.') == std::string::npos ? "" : "Z", " (Lease ", ns, "/",
                      OneLine(name), ")");
}

std::string LeaseTime(absl::Time now) {
  return absl::FormatTime("%Y-%m-%d%ET%H:%M:%E6SZ", now, absl::UTCTimeZone());
}

json LeaseToJson(const RunLease& lease) {
  json metadata = {
      {"name", lease.name},
      {"namespace", lease.ns},
      {"labels",
       {{"app.kubernetes.io/managed-by", "lighter"},
        {"app.kubernetes.io/component", kRunLeaseComponent}}},
      {"annotations", {{kCommandAnnotation, lease.command}, {kProcessAnnotation, lease.process}}}};
  if (!lease.resource_version.empty()) metadata["resourceVersion"] = lease.resource_version;
  return {{"apiVersion", "coordination.k8s.io/v1"},
          {"kind", "Lease"},
          {"metadata", std::move(metadata)},
          {"spec",
           {{"holderIdentity", lease.holder},
            {"leaseDurationSeconds", absl::ToInt64Seconds(lease.duration)},
            {"acquireTime", lease.acquired},
            {"renewTime", lease.renewed}}}};
}

absl::StatusOr<std::vector<RunLease>> ParseLeases(const std::string& text) {
  ASSIGN_OR_RETURN(const json items, Items(text, "leases"));
  std::vector<RunLease> leases;
  for (const json& item : items) {
    leases.push_back({.name = Text(item, {"metadata", "name"}),
                      .ns = Text(item, {"metadata", "namespace"}),
                      .resource_version = Text(item, {"metadata", "resourceVersion"}),
                      .holder = Text(item, {"spec", "holderIdentity"}),
                      .command = Text(item, {"metadata", "annotations", kCommandAnnotation}),
                      .process = Text(item, {"metadata", "annotations", kProcessAnnotation}),
                      .acquired = Text(item, {"spec", "acquireTime"}),
                      .renewed = Text(item, {"spec", "renewTime"}),
                      .duration = DurationOf(item)});
  }
  return leases;
}

}  // namespace lighter
