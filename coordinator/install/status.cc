#include "coordinator/install/status.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/status.h"
#include "coordinator/cluster/cluster.h"
#include "coordinator/install/authority_secret.h"
#include "coordinator/process/parallel.h"
#include "coordinator/transfer/protocol.h"

namespace lighter {
namespace {

constexpr absl::Duration kRenewal = absl::Hours(90 * 24);

absl::Status NotThere(const std::string& cause) {
  return absl::NotFoundError(absl::StrCat("no agent runs here", cause.empty() ? "" : ": " + cause,
                                          "; run `lighter agent install` again"));
}

// Of a pod that does not run.
absl::Status Starting(const InstalledPod& pod, const AgentWarnings& warnings) {
  std::string cause = pod.problem;
  if (cause.empty()) cause = WarningFor(warnings, pod.name);
  return absl::UnavailableError(absl::StrCat(cause.empty() ? "it is starting" : cause,
                                             "; see `kubectl describe pod -n lighter-system ",
                                             pod.name, "`"));
}

void AskAgent(const AgentDialer& dialer, const InstalledPod& pod, AgentState& state) {
  if (!pod.ready) {
    state.status = absl::UnavailableError(
        "it runs and does not serve: it may wait for its certificate, which the next plan, load, "
        "upgrade or `lighter agent install` gives it; `kubectl logs -n lighter-system " +
        pod.name + "` tells");
    return;
  }
  AskState(*dialer.Dial(pod.node, pod.address),
           "`lighter agent install` gives it a new certificate", state);
}

}  // namespace

bool CertificateEndsSoon(const v1::InfoReply& info, absl::Time now) {
  const int64_t ends = info.certificate_ends_unix_seconds();
  return ends != 0 && absl::FromUnixSeconds(ends) - now < kRenewal;
}

void AskState(v1::Agent::StubInterface& stub, const std::string& remedy, AgentState& state) {
  const absl::Time start = absl::Now();
  const absl::StatusOr<v1::InfoReply> info = AskInfo(stub);
  if (IsContainerdsFault(info.status())) {
    state.status = absl::UnavailableError("its agent runs, but " + Message(info.status()) +
                                          "; see `systemctl status containerd` on the node");
    return;
  }
  if (!info.ok()) {
    state.status = absl::UnavailableError(absl::StrCat(
        "it does not answer as this cluster's agent: ", Message(info.status()), "; ", remedy));
    return;
  }
  state.info = *info;
  // The answer's clock is read somewhere between the question and the answer.
  const absl::Time middle = start + (absl::Now() - start) / 2;
  state.clock_ahead = absl::FromUnixSeconds(state.info.unix_time_seconds()) - middle;
  state.status = CheckProtocol(state.info);
}

absl::StatusOr<AgentsReport> ReadAgentStates(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(const std::optional<Authority> authority, FindAuthority(kubectl));
  if (!authority.has_value()) {
    return absl::NotFoundError(
        "no agents are installed in this cluster; `lighter agent install` brings them. Agents that "
        "came in another way are asked with --tls-dir");
  }
  ASSIGN_OR_RETURN(const AgentDialer dialer, AgentDialer::FromAuthority(*authority));
  ASSIGN_OR_RETURN(const std::string listed, kubectl.Run({"get", "nodes", "-o", "json"}));
  ASSIGN_OR_RETURN(const std::vector<Node> nodes, ParseNodes(listed));
  ASSIGN_OR_RETURN(const std::vector<InstalledPod> pods, ListAgentPods(kubectl));
  AgentsReport report;
  report.authority_ends = NotAfter(authority->certificate).value_or(absl::UnixEpoch());
  std::vector<AgentState>& states = report.states;
  std::vector<std::set<std::string>> taints;
  for (const Node& node : nodes) {
    if (node.os != "linux") continue;
    AgentState& state = states.emplace_back();
    state.node = node.name;
    std::set<std::string>& keys = taints.emplace_back();
    for (const Taint& taint : node.taints) keys.insert(taint.key);
    if (!node.ready) {
      state.status = absl::UnavailableError(
          "the node is not Ready: plan, load and upgrade leave it out; see `kubectl describe "
          "node " +
          node.name + "`");
    }
  }
  const AgentWarnings warnings = ReadAgentWarnings(kubectl).value_or(AgentWarnings());
  InParallel(states.size(), [&](size_t i) {
    AgentState& state = states[i];
    if (!state.status.ok()) return;
    const auto pod = std::find_if(pods.begin(), pods.end(), [&](const InstalledPod& candidate) {
      return candidate.node == state.node && !candidate.terminating;
    });
    if (pod == pods.end()) {
      state.status = NotThere(WarningFor(warnings, ""));
      return;
    }
    state.image = pod->image;
    state.pod = pod->name;
    if (taints[i].contains(pod->lift_taint)) state.taint = pod->lift_taint;
    if (pod->running) {
      AskAgent(dialer, *pod, state);
    } else {
      state.status = Starting(*pod, warnings);
    }
  });
  return report;
}

}  // namespace lighter
