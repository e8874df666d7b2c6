#include "coordinator/install/prepare.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/status.h"
#include "coordinator/desired/desired_map.h"
#include "coordinator/install/agent_objects.h"
#include "coordinator/install/authority_secret.h"
#include "coordinator/install/lift_objects.h"
#include "coordinator/install/lift_taint.h"
#include "coordinator/install/manifests.h"
#include "coordinator/install/member_secret.h"
#include "coordinator/install/needed_rights.h"
#include "coordinator/install/node_folders.h"
#include "coordinator/install/rights.h"
#include "coordinator/process/stop_signal.h"

namespace lighter {
namespace {

constexpr absl::Duration kPoll = absl::Milliseconds(300);

// A namespace that somebody else made is left as it is: uninstall must not delete it.
absl::Status EnsureNamespace(const Kubectl& kubectl, absl::Time deadline,
                             const std::function<void(const std::string&)>& say) {
  ASSIGN_OR_RETURN(NamespaceState state, FindNamespace(kubectl));
  if (state.going) say("waiting for the agents that were uninstalled to be gone");
  while (state.going) {
    if (StopRequested()) return absl::CancelledError("stopped; the same command continues");
    if (absl::Now() > deadline) {
      return absl::FailedPreconditionError(absl::StrCat(
          "namespace ", kAgentNamespace, " is still being deleted; `kubectl get all -n ",
          kAgentNamespace, "` shows what it waits for"));
    }
    absl::SleepFor(kPoll);
    ASSIGN_OR_RETURN(state, FindNamespace(kubectl));
  }
  if (state.exists && !state.ours) {
    say(absl::StrCat("namespace ", kAgentNamespace, " was there before and stays as it is"));
    return absl::OkStatus();
  }
  return ApplyObjects(kubectl, {MakeManifests(EmbeddedPayload(), {}).ns});
}

absl::StatusOr<Authority> FindOrMakeAuthority(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(std::optional<Authority> found, FindAuthority(kubectl));
  if (found.has_value()) return *std::move(found);
  absl::StatusOr<Authority> made = CreateAuthority(kubectl);
  if (made.ok()) return made;
  // Another installation may have been quicker.
  ASSIGN_OR_RETURN(found, FindAuthority(kubectl));
  if (!found.has_value()) return made.status();
  return *std::move(found);
}

}  // namespace

absl::StatusOr<PreparedCluster> PrepareCluster(const InstallOptions& options,
                                               const Kubectl& kubectl, absl::Time deadline,
                                               const std::function<void(const std::string&)>& say) {
  PreparedCluster cluster;
  const bool lifts = !options.lift_taint.empty();
  if (lifts) RETURN_IF_ERROR(CheckLiftSupport(kubectl));
  RETURN_IF_ERROR(CheckRights(kubectl, InstallRights(lifts)));
  if (!lifts) {
    ASSIGN_OR_RETURN(const bool has_objects, FindLiftObjects(kubectl));
    if (has_objects) {
      ASSIGN_OR_RETURN(cluster.unlift, LiftedTaints(kubectl));
    }
  }
  ASSIGN_OR_RETURN(cluster.site, ReadSite(kubectl));
  KeepOneArchitecture(EmbeddedPayload().architecture, cluster.site);
  ForgetRefusedFolders(options.mirrors, cluster.site.nodes);
  if (cluster.site.nodes.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("no node can have an agent: ", cluster.site.skipped.size(),
                     " nodes listed, none Ready with Linux, containerd and architecture ",
                     EmbeddedPayload().architecture));
  }
  const GivenImage& given = options.image;
  if (!given.name.empty() && !given.has_agent && IsNowhere(cluster.site.nodes, given.name)) {
    return absl::NotFoundError(absl::StrCat("no node holds ", given.name,
                                            ", by what the nodes report; nothing was changed. "
                                            "Without --borrow-image one is chosen that they hold"));
  }
  RETURN_IF_ERROR(EnsureNamespace(kubectl, deadline, say));
  if (lifts) RETURN_IF_ERROR(ApplyLiftObjects(kubectl, options.lift_taint));
  ASSIGN_OR_RETURN(cluster.authority, FindOrMakeAuthority(kubectl));
  ASSIGN_OR_RETURN(const DesiredMap desired, ReadDesiredMap(kubectl, cluster.authority));
  LeaveOutHeld(HeldNames(desired.list), cluster.site.nodes);
  RETURN_IF_ERROR(EnsureMemberSecret(kubectl, cluster.authority));
  return cluster;
}

}  // namespace lighter
