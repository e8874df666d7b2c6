#include "coordinator/plan/name_problems.h"

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/printable.h"
#include "common/reference.h"
#include "coordinator/plan/plan.h"

namespace lighter {
namespace {

// Images of one change that are told by name.
constexpr size_t kMaxTold = 3;

// Unless the nodes have it.
bool IsInTheWay(const UncoveredImage& image) {
  const bool starts = image.user.use == ImageUse::kRuns || image.user.use == ImageUse::kLater;
  return starts && !image.is_allowed;
}

// Empty where it cannot be a name.
std::string Normalised(const std::string& name) {
  const absl::StatusOr<Reference> reference = Reference::Parse(name);
  return reference.ok() ? reference->str() : std::string();
}

NameProblem Uncovered(const UncoveredImage& image) {
  NameProblem problem = {"", image.name, "", ""};
  problem.cause = absl::StrCat("no image of the package covers it, and ", image.user.object, " ",
                               image.user.words);
  if (image.user.use == ImageUse::kTest) {
    problem.code = "N-IMAGE-TEST";
  } else if (image.user.use == ImageUse::kIdle) {
    problem.code = "N-IMAGE-ZERO";
  } else if (image.is_allowed) {
    problem.code = "N-IMAGE-ALLOWED";
    problem.cause += " (allowed)";
  } else if (image.is_present) {
    problem.code = "N-IMAGE-PRESENT";
    problem.cause +=
        "; every node has an image of this very name, not from here and not held by lighter";
  } else {
    problem.code = image.user.use == ImageUse::kRuns ? "E-IMAGE-MISSING" : "E-IMAGE-LATER";
    problem.remedy =
        "set the values that lead to a name that the package has, bring it to every node, or go on "
        "with --allow-missing " +
        image.name;
  }
  return problem;
}

// The flags that put the images where they come from now.
std::string FlagsFor(const RegistryChange& change) {
  const size_t host = change.from.find('/');
  const bool keeps_paths = change.to == change.registry() || host == std::string::npos;
  if (keeps_paths) return "--registry " + change.from;
  return absl::StrCat("--registry ", change.from.substr(0, host), " --repository ",
                      change.from.substr(host + 1));
}

NameProblem Changed(const PlannedBundle& planned, const RegistryChange& change) {
  std::vector<std::string> told;
  for (const RegistryChange::Image& image : change.images) {
    if (told.size() < kMaxTold) told.push_back(absl::StrCat(image.from, " -> ", image.to));
  }
  if (told.size() < change.images.size()) {
    told.push_back(absl::StrCat("and ", change.images.size() - told.size(), " more"));
  }
  return {"E-REGISTRY-CHANGED", change.to,
          absl::StrCat(Count(change.images.size(), "image"), " of release ", planned.release.name,
                       " (namespace ", planned.release.ns, ") would come from there, and now ",
                       change.images.size() == 1 ? "comes" : "come", " from ", change.from,
                       ", which nothing on the command line asks for (", absl::StrJoin(told, ", "),
                       ")"),
          absl::StrCat("as it is now: ", FlagsFor(change),
                       ", or the values that lead there; if it is meant: --allow-registry ",
                       change.registry())};
}

}  // namespace

bool NameProblem::blocks() const { return absl::StartsWith(code, "E-"); }

std::string NameProblem::Describe() const {
  return absl::StrCat(code, ": ", name, ": ", cause, remedy.empty() ? "" : "; ", remedy);
}

std::vector<NameProblem> FindNameProblems(const Plan& plan) {
  std::vector<NameProblem> problems;
  for (const PlannedBundle& planned : plan.releases.bundles) {
    for (const RegistryChange& change : planned.registry_changes) {
      problems.push_back(Changed(planned, change));
    }
    for (const UncoveredImage& image : planned.uncovered) problems.push_back(Uncovered(image));
  }
  return problems;
}

std::vector<std::string> MissingNames(const Plan& plan) {
  std::vector<std::string> names;
  for (const PlannedBundle& planned : plan.releases.bundles) {
    for (const UncoveredImage& image : planned.uncovered) {
      if (IsInTheWay(image) && !image.is_present) names.push_back(image.name);
    }
  }
  return names;
}

std::string DescribeNameProblems(const Plan& plan) {
  std::string text;
  for (const NameProblem& problem : FindNameProblems(plan)) {
    absl::StrAppend(&text, problem.blocks() ? "blocks the upgrade: " : "note: ",
                    OneLine(problem.Describe()), "\n");
  }
  return text;
}

nlohmann::ordered_json NameProblemsToJson(const Plan& plan) {
  nlohmann::ordered_json problems = nlohmann::ordered_json::array();
  for (const NameProblem& problem : FindNameProblems(plan)) {
    problems.push_back({{"code", problem.code},
                        {"blocks", problem.blocks()},
                        {"name", problem.name},
                        {"cause", problem.cause},
                        {"remedy", problem.remedy}});
  }
  return problems;
}

absl::Status CheckNames(const Plan& plan) {
  std::vector<std::string> blocks;
  for (const NameProblem& problem : FindNameProblems(plan)) {
    if (problem.blocks()) blocks.push_back(OneLine(problem.Describe()));
  }
  if (blocks.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("pods would ask for images under names that are not as they should be:\n  ",
                   absl::StrJoin(blocks, "\n  ")));
}

std::vector<std::string> NamesToLookFor(const ReleasePlan& releases) {
  std::set<std::string> names;
  for (const PlannedBundle& planned : releases.bundles) {
    for (const UncoveredImage& image : planned.uncovered) {
      if (IsInTheWay(image)) names.insert(Normalised(image.name));
    }
  }
  names.erase("");
  return {names.begin(), names.end()};
}

void MarkPresent(const std::vector<NodePlan>& nodes,
                 const std::map<std::string, KubeletConfig>& kubelets, ReleasePlan& releases) {
  std::map<std::string, size_t> proven_on;
  std::map<std::string, NameUse> uses;
  for (const PlannedBundle& planned : releases.bundles) {
    for (const auto& [name, pulls] : planned.pulls) {
      uses[name] = {.pods = pulls, .is_asked_for = true, .is_served = false};
    }
  }
  for (const NodePlan& node : nodes) {
    if (!node.status.ok()) continue;
    for (const v1::NameState& state : node.inventory.names()) {
      if (state.proven()) ++proven_on[state.name()];
    }
  }
  std::set<std::string> present;
  for (const auto& [name, count] : proven_on) {
    if (count == nodes.size()) present.insert(name);
  }
  for (const StartProblem& problem : CheckStart(nodes, uses, kubelets, {}).problems) {
    if (problem.blocks) present.erase(problem.name);
  }
  for (PlannedBundle& planned : releases.bundles) {
    for (UncoveredImage& image : planned.uncovered) {
      image.is_present = present.contains(Normalised(image.name));
    }
  }
}

}  // namespace lighter
