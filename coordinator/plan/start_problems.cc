#include "coordinator/plan/start_problems.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/printable.h"
#include "common/reference.h"
#include "coordinator/cluster/kubernetes_json.h"

namespace lighter {
namespace {

// Whether a pull from this registry ends at the node's own, which serves what is on the nodes.
bool IsAnswered(const v1::InfoReply& agent, const std::string& registry) {
  if (agent.registry().empty() || !agent.kept().registry_problem().empty()) return false;
  if (registry == kNodeRegistry) return true;
  return std::any_of(agent.mirrors().begin(), agent.mirrors().end(), [&](const v1::Mirror& mirror) {
    return mirror.registry() == registry && mirror.tried() && mirror.problem().empty();
  });
}

}  // namespace

std::vector<StartProblem> FindStartProblems(const std::vector<NodePlan>& nodes,
                                            const ReleasePlan& releases,
                                            const std::map<std::string, KubeletPulls>& kubelets,
                                            const std::vector<std::string>& allowed) {
  std::map<std::string, std::set<PullPolicy>> policies;
  for (const PlannedBundle& planned : releases.bundles) {
    for (const auto& [name, pulls] : planned.pulls) {
      policies[name].insert(pulls.begin(), pulls.end());
    }
  }
  const std::set<std::string> elsewhere(allowed.begin(), allowed.end());
  std::map<std::pair<StartRisk, std::string>, std::vector<std::string>> found;
  for (const NodePlan& node : nodes) {
    const auto kubelet = kubelets.find(node.name);
    if (!node.status.ok()) continue;
    for (const v1::NameState& state : node.inventory.names()) {
      const absl::StatusOr<Reference> name = Reference::Parse(state.name());
      if (!name.ok() || elsewhere.contains(state.name())) continue;
      StartFacts facts;
      facts.record = state.pull_record();
      if (kubelet != kubelets.end()) facts.kubelet = kubelet->second;
      if (const auto it = policies.find(state.name()); it != policies.end()) {
        facts.policies = it->second;
      }
      facts.repository = name->name();
      facts.is_answered = IsAnswered(node.info, name->registry);
      if (const std::optional<StartRisk> risk = FindStartRisk(facts)) {
        found[{*risk, state.name()}].push_back(node.name);
      }
    }
  }
  std::vector<StartProblem> problems;
  for (auto& [key, on] : found) problems.push_back({key.first, key.second, std::move(on)});
  return problems;
}

std::string DescribeStartProblem(const StartProblem& problem) {
  const absl::StatusOr<Reference> name = Reference::Parse(problem.name);
  const std::string remedy =
      absl::StrReplaceAll(StartRiskRemedy(problem.risk),
                          {{"NAME", problem.name}, {"REGISTRY", name.ok() ? name->registry : ""}});
  return absl::StrCat(StartRiskCode(problem.risk), ": ", problem.name, " on ",
                      absl::StrJoin(problem.nodes, ", "), ": ", StartRiskCause(problem.risk), "; ",
                      remedy);
}

std::string DescribeStartProblems(const std::vector<StartProblem>& problems) {
  std::string text;
  for (const StartProblem& problem : problems) {
    absl::StrAppend(&text, IsBlock(problem.risk) ? "blocked: " : "note: ",
                    OneLine(DescribeStartProblem(problem)), "\n");
  }
  return text;
}

absl::Status CheckPodsStart(const std::vector<StartProblem>& problems) {
  std::vector<std::string> blocks;
  for (const StartProblem& problem : problems) {
    if (IsBlock(problem.risk)) blocks.push_back(DescribeStartProblem(problem));
  }
  if (blocks.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("pods would not start though their images are on the nodes:\n  ",
                   absl::StrJoin(blocks, "\n  ")));
}

}  // namespace lighter
