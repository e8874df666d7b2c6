#include <cstdio>
#include <memory>

#include "common/status.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/options.h"
#include "coordinator/cli/output.h"
#include "coordinator/install/describe.h"
#include "coordinator/install/describe_agents.h"
#include "coordinator/plan/describe.h"
#include "coordinator/process/stop_signal.h"

namespace lighter {
namespace {

struct AgentFlags : CommonFlags {
  std::string borrow_image;
  std::string timeout = "2m";
  bool dry_run = false;
};

void Say(const std::string& line) { PrintText(stderr, line + "\n"); }

// Prints the result in the form that was asked for.
void Print(const AgentFlags& flags, const nlohmann::ordered_json& json, const std::string& text) {
  if (flags.format() == OutputFormat::kJson) {
    std::fputs(JsonText(json).c_str(), stdout);
  } else {
    PrintText(stdout, text);
  }
}

absl::StatusOr<int> RunInstall(const AgentFlags& flags) {
  InstallOptions options;
  options.kubectl = ToKubectlOptions(flags);
  options.borrow_image = flags.borrow_image;
  absl::ParseDuration(flags.timeout, &options.timeout);
  if (flags.dry_run) {
    ASSIGN_OR_RETURN(InstallPlan plan, PlanInstall(options));
    std::vector<nlohmann::json> objects = {std::move(plan.manifests.ns)};
    for (auto* list : {&plan.manifests.config_maps, &plan.manifests.daemon_sets}) {
      objects.insert(objects.end(), list->begin(), list->end());
    }
    std::printf("%s\n", ObjectList(std::move(objects)).dump(2).c_str());
    return kExitOk;
  }
  ASSIGN_OR_RETURN(const InstallReport report, Install(options, Say));
  Print(flags, InstallToJson(report), DescribeInstall(report));
  if (report.AllReady()) return kExitOk;
  for (const InstalledNode& node : report.nodes) {
    if (node.problem.empty()) return kExitPartial;
  }
  return kExitFailed;
}

absl::StatusOr<int> RunStatus(const AgentFlags& flags) {
  ASSIGN_OR_RETURN(const AgentsReport report, ReadAgentStates(Kubectl(ToKubectlOptions(flags))));
  Print(flags, AgentsToJson(report), DescribeAgents(report));
  for (const AgentState& state : report.states) {
    if (!state.status.ok()) return kExitPartial;
  }
  return kExitOk;
}

absl::StatusOr<int> RunUninstall(const AgentFlags& flags) {
  ASSIGN_OR_RETURN(const UninstallReport report, Uninstall(Kubectl(ToKubectlOptions(flags)), Say));
  Print(flags, UninstallToJson(report), DescribeUninstall(report));
  return report.left.empty() && report.finished ? kExitOk : kExitPartial;
}

// An error of `agent`: unlike ReportError it cannot say that nothing was changed.
int ReportAgentError(const absl::Status& status) {
  PrintText(stderr, "error: " + Message(status) + "\n");
  return StopRequested() ? kExitStopped + FirstStopSignal() : kExitFailed;
}

void AddAction(CLI::App& group, int& exit_code, const char* name, const char* help,
               absl::StatusOr<int> (*run)(const AgentFlags&),
               void (*add_flags)(CLI::App&, AgentFlags&)) {
  CLI::App* command = group.add_subcommand(name, help);
  auto flags = std::make_shared<AgentFlags>();
  add_flags(*command, *flags);
  AddKubectlFlags(*command, *flags);
  command->callback([flags, run, &exit_code] {
    const absl::StatusOr<int> code = run(*flags);
    exit_code = code.ok() ? *code : ReportAgentError(code.status());
  });
}

void AddInstallFlags(CLI::App& command, AgentFlags& flags) {
  command.footer(
      "The agent travels in ConfigMaps and starts from an image that the nodes hold already: no\n"
      "registry, no SSH, nothing to do on any node. Each node makes its own key; its certificate "
      "is\n"
      "signed through the API server. Run it again at any time: it brings what is missing, and\n"
      "agents of another version to this one.\n"
      "\n"
      "Examples:\n"
      "  lighter agent install\n"
      "  lighter agent install --dry-run > agents.json      # for a review; apply nothing\n"
      "  lighter agent install --borrow-image registry.k8s.io/pause:3.10\n");
  command.add_flag("--dry-run", flags.dry_run, "Print the manifests and stop");
  command.add_option("--borrow-image", flags.borrow_image,
                     "Image that every node holds and agents start from (default: chosen)");
  command
      .add_option("--timeout", flags.timeout, "How long the agents may take to be ready, like 90s")
      ->check(CheckDuration)
      ->capture_default_str();
  AddOutputFlag(command, flags);
}

}  // namespace

void AddAgentCommand(CLI::App& app, int& exit_code) {
  CLI::App* group =
      app.add_subcommand("agent", "Bring the agents onto the nodes, look at them, take them away");
  group->require_subcommand(1);
  AddAction(*group, exit_code, "install", "Agents onto all nodes, with a kubeconfig only",
            RunInstall, AddInstallFlags);
  AddAction(*group, exit_code, "upgrade", "The same as install: agents of this version everywhere",
            RunInstall, AddInstallFlags);
  AddAction(*group, exit_code, "status",
            "What each node's agent says of itself, or why it does not", RunStatus,
            [](CLI::App& command, AgentFlags& flags) { AddOutputFlag(command, flags); });
  AddAction(*group, exit_code, "uninstall", "Take the agents away; images stay on the nodes",
            RunUninstall,
            [](CLI::App& command, AgentFlags& flags) { AddOutputFlag(command, flags); });
}

}  // namespace lighter
