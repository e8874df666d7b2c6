// The plan: what a run would do, complete before the first byte moves.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/local_agent.h"
#include "common/pki.h"
#include "coordinator/cluster/cluster.h"
#include "coordinator/helm/helm.h"
#include "coordinator/package/checksum.h"
#include "coordinator/package/package.h"
#include "coordinator/plan/cluster_nodes.h"
#include "coordinator/plan/load_work.h"
#include "coordinator/plan/node_plan.h"
#include "coordinator/plan/placement.h"
#include "coordinator/plan/plan_facts.h"
#include "coordinator/plan/release_plan.h"
#include "coordinator/plan/run_folder.h"
#include "coordinator/plan/start_problems.h"
#include "coordinator/plan/unproven.h"
#include "coordinator/transfer/load.h"

namespace lighter {

// What a plan of today must agree with.
struct ApprovedPlan {
  std::string path;  // of its file
  PlanFacts facts;
};

struct PlanOptions {
  std::string package;
  ReleaseQuery query;
  HelmOptions helm;
  KubectlOptions kubectl;
  std::string tls_dir;  // of the coordinator; empty: the authority that `agent install` made
  std::vector<std::string> allow_denied;  // workloads whose pods may be denied: "Deployment/web"
  std::vector<std::string> allow_pull;    // names that nodes can pull from elsewhere
  UnprovenAllowance allow_unproven;       // see Plan
  std::vector<std::string> place;         // see ParsePlaceRule
  std::string chart_version;              // the chart must have it; empty: any
  ChartSource chart;                      // instead of a bundle's own
  std::vector<std::string> notes;         // to be among the plan's
  bool skip_checksum = false;             // the package may be another than its vendor's
  bool publishes = true;                  // the run writes what is proven into the desired list
  bool asks_nodes = true;                 // false: names and blobs only, from no node
  bool needs_agents = true;               // false: a plan may do without (Plan::agentless)
  bool local = false;                     // this machine's containerd, no Kubernetes
  std::string containerd_socket;          // with local
  std::optional<ApprovedPlan> approved;   // see ReadPlanFile
};

struct Plan {
  Package package;
  std::vector<FileChecksum> checksums;  // that a run verifies beside its load
  ReleasePlan releases;
  LoadWork work;
  std::map<std::string, uint64_t> unpacked_sizes;  // of its layers; see UnpackedSizes
  NodeSelection nodes;
  Placement placement;  // of the images, by the nodes as they are in `nodes`
  // Who runs what names are that move to another image (see NamesToMove); names whose pods could
  // not be listed are not here.
  std::map<std::string, std::set<std::string>> pods_of_moved;
  StartCheck start;                  // whether pods start from what is on the nodes
  std::vector<std::string> notes;    // worth knowing, not in the way
  UnprovenAllowance allow_unproven;  // nodes that a run may leave unproven
  bool apply_crds = false;           // an upgrade applies the charts' CRDs, too
  // No agents are installed, so no node could say what it has. Every node's status is an error.
  bool agentless = false;

  uint64_t missing_bytes() const;  // to move, all nodes together
};

// Makes plans and keeps what they need: helm, kubectl, the way to the agents. Thread-compatible.
class PlanMaker {
 public:
  PlanMaker(PlanOptions options, const RunFolder& folder)
      : options_(std::move(options)), folder_(folder), nodes_(options_.kubectl, options_.tls_dir) {}

  // Reads the package, decides the names, asks every node. Read-only everywhere but in the run
  // folder. A node that cannot be asked is in the plan with its cause; what fails here is what
  // leaves no plan, and FailedPrecondition where an approved one does not hold any more.
  absl::StatusOr<Plan> Make();

  // Lists the nodes again and asks them anew: nodes may have joined, names may have gone. Cancelled
  // after a stop signal: then not all have answered.
  absl::Status RefreshNodes(Plan& plan);

  // What the plan rests on. Errors are Kubectl's, and those of reading the package.
  absl::StatusOr<PlanFacts> Facts(const Plan& plan) const;

  const Helm* helm() const { return helm_.has_value() ? &*helm_ : nullptr; }
  const Cluster& cluster() const { return nodes_.cluster(); }
  // The cluster's authority, once a plan was made; null with --tls-dir and --local.
  const Authority* authority() const { return nodes_.authority(); }

 private:
  absl::Status CheckRegistry() const;
  absl::Status FindHelm(Plan& plan);
  absl::Status TakeChart(Plan& plan) const;
  absl::Status CheckUnproven(const Plan& plan) const;
  absl::Status NormalizeAllowedPulls(Plan& plan);
  absl::Status ReadPlaceRules();
  void ApplyAdmission(Plan& plan);
  void LookForUncovered(Plan& plan, const KubeletConfigs& kubelets) const;
  void FindPodsOfMoved(Plan& plan) const;
  void CheckStartOf(Plan& plan, const KubeletConfigs& kubelets) const;

  PlanOptions options_;
  const RunFolder& folder_;
  ClusterNodes nodes_;
  std::optional<Helm> helm_;
  std::optional<LocalAgent> local_agent_;
  std::vector<std::string> allowed_pulls_;  // normalised
  std::vector<PlaceRule> place_rules_;
};

}  // namespace lighter
