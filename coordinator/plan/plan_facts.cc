#include "coordinator/plan/plan_facts.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/digest.h"
#include "common/printable.h"
#include "common/status.h"
#include "coordinator/plan/plan.h"

namespace lighter {
namespace {

// How many differences are told; a package of another version has one for each of its images.
constexpr size_t kMaxTold = 12;

// Of everything in a bundle that a plan uses. Blobs count by their digests, which a load checks
// anyway: so a package of any size is known without reading it whole.
absl::StatusOr<Digest> DigestOf(const Bundle& bundle) {
  Sha256 hasher;
  const auto add = [&hasher](std::string_view bytes) {
    hasher.Update(absl::StrCat(bytes.size(), ":"));
    hasher.Update(bytes);
  };
  add(bundle.hints);
  for (const ChartFile& file : bundle.chart_files) {
    ASSIGN_OR_RETURN(const std::string data, bundle.chart_file->ReadAt(file.offset, file.size));
    add(file.path);
    add(data);
  }
  for (const ArchiveImage& image : bundle.images.images) {
    for (const std::string& tag : image.repo_tags) add(tag);
    add(image.manifest);  // has the digests of config and layers
  }
  return hasher.Finish();
}

std::string DescribeReleaseNow(const Release& release) {
  if (release.revision == 0) return "not installed";
  return absl::StrCat("revision ", release.revision, ", ", release.status);
}

// The nodes that an image goes to, in words.
std::string WhereTo(const Plan& plan, const std::string& manifest_digest) {
  const std::vector<std::string> nodes = NodesOf(manifest_digest, plan.nodes);
  if (nodes.size() == plan.nodes.nodes.size()) return "every node";
  return nodes.empty() ? "no node" : absl::StrJoin(nodes, ", ");
}

// "was A, is B"; of a digest only that it changed.
std::string Change(const std::string& subject, const std::string& then, const std::string& now) {
  if (absl::StartsWith(then, "sha256:")) return absl::StrCat(subject, ": changed");
  return absl::StrCat(subject, ": was ", then, ", is ", now);
}

std::vector<std::string> Differences(const PlanFacts& then, const PlanFacts& now) {
  std::vector<std::string> lines;
  for (const auto& [subject, fact] : then) {
    const auto it = now.find(subject);
    if (it == now.end()) {
      lines.push_back(absl::StrCat(subject, ": no longer there"));
    } else if (it->second != fact) {
      lines.push_back(Change(subject, fact, it->second));
    }
  }
  for (const auto& [subject, fact] : now) {
    if (!then.contains(subject)) lines.push_back(absl::StrCat(subject, ": new"));
  }
  return lines;
}

}  // namespace

absl::StatusOr<PlanFacts> TakeFacts(const Plan& plan, const std::string& cluster_id) {
  PlanFacts facts;
  facts["cluster"] = cluster_id;
  for (const PlannedBundle& planned : plan.releases.bundles) {
    const Bundle& bundle = plan.package.bundles[planned.bundle];
    const std::string release =
        absl::StrCat("release ", planned.release.name, " (namespace ", planned.release.ns, ")");
    facts["bundle " + bundle.name] =
        absl::StrCat("chart ", bundle.chart_name, " ", bundle.chart_version, " for ", release);
    ASSIGN_OR_RETURN(const Digest contents, DigestOf(bundle));
    facts["contents of bundle " + bundle.name] = contents.str();
    facts[release] = DescribeReleaseNow(planned.release);
    facts["values of " + release] = planned.backup_digest.str();
    facts["all values for " + release] = planned.merged_digest.str();
    for (const TargetName& target : planned.names.targets) {
      const ArchiveImage& image = bundle.images.images[target.image];
      facts["image " + target.name] = image.config.digest.str();
      facts["nodes of image " + target.name] = WhereTo(plan, image.manifest_digest.str());
    }
  }
  for (const SkippedBundle& skipped : plan.releases.skipped) {
    facts["bundle " + plan.package.bundles[skipped.bundle].name] = "skipped";
  }
  for (const NodePlan& node : plan.nodes.nodes) facts["node " + node.name] = "takes part";
  for (const LeftOutNode& node : plan.nodes.left_out) facts["node " + node.name] = "left out";
  return facts;
}

absl::Status CheckFacts(const PlanFacts& then, const PlanFacts& now, const std::string& what) {
  std::vector<std::string> lines = Differences(then, now);
  if (lines.empty()) return absl::OkStatus();
  const size_t untold = lines.size() - std::min(lines.size(), kMaxTold);
  lines.resize(lines.size() - untold);
  std::string text = absl::StrCat(what, " does not hold any more:");
  for (const std::string& line : lines) absl::StrAppend(&text, "\n  ", OneLine(line));
  if (untold > 0) absl::StrAppend(&text, "\n  and ", untold, " more");
  return absl::FailedPreconditionError(
      absl::StrCat(text, "\nLook at it, then make a new one with `lighter plan ... --out`"));
}

}  // namespace lighter
