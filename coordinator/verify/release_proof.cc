#include "coordinator/verify/release_proof.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/printable.h"
#include "common/reference.h"

namespace lighter {
namespace {

// "sha256:0123456789ab".
std::string Short(const std::string& digest) { return OneLine(digest.substr(0, 19)); }

// What each node that answered says of a name.
using NodeStates = std::vector<std::pair<std::string, const v1::NameState*>>;

// One name, on all nodes that answered.
class NameJudge {
 public:
  NameJudge(const std::string& name, const NodeStates& states, const WantedNames& wanted,
            const ProofQuery& query)
      : name_(name), states_(states), query_(query) {
    is_allowed_ =
        std::find(query.allowed.begin(), query.allowed.end(), name) != query.allowed.end();
    if (const auto it = wanted.held.find(name); it != wanted.held.end()) {
      is_held_ = true;
      expected_ = it->second.manifest_digest();
    }
    for (const auto& [node, state] : states) {
      if (state->current_manifest_digest() == expected_) image_id_ = state->image_id();
    }
  }

  std::vector<ProofProblem> Judge();

 private:
  bool IsRight(const v1::NameState& state) const;
  std::string PackageRemedy() const;
  std::string BringRemedy() const;
  std::string OtherCause(const v1::NameState& state) const;
  void Add(const char* code, const std::string& node, std::string cause, std::string remedy);
  void CompareNodes();

