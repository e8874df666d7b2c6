#include "coordinator/install/admission.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "coordinator/cluster/kubernetes_json.h"
#include "coordinator/install/manifests.h"
#include "coordinator/install/way_out.h"

namespace lighter {

using nlohmann::json;

absl::Status CheckAdmission(const Kubectl& kubectl, const json& daemon_set) {
  const absl::StatusOr<std::string> out =
      kubectl.Run({"create", "--dry-run=server", "-f", "-", "-o", "json"},
                  {.input = SamplePod(daemon_set).dump()});
  if (!out.ok()) {
    const std::string words = Message(out.status());
    const std::string told = WithWayOut(words);
    return absl::FailedPreconditionError(
        absl::StrCat("the cluster would refuse the agents' pods: ", told,
                     told != words ? ""
                                   : "\nexempt namespace lighter-system from what refuses them; "
                                     "docs/agent.md lists what the pods ask for and why"));
  }
  const json& asked = daemon_set.at("spec").at("template").at("spec").at("containers").at(0);
  if (Text(asked, {"imagePullPolicy"}) != "Never") return absl::OkStatus();
  const json pod = json::parse(*out, nullptr, /*allow_exceptions=*/false);
  for (const json& container : At(pod, {"spec", "containers"})) {
    if (Text(container, {"name"}) != kAgentContainer) continue;
    if (Text(container, {"imagePullPolicy"}) != "Never") {
      return absl::FailedPreconditionError(
          absl::StrCat("admission changes the agents' imagePullPolicy from Never to ",
                       Text(container, {"imagePullPolicy"}),
                       ": the nodes would try to pull. Exempt namespace ", kAgentNamespace,
                       " from the webhook that does it; the API server's plugin AlwaysPullImages "
                       "knows no exemptions: then run the agent as a service of the nodes, with "
                       "`lighter agent export`, or from a registry that they reach, with --image"));
    }
    const std::string wanted = Text(asked, {"image"});
    if (Text(container, {"image"}) != wanted) {
      return absl::FailedPreconditionError(absl::StrCat(
          "a webhook rewrites the agents' image ", wanted, " to ", Text(container, {"image"}),
          ", which the nodes need not hold. Exempt namespace ", kAgentNamespace, " from it"));
    }
  }
  return absl::OkStatus();
}

}  // namespace lighter
