#include "coordinator/cluster/cluster.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status.h"
#include "coordinator/process/process.h"

namespace lighter {
namespace {

constexpr char kRequestTimeout[] = "--request-timeout=10s";

bool LooksUnreachable(const std::string& text) {
  for (const char* sign :
       {"connection refused", "Unable to connect to the server", "i/o timeout", "no route to host",
        "context deadline exceeded", "network is unreachable", "was refused"}) {
    if (absl::StrContains(text, sign)) return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<std::string> Cluster::Run(std::vector<std::string> args) const {
  std::vector<std::string> argv = {options_.binary};
  argv.insert(argv.end(), args.begin(), args.end());
  argv.push_back(kRequestTimeout);
  if (!options_.kubeconfig.empty()) argv.insert(argv.end(), {"--kubeconfig", options_.kubeconfig});
  if (!options_.context.empty()) argv.insert(argv.end(), {"--context", options_.context});
  absl::StatusOr<ProcessResult> result = RunProcess(argv, {.timeout = absl::Minutes(1)});
  if (absl::IsNotFound(result.status())) {
    return absl::NotFoundError(absl::StrCat("kubectl was not found (", Message(result.status()),
                                            "); install it, or give --kubectl PATH"));
  }
  if (!result.ok()) return result.status();
  if (result->exit_code == 0) return std::move(result->out);
  const std::string words(absl::StripAsciiWhitespace(result->err));
  if (LooksUnreachable(words)) {
    return absl::UnavailableError(absl::StrCat(
        "the Kubernetes API server cannot be reached: ", words,
        "; check --kubeconfig and --context, and that `kubectl get nodes` works from here"));
  }
  return absl::AbortedError(absl::StrCat("kubectl ", args[0], " failed: ", words));
}

absl::StatusOr<std::vector<Node>> Cluster::Nodes() const {
  ASSIGN_OR_RETURN(const std::string out, Run({"get", "nodes", "-o", "json"}));
  return ParseNodes(out);
}

absl::StatusOr<std::vector<AgentPod>> Cluster::Agents() const {
  ASSIGN_OR_RETURN(
      const std::string out,
      Run({"get", "pods", "-A", "-l", "app.kubernetes.io/name=lighter-agent", "-o", "json"}));
  return ParseAgents(out);
}

absl::StatusOr<std::vector<PodState>> Cluster::Pods(const std::string& ns,
                                                    const std::string& release) const {
  ASSIGN_OR_RETURN(const std::string out,
                   Run({"get", "deployments,statefulsets,daemonsets,replicasets,jobs,pods", "-n",
                        ns, "-o", "json"}));
  return ParsePods(out, release);
}

}  // namespace lighter
