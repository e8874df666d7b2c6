#include "agent/snapshotter.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace lighter {
namespace {

constexpr std::string_view kFolderPrefix = "io.containerd.snapshotter.v1.";

std::string OfImageFolder(const SnapshotterFacts& facts) {
  if (facts.image_folder.empty()) return "";
  for (const SnapshotterFacts::Plugin& plugin : facts.usable) {
    if (plugin.root == facts.image_folder) return plugin.name;
  }
  const std::string last = std::filesystem::path(facts.image_folder).filename().string();
  return last.starts_with(kFolderPrefix) ? last.substr(kFolderPrefix.size()) : "";
}

}  // namespace

absl::StatusOr<std::string> ChooseSnapshotter(const SnapshotterFacts& facts) {
  std::string chosen = OfImageFolder(facts);
  if (chosen.empty()) chosen = facts.namespace_default;
  if (chosen.empty()) chosen = "overlayfs";
  std::vector<std::string> names;
  for (const SnapshotterFacts::Plugin& plugin : facts.usable) {
    if (plugin.name == chosen) return chosen;
    names.push_back(plugin.name);
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "containerd is to unpack images with snapshotter ", chosen, " and has only ",
      names.empty() ? "none" : absl::StrJoin(names, ", "),
      "; mend its configuration, or the label containerd.io/defaults/snapshotter of namespace "
      "k8s.io, and run the same command again"));
}

}  // namespace lighter
