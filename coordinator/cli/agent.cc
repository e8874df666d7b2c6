#include <cstdio>
#include <memory>
#include <set>

#include "absl/strings/match.h"
#include "common/reference.h"
#include "common/status.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/options.h"
#include "coordinator/cli/output.h"
#include "coordinator/install/describe.h"
#include "coordinator/install/describe_agents.h"
#include "coordinator/install/export.h"
#include "coordinator/install/lift_taint.h"
#include "coordinator/install/running_settings.h"
#include "coordinator/plan/describe.h"
#include "coordinator/process/stop_signal.h"
#include "coordinator/run/own_pki_status.h"
#include "coordinator/run/purge_run.h"

namespace lighter {
namespace {

struct AgentFlags : CommonFlags {
  std::string borrow_image;
  std::string image;
  std::vector<std::string> mirrors;
  std::string mirror_folder;
  std::string lift_taint;
  std::string timeout = "2m";
  bool dry_run = false;
  bool purge = false;
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

InstallOptions ToInstallOptions(const AgentFlags& flags) {
  InstallOptions options;
  options.kubectl = ToKubectlOptions(flags);
  options.image = {.name = flags.borrow_image + flags.image, .has_agent = !flags.image.empty()};
  // In one order, so that another one starts no agent anew.
  const std::set<std::string> mirrors(flags.mirrors.begin(), flags.mirrors.end());
  options.mirrors = {.registries = {mirrors.begin(), mirrors.end()}, .folder = flags.mirror_folder};
  options.lift_taint = flags.lift_taint;
  absl::ParseDuration(flags.timeout, &options.timeout);
  return options;
}

absl::StatusOr<int> InstallWith(const InstallOptions& options, const AgentFlags& flags) {
  if (flags.dry_run) {
    ASSIGN_OR_RETURN(InstallPlan plan, PlanInstall(options));
    std::vector<nlohmann::json> objects = {std::move(plan.manifests.ns)};
    for (auto* list :
         {&plan.manifests.rights, &plan.manifests.config_maps, &plan.manifests.daemon_sets}) {
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

absl::StatusOr<int> RunInstall(const AgentFlags& flags) {
  return InstallWith(ToInstallOptions(flags), flags);
}

absl::StatusOr<int> RunUpgrade(const AgentFlags& flags) {
  InstallOptions options = ToInstallOptions(flags);
  ASSIGN_OR_RETURN(const std::string kept,
                   KeepRunningSettings(options, EmbeddedPayload().architecture));
  if (!kept.empty()) Say("keeps what the agents that run were installed with: " + kept);
  return InstallWith(options, flags);
}

absl::StatusOr<int> RunStatus(const AgentFlags& flags) {
  const Kubectl kubectl(ToKubectlOptions(flags));
  ASSIGN_OR_RETURN(const AgentsReport report, flags.tls_dir.empty()
                                                  ? ReadAgentStates(kubectl)
                                                  : ReadOwnPkiStates(kubectl, flags.tls_dir));
  Print(flags, AgentsToJson(report), DescribeAgents(report));
  for (const AgentState& state : report.states) {
    if (!state.status.ok() || !state.info.kept().problem().empty()) return kExitPartial;
  }
  return kExitOk;
}

absl::StatusOr<int> RunUninstall(const AgentFlags& flags) {
  const Kubectl kubectl(ToKubectlOptions(flags));
  std::string text;
  nlohmann::ordered_json images;
  bool complete = true;
  if (flags.purge) {
    ASSIGN_OR_RETURN(const PurgeReport purged, RunPurge(kubectl, flags.dry_run));
    text = DescribePurge(purged, flags.dry_run);
    images = PurgeToJson(purged);
    complete = purged.Complete() || flags.dry_run;
  }
  nlohmann::ordered_json json;
  if (flags.dry_run) {
    ASSIGN_OR_RETURN(const UninstallPlan plan, PlanUninstall(kubectl));
    text += DescribeUninstallPlan(plan);
    json = UninstallPlanToJson(plan);
  } else {
    const absl::StatusOr<UninstallReport> report = Uninstall(kubectl, Say);
    if (!report.ok()) {
      PrintText(stderr, text);  // what was purged stays purged
      return report.status();
    }
    text += DescribeUninstall(*report, flags.purge && complete);
    json = UninstallToJson(*report);
    complete = complete && report->left.empty() && report->finished;
  }
  if (flags.purge) json["images"] = std::move(images);
  Print(flags, json, text);
  return complete ? kExitOk : kExitPartial;
}

// An error of `agent`: unlike ReportError it cannot say that nothing was changed.
int ReportAgentError(const absl::Status& status) {
  PrintText(stderr, "error: " + Message(status) + "\n");
  return ErrorExitCode(status);
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

// CLI11 checks: the message, or empty when the text is fine.
std::string CheckRegistry(const std::string& text) {
  return std::string(CheckRegistryName(text).message());
}

std::string CheckTaint(const std::string& text) {
  return std::string(CheckTaintKey(text).message());
}

std::string CheckFolder(const std::string& text) {
  const bool plain = text.size() > 1 && text.starts_with('/') && !absl::StrContains(text, "..") &&
                     !absl::StrContains(text, ':');
  return plain ? "" : "\"" + text + "\" is not one absolute path";
}

// What `install` and `upgrade` take.
void AddSettings(CLI::App& command, AgentFlags& flags) {
  command.add_flag("--dry-run", flags.dry_run, "Print the manifests and stop");
  CLI::Option* const borrow =
      command.add_option("--borrow-image", flags.borrow_image,
                         "Image that every node holds and agents start from (default: chosen)");
  command
      .add_option("--image", flags.image,
                  "Image of the agent itself, which the nodes hold or can pull; "
                  "`lighter agent export` makes it")
      ->excludes(borrow);
  command
      .add_option("--mirror", flags.mirrors,
                  "Registry, as image names begin with it, whose images containerd is to pull from "
                  "the node's own registry first: agents write REGISTRY/hosts.toml into the "
                  "config_path of containerd's CRI. May be given several times")
      ->check(CheckRegistry)
      ->take_all();
  command
      .add_option(
          "--mirror-folder", flags.mirror_folder,
          "config_path of containerd's CRI on the nodes (default: that of the distribution, "
          "/etc/containerd/certs.d)")
      ->check(CheckFolder);
  command
      .add_option("--lift-taint", flags.lift_taint,
                  "Key of a taint with which nodes register (kubelet's --register-with-taints): "
                  "each agent takes it off its node once that holds, proven, all that the desired "
                  "list wants. Gives the agents' pods the right to do that. Needs Kubernetes "
                  "1.30")
      ->check(CheckTaint);
  command
      .add_option("--timeout", flags.timeout, "How long the agents may take to be ready, like 90s")
      ->check(CheckDuration)
      ->capture_default_str();
  AddOutputFlag(command, flags);
}

void AddInstallFlags(CLI::App& command, AgentFlags& flags) {
  AddSettings(command, flags);
  command.get_option("--mirror-folder")->needs(command.get_option("--mirror"));
  command.footer(
      "The agent travels in ConfigMaps and starts from an image that the nodes hold already: no\n"
      "registry, no SSH, nothing to do on any node. Each node makes its own key; its certificate "
      "is\n"
      "signed through the API server. Run it again at any time: it brings what is missing, and\n"
      "agents of another version to this one. The flags say all: without --image, --mirror or\n"
      "--lift-taint what agents had of it goes, together with what they wrote. `lighter agent "
      "upgrade` keeps it.\n"
      "\n"
      "Examples:\n"
      "  lighter agent install\n"
      "  lighter agent install --dry-run > agents.json      # for a review; apply nothing\n"
      "  lighter agent install --borrow-image registry.k8s.io/pause:3.10\n"
      "  lighter agent install --image registry.example.com/lighter-agent:0.1.0\n"
      "  lighter agent install --mirror docker.io --mirror 10.16.10.111\n"
      "  lighter agent install --lift-taint example.com/images-missing\n");
}

void AddUpgradeFlags(CLI::App& command, AgentFlags& flags) {
  AddSettings(command, flags);
  command.footer(
      "As `lighter agent install`, but --image, --mirror, --mirror-folder and --lift-taint stay\n"
      "as the agents that run have them, unless they are given; what stays is told. An --image\n"
      "decides which version its agents are: give the new one. To do without any of them, run\n"
      "`lighter agent install` without it.\n"
      "\n"
      "Examples:\n"
      "  lighter agent upgrade\n"
      "  lighter agent upgrade --dry-run > agents.json      # for a review; apply nothing\n"
      "  lighter agent upgrade --image registry.example.com/lighter-agent:0.2.0\n");
}

void AddExport(CLI::App& group, int& exit_code) {
  CLI::App* command = group.add_subcommand(
      "export", "The agent as files: program, systemd unit and container image");
  auto folder = std::make_shared<std::string>();
  command->add_option("FOLDER", *folder, "Where to; made where it is not there")->required();
  command->footer(
      "For clusters where the agent may not start from a borrowed image: push the image to a "
      "registry\n"
      "that the nodes can pull from, or run the program as a service of the node "
      "(docs/agent.md).\n"
      "\n"
      "Examples:\n"
      "  lighter agent export out\n"
      "  skopeo copy docker-archive:out/lighter-agent-image.tar "
      "docker://registry.example.com/lighter-agent:0.1.0\n"
      "  lighter agent install --image registry.example.com/lighter-agent:0.1.0\n");
  command->callback([folder, &exit_code] {
    const absl::StatusOr<std::vector<std::string>> paths = ExportAgent(EmbeddedPayload(), *folder);
    if (!paths.ok()) {
      exit_code = ReportAgentError(paths.status());
      return;
    }
    for (const std::string& path : *paths) PrintText(stdout, path + "\n");
  });
}

void AddUninstallFlags(CLI::App& command, AgentFlags& flags) {
  command.footer(
      "Nothing is asked. Images stay on the nodes; with --purge those that lighter loaded go, "
      "too,\n"
      "names that a pod uses aside: uninstall the releases first where all are to go.\n"
      "\n"
      "Examples:\n"
      "  lighter agent uninstall --dry-run\n"
      "  lighter agent uninstall --purge --dry-run           # which images would go, node by "
      "node\n"
      "  lighter agent uninstall --purge\n");
  command.add_flag("--purge", flags.purge,
                   "Also remove every image name that lighter created and no pod uses");
  command.add_flag("--dry-run", flags.dry_run, "Tell what would go and change nothing");
  AddOutputFlag(command, flags);
}

}  // namespace

void AddAgentCommand(CLI::App& app, int& exit_code) {
  CLI::App* group =
      app.add_subcommand("agent", "Bring the agents onto the nodes, look at them, take them away");
  group->require_subcommand(1);
  AddAction(*group, exit_code, "install", "Agents onto all nodes, with a kubeconfig only",
            RunInstall, AddInstallFlags);
  AddAction(*group, exit_code, "upgrade",
            "Agents of this version everywhere, installed as they are", RunUpgrade,
            AddUpgradeFlags);
  AddAction(*group, exit_code, "status",
            "What each node's agent says of itself, or why it does not", RunStatus,
            [](CLI::App& command, AgentFlags& flags) {
              command.footer(
                  "HOLDS: releases whose images the node keeps against garbage collection, and "
                  "fetches from\n"
                  "other nodes where it lacks them; GC: how. The exit code is 4 where an agent is "
                  "not usable or\n"
                  "says \"problem\" of what it holds.\n"
                  "\n"
                  "Examples:\n"
                  "  lighter agent status\n"
                  "  lighter agent status -o json | jq '.nodes[] | select(.usable | not)'\n"
                  "  lighter agent status --tls-dir coordinator      # agents by the chart, or "
                  "services\n");
              AddTlsDirFlag(command, flags);
              AddOutputFlag(command, flags);
            });
  AddAction(*group, exit_code, "uninstall",
            "Take the agents away; images stay on the nodes unless --purge is given", RunUninstall,
            AddUninstallFlags);
  AddExport(*group, exit_code);
}

}  // namespace lighter
