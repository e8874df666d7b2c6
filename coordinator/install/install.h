// Bringing agents onto nodes that can pull nothing, with a kubeconfig and nothing else.
//
// The API server carries the agent, in ConfigMaps; a first stage joins it in a pod whose image the
// node holds already. See docs/agent.md.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "coordinator/cluster/kubectl.h"
#include "coordinator/install/borrow.h"
#include "coordinator/install/manifests.h"
#include "coordinator/install/site.h"

namespace lighter {

struct InstallOptions {
  KubectlOptions kubectl;
  GivenImage image;
  MirrorSettings mirrors;  // what an earlier installation had beyond these is removed
  // Key of the startup taint that agents take off their nodes; empty: none, and the rights for it
  // that an earlier installation brought are removed.
  std::string lift_taint;
  absl::Duration timeout = absl::Minutes(2);
};

struct InstalledNode {
  std::string node;
  std::string image;    // that its agent was started from
  std::string problem;  // why the agent is not ready; empty when it is
  // Pulls that do not ask its registry first though they were to, with the cause.
  std::vector<std::string> notes;
};

struct InstallReport {
  std::vector<InstalledNode> nodes;
  std::vector<SkippedNode> skipped;  // no agent goes there, and why
  absl::Duration took;

  bool AllReady() const;
};

// What would be applied, after the cluster was asked what it holds; changes nothing.
struct InstallPlan {
  Site site;
  Grouping grouping;
  AgentManifests manifests;
};
absl::StatusOr<InstallPlan> PlanInstall(const InstallOptions& options);

// Installs, or brings what is installed to this version. Idempotent: what is right already is left
// alone. `say` gets a line for people now and then. A node whose agent does not get ready in time
// is in the report with its cause; an error means that the installation as a whole could not go on.
// Errors: PermissionDenied (rights, named), FailedPrecondition (admission changes the pods so that
// they would pull, or refuses them; the API server is too old for lift_taint), Kubectl's.
absl::StatusOr<InstallReport> Install(const InstallOptions& options,
                                      const std::function<void(const std::string&)>& say);

}  // namespace lighter
