#include "coordinator/install/install.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/status.h"
#include "coordinator/cluster/kubernetes_json.h"
#include "coordinator/install/agent_pods.h"
#include "coordinator/install/authority_secret.h"
#include "coordinator/install/enrol.h"
#include "coordinator/install/rights.h"
#include "coordinator/process/parallel.h"
#include "coordinator/process/stop_signal.h"

namespace lighter {
namespace {

using nlohmann::json;

constexpr absl::Duration kPoll = absl::Milliseconds(300);
// A first stage that fails says why at once and would say the same again.
constexpr char kFirstStage[] = "lighter-boot:";
constexpr char kFieldManager[] = "--field-manager=lighter";

std::vector<Right> NeededRights() {
  std::vector<Right> rights = {
      {.verb = "list", .resource = "nodes"},
      {.verb = "get", .resource = "nodes", .subresource = "proxy"},
      {.verb = "list", .resource = "pods"},
      {.verb = "get", .resource = "namespaces"},
      {.verb = "patch", .resource = "namespaces"},
      {.verb = "create", .resource = "pods", .subresource = "exec", .ns = kAgentNamespace},
      {.verb = "create", .resource = "pods", .ns = kAgentNamespace},
      {.verb = "list", .resource = "events", .ns = kAgentNamespace},
  };
  for (const char* verb : {"get", "create"}) {
    rights.push_back({.verb = verb, .resource = "secrets", .ns = kAgentNamespace});
  }
  for (const char* verb : {"list", "patch", "delete"}) {
    rights.push_back({.verb = verb, .resource = "configmaps", .ns = kAgentNamespace});
    rights.push_back(
        {.verb = verb, .resource = "daemonsets", .group = "apps", .ns = kAgentNamespace});
  }
  return rights;
}

// Names of our objects of a kind that are in the cluster.
absl::StatusOr<std::set<std::string>> Present(const Kubectl& kubectl, const std::string& kind) {
  ASSIGN_OR_RETURN(const std::string out,
                   kubectl.Run({"get", kind, "-n", kAgentNamespace, "-l", kAgentSelector, "-o",
                                "jsonpath={range .items[*]}{.metadata.name}{\"\\n\"}{end}"}));
  const std::vector<std::string> names = absl::StrSplit(out, '\n', absl::SkipEmpty());
  return std::set<std::string>(names.begin(), names.end());
}

std::string NameOf(const json& object) { return Text(object, {"metadata", "name"}); }

absl::Status Apply(const Kubectl& kubectl, std::vector<json> objects) {
  if (objects.empty()) return absl::OkStatus();
  // Server-side: a client-side apply keeps a second copy of each object in an annotation, which
  // chunks of 768 KiB do not fit.
  return kubectl
      .Run({"apply", "--server-side", "--force-conflicts", kFieldManager, "-f", "-"},
           {.input = ObjectList(std::move(objects)).dump()})
      .status();
}

absl::Status Delete(const Kubectl& kubectl, const std::string& kind,
                    const std::vector<std::string>& names) {
  if (names.empty()) return absl::OkStatus();
  std::vector<std::string> args = {"delete",        kind,           "-n",
                                   kAgentNamespace, "--wait=false", "--ignore-not-found"};
  args.insert(args.end(), names.begin(), names.end());
  return kubectl.Run(args).status();
}

// What admission makes of an agent's pod, asked without creating one.
absl::Status CheckAdmission(const Kubectl& kubectl, const json& daemon_set) {
  const absl::StatusOr<std::string> out =
      kubectl.Run({"create", "--dry-run=server", "-f", "-", "-o", "json"},
                  {.input = SamplePod(daemon_set).dump()});
  if (!out.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the cluster would refuse the agents' pods: ", Message(out.status()),
                     "\nexempt namespace ", kAgentNamespace,
                     " from what refuses them; docs/agent.md lists what "
                     "the pods ask for and why"));
  }
  const json pod = json::parse(*out, nullptr, /*allow_exceptions=*/false);
  for (const json& container : At(pod, {"spec", "containers"})) {
    if (Text(container, {"name"}) != kAgentContainer) continue;
    if (Text(container, {"imagePullPolicy"}) != "Never") {
      return absl::FailedPreconditionError(
          absl::StrCat("admission changes the agents' imagePullPolicy from Never to ",
                       Text(container, {"imagePullPolicy"}),
                       " (the plugin AlwaysPullImages, or a webhook): the "
                       "nodes would try to pull. Exempt namespace ",
                       kAgentNamespace, " from it"));
    }
    const std::string wanted =
        Text(daemon_set.at("spec").at("template").at("spec").at("containers").at(0), {"image"});
    if (Text(container, {"image"}) != wanted) {
      return absl::FailedPreconditionError(absl::StrCat(
          "a webhook rewrites the agents' image ", wanted, " to ", Text(container, {"image"}),
          ", which the nodes need not hold. Exempt namespace ", kAgentNamespace, " from it"));
    }
  }
  return absl::OkStatus();
}

