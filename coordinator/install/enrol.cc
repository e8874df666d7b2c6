#include "coordinator/install/enrol.h"

#include "absl/time/clock.h"
#include "common/status.h"
#include "common/tls.h"
#include "coordinator/install/manifests.h"
#include "coordinator/process/parallel.h"
#include "coordinator/process/stop_signal.h"

namespace lighter {
namespace {

constexpr absl::Duration kReadyPatience = absl::Seconds(10);
constexpr absl::Duration kPoll = absl::Milliseconds(500);

// One of the agent's own subcommands, run in its container.
absl::StatusOr<std::string> RunInPod(const Kubectl& kubectl, const InstalledPod& pod,
                                     const std::vector<std::string>& subcommand,
                                     const std::string& input) {
  std::vector<std::string> args = {"exec", "-n", kAgentNamespace, pod.name, "-c", kAgentContainer};
  if (!input.empty()) args.push_back("-i");
  args.insert(args.end(), {"--", pod.program});
  args.insert(args.end(), subcommand.begin(), subcommand.end());
  return kubectl.Run(args, {.input = input});
}

// The same for those that work on its state folder.
absl::StatusOr<std::string> RunOnState(const Kubectl& kubectl, const InstalledPod& pod,
                                       const std::string& subcommand, const std::string& input) {
  return RunInPod(kubectl, pod, {subcommand, "--state-dir", pod.state_folder}, input);
}

}  // namespace

absl::Status Enrol(const Kubectl& kubectl, const Authority& authority, const InstalledPod& pod) {
  ASSIGN_OR_RETURN(const std::string request, RunOnState(kubectl, pod, "certificate-request", ""));
  ASSIGN_OR_RETURN(
      const std::string certificate,
      IssueCertificate(authority, request, AgentTlsNames(pod.node), kNodeCertificateLifetime));
  return RunOnState(kubectl, pod, "accept-certificate", certificate + authority.certificate)
      .status();
}

void EnrolWaiting(const Kubectl& kubectl, const Authority& authority,
                  const std::set<std::string>& nodes) {
  const absl::Time give_up = absl::Now() + kReadyPatience;
  std::set<std::string> enrolled;
  while (true) {
    absl::StatusOr<std::vector<InstalledPod>> pods = ListAgentPods(kubectl);
    if (!pods.ok()) return;
    std::erase_if(*pods, [&](const InstalledPod& pod) {
      return pod.ready || !pod.running || pod.terminating || !nodes.contains(pod.node);
    });
    if (pods->empty() || absl::Now() > give_up || StopRequested()) return;
    std::vector<absl::Status> done(pods->size());
    InParallel(pods->size(), [&](size_t i) {
      if (!enrolled.contains((*pods)[i].name)) done[i] = Enrol(kubectl, authority, (*pods)[i]);
    });
    for (size_t i = 0; i < pods->size(); ++i) {
      if (done[i].ok()) enrolled.insert((*pods)[i].name);
    }
    absl::SleepFor(kPoll);
  }
}

absl::Status RemoveState(const Kubectl& kubectl, const InstalledPod& pod) {
  return RunOnState(kubectl, pod, "remove-state", "").status();
}

absl::Status RemoveMirrors(const Kubectl& kubectl, const InstalledPod& pod) {
  return RunInPod(kubectl, pod, {"remove-mirrors"}, "").status();
}

}  // namespace lighter
