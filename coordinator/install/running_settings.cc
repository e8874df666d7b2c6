#include "coordinator/install/running_settings.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status.h"
#include "common/usage_error.h"
#include "coordinator/cluster/kubernetes_json.h"
#include "coordinator/install/agent_objects.h"
#include "coordinator/install/agent_pods.h"
#include "coordinator/install/lift_taint.h"
#include "coordinator/install/stale_sets.h"

namespace lighter {
namespace {

using nlohmann::json;

std::vector<std::string> MirrorsOf(const json& container) {
  constexpr std::string_view kFlag = "--mirror=";
  std::vector<std::string> mirrors;
  for (const json& word : At(container, {"args"})) {
    const std::string text = word.is_string() ? word.get<std::string>() : "";
    if (text.starts_with(kFlag)) mirrors.push_back(text.substr(kFlag.size()));
  }
  return mirrors;
}

}  // namespace

absl::StatusOr<RunningSettings> ParseRunningSettings(const json& daemon_sets,
                                                     const std::string& architecture) {
  std::set<std::string> images;
  std::set<std::vector<std::string>> mirrors;
  std::set<std::string> folders;
  std::set<std::string> taints;
  for (const json& daemon_set : daemon_sets) {
    // Of an earlier installation, or of another lighter.
    if (IsNarrowed(daemon_set) || ArchitectureOf(daemon_set) != architecture) continue;
    folders.insert(Text(daemon_set, {"metadata", "annotations", kMirrorFolderAnnotation}));
    taints.insert(LiftedTaint(At(daemon_set, {"spec", "template"})));
    for (const json& container : At(daemon_set, {"spec", "template", "spec", "containers"})) {
      if (Text(container, {"name"}) != kAgentContainer) continue;
      images.insert(ProgramOf(container) == kImageProgram ? Text(container, {"image"}) : "");
      mirrors.insert(MirrorsOf(container));
    }
  }
  // Never guessed: an installation that was cut off may have taken the old ones away already.
  if (taints.empty()) {
    return absl::NotFoundError(
        "there are no agents to upgrade; say what they are to have with `lighter agent install` "
        "and its flags");
  }
  if (images.size() > 1 || mirrors.size() > 1 || folders.size() > 1 || taints.size() > 1) {
    return absl::FailedPreconditionError(
        "the agents that run were not all installed with the same --image, --mirror, "
        "--mirror-folder and --lift-taint; say what they are to have with `lighter agent install` "
        "and its flags");
  }
  RunningSettings running;
  if (!images.empty()) running.image = *images.begin();
  if (!mirrors.empty()) running.mirrors.registries = *mirrors.begin();
  running.lift_taint = *taints.begin();
  running.mirrors.folder = *folders.begin();
  return running;
}

std::string KeepSettings(const RunningSettings& running, InstallOptions& options) {
  std::vector<std::string> kept;
  if (options.image.name.empty() && !running.image.empty()) {
    options.image = {.name = running.image, .has_agent = true};
    kept.push_back("--image " + running.image);
  }
  MirrorSettings& mirrors = options.mirrors;
  if (mirrors.registries.empty()) {
    mirrors.registries = running.mirrors.registries;
    for (const std::string& registry : mirrors.registries) kept.push_back("--mirror " + registry);
  }
  if (!mirrors.registries.empty() && mirrors.folder.empty() && !running.mirrors.folder.empty()) {
    mirrors.folder = running.mirrors.folder;
    kept.push_back("--mirror-folder " + mirrors.folder);
  }
  if (options.lift_taint.empty() && !running.lift_taint.empty()) {
    options.lift_taint = running.lift_taint;
    kept.push_back("--lift-taint " + options.lift_taint);
  }
  return absl::StrJoin(kept, " ");
}

absl::StatusOr<std::string> KeepRunningSettings(InstallOptions& options,
                                                const std::string& architecture) {
  ASSIGN_OR_RETURN(const json daemon_sets, PresentDaemonSets(Kubectl(options.kubectl)));
  ASSIGN_OR_RETURN(const RunningSettings running, ParseRunningSettings(daemon_sets, architecture));
  std::string kept = KeepSettings(running, options);
  if (options.mirrors.registries.empty() && !options.mirrors.folder.empty()) {
    return UsageError(absl::InvalidArgumentError(
        "--mirror-folder is for --mirror, which is neither given nor what agents run with"));
  }
  return kept;
}

}  // namespace lighter