// One installation. Thread-compatible.
class Installation {
 public:
  Installation(const InstallOptions& options, const std::function<void(const std::string&)>& say)
      : options_(options), say_(say), kubectl_(options.kubectl), start_(absl::Now()) {}

  absl::StatusOr<InstallReport> Run();

 private:
  absl::Status Prepare();
  absl::Status EnsureNamespace();
  absl::Status ApplyManifests();
  // Waits until every node's agent is ready, failed or out of time. True when an image turned out
  // to be the wrong one somewhere and another choice is worth a try.
  absl::StatusOr<bool> Wait();
  void EnrolNew(const std::vector<InstalledPod>& pods);
  void Judge(const std::vector<InstalledPod>& pods);
  absl::StatusOr<bool> RepairPayload(const std::vector<InstalledPod>& pods);
  absl::Status RemoveOldConfigMaps();
  absl::Status ExplainUnready();

  const InstallOptions& options_;
  const std::function<void(const std::string&)>& say_;
  const Kubectl kubectl_;
  const absl::Time start_;
  Authority authority_;
  bool new_authority_ = false;
  Site site_;
  Grouping grouping_;
  AgentManifests manifests_;
  ImageBans bans_;
  bool repaired_ = false;
  std::set<std::string> enrolled_;  // names of pods
  std::map<std::string, InstalledNode> nodes_;
  std::set<std::string> ready_;  // names of nodes
};

// A namespace that somebody else made is left as it is: uninstall must not delete it.
absl::Status Installation::EnsureNamespace() {
  ASSIGN_OR_RETURN(const std::string found,
                   kubectl_.Run({"get", "namespace", kAgentNamespace, "--ignore-not-found", "-o",
                                 "jsonpath={.metadata.name} {.metadata.labels}"}));
  if (!found.empty() && !absl::StrContains(found, "\"app.kubernetes.io/managed-by\":\"lighter\"")) {
    say_(absl::StrCat("namespace ", kAgentNamespace, " was there before and stays as it is"));
    return absl::OkStatus();
  }
  return Apply(kubectl_, {MakeManifests(EmbeddedPayload(), {}).ns});
}

absl::Status Installation::Prepare() {
  RETURN_IF_ERROR(CheckRights(kubectl_, NeededRights()));
  ASSIGN_OR_RETURN(site_, ReadSite(kubectl_));
  if (site_.nodes.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("no node can have an agent: ", site_.skipped.size(),
                     " nodes listed, none Ready with Linux and containerd"));
  }
  RETURN_IF_ERROR(EnsureNamespace());
  ASSIGN_OR_RETURN(std::optional<Authority> authority, FindAuthority(kubectl_));
  new_authority_ = !authority.has_value();
  if (new_authority_) {
    ASSIGN_OR_RETURN(authority_, CreateAuthority(kubectl_));
  } else {
    authority_ = *std::move(authority);
  }
  return absl::OkStatus();
}

