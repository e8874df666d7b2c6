#include "coordinator/install/install.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/desired.h"
#include "common/printable.h"
#include "common/status.h"
#include "common/version.h"
#include "coordinator/cluster/kubernetes_json.h"
#include "coordinator/desired/desired_map.h"
#include "coordinator/install/admission.h"
#include "coordinator/install/agent_objects.h"
#include "coordinator/install/agent_pods.h"
#include "coordinator/install/authority_secret.h"
#include "coordinator/install/enrol.h"
#include "coordinator/install/lift_objects.h"
#include "coordinator/install/lift_taint.h"
#include "coordinator/install/node_folders.h"
#include "coordinator/install/old_mirrors.h"
#include "coordinator/install/prepare.h"
#include "coordinator/install/stale_sets.h"
#include "coordinator/install/status.h"
#include "coordinator/process/parallel.h"
#include "coordinator/process/stop_signal.h"
#include "coordinator/transfer/agent_dialer.h"
#include "coordinator/transfer/protocol.h"

namespace lighter {
namespace {

using nlohmann::json;

constexpr absl::Duration kPoll = absl::Milliseconds(300);
// kubelet mounts a pod's volumes within this time, where it can.
constexpr absl::Duration kMountPatience = absl::Seconds(3);

// Takes over what an agent says of its mirrors; false while it tries.
bool NoteMirrors(const v1::InfoReply& info, InstalledNode& node) {
  node.notes.clear();
  for (const v1::Mirror& mirror : info.mirrors()) {
    if (!mirror.tried()) return false;
    if (mirror.problem().empty()) continue;
    node.notes.push_back(
        absl::StrCat("pulls from ", mirror.registry(),
                     " do not ask the node's own registry first: ", mirror.problem()));
  }
  return true;
}

std::string NameOf(const json& object) { return Text(object, {"metadata", "name"}); }

// Only an image that was given can hold another agent than this lighter's.
std::string OtherProtocol(const std::string& image, const v1::InfoReply& info) {
  return absl::StrCat("the agent in ", image, ProtocolGap(info),
                      "; push what `lighter agent export` writes under a new tag, and give it "
                      "with --image");
}

// One installation. Thread-compatible.
class Installation {
 public:
  Installation(const InstallOptions& options, const std::function<void(const std::string&)>& say)
      : options_(options),
        say_(say),
        kubectl_(options.kubectl),
        start_(absl::Now()),
        folders_(say) {}

  absl::StatusOr<InstallReport> Run();

 private:
  // What a look at the pods led to.
  enum class Next { kWait, kDone, kChooseAgain };

  absl::Status ApplyManifests();
  absl::Status RemoveStaleSets();
  absl::StatusOr<Next> WaitForRound();
  absl::StatusOr<Next> Look();
  void Visit(const std::vector<InstalledPod>& pods);
  absl::StatusOr<Next> Judge(const std::vector<InstalledPod>& pods);
  absl::StatusOr<AgentWarnings> MountWarnings(const std::vector<InstalledPod>& pods);
  absl::Status SendPayloadAgain();
  absl::Status RemoveOldConfigMaps();
  absl::Status RemoveLift();
  absl::Status ExplainUnready();
  bool out_of_time() const { return absl::Now() - start_ > options_.timeout; }

