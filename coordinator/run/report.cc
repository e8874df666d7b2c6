#include "coordinator/run/report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/printable.h"
#include "common/status.h"
#include "coordinator/plan/describe.h"
#include "coordinator/plan/describe_package.h"
#include "coordinator/plan/name_problems.h"
#include "coordinator/plan/pod_denials.h"
#include "coordinator/process/stop_signal.h"
#include "coordinator/progress/render.h"

namespace lighter {
namespace {

using nlohmann::ordered_json;

uint64_t MovedBytes(const LoadReport& report) {
  uint64_t bytes = 0;
  for (const NodeReport& node : report.nodes) bytes += node.moved_bytes;
  return bytes;
}

size_t NameCount(const Plan& plan) {
  size_t names = 0;
  for (const v1::Image& image : plan.work.images) names += static_cast<size_t>(image.names_size());
  return names;
}

std::string FailedNodes(const LoadReport& report) {
  std::string text;
  for (const NodeReport& node : report.nodes) {
    if (!node.status.ok())
      absl::StrAppend(&text, "  ", node.node, ": ", OneLine(Message(node.status)), "\n");
  }
  return text;
}

std::string DescribeVerified(const Plan& plan) {
  const std::string lists = ChecksumLists(plan.checksums);
  return lists.empty() ? "" : absl::StrCat("The package is what ", lists, " says.\n");
}

// The nodes that were not waited for.
std::string DescribeAllowed(const Plan& plan, const LoadReport& report) {
  if (report.allowed.empty()) return "";
  return absl::StrCat("N-UNPROVEN: not proven, and allowed (--allow-unproven ",
                      plan.allow_unproven.text(), "): ", NodeNames(report.allowed),
                      "; pods that start there may hang in ImagePullBackOff:\n",
                      FailedNodes(report));
}

std::string ProvenLine(const Plan& plan, const LoadReport& report) {
  const uint64_t generation = report.desired.generation;
  const std::string held =
      generation == 0 ? ""
                      : absl::StrCat("The nodes hold them from now on (desired list number ",
                                     generation, ").\n");
  return absl::StrCat(
      "Proven on ", Count(report.nodes.size() - UnprovenNodes(report).size(), "node"), ": ",
      Count(NameCount(plan), "name"), " of ", Count(plan.work.images.size(), "image"),
      plan.placement.images.empty() ? "" : ", each where it goes", "; ",
      FormatBytes(MovedBytes(report)), " moved in all.\n", held, DescribeVerified(plan),
      DescribeAllowed(plan, report), DescribeLeftOut(plan.nodes));
}

// What a package that cannot be used left behind, node by node. A node that is proven was so before
// this load, or was loaded in an earlier round of the same run.
std::string DescribeBadPackage(const LoadReport& report) {
  std::vector<std::string> proven;
  std::vector<std::string> put_back;
  std::string not_put_back;
  for (const NodeReport& node : report.nodes) {
    if (node.status.ok()) {
      proven.push_back(node.node);
    } else if (node.put_back.ok()) {
      put_back.push_back(node.node);
    } else {
      absl::StrAppend(&not_put_back, "  ", node.node, ": ", OneLine(Message(node.put_back)), "\n");
    }
  }
  std::string text =
      absl::StrCat("The package cannot be used: ", OneLine(Message(report.package)), "\n");
  if (!put_back.empty()) {
    absl::StrAppend(&text, "Nothing of it is left on ", absl::StrJoin(put_back, ", "), ".\n");
  }
  if (!proven.empty()) {
    absl::StrAppend(&text,
                    "Proven before this came out, and so it stays: ", absl::StrJoin(proven, ", "),
                    ".\n");
  }
  if (!not_put_back.empty()) {
    absl::StrAppend(&text,
                    "What had arrived could not be taken off these; there the next load, or at the "
                    "latest containerd a day from now, drops it:\n",
                    not_put_back);
  }
  return text;
}

// Everything but success, for load and upgrade alike.
std::string DescribeLoadFailure(const LoadReport& report) {
  const bool stopped_before_verdict = absl::IsCancelled(report.package);
  if (!report.package.ok() && !stopped_before_verdict) return DescribeBadPackage(report);
  if (StopRequested()) {
    return "Stopped on request. What has arrived stays on the nodes and harms nothing; "
           "run the same command to continue from there.\n";
  }
  const size_t failed =
      static_cast<size_t>(std::count_if(report.nodes.begin(), report.nodes.end(),
                                        [](const NodeReport& node) { return !node.status.ok(); }));
  return absl::StrCat(
      report.nodes.size() - failed, " of ", report.nodes.size(),
      " nodes are loaded and proven; these are not:\n", FailedNodes(report),
      "Mend them and run the same command again: what is there does not move twice.\n");
}

ordered_json NodesToJson(const LoadReport& report) {
  ordered_json nodes = ordered_json::array();
  for (const NodeReport& node : report.nodes) {
    nodes.push_back({{"name", node.node},
                     {"proven", node.status.ok()},
                     {"movedBytes", node.moved_bytes},
                     {"error", Message(node.status)}});
  }
  return nodes;
}

ordered_json NamesToJson(const Plan& plan) {
  ordered_json names = ordered_json::array();
  for (const v1::Image& image : plan.work.images) {
    for (const std::string& name : image.names()) {
      names.push_back({{"name", name},
                       {"configDigest", image.config().digest()},
                       {"manifestDigest", image.manifest_digest()}});
    }
  }
  return names;
}

ordered_json Header(const char* kind, const Plan& plan, const LoadReport& load,
                    const RunTimes& times) {
  return {{"apiVersion", kJsonApiVersion},
          {"kind", kind},
          {"package", plan.package.path},
          {"checksums", ChecksumsToJson(plan.checksums)},
          {"movedBytes", MovedBytes(load)},
          {"ownSeconds", absl::ToDoubleSeconds(times.total - times.children)},
          {"childSeconds", absl::ToDoubleSeconds(times.children)},
          {"names", NamesToJson(plan)},
          {"nodes", NodesToJson(load)},
          {"allowedUnproven", load.allowed},
          {"leftOut", LeftOutToJson(plan.nodes)},
          {"skipped", SkippedToJson(plan)},
          {"relocatedValues", RelocatedToJson(plan)},
          {"missing", MissingNames(plan)},
          {"nameProblems", NameProblemsToJson(plan)},
          {"podDenials", PodDenialsToJson(plan)},
          {"startProblems", StartProblemsToJson(plan)},
          {"notes", plan.notes},
          {"packageError", Message(load.package)},
          {"desiredGeneration", load.desired.generation},
          {"desiredError", Message(load.desired.status)}};
}

}  // namespace

std::string DescribeTimes(const RunTimes& times) {
  return absl::StrFormat("lighter's own time %.1f s, helm and kubectl %.1f s",
                         absl::ToDoubleSeconds(times.total - times.children),
                         absl::ToDoubleSeconds(times.children));
}

std::string DescribeLoad(const Plan& plan, const LoadReport& report) {
  if (report.Suffices()) return ProvenLine(plan, report);
  return "Nothing that runs was changed.\n" + DescribeLoadFailure(report);
}

std::string DescribeUpgrade(const Plan& plan, const UpgradeReport& report,
                            const RunFolder& folder) {
  if (!report.blocked.ok()) {
    std::string text =
        report.recovered.empty()
            ? "Helm was not run: no release was changed and no pod was touched.\n"
            : report.recovered + "The upgrade was not begun: nothing else was changed.\n";
    if (report.load.nodes.empty() || report.load.Suffices()) {
      absl::StrAppend(&text, "  ", Message(report.blocked), "\n");
    } else {
      absl::StrAppend(&text, DescribeLoadFailure(report.load));
    }
    return text;
  }
  std::string text = report.recovered.empty() ? "" : report.recovered + "\n";
  if (!report.Succeeded()) text += Headline(report.releases);
  absl::StrAppend(&text, ProvenLine(plan, report.load));
  for (const ReleaseReport& release : report.releases) {
    text += DescribeReleaseReport(release);
  }
  return absl::StrCat(text, "Evidence: ", folder.path(), "\n");
}

std::string DescribeDesired(const DesiredReport& report) {
  std::string text;
  for (const std::string& note : report.notes) {
    absl::StrAppend(&text, "note: ", OneLine(note), "\n");
  }
  if (!report.status.ok()) {
    absl::StrAppend(&text,
                    "warning: every image is proven, but the cluster's desired list could not be "
                    "written: ",
                    OneLine(Message(report.status)),
                    "\n  Until it is, the nodes do not hold these images against garbage "
                    "collection, and nodes that join later do not get them. The same command "
                    "tries again.\n");
  }
  return text;
}

ordered_json LoadToJson(const Plan& plan, const absl::Status& blocked, const LoadReport& report,
                        const RunTimes& times) {
  ordered_json json = Header("Load", plan, report, times);
  json["blocked"] = Message(blocked);
  return json;
}

ordered_json UpgradeToJson(const Plan& plan, const UpgradeReport& report, const RunFolder& folder,
                           const RunTimes& times) {
  ordered_json json = Header("Upgrade", plan, report.load, times);
  json["blocked"] = Message(report.blocked);
  json["recovered"] = report.recovered;
  json["runFolder"] = folder.path();
  json["releases"] = ordered_json::array();
  for (const ReleaseReport& release : report.releases) {
    json["releases"].push_back(ReleaseReportToJson(release));
  }
  return json;
}

}  // namespace lighter