absl::Status Installation::ApplyManifests() {
  grouping_ = ChooseGroups(site_.nodes, options_.borrow_image, bans_);
  manifests_ = MakeManifests(EmbeddedPayload(), grouping_);
  for (const AgentGroup& group : grouping_.groups) {
    say_(absl::StrCat(group.nodes.size(), " nodes start their agent from ", group.image, " (",
                      group.evidence, "), containerd at ", group.socket));
  }
  for (const json& daemon_set : manifests_.daemon_sets) {
    RETURN_IF_ERROR(CheckAdmission(kubectl_, daemon_set));
  }
  ASSIGN_OR_RETURN(const std::set<std::string> old_sets, Present(kubectl_, "daemonsets"));
  ASSIGN_OR_RETURN(const std::set<std::string> config_maps, Present(kubectl_, "configmaps"));
  std::set<std::string> unwanted = old_sets;
  for (const json& daemon_set : manifests_.daemon_sets) unwanted.erase(NameOf(daemon_set));
  RETURN_IF_ERROR(Delete(kubectl_, "daemonsets", {unwanted.begin(), unwanted.end()}));
  std::vector<json> objects;
  for (const json& config_map : manifests_.config_maps) {
    if (!config_maps.contains(NameOf(config_map))) objects.push_back(config_map);
  }
  objects.insert(objects.end(), manifests_.daemon_sets.begin(), manifests_.daemon_sets.end());
  return Apply(kubectl_, std::move(objects));
}

void Installation::EnrolNew(const std::vector<InstalledPod>& pods) {
  std::vector<const InstalledPod*> todo;
  for (const InstalledPod& pod : pods) {
    const bool wants = pod.running && (!pod.ready || new_authority_);
    if (wants && !enrolled_.contains(pod.name)) todo.push_back(&pod);
  }
  std::vector<absl::Status> done(todo.size());
  InParallel(todo.size(), [&](size_t i) { done[i] = Enrol(kubectl_, authority_, *todo[i]); });
  for (size_t i = 0; i < todo.size(); ++i) {
    if (done[i].ok()) {
      enrolled_.insert(todo[i]->name);
    } else {
      // Its first stage may not have been done yet; the next look tries again.
      nodes_[todo[i]->node].problem = "no certificate yet: " + Message(done[i]);
    }
  }
}

void Installation::Judge(const std::vector<InstalledPod>& pods) {
  for (const InstalledPod& pod : pods) {
    const auto it = nodes_.find(pod.node);
    if (it == nodes_.end()) continue;  // joined meanwhile
    it->second.image = pod.image;
    if (pod.ready && (!new_authority_ || enrolled_.contains(pod.name))) {
      ready_.insert(pod.node);
      continue;
    }
    if (!pod.problem.empty()) it->second.problem = pod.problem;
    if (pod.never_pull && options_.borrow_image.empty()) bans_.emplace(pod.image, pod.node);
  }
}

// Where a first stage found its chunks damaged, whoever changed them: makes all of them anew, once.
absl::StatusOr<bool> Installation::RepairPayload(const std::vector<InstalledPod>& pods) {
  const bool damaged = std::any_of(pods.begin(), pods.end(), [](const InstalledPod& pod) {
    return absl::StrContains(pod.problem, kFirstStage);
  });
  if (!damaged || std::exchange(repaired_, true)) return false;
  say_("the agent that the cluster keeps is damaged; it is sent again");
  // The pods first, and all of them: a kubelet keeps an immutable ConfigMap for as long as a pod on
  // its node uses it. The next round of ApplyManifests brings everything anew.
  RETURN_IF_ERROR(kubectl_
                      .Run({"delete", "daemonsets", "-n", kAgentNamespace, "-l", kAgentSelector,
                            "--cascade=foreground", "--wait"},
                           {.timeout = absl::Minutes(2), .request_timeout = absl::Minutes(2)})
                      .status());
  std::vector<std::string> config_maps;
  for (const json& config_map : manifests_.config_maps) config_maps.push_back(NameOf(config_map));
  RETURN_IF_ERROR(Delete(kubectl_, "configmaps", config_maps));
  return true;
}