  const InstallOptions& options_;
  const std::function<void(const std::string&)>& say_;
  const Kubectl kubectl_;
  const absl::Time start_;
  Authority authority_;
  std::optional<AgentDialer> dialer_;
  Site site_;
  std::optional<std::set<std::string>> unlift_;  // see PreparedCluster
  Grouping grouping_;
  AgentManifests manifests_;
  ImageBans bans_;
  bool sent_again_ = false;
  NodeFolders folders_;
  absl::Time next_warnings_;        // when the cluster is asked for warnings again
  std::set<std::string> enrolled_;  // names of pods
  std::map<std::string, InstalledNode> nodes_;
  std::map<std::string, std::string> pod_of_;  // node -> its current pod's name
  std::set<std::string> ready_;                // names of nodes
  std::set<std::string> outdated_;             // nodes whose agents speak another protocol
};

absl::Status Installation::ApplyManifests() {
  grouping_ = ChooseGroups(site_.nodes, options_.image, bans_);
  grouping_.away = site_.away;
  if (grouping_.groups.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "no image is known on any node that an agent could be started from",
        bans_.empty() ? "" : " (those that were tried did not start: ErrImageNeverPull)",
        "; name one that the nodes hold with --borrow-image"));
  }
  for (const SkippedNode& node : grouping_.without) nodes_[node.name].problem = node.cause;
  manifests_ = MakeManifests(EmbeddedPayload(), grouping_, options_.mirrors, options_.lift_taint);
  for (const AgentGroup& group : grouping_.groups) {
    say_(absl::StrCat(Count(group.nodes.size(), "node"),
                      group.nodes.size() == 1 ? " starts its" : " start their", " agent from ",
                      group.image, " (", group.evidence, "), containerd at ", group.socket));
  }
  for (const json& daemon_set : manifests_.daemon_sets) {
    RETURN_IF_ERROR(CheckAdmission(kubectl_, daemon_set));
  }
  RETURN_IF_ERROR(RemoveOldMirrors(kubectl_, grouping_, options_.mirrors, say_));
  RETURN_IF_ERROR(RemoveStaleSets());
  next_warnings_ = absl::Now() + kMountPatience;
  ASSIGN_OR_RETURN(const std::set<std::string> config_maps, PresentObjects(kubectl_, "configmaps"));
  std::vector<json> objects;
  for (const json& config_map : manifests_.config_maps) {
    if (!config_maps.contains(NameOf(config_map))) objects.push_back(config_map);
  }
  objects.insert(objects.end(), manifests_.daemon_sets.begin(), manifests_.daemon_sets.end());
  return ApplyObjects(kubectl_, std::move(objects));
}

// DaemonSets of groups that are no more; see FindStaleSets.
absl::Status Installation::RemoveStaleSets() {
  ASSIGN_OR_RETURN(const json present, PresentDaemonSets(kubectl_));
  StaleSets stale = FindStaleSets(present, manifests_, site_.away);
  RETURN_IF_ERROR(ApplyObjects(kubectl_, std::move(stale.narrowed)));
  return DeleteObjects(kubectl_, "daemonsets", stale.gone);
}

// Asks the agents that are ready, and gives a certificate to those that wait for one or have one of
// another authority, or one that ends soon.
void Installation::Visit(const std::vector<InstalledPod>& pods) {
  std::vector<absl::Status> asked(pods.size(), absl::UnavailableError("not ready"));
  std::vector<absl::Status> enrolled(pods.size());
  std::vector<v1::InfoReply> infos(pods.size());
  InParallel(pods.size(), [&](size_t i) {
    absl::StatusOr<v1::InfoReply> info = asked[i];
    if (pods[i].ready) info = AskInfo(*dialer_->Dial(pods[i].node, pods[i].address));
    asked[i] = info.status();
    if (info.ok()) infos[i] = *info;
    const bool lasts = info.ok() && !CertificateEndsSoon(*info, absl::Now());
    if (lasts || !pods[i].running || enrolled_.contains(pods[i].name)) return;
    enrolled[i] = Enrol(kubectl_, authority_, pods[i]);
  });
  for (size_t i = 0; i < pods.size(); ++i) {
    InstalledNode& node = nodes_.at(pods[i].node);
    if (asked[i].ok() && infos[i].protocol_version() != kProtocolVersion) {
      node.problem = OtherProtocol(pods[i].image, infos[i]);
      outdated_.insert(pods[i].node);
    } else if (asked[i].ok()) {
      if (NoteMirrors(infos[i], node)) ready_.insert(pods[i].node);
    } else if (!enrolled[i].ok()) {
      // Its first stage may not have been done yet; the next look tries again.
      node.problem = "no certificate yet: " + Message(enrolled[i]);
    } else if (pods[i].running) {
      enrolled_.insert(pods[i].name);
      if (pods[i].ready) node.problem = "its agent does not answer: " + Message(asked[i]);
    }
  }
}

absl::StatusOr<Installation::Next> Installation::Judge(const std::vector<InstalledPod>& pods) {
  bool banned = false;
  bool damaged = false;
  size_t settled = grouping_.without.size();
  for (const InstalledPod& pod : pods) {
    InstalledNode& node = nodes_.at(pod.node);
    node.image = pod.image;
    pod_of_[pod.node] = pod.name;
    if (!pod.problem.empty()) node.problem = pod.problem;
    if (pod.never_pull && !options_.image.name.empty()) {
      node.problem += "; without --borrow-image one is chosen that the nodes have";
    }
    const bool is_settled =
        ready_.contains(pod.node) || outdated_.contains(pod.node) || pod.boot_exit != 0;
    if (is_settled) ++settled;
    damaged = damaged || IsDamagedPayload(pod.boot_exit);
    if (pod.never_pull && options_.image.name.empty()) {
      banned = bans_.emplace(pod.image, pod.node).second || banned;
    }
  }
  ASSIGN_OR_RETURN(const AgentWarnings warnings, MountWarnings(pods));
  const bool corrected = folders_.Correct(pods, warnings, site_.nodes);
  if (banned || corrected) return Next::kChooseAgain;
  if (damaged && !std::exchange(sent_again_, true)) {
    RETURN_IF_ERROR(SendPayloadAgain());
    return Next::kChooseAgain;
  }
  return settled == nodes_.size() ? Next::kDone : Next::kWait;
}