  const std::string& name_;
  const NodeStates& states_;
  const ProofQuery& query_;
  bool is_allowed_ = false;
  bool is_held_ = false;
  std::string expected_;  // manifest digest; empty: nobody says what the name should be
  std::string image_id_;  // of that manifest; empty where no node has it
  std::vector<ProofProblem> problems_;
};

// The same image may have come with another manifest, by a pull say: pods start it all the same.
bool NameJudge::IsRight(const v1::NameState& state) const {
  if (!state.proven()) return false;
  return expected_.empty() || state.current_manifest_digest() == expected_ ||
         state.image_id() == image_id_;
}

std::string NameJudge::PackageRemedy() const {
  return absl::StrCat("`lighter load PACKAGE` with the package of chart ", OneLine(query_.chart));
}

std::string NameJudge::BringRemedy() const {
  for (const auto& [node, state] : states_) {
    if (!is_held_ || !IsRight(*state)) continue;
    return absl::StrCat("the agent there brings it from ", node,
                        " by itself within about a minute; `lighter agent status` tells why where "
                        "it cannot");
  }
  return absl::StrCat(
      PackageRemedy(), " brings it",
      is_held_ ? "" : "; where a registry that the nodes reach has it: --allow-pull " + name_);
}

std::string NameJudge::OtherCause(const v1::NameState& state) const {
  if (image_id_.empty()) {
    return absl::StrCat("another image has this name: its manifest is ",
                        Short(state.current_manifest_digest()), " instead of ", Short(expected_));
  }
  return absl::StrCat("another image has this name: ", Short(state.image_id()), " instead of ",
                      Short(image_id_));
}

// Nodes with the very same are told together.
void NameJudge::Add(const char* code, const std::string& node, std::string cause,
                    std::string remedy) {
  for (ProofProblem& problem : problems_) {
    if (problem.code != code || problem.cause != cause) continue;
    problem.nodes.push_back(node);
    return;
  }
  problems_.push_back({.code = code,
                       .name = name_,
                       .nodes = {node},
                       .cause = std::move(cause),
                       .remedy = std::move(remedy)});
}

// Where nobody says what the name should be.
void NameJudge::CompareNodes() {
  std::map<std::string, std::vector<std::string>> nodes_of;  // by image ID
  for (const auto& [node, state] : states_) {
    if (state->proven()) nodes_of[state->image_id()].push_back(node);
  }
  if (nodes_of.size() < 2) return;
  std::vector<std::string> words;
  words.reserve(nodes_of.size());
  for (const auto& [image_id, nodes] : nodes_of) {
    words.push_back(absl::StrCat(Short(image_id), " on ", absl::StrJoin(nodes, ", ")));
  }
  const std::string cause = "not the same image everywhere: " + absl::StrJoin(words, "; ");
  for (const auto& [image_id, nodes] : nodes_of) {
    for (const std::string& node : nodes) {
      Add("E-IMAGE-DIFFERS", node, cause, PackageRemedy() + " puts one under the name");
    }
  }
}

std::vector<ProofProblem> NameJudge::Judge() {
  for (const auto& [node, state] : states_) {
    if (IsRight(*state)) continue;
    if (state->proven()) {
      Add("E-IMAGE-OTHER", node, OtherCause(*state),
          PackageRemedy() + " puts the right one under the name");
    } else if (!is_allowed_) {
      const bool is_missing = state->current_manifest_digest().empty();
      Add(is_missing ? "E-IMAGE-MISSING" : "E-IMAGE-BROKEN", node, OneLine(state->cause()),
          BringRemedy());
    }
  }
  if (expected_.empty()) CompareNodes();
  return std::move(problems_);
}

// By name.
std::map<std::string, NodeStates> StatesOf(const WantedNames& wanted,
                                           const std::vector<NodePlan>& nodes) {
  std::map<std::string, NodeStates> states;
  for (const auto& [name, use] : wanted.uses) states[name];
  for (const NodePlan& node : nodes) {
    if (!node.status.ok()) continue;
    for (const v1::NameState& state : node.inventory.names()) {
      const auto it = states.find(state.name());
      if (it == states.end() || wanted.uses.at(it->first).spared.contains(node.name)) continue;
      it->second.emplace_back(node.name, &state);
    }
  }
  return states;
}

bool BroughtByLighter(const WantedNames& wanted, const std::map<std::string, NodeStates>& states) {
  if (wanted.is_listed || !wanted.held.empty()) return true;
  return std::any_of(states.begin(), states.end(), [](const auto& of_name) {
    const NodeStates& nodes = of_name.second;
    return std::any_of(nodes.begin(), nodes.end(),
                       [](const auto& node) { return node.second->is_lighters(); });
  });
}

}  // namespace

std::string ProofProblem::Describe() const {
  return absl::StrCat(code, ": ", name, name.empty() ? "on " : " on ", absl::StrJoin(nodes, ", "),
                      ": ", cause, "; ", remedy);
}

size_t ReleaseProof::proven_names() const {
  std::set<std::string> blocked;
  for (const ProofProblem& problem : problems) {
    if (problem.blocks) blocked.insert(problem.name);
  }
  return names.size() - blocked.size();
}

ReleaseProof JudgeRelease(const WantedNames& wanted, const std::vector<NodePlan>& nodes,
                          const std::map<std::string, KubeletConfig>& kubelets,
                          const ProofQuery& query) {
  ReleaseProof proof;
  const std::map<std::string, NodeStates> states = StatesOf(wanted, nodes);
  proof.is_lighters = BroughtByLighter(wanted, states);
  const bool counts = proof.is_lighters || query.is_strict;
  for (const auto& [name, of_nodes] : states) {
    proof.names.push_back(name);
    for (ProofProblem& problem : NameJudge(name, of_nodes, wanted, query).Judge()) {
      problem.blocks = counts;
      proof.problems.push_back(std::move(problem));
    }
  }
  for (const StartProblem& problem :
       CheckStart(nodes, wanted.uses, kubelets, query.allowed).problems) {
    proof.problems.push_back({.code = WordsOf(problem.risk).code,
                              .name = problem.name,
                              .nodes = problem.nodes,
                              .cause = WordsOf(problem.risk).cause,
                              .remedy = problem.Remedy(),
                              .blocks = problem.blocks && counts});
  }
  return proof;
}

}  // namespace lighter