absl::StatusOr<bool> Installation::Wait() {
  const absl::Time give_up = absl::Now() + options_.timeout;
  const size_t known_bans = bans_.size();
  size_t told = 0;
  while (true) {
    ASSIGN_OR_RETURN(std::vector<InstalledPod> pods, ListAgentPods(kubectl_));
    std::erase_if(pods, [](const InstalledPod& pod) {
      return pod.payload != EmbeddedPayload().sha256;  // of an older version, on its way out
    });
    ready_.clear();
    for (auto& [name, node] : nodes_) node.problem.clear();
    EnrolNew(pods);
    Judge(pods);
    if (ready_.size() != told) {
      told = ready_.size();
      say_(absl::StrCat(told, " of ", nodes_.size(), " agents are ready"));
    }
    if (StopRequested()) return absl::CancelledError("stopped; the same command continues");
    if (bans_.size() > known_bans) return true;
    ASSIGN_OR_RETURN(const bool repaired, RepairPayload(pods));
    if (repaired) return true;
    const bool all_known = std::all_of(nodes_.begin(), nodes_.end(), [&](const auto& entry) {
      return ready_.contains(entry.first) || absl::StrContains(entry.second.problem, kFirstStage);
    });
    if (all_known || absl::Now() > give_up) return false;
    absl::SleepFor(kPoll);
  }
}

absl::Status Installation::RemoveOldConfigMaps() {
  ASSIGN_OR_RETURN(std::set<std::string> old, Present(kubectl_, "configmaps"));
  for (const json& config_map : manifests_.config_maps) old.erase(NameOf(config_map));
  return Delete(kubectl_, "configmaps", {old.begin(), old.end()});
}

// For nodes without a pod, or whose pod says nothing: the namespace's warnings.
absl::Status Installation::ExplainUnready() {
  std::vector<InstalledNode*> silent;
  for (auto& [name, node] : nodes_) {
    if (!ready_.contains(name) && node.problem.empty()) silent.push_back(&node);
  }
  if (silent.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<std::string> warnings, AgentWarnings(kubectl_));
  for (InstalledNode* node : silent) {
    node->problem = warnings.empty()
                        ? "not ready in time; see `kubectl describe pods -n lighter-system`"
                        : absl::StrJoin(warnings, "; ");
  }
  return absl::OkStatus();
}

absl::StatusOr<InstallReport> Installation::Run() {
  RETURN_IF_ERROR(Prepare());
  for (const SiteNode& node : site_.nodes) nodes_[node.name] = {.node = node.name};
  bool again = true;
  while (again) {
    RETURN_IF_ERROR(ApplyManifests());
    for (const SkippedNode& node : grouping_.without) {
      nodes_.erase(node.name);
      site_.skipped.push_back(node);
    }
    std::erase_if(site_.nodes, [&](const SiteNode& node) { return !nodes_.contains(node.name); });
    ASSIGN_OR_RETURN(again, Wait());
  }
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
  ASSIGN_OR_RETURN(plan.site, ReadSite(Kubectl(options.kubectl)));
  plan.grouping = ChooseGroups(plan.site.nodes, options.borrow_image, {});
  plan.manifests = MakeManifests(EmbeddedPayload(), plan.grouping);
  return plan;
}

absl::StatusOr<InstallReport> Install(const InstallOptions& options,
                                      const std::function<void(const std::string&)>& say) {
  return Installation(options, say).Run();
}

}  // namespace lighter