// What the cluster warned of, now and then while pods do not come to run.
absl::StatusOr<AgentWarnings> Installation::MountWarnings(const std::vector<InstalledPod>& pods) {
  const bool waiting = std::any_of(pods.begin(), pods.end(), [](const InstalledPod& pod) {
    return !pod.running && pod.problem.empty();
  });
  if (!waiting || absl::Now() < next_warnings_) return AgentWarnings();
  next_warnings_ = absl::Now() + kMountPatience;
  absl::StatusOr<AgentWarnings> warnings = ReadAgentWarnings(kubectl_);
  if (absl::IsUnavailable(warnings.status())) return AgentWarnings();  // an API server may pause
  return warnings;
}

// Where the cluster's copy of the agent is damaged, whoever changed it: everything goes, and the
// next round brings it anew. The pods first: a kubelet keeps an immutable ConfigMap for as long as
// a pod on its node uses it.
absl::Status Installation::SendPayloadAgain() {
  say_("the agent that the cluster keeps is damaged; it is sent again");
  ASSIGN_OR_RETURN(std::set<std::string> sets, PresentObjects(kubectl_, "daemonsets"));
  std::set<std::string> ours;
  for (const json& daemon_set : manifests_.daemon_sets) ours.insert(NameOf(daemon_set));
  std::erase_if(sets, [&](const std::string& name) { return !ours.contains(name); });
  RETURN_IF_ERROR(DeleteObjects(kubectl_, "daemonsets", sets));
  while (!out_of_time() && !StopRequested()) {
    const absl::StatusOr<std::vector<InstalledPod>> pods = ListAgentPods(kubectl_);
    if (!pods.ok() && !absl::IsUnavailable(pods.status())) return pods.status();
    // A node that is not Ready keeps its pod; it is not one of ours then.
    const bool gone = pods.ok() && std::none_of(pods->begin(), pods->end(), [&](const auto& pod) {
                        return nodes_.contains(pod.node);
                      });
    if (gone) break;
    absl::SleepFor(kPoll);
  }
  std::set<std::string> config_maps;
  for (const json& config_map : manifests_.config_maps) config_maps.insert(NameOf(config_map));
  return DeleteObjects(kubectl_, "configmaps", config_maps);
}

absl::StatusOr<Installation::Next> Installation::Look() {
  absl::StatusOr<std::vector<InstalledPod>> pods = ListAgentPods(kubectl_);
  if (absl::IsUnavailable(pods.status())) return Next::kWait;  // an API server may pause, too
  if (!pods.ok()) return pods.status();
  std::set<std::string> templates;
  for (const json& daemon_set : manifests_.daemon_sets) templates.insert(TemplateHash(daemon_set));
  std::erase_if(*pods, [&](const InstalledPod& pod) {
    // On their way out, or on nodes that were not there, or not Ready, when we began.
    return pod.terminating || !templates.contains(pod.template_hash) || !nodes_.contains(pod.node);
  });
  ready_.clear();
  outdated_.clear();
  for (auto& [name, node] : nodes_) node.problem.clear();
  for (const SkippedNode& node : grouping_.without) nodes_[node.name].problem = node.cause;
  Visit(*pods);
  return Judge(*pods);
}

absl::StatusOr<Installation::Next> Installation::WaitForRound() {
  size_t told = 0;
  while (true) {
    ASSIGN_OR_RETURN(const Next next, Look());
    if (ready_.size() != told) {
      told = ready_.size();
      say_(absl::StrCat(told, " of ", nodes_.size(), " agents are ready"));
    }
    if (StopRequested()) return absl::CancelledError("stopped; the same command continues");
    if (next == Next::kDone || out_of_time()) return Next::kDone;
    if (next == Next::kChooseAgain) return next;
    absl::SleepFor(kPoll);
  }
}

