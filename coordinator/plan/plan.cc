#include "coordinator/plan/plan.h"

#include <unistd.h>

#include <cerrno>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/reference.h"
#include "common/status.h"
#include "common/usage_error.h"
#include "coordinator/cluster/admitted_pulls.h"
#include "coordinator/cluster/image_pods.h"
#include "coordinator/cluster/kubernetes_json.h"
#include "coordinator/cluster/pod_admission.h"
#include "coordinator/package/replace_chart.h"
#include "coordinator/plan/archive_plan.h"
#include "coordinator/plan/disk_check.h"
#include "coordinator/plan/inventory.h"
#include "coordinator/plan/name_problems.h"
#include "coordinator/plan/name_work.h"
#include "coordinator/plan/pod_denials.h"
#include "coordinator/plan/release_checks.h"
#include "coordinator/process/stop_signal.h"

namespace lighter {
namespace {

constexpr char kLocalNode[] = "localhost";

// The one architecture of the planned images, or empty when they differ or there are none.
std::string CommonArchitecture(const Plan& plan) {
  std::string common;
  for (const PlannedBundle& planned : plan.releases.bundles) {
    for (const ArchiveImage& image : plan.package.bundles[planned.bundle].images.images) {
      if (!common.empty() && common != image.architecture) return "";
      common = image.architecture;
    }
  }
  return common;
}

}  // namespace

uint64_t Plan::missing_bytes() const {
  uint64_t bytes = 0;
  for (const NodePlan& node : nodes.nodes) bytes += node.missing_bytes();
  return bytes;
}

absl::Status PlanMaker::FindHelm(Plan& plan) {
  if (!HasCharts(plan.package)) return absl::OkStatus();
  absl::StatusOr<Helm> helm = Helm::Find(options_.helm);
  if (helm.ok()) {
    helm_ = std::move(*helm);
    return absl::OkStatus();
  }
  const bool needed = options_.query.with_cluster || !options_.query.values.empty() ||
                      !options_.query.relocation.empty();
  if (needed || !absl::IsNotFound(helm.status())) return helm.status();
  plan.notes.push_back(
      "helm was not found: the images keep the names that they have in the archive");
  return absl::OkStatus();
}

// Only agents that `agent install` brought serve their nodes as a registry.
absl::Status PlanMaker::CheckRegistry() const {
  const bool is_local = options_.query.relocation.registry == kNodeRegistry;
  if (!is_local || (options_.tls_dir.empty() && !options_.local)) return absl::OkStatus();
  return UsageError(absl::InvalidArgumentError(absl::StrCat(
      "--registry local is the registry that agents of `lighter agent install` serve their nodes; ",
      options_.local ? "with --local there is none" : "agents that --tls-dir is for serve none")));
}

absl::StatusOr<Plan> PlanMaker::Make() {
  Plan plan;
  plan.notes = options_.notes;
  RETURN_IF_ERROR(CheckRegistry());
  RETURN_IF_ERROR(ReadPlaceRules());
  ASSIGN_OR_RETURN(plan.package, OpenPackage(options_.package));
  if (options_.skip_checksum) {
    plan.notes.push_back("no checksum of the package is verified (--skip-checksum)");
  } else {
    ASSIGN_OR_RETURN(plan.checksums, FindChecksums(plan.package));
  }
  RETURN_IF_ERROR(FindHelm(plan));
  if (!options_.chart.reference.empty()) RETURN_IF_ERROR(TakeChart(plan));
  if (options_.asks_nodes && !options_.local) {
    RETURN_IF_ERROR(nodes_.Open(options_.needs_agents));
  }
  ReleaseQuery query = options_.query;
  if (query.with_cluster) {
    query.admit = [this](const std::string& ns, const std::string& manifests) {
      return AdmitPods(cluster().kubectl(), ns, manifests);
    };
  }
  ASSIGN_OR_RETURN(plan.releases, PlanReleases(plan.package, query, helm(), folder_.path()));
  RETURN_IF_ERROR(CheckChartVersion(plan, options_.chart_version));
  RETURN_IF_ERROR(AllowDenied(options_.allow_denied, plan));
  plan.allow_unproven = options_.allow_unproven;
  plan.apply_crds = options_.query.apply_crds;
  for (const PlannedBundle& planned : plan.releases.bundles) {
    plan.notes.insert(plan.notes.end(), planned.names.notes.begin(), planned.names.notes.end());
    const Bundle& bundle = plan.package.bundles[planned.bundle];
    if (bundle.images.images.empty()) plan.notes.push_back(bundle.name + " has no images");
  }
  if (plan.checksums.empty() && !options_.skip_checksum) {
    plan.notes.push_back(NoChecksumNote(plan.package));
  }
  ASSIGN_OR_RETURN(plan.work, MakeLoadWork(plan.package, plan.releases, folder_.id()));
  ASSIGN_OR_RETURN(plan.unpacked_sizes, UnpackedSizes(plan.work));
  RETURN_IF_ERROR(NormalizeAllowedPulls(plan));
  if (!options_.asks_nodes) return plan;
  ApplyAdmission(plan);
  if (!options_.local) {
    FindOwners(cluster().kubectl(), plan);
    FindCrdChanges(cluster().kubectl(), *helm_, plan);
  }
  RETURN_IF_ERROR(RefreshNodes(plan));
  RETURN_IF_ERROR(CheckUnproven(plan));
  if (options_.approved.has_value()) {
    ASSIGN_OR_RETURN(const PlanFacts facts, Facts(plan));
    RETURN_IF_ERROR(
        CheckFacts(options_.approved->facts, facts, "the plan in " + options_.approved->path));
  }
  return plan;
}

absl::StatusOr<PlanFacts> PlanMaker::Facts(const Plan& plan) const {
  ASSIGN_OR_RETURN(const std::string cluster_id, cluster().Id());
  return TakeFacts(plan, cluster_id);
}

absl::Status PlanMaker::TakeChart(Plan& plan) const {
  if (!helm_.has_value()) return absl::NotFoundError("--chart needs helm; give --helm PATH");
  const std::string folder = folder_.path() + "/chart-given";
  ASSIGN_OR_RETURN(const std::string tgz, helm_->FetchChart(options_.chart, folder));
  RETURN_IF_ERROR(
      Annotate(ReplaceChart(plan.package, tgz, folder_.path() + "/chart-given.tar"), "--chart"));
  plan.notes.push_back("the chart is " + options_.chart.reference +
                       " (--chart), not the package's");
  return absl::OkStatus();
}

absl::Status PlanMaker::CheckUnproven(const Plan& plan) const {
  std::set<std::string> nodes;
  for (const NodePlan& node : plan.nodes.nodes) nodes.insert(node.name);
  for (const LeftOutNode& node : plan.nodes.left_out) nodes.insert(node.name);
  return UsageError(plan.allow_unproven.CheckNames(nodes));
}

// A name that is not in the plan is a slip, and would go unnoticed.
absl::Status PlanMaker::NormalizeAllowedPulls(Plan& plan) {
  std::set<std::string> planned;
  for (const v1::Image& image : plan.work.images) {
    planned.insert(image.names().begin(), image.names().end());
  }
  for (const std::string& text : options_.allow_pull) {
    const absl::StatusOr<Reference> name = Reference::Parse(text);
    if (!name.ok() || !planned.contains(name->str())) {
      return UsageError(absl::InvalidArgumentError(
          absl::StrCat("--allow-pull ", text, ": no image of this plan has that name")));
    }
    allowed_pulls_.push_back(name->str());
    plan.notes.push_back(absl::StrCat("kubelets may pull ", name->str(), " (allowed)"));
  }
  return absl::OkStatus();
}

absl::Status PlanMaker::ReadPlaceRules() {
  for (const std::string& text : options_.place) {
    absl::StatusOr<PlaceRule> rule = ParsePlaceRule(text);
    if (!rule.ok()) return UsageError(Annotate(rule.status(), "--place " + text));
    place_rules_.push_back(*std::move(rule));
  }
  return absl::OkStatus();
}

void PlanMaker::ApplyAdmission(Plan& plan) {
  std::map<std::string, bool> pulls_in;  // by namespace
  for (PlannedBundle& planned : plan.releases.bundles) {
    if (options_.local || planned.release.name.empty()) continue;
    const auto [it, is_new] = pulls_in.try_emplace(planned.release.ns, false);
    if (is_new) it->second = AdmissionMakesPodsPull(cluster().kubectl(), it->first);
    if (!it->second) continue;
    for (auto& [name, pulls] : planned.pulls) pulls.policies = {PullPolicy::kAlways};
    if (is_new) {
      plan.notes.push_back(absl::StrCat("admission has every pod of namespace ", it->first,
                                        " pull its images at each start (the plugin "
                                        "AlwaysPullImages, or a webhook)"));
    }
  }
}

// What the package lacks may be on the nodes all the same.
void PlanMaker::LookForUncovered(Plan& plan, const KubeletConfigs& kubelets) const {
  const std::vector<std::string> names = NamesToLookFor(plan.releases);
  if (names.empty()) return;
  std::vector<NodePlan> asked = plan.nodes.nodes;
  std::erase_if(asked, [](const NodePlan& node) { return !node.status.ok(); });
  AskNames(names, asked);
  MarkPresent(asked, kubelets, plan.releases);
}

void PlanMaker::FindPodsOfMoved(Plan& plan) const {
  plan.pods_of_moved.clear();
  const std::set<std::string> moved = NamesToMove(plan);
  if (moved.empty()) return;
  absl::StatusOr<ImagePods> pods = FindImagePods(cluster().kubectl());
  if (!pods.ok()) return;
  for (const std::string& name : moved) plan.pods_of_moved[name] = std::move((*pods)[name]);
}

void PlanMaker::CheckStartOf(Plan& plan, const KubeletConfigs& kubelets) const {
  plan.start = CheckStart(
      plan.nodes.nodes, plan.releases, kubelets,
      {.publishes = options_.publishes && authority() != nullptr, .allowed = allowed_pulls_});
}

absl::Status PlanMaker::RefreshNodes(Plan& plan) {
  if (options_.local) {
    if (!local_agent_.has_value()) {
      local_agent_.emplace(
          AgentOptions{.containerd_socket = options_.containerd_socket, .node_name = "localhost"});
    }
    NodePlan node;
    node.name = kLocalNode;
    node.agent = options_.containerd_socket;
    node.endpoint = {.name = kLocalNode};
    const int error = ::access(options_.containerd_socket.c_str(), F_OK) == 0 ? 0 : errno;
    if (error == 0) {
      node.endpoint.stub = local_agent_->stub();
    } else {
      node.status =
          ErrnoStatus(error, absl::StrCat("containerd's socket ", options_.containerd_socket,
                                          " (is containerd running here? "
                                          "--containerd-socket names another one)"));
    }
    plan.nodes = {};
    plan.nodes.nodes.push_back(std::move(node));
  } else {
    ASSIGN_OR_RETURN(plan.nodes, nodes_.Select(CommonArchitecture(plan)));
    plan.agentless = !nodes_.has_agents();
    ASSIGN_OR_RETURN(plan.placement, PlaceImages(NamesOfImages(plan.package, plan.releases),
                                                 PodsOf(plan.releases), place_rules_, plan.nodes));
    Apply(plan.placement, plan.nodes);
  }
  TakeInventory(plan.work.images, plan.nodes.nodes);
  if (LeaveTakenNames(plan)) {
    ASSIGN_OR_RETURN(plan.work, MakeLoadWork(plan.package, plan.releases, folder_.id()));
    ASSIGN_OR_RETURN(plan.unpacked_sizes, UnpackedSizes(plan.work));
    TakeInventory(plan.work.images, plan.nodes.nodes);
  }
  KubeletConfigs kubelets;
  if (!options_.local) kubelets = nodes_.Kubelets(plan.nodes.nodes);
  CheckDisks(plan.unpacked_sizes, kubelets, plan.nodes.nodes);
  LookForUncovered(plan, kubelets);
  if (!options_.local) FindPodsOfMoved(plan);
  if (!options_.local) CheckStartOf(plan, kubelets);
  if (StopRequested())
    return absl::CancelledError("stopped on request, before all nodes had answered");
  return absl::OkStatus();
}

}  // namespace lighter
