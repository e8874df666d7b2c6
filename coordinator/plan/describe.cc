#include "coordinator/plan/describe.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/printable.h"
#include "common/status.h"
#include "coordinator/plan/describe_package.h"
#include "coordinator/plan/describe_placement.h"
#include "coordinator/plan/name_problems.h"
#include "coordinator/plan/name_work.h"
#include "coordinator/plan/pod_denials.h"
#include "coordinator/plan/release_checks.h"
#include "coordinator/progress/render.h"

namespace lighter {
namespace {

using nlohmann::ordered_json;

const char* WitnessName(NameWitness witness) {
  switch (witness) {
    case NameWitness::kHint:
      return "hint";
    case NameWitness::kRendered:
      return "rendered";
    case NameWitness::kAdmitted:
      return "admitted";
    case NameWitness::kSource:
      return "archive";
  }
  return "";
}

// In one line, and safe to print.
std::string AsciiText(const nlohmann::json& json) {
  return json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

std::string DescribeNode(const Plan& plan, const NodePlan& node, const Digests& wanted) {
  if (!node.status.ok()) return absl::StrCat("cannot be served: ", OneLine(Message(node.status)));
  if (node.proven()) {
    const bool is_spared = ImagesFor(plan.work.images, node.endpoint).empty();
    return is_spared ? "no image goes here" : "proven already, nothing to do";
  }
  const uint64_t missing = node.missing_bytes();
  const uint64_t all_bytes = DistinctBytes(plan.work, node.endpoint);
  const NameWork names = NamesOf(node, wanted);
  std::string text = absl::StrCat(FormatBytes(missing), " to move, ",
                                  FormatBytes(all_bytes - std::min(missing, all_bytes)),
                                  " is there, ", Count(names.create, "name"), " to create");
  if (!names.move.empty()) {
    absl::StrAppend(&text, ", ", names.move.size(), " to move from another image");
  }
  if (names.prove > 0) absl::StrAppend(&text, ", ", names.prove, " to prove");
  if (node.disk.free_bytes > 0 && node.disk.need_bytes() > 0) {
    absl::StrAppend(&text, "; takes ", FormatBytes(node.disk.need_bytes()), " of ",
                    FormatBytes(node.disk.free_bytes), " free");
  }
  if (!node.disk.note.empty()) absl::StrAppend(&text, "; note: ", node.disk.note);
  return text;
}

}  // namespace

std::string DescribeRelease(const Plan& plan, const PlannedBundle& planned) {
  const Bundle& bundle = plan.package.bundles[planned.bundle];
  if (!bundle.has_chart()) return bundle.name + ": images under the names that they have in it";
  if (planned.release.name.empty()) {
    return absl::StrCat(bundle.chart_name, " ", bundle.chart_version, ": images only, no release");
  }
  return absl::StrCat(planned.release.name, " (namespace ", planned.release.ns,
                      "): ", VersionStep(planned.installed_version, bundle.chart_version));
}

std::string VersionStep(const std::string& from, const std::string& to) {
  return from.empty() ? "new, " + to : absl::StrCat(from, " -> ", to);
}

std::string JsonText(const ordered_json& json) {
  return json.dump(2, ' ', true, ordered_json::error_handler_t::replace) + "\n";
}

ordered_json LeftOutToJson(const NodeSelection& nodes) {
  ordered_json left_out = ordered_json::array();
  for (const LeftOutNode& node : nodes.left_out) {
    left_out.push_back({{"name", node.name}, {"cause", node.cause}});
  }
  return left_out;
}

ordered_json SkippedToJson(const Plan& plan) {
  ordered_json skipped = ordered_json::array();
  for (const SkippedBundle& bundle : plan.releases.skipped) {
    skipped.push_back(
        {{"bundle", plan.package.bundles[bundle.bundle].name}, {"cause", bundle.cause}});
  }
  return skipped;
}

ordered_json RelocatedToJson(const Plan& plan) {
  ordered_json relocated = ordered_json::array();
  for (const PlannedBundle& planned : plan.releases.bundles) {
    if (planned.relocated.is_null()) continue;
    relocated.push_back({{"chart", plan.package.bundles[planned.bundle].chart_name},
                         {"release", planned.release.name},
                         {"namespace", planned.release.ns},
                         {"values", planned.relocated}});
  }
  return relocated;
}

ordered_json StartProblemsToJson(const Plan& plan) {
  ordered_json problems = ordered_json::array();
  for (const StartProblem& problem : plan.start.problems) {
    problems.push_back({{"code", WordsOf(problem.risk).code},
                        {"blocks", problem.blocks},
                        {"name", problem.name},
                        {"nodes", problem.nodes},
                        {"cause", WordsOf(problem.risk).cause},
                        {"remedy", problem.Remedy()}});
  }
  return problems;
}

std::string DescribeLeftOut(const NodeSelection& nodes) {
  std::vector<std::string> words;
  for (const LeftOutNode& node : nodes.left_out) {
    words.push_back(absl::StrCat(node.name, " (", OneLine(node.cause), ")"));
  }
  return words.empty() ? "" : absl::StrCat("Left out: ", absl::StrJoin(words, ", "), "\n");
}

std::string Unserved(const Plan& plan) {
  if (plan.agentless) return "";
  const auto unserved = std::count_if(plan.nodes.nodes.begin(), plan.nodes.nodes.end(),
                                      [](const NodePlan& node) { return !node.status.ok(); });
  return unserved == 0 ? "" : absl::StrCat(" (", unserved, " of them cannot be served)");
}

std::string DescribePlan(const Plan& plan) {
  const uint64_t all_bytes = DistinctBytes(plan.work);
  const Digests wanted = WantedDigests(plan);
  size_t names = 0;
  std::string text = PackageLines(plan.package, plan.checksums);
  for (const PlannedBundle& planned : plan.releases.bundles) {
    absl::StrAppend(&text, "\n", DescribeRelease(plan, planned), "\n");
    for (const TargetName& target : planned.names.targets) {
      ++names;
      absl::StrAppend(&text,
                      absl::StrFormat("  %-9s %s\n", WitnessName(target.witness), target.name));
    }
    if (!planned.relocated.is_null()) {
      absl::StrAppend(&text, "  values    ", AsciiText(planned.relocated),
                      planned.release.name.empty() ? "   (helm install needs them, too: -f)" : "",
                      "\n");
    }
  }
  for (const SkippedBundle& skipped : plan.releases.skipped) {
    absl::StrAppend(&text, "\n", plan.package.bundles[skipped.bundle].name, ": skipped, ",
                    skipped.cause, "\n");
  }
  absl::StrAppend(&text, "\n");
  for (const NodePlan& node : plan.nodes.nodes) {
    const std::string state =
        plan.agentless ? OneLine(Message(node.status)) : DescribeNode(plan, node, wanted);
    absl::StrAppend(&text, absl::StrFormat("  %-12s %s\n", node.name, state));
  }
  for (const LeftOutNode& node : plan.nodes.left_out) {
    absl::StrAppend(&text,
                    absl::StrFormat("  %-12s left out: %s\n", node.name, OneLine(node.cause)));
  }
  absl::StrAppend(&text, DescribePlacement(plan), DescribeMoves(plan, wanted),
                  DescribeReleaseChecks(plan));
  for (const std::string& note : plan.notes) {
    absl::StrAppend(&text, "note: ", OneLine(note), "\n");
  }
  absl::StrAppend(&text, DescribeNameProblems(plan), DescribePodDenials(plan),
                  DescribeStartProblems(plan.start.problems));
  absl::StrAppend(&text, "\nPlan: ", Count(names, "name"), " of ",
                  Count(static_cast<size_t>(plan.work.images.size()), "image"), " on ",
                  Count(plan.nodes.nodes.size(), "node"), Unserved(plan), ", ",
                  plan.agentless
                      ? absl::StrCat("at most ", FormatBytes(all_bytes), " to move to each.\n")
                      : FormatBytes(plan.missing_bytes()) + " to move in all.\n");
  return text;
}

ordered_json PlanToJson(const Plan& plan) {
  ordered_json releases = ordered_json::array();
  for (const PlannedBundle& planned : plan.releases.bundles) {
    const Bundle& bundle = plan.package.bundles[planned.bundle];
    ordered_json names = ordered_json::array();
    for (const TargetName& target : planned.names.targets) {
      const ArchiveImage& image = bundle.images.images[target.image];
      names.push_back({{"name", target.name},
                       {"source", target.source_name},
                       {"witness", WitnessName(target.witness)},
                       {"configDigest", image.config.digest.str()},
                       {"manifestDigest", image.manifest_digest.str()}});
    }
    releases.push_back({{"bundle", bundle.name},
                        {"release", planned.release.name},
                        {"namespace", planned.release.ns},
                        {"chart", bundle.chart_name},
                        {"installedVersion", planned.installed_version},
                        {"packageVersion", bundle.chart_version},
                        {"relocatedValues", planned.relocated},
                        {"owner", OwnerToJson(planned.owner)},
                        {"crds", DescribeCrdChanges(plan, planned)},
                        {"names", std::move(names)}});
  }
  const Digests wanted = WantedDigests(plan);
  ordered_json nodes = ordered_json::array();
  for (const NodePlan& node : plan.nodes.nodes) {
    const NameWork work = NamesOf(node, wanted);
    ordered_json moves = ordered_json::array();
    for (const v1::NameState* name : work.move) {
      moves.push_back({{"name", name->name()},
                       {"fromManifestDigest", name->current_manifest_digest()},
                       {"toManifestDigest", wanted.at(name->name())}});
    }
    nodes.push_back({{"name", node.name},
                     {"proven", node.proven()},
                     {"missingBytes", node.missing_bytes()},
                     {"diskNeedBytes", node.disk.need_bytes()},
                     {"diskFreeBytes", node.disk.free_bytes},
                     {"diskNote", node.disk.note},
                     {"namesToCreate", work.create},
                     {"namesToMove", std::move(moves)},
                     {"namesToProve", work.prove},
                     {"error", std::string(node.status.message())}});
  }
  return {{"apiVersion", kJsonApiVersion},
          {"kind", "Plan"},
          {"package", plan.package.path},
          {"checksums", ChecksumsToJson(plan.checksums)},
          {"agentless", plan.agentless},
          {"distinctBytes", DistinctBytes(plan.work)},
          {"bytesToMove", plan.missing_bytes()},
          {"releases", std::move(releases)},
          {"skipped", SkippedToJson(plan)},
          {"nodes", std::move(nodes)},
          {"leftOut", LeftOutToJson(plan.nodes)},
          {"placement", PlacementToJson(plan)},
          {"missing", MissingNames(plan)},
          {"nameProblems", NameProblemsToJson(plan)},
          {"podDenials", PodDenialsToJson(plan)},
          {"startProblems", StartProblemsToJson(plan)},
          {"allowUnproven", plan.allow_unproven.text()},
          {"notes", plan.notes}};
}

}  // namespace lighter
