#include "coordinator/plan/pod_denials.h"

#include <algorithm>
#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/printable.h"
#include "common/usage_error.h"

namespace lighter {
namespace {

constexpr char kCode[] = "E-POD-DENIED";

void ForEach(const Plan& plan,
             const std::function<void(const PlannedBundle&, const DeniedPod&)>& visit) {
  for (const PlannedBundle& planned : plan.releases.bundles) {
    for (const DeniedPod& denied : planned.denied) visit(planned, denied);
  }
}

std::vector<std::string> Lines(const Plan& plan) {
  std::vector<std::string> lines;
  ForEach(plan, [&](const PlannedBundle& planned, const DeniedPod& denied) {
    lines.push_back(absl::StrCat(
        kCode, ": pods of ", OneLine(denied.owner), " (namespace ", planned.release.ns,
        ") would not be admitted: ", OneLine(denied.cause),
        "; mend the policy or the values, or, if its controller may make them, go on with "
        "--allow-denied ",
        OneLine(denied.owner)));
  });
  return lines;
}

}  // namespace

absl::Status AllowDenied(const std::vector<std::string>& allowed, Plan& plan) {
  for (const std::string& owner : allowed) {
    size_t found = 0;
    for (PlannedBundle& planned : plan.releases.bundles) {
      found += std::erase_if(planned.denied,
                             [&](const DeniedPod& denied) { return denied.owner == owner; });
    }
    if (found == 0) {
      return UsageError(absl::InvalidArgumentError(absl::StrCat(
          "--allow-denied ", owner,
          ": no pod of that workload would be denied; workloads are written like Deployment/web")));
    }
    plan.notes.push_back(
        absl::StrCat("pods of ", OneLine(owner), " would not be admitted (allowed)"));
  }
  return absl::OkStatus();
}

std::string DescribePodDenials(const Plan& plan) {
  std::string text;
  for (const std::string& line : Lines(plan)) {
    absl::StrAppend(&text, "blocks the upgrade: ", line, "\n");
  }
  return text;
}

nlohmann::ordered_json PodDenialsToJson(const Plan& plan) {
  auto json = nlohmann::ordered_json::array();
  ForEach(plan, [&](const PlannedBundle& planned, const DeniedPod& denied) {
    json.push_back({{"code", kCode},
                    {"release", planned.release.name},
                    {"namespace", planned.release.ns},
                    {"workload", denied.owner},
                    {"cause", denied.cause}});
  });
  return json;
}

absl::Status CheckPodsAdmitted(const Plan& plan) {
  const std::vector<std::string> lines = Lines(plan);
  if (lines.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrJoin(lines, "\n"));
}

}  // namespace lighter
