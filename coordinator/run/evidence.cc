#include "coordinator/run/evidence.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/file.h"
#include "common/status.h"

namespace lighter {
namespace {

// A release of hundreds of pods fails for the same few causes.
constexpr size_t kMaxPods = 20;

void Ask(const Kubectl& kubectl, const std::vector<std::string>& args, std::string& text) {
  absl::StrAppend(&text, "\n$ kubectl ", absl::StrJoin(args, " "), "\n");
  const absl::StatusOr<std::string> out = kubectl.Run(args);
  absl::StrAppend(&text, out.ok() ? *out : "(not known: " + Message(out.status()) + ")", "\n");
}

}  // namespace

absl::Status SaveEvidence(const Kubectl& kubectl, const ReleaseReport& release,
                          const std::string& path) {
  std::string text = absl::StrCat("Release ", release.release, " (namespace ", release.ns,
                                  ") when Helm had failed: ", Message(release.status), "\n");
  Ask(kubectl, {"get", "events", "-n", release.ns, "--sort-by=.lastTimestamp"}, text);
  size_t told = 0;
  for (const PodState& pod : release.pods.value_or(std::vector<PodState>())) {
    if (pod.ready || ++told > kMaxPods) continue;
    Ask(kubectl, {"describe", "pod", pod.name, "-n", release.ns}, text);
    Ask(kubectl, {"logs", pod.name, "-n", release.ns, "--all-containers", "--prefix", "--tail=200"},
        text);
  }
  if (told > kMaxPods) absl::StrAppend(&text, "\nand ", told - kMaxPods, " more pods\n");
  return WriteFileAtomic(path, text, 0600);
}

}  // namespace lighter