// Those of versions that no DaemonSet mounts any more. The desired list is no version's: it stays
// until the agents are uninstalled, whether or not one mounts it.
absl::Status Installation::RemoveOldConfigMaps() {
  ASSIGN_OR_RETURN(std::set<std::string> old, PresentObjects(kubectl_, "configmaps"));
  ASSIGN_OR_RETURN(const std::set<std::string> mounted, MountedConfigMaps(kubectl_));
  std::erase_if(old, [&](const std::string& name) {
    return name == kDesiredConfigMap || mounted.contains(name);
  });
  return DeleteObjects(kubectl_, "configmaps", old);
}

// What an earlier --lift-taint has left.
absl::Status Installation::RemoveLift() {
  RETURN_IF_ERROR(RemoveUnusedLiftObjects(kubectl_));
  ASSIGN_OR_RETURN(const std::set<std::string> still, LiftedTaints(kubectl_));
  for (const std::string& key : *unlift_) {
    if (!still.contains(key)) say_(NobodyLifts(key));
  }
  return absl::OkStatus();
}

// Nodes without a pod, or whose pod says nothing: what the cluster warned of.
absl::Status Installation::ExplainUnready() {
  std::vector<InstalledNode*> silent;
  for (auto& [name, node] : nodes_) {
    if (!ready_.contains(name) && node.problem.empty()) silent.push_back(&node);
  }
  if (silent.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const AgentWarnings warnings, ReadAgentWarnings(kubectl_));
  for (InstalledNode* node : silent) {
    node->problem = WarningFor(warnings, pod_of_[node->node]);
    if (node->problem.empty()) {
      node->problem =
          absl::StrCat("not ready in time; see `kubectl describe pods -n ", kAgentNamespace, "`");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<InstallReport> Installation::Run() {
  ASSIGN_OR_RETURN(PreparedCluster cluster,
                   PrepareCluster(options_, kubectl_, start_ + options_.timeout, say_));
  authority_ = std::move(cluster.authority);
  site_ = std::move(cluster.site);
  unlift_ = std::move(cluster.unlift);
  ASSIGN_OR_RETURN(dialer_, AgentDialer::FromAuthority(authority_));
  for (const SiteNode& node : site_.nodes) nodes_[node.name] = {.node = node.name};
  Next next = Next::kChooseAgain;
  while (next == Next::kChooseAgain) {
    RETURN_IF_ERROR(ApplyManifests());
    ASSIGN_OR_RETURN(next, WaitForRound());
  }
  if (unlift_.has_value()) RETURN_IF_ERROR(RemoveLift());
  RETURN_IF_ERROR(ExplainUnready());
  InstallReport report;
  for (auto& [name, node] : nodes_) report.nodes.push_back(std::move(node));
  report.skipped = std::move(site_.skipped);
  if (report.AllReady()) RETURN_IF_ERROR(RemoveOldConfigMaps());
  report.took = absl::Now() - start_;
  return report;
}

}  // namespace

bool InstallReport::AllReady() const {
  return std::all_of(nodes.begin(), nodes.end(),
                     [](const InstalledNode& node) { return node.problem.empty(); });
}

absl::StatusOr<InstallPlan> PlanInstall(const InstallOptions& options) {
  InstallPlan plan;
  if (!options.lift_taint.empty()) {
    RETURN_IF_ERROR(CheckLiftSupport(Kubectl(options.kubectl)));
  }
  const Kubectl kubectl(options.kubectl);
  ASSIGN_OR_RETURN(plan.site, ReadSite(kubectl));
  KeepOneArchitecture(EmbeddedPayload().architecture, plan.site);
  // Whoever may not read the list sees the choice without it.
  if (const auto authority = FindAuthority(kubectl); authority.ok() && authority->has_value()) {
    const absl::StatusOr<DesiredMap> desired = ReadDesiredMap(kubectl, **authority);
    if (desired.ok()) LeaveOutHeld(HeldNames(desired->list), plan.site.nodes);
  }
  ForgetRefusedFolders(options.mirrors, plan.site.nodes);
  plan.grouping = ChooseGroups(plan.site.nodes, options.image, {});
  plan.grouping.away = plan.site.away;
  plan.manifests =
      MakeManifests(EmbeddedPayload(), plan.grouping, options.mirrors, options.lift_taint);
  return plan;
}

absl::StatusOr<InstallReport> Install(const InstallOptions& options,
                                      const std::function<void(const std::string&)>& say) {
  return Installation(options, say).Run();
}

}  // namespace lighter
