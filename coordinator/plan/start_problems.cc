#include "coordinator/plan/start_problems.h"

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/printable.h"
#include "common/reference.h"
#include "coordinator/cluster/kubernetes_json.h"

namespace lighter {
namespace {

// Whether a pull from this registry ends at the node's own.
bool IsAnswered(const v1::InfoReply& agent, const std::string& registry) {
  if (agent.registry().empty() || !agent.kept().registry_problem().empty()) return false;
  if (registry == kNodeRegistry) return true;
  return std::any_of(agent.mirrors().begin(), agent.mirrors().end(), [&](const v1::Mirror& mirror) {
    return mirror.registry() == registry && mirror.tried() && mirror.problem().empty();
  });
}

std::map<std::string, NameUse> FindUses(const ReleasePlan& releases, bool publishes) {
  std::map<std::string, NameUse> uses;
  for (const PlannedBundle& planned : releases.bundles) {
    for (const TargetName& target : planned.names.targets) {
      NameUse& use = uses[target.name];
      use.is_served = publishes;
      if (target.witness == NameWitness::kRendered) use.is_asked_for = true;
      const auto pulls = planned.pulls.find(target.name);
      if (pulls == planned.pulls.end()) continue;
      use.is_asked_for = true;
      use.pods.policies.insert(pulls->second.policies.begin(), pulls->second.policies.end());
      use.pods.spellings.insert(pulls->second.spellings.begin(), pulls->second.spellings.end());
    }
  }
  return uses;
}

}  // namespace

StartCheck CheckStart(const std::vector<NodePlan>& nodes, const ReleasePlan& releases,
                      const std::map<std::string, KubeletConfig>& kubelets,
                      const StartQuery& query) {
  return CheckStart(nodes, FindUses(releases, query.publishes), kubelets, query.allowed);
}

StartCheck CheckStart(const std::vector<NodePlan>& nodes,
                      const std::map<std::string, NameUse>& uses,
                      const std::map<std::string, KubeletConfig>& kubelets,
                      const std::vector<std::string>& allowed_names) {
  const std::set<std::string> allowed(allowed_names.begin(), allowed_names.end());
  std::map<std::pair<StartRisk, std::string>, std::set<std::string>> found;
  std::set<std::string> answered;
  for (const NodePlan& node : nodes) {
    if (!node.status.ok()) continue;
    StartFacts facts;
    if (const auto it = kubelets.find(node.name); it != kubelets.end()) facts.kubelet = it->second;
    for (const v1::NameState& state : node.inventory.names()) {
      const auto use = uses.find(state.name());
      const absl::StatusOr<Reference> name = Reference::Parse(state.name());
      if (use == uses.end() || !name.ok() || !state.cause().empty()) continue;
      if (use->second.spared.contains(node.name)) continue;
      facts.record = state.pull_record();
      facts.pods = use->second.pods;
      facts.repository = name->name();
      facts.is_answered = false;
      std::optional<StartRisk> risk = FindStartRisk(facts);
      if (risk && use->second.is_served && IsAnswered(node.info, name->registry)) {
        facts.is_answered = true;
        const std::optional<StartRisk> left = FindStartRisk(facts);
        if (left != risk && !allowed.contains(state.name())) answered.insert(state.name());
        risk = left;
      }
      if (!risk || (allowed.contains(state.name()) && risk != StartRisk::kNever)) continue;
      found[{*risk, risk == StartRisk::kUnknown ? "" : state.name()}].insert(node.name);
    }
  }
  StartCheck check = {.problems = {}, .answered = {answered.begin(), answered.end()}};
  for (const auto& [key, on] : found) {
    const auto& [risk, name] = key;
    check.problems.push_back(
        {.risk = risk,
         .name = name,
         .nodes = {on.begin(), on.end()},
         .blocks = absl::StartsWith(WordsOf(risk).code, "E-") && uses.at(name).is_asked_for});
  }
  return check;
}

std::string StartProblem::Remedy() const {
  const absl::StatusOr<Reference> parsed = Reference::Parse(name);
  return absl::StrReplaceAll(
      WordsOf(risk).remedy,
      {{"NAME", name}, {"REGISTRY", parsed.ok() ? parsed->registry : std::string()}});
}

std::string StartProblem::Describe() const {
  return absl::StrCat(WordsOf(risk).code, ": ", name, name.empty() ? "on " : " on ",
                      absl::StrJoin(nodes, ", "), ": ", WordsOf(risk).cause, "; ", Remedy());
}

std::string DescribeStartProblems(const std::vector<StartProblem>& problems) {
  std::string text;
  for (const StartProblem& problem : problems) {
    absl::StrAppend(&text,
                    problem.blocks ? "blocks the upgrade: " : "note: ", OneLine(problem.Describe()),
                    "\n");
  }
  return text;
}

absl::Status CheckPodsStart(const std::vector<StartProblem>& problems, bool is_loaded) {
  std::vector<std::string> blocks;
  for (const StartProblem& problem : problems) {
    if (problem.risk == StartRisk::kIntent && !is_loaded) continue;
    if (problem.blocks) blocks.push_back(OneLine(problem.Describe()));
  }
  if (blocks.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("pods would not start even with their images on the nodes:\n  ",
                   absl::StrJoin(blocks, "\n  ")));
}

}  // namespace lighter
