#include "coordinator/install/describe.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/printable.h"
#include "common/status.h"

namespace lighter {
namespace {

using nlohmann::ordered_json;

constexpr char kApiVersion[] = "lighter/v1";

}  // namespace

std::string DescribeInstall(const InstallReport& report) {
  std::string text;
  size_t ready = 0;
  for (const InstalledNode& node : report.nodes) {
    if (node.problem.empty()) ++ready;
  }
  absl::StrAppendFormat(&text, "%d of %d nodes have a ready agent, after %.1f s\n", ready,
                        report.nodes.size(), absl::ToDoubleSeconds(report.took));
  for (const InstalledNode& node : report.nodes) {
    if (!node.problem.empty()) absl::StrAppend(&text, "  ", node.node, ": ", node.problem, "\n");
    for (const std::string& note : node.notes) {
      absl::StrAppend(&text, "  ", node.node, ": ", OneLine(note), "\n");
    }
  }
  for (const SkippedNode& node : report.skipped) {
    absl::StrAppend(&text, "  ", node.name, " is left out: ", node.cause, "\n");
  }
  if (report.AllReady()) {
    absl::StrAppend(&text, "Next: lighter plan PACKAGE; lighter agent status looks again\n");
  } else {
    absl::StrAppend(&text, "Run the same command again when the causes are gone.\n");
  }
  return text;
}

ordered_json InstallToJson(const InstallReport& report) {
  ordered_json nodes = ordered_json::array();
  for (const InstalledNode& node : report.nodes) {
    nodes.push_back({{"name", node.node},
                     {"ready", node.problem.empty()},
                     {"image", node.image},
                     {"problem", node.problem},
                     {"notes", node.notes}});
  }
  ordered_json skipped = ordered_json::array();
  for (const SkippedNode& node : report.skipped) {
    skipped.push_back({{"name", node.name}, {"cause", node.cause}});
  }
  return {{"apiVersion", kApiVersion},
          {"kind", "AgentInstall"},
          {"seconds", absl::ToDoubleSeconds(report.took)},
          {"nodes", nodes},
          {"leftOut", skipped}};
}

std::string DescribeUninstallPlan(const UninstallPlan& plan) {
  if (!plan.finds_namespace && plan.objects.empty()) {
    return "No agents are installed: nothing would go.\n";
  }
  std::string text = absl::StrCat("The agents of ", plan.nodes.size(),
                                  " nodes would go, each with its key, what --mirror has it write, "
                                  "and its hold on images:\n");
  for (const std::string& node : plan.nodes) absl::StrAppend(&text, "  ", node, "\n");
  absl::StrAppend(&text, "and these objects, of namespace ", kAgentNamespace,
                  " where they have one:\n");
  for (const std::string& object : plan.objects) absl::StrAppend(&text, "  ", object, "\n");
  if (plan.finds_namespace) {
    absl::StrAppend(&text, plan.namespace_kept.empty()
                               ? "and the namespace.\n"
                               : "The namespace would stay: " + plan.namespace_kept + ".\n");
  }
  return text + "Nothing was changed.\n";
}

ordered_json UninstallPlanToJson(const UninstallPlan& plan) {
  return {{"apiVersion", kApiVersion},
          {"kind", "AgentUninstall"},
          {"dryRun", true},
          {"nodes", plan.nodes},
          {"objects", plan.objects},
          {"namespaceKeptBecause", plan.namespace_kept}};
}

std::string DescribeUninstall(const UninstallReport& report, bool purged) {
  std::string text = absl::StrCat(
      report.finished ? "The agents are gone; " : "The agents are going; ", report.cleaned.size(),
      " nodes are as they were", purged ? ".\n" : ", images aside.\n");
  if (report.cleaned.empty() && report.left.empty()) text = "No agents were installed.\n";
  for (const auto& [node, cause] : report.left) {
    absl::StrAppend(&text, "  ", node, ": ", cause, "\n");
  }
  if (!report.finished) {
    absl::StrAppend(&text, "Something in namespace ", kAgentNamespace,
                    " is still being deleted; `kubectl get all -n ", kAgentNamespace,
                    "` shows what. A node that is not Ready keeps its pod until it is back.\n");
  }
  if (!report.namespace_kept.empty()) {
    absl::StrAppend(&text, "Namespace ", kAgentNamespace, " stays: ", report.namespace_kept, ".\n");
  }
  return text;
}

ordered_json UninstallToJson(const UninstallReport& report) {
  ordered_json left = ordered_json::array();
  for (const auto& [node, cause] : report.left) left.push_back({{"name", node}, {"cause", cause}});
  return {{"apiVersion", kApiVersion},
          {"kind", "AgentUninstall"},
          {"clean", report.cleaned},
          {"left", left},
          {"namespaceKept", !report.namespace_kept.empty()},
          {"namespaceKeptBecause", report.namespace_kept},
          {"finished", report.finished}};
}

}  // namespace lighter
