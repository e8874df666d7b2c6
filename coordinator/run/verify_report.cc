#include "coordinator/run/verify_report.h"

#include "absl/strings/str_cat.h"
#include "common/printable.h"
#include "common/status.h"
#include "coordinator/plan/describe.h"
#include "coordinator/progress/render.h"
#include "coordinator/run/release_report.h"

namespace lighter {
namespace {

using nlohmann::ordered_json;

// "7 names proven on 3 nodes", "6 of 7 names proven on 2 of 3 nodes".
std::string ProvenWords(const ReleaseProof& proof, const VerifyReport& report) {
  const size_t names = proof.names.size();
  const size_t proven = proof.proven_names();
  const size_t nodes = report.nodes.nodes.size();
  const size_t asked = report.asked_nodes();
  return absl::StrCat(proven == names ? "" : absl::StrCat(proven, " of "), Count(names, "name"),
                      " proven on ", asked == nodes ? "" : absl::StrCat(asked, " of "),
                      Count(nodes, "node"));
}

std::string DescribeRelease(const VerifiedRelease& verified, const VerifyReport& report) {
  const Release& release = verified.release;
  const StoredRevision& revision = verified.revision;
  const bool is_current = revision.revision == release.revision;
  const std::string status =
      !is_current || release.status == "deployed" ? "" : absl::StrCat(" (", release.status, ")");
  std::string text = absl::StrCat(release.name, " (namespace ", release.ns, ") revision ",
                                  revision.revision, status, ", chart ", OneLine(revision.version),
                                  ": ", ProvenWords(verified.proof, report), "\n");
  if (!verified.proof.is_lighters && !verified.proof.problems.empty()) {
    absl::StrAppend(&text,
                    "  not brought by lighter: what follows are notes, as its nodes may "
                    "reach a registry\n");
  }
  for (const ProofProblem& problem : verified.proof.problems) {
    absl::StrAppend(&text, problem.blocks ? "  " : "  note: ", OneLine(problem.Describe()), "\n");
  }
  if (!verified.unready.ok()) {
    absl::StrAppend(&text,
                    "  its pods could not be listed: ", OneLine(Message(verified.unready.status())),
                    "\n");
  } else if (!verified.unready->empty()) {
    absl::StrAppend(&text, "  pods that are not ready:\n", DescribePods(*verified.unready));
  }
  return text;
}

}  // namespace

std::string DescribeVerify(const VerifyReport& report) {
  std::string text;
  for (const VerifiedRelease& verified : report.releases) {
    text += DescribeRelease(verified, report);
  }
  for (const NodePlan& node : report.nodes.nodes) {
    if (node.status.ok()) continue;
    absl::StrAppend(&text, node.name, " could not be asked: ", OneLine(Message(node.status)), "\n");
  }
  text += DescribeLeftOut(report.nodes);
  for (const std::string& note : report.notes) {
    absl::StrAppend(&text, "note: ", OneLine(note), "\n");
  }
  return text;
}

ordered_json VerifiedReleaseToJson(const VerifiedRelease& verified) {
  ordered_json problems = ordered_json::array();
  for (const ProofProblem& problem : verified.proof.problems) {
    problems.push_back({{"code", problem.code},
                        {"blocks", problem.blocks},
                        {"name", problem.name},
                        {"nodes", problem.nodes},
                        {"cause", problem.cause},
                        {"remedy", problem.remedy}});
  }
  return {{"release", verified.release.name},
          {"namespace", verified.release.ns},
          {"revision", verified.revision.revision},
          {"currentRevision", verified.release.revision},
          {"status", verified.release.status},
          {"chart", verified.revision.chart},
          {"version", verified.revision.version},
          {"broughtByLighter", verified.proof.is_lighters},
          {"proven", verified.proof.proven()},
          {"names", verified.proof.names},
          {"problems", std::move(problems)},
          {"unreadyPods", PodsToJson(verified.unready.value_or(std::vector<PodState>()))},
          {"podsError", Message(verified.unready.status())}};
}

ordered_json AskedNodesToJson(const NodeSelection& nodes) {
  ordered_json asked = ordered_json::array();
  for (const NodePlan& node : nodes.nodes) {
    asked.push_back({{"name", node.name}, {"error", Message(node.status)}});
  }
  return asked;
}

ordered_json VerifyToJson(const VerifyReport& report) {
  ordered_json releases = ordered_json::array();
  for (const VerifiedRelease& verified : report.releases) {
    releases.push_back(VerifiedReleaseToJson(verified));
  }
  return {{"apiVersion", kJsonApiVersion},
          {"kind", "Verify"},
          {"proven", report.proven()},
          {"releases", std::move(releases)},
          {"nodes", AskedNodesToJson(report.nodes)},
          {"leftOut", LeftOutToJson(report.nodes)},
          {"notes", report.notes}};
}

}  // namespace lighter
