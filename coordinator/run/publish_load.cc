#include "coordinator/run/publish_load.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/desired.h"
#include "common/digest.h"
#include "common/status.h"
#include "coordinator/desired/publish.h"

namespace lighter {
namespace {

// The images of one bundle under the names that it gave them. Not those that go nowhere: nobody
// could give them to a node that joins.
void AddImages(const Plan& plan, const PlannedBundle& planned, v1::DesiredRelease& entry) {
  std::map<std::string, const v1::Image*> images;
  for (const v1::Image& image : plan.work.images) images[image.manifest_digest()] = &image;
  const Bundle& bundle = plan.package.bundles[planned.bundle];
  for (const TargetName& target : planned.names.targets) {
    const auto it = images.find(bundle.images.images[target.image].manifest_digest.str());
    if (it == images.end() || NodesOf(it->first, plan.nodes).empty()) continue;
    v1::DesiredImage& image = *entry.add_images();
    image.set_manifest_digest(it->second->manifest_digest());
    image.set_manifest_media_type(it->second->manifest_media_type());
    image.set_manifest_size(it->second->manifest().size());
    image.add_names(target.name);
    const auto placed = plan.placement.images.find(it->first);
    if (placed == plan.placement.images.end()) continue;
    image.set_spared(MakeNodeSet(placed->second.spared).id());
    image.set_is_chosen(placed->second.is_chosen);
  }
}

// The name of its entry in the desired list. Archives without a chart are often called the same,
// so what is in them is a part of theirs.
std::string EntryOf(const Plan& plan, const PlannedBundle& planned) {
  const Bundle& bundle = plan.package.bundles[planned.bundle];
  if (!planned.release.name.empty()) return EntryName(planned.release.ns, planned.release.name);
  if (bundle.has_chart()) return bundle.chart_name;
  Sha256 hasher;
  for (const TargetName& target : planned.names.targets) {
    const Digest& digest = bundle.images.images[target.image].manifest_digest;
    hasher.Update(absl::StrCat(target.name, " ", digest.str(), "\n"));
  }
  constexpr size_t kShownDigits = 12;
  return absl::StrCat(bundle.name, "-", hasher.Finish().hex().substr(0, kShownDigits));
}

}  // namespace

void AddPeers(const NodeSelection& nodes, DesiredChange& change) {
  for (const NodePlan& node : nodes.nodes) {
    if (!node.status.ok()) {  // it need not be proven (--allow-unproven)
      change.other_nodes.insert(node.name);
      continue;
    }
    v1::DesiredPeer& peer = change.peers.emplace_back();
    peer.set_node(node.name);
    peer.set_address(node.agent);
  }
  for (const LeftOutNode& node : nodes.left_out) change.other_nodes.insert(node.name);
}

DesiredChange ChangeOfLoad(const Plan& plan, absl::Time now) {
  DesiredChange change;
  for (const PlannedBundle& planned : plan.releases.bundles) {
    const Bundle& bundle = plan.package.bundles[planned.bundle];
    const Release& release = planned.release;
    const std::string name = EntryOf(plan, planned);
    LoadedRelease* loaded = nullptr;
    // A package may bring one chart in two bundles.
    for (LoadedRelease& other : change.releases) {
      if (other.entry.name() == name) loaded = &other;
    }
    if (loaded == nullptr) loaded = &change.releases.emplace_back();
    loaded->chart = bundle.chart_name;
    loaded->entry.set_name(name);
    loaded->entry.set_chart_version(bundle.chart_version);
    loaded->entry.set_revision(release.revision);
    loaded->running_version = planned.installed_version;
    loaded->is_deployed = release.status == "deployed";
    loaded->entry.set_loaded_unix_seconds(absl::ToUnixSeconds(now));
    AddImages(plan, planned, loaded->entry);
  }
  for (const auto& [digest, image] : plan.placement.images) {
    change.node_sets.push_back(MakeNodeSet(image.spared));
  }
  AddPeers(plan.nodes, change);
  return change;
}

DesiredReport PublishChange(const Cluster& cluster, const Authority& authority,
                            const NodeSelection& nodes, const DesiredChange& change) {
  DesiredReport report;
  std::vector<NodeEndpoint> endpoints;
  for (const NodePlan& node : nodes.nodes) {
    if (node.status.ok()) endpoints.push_back(node.endpoint);
  }
  absl::StatusOr<PublishOutcome> outcome =
      PublishDesired(cluster.kubectl(), authority, endpoints,
                     [&](const v1::Desired& list) { return MergeDesired(list, change); });
  if (!outcome.ok()) {
    report.status = outcome.status();
    return report;
  }
  report.generation = outcome->list.generation();
  report.notes = std::move(outcome->notes);
  return report;
}

DesiredReport PublishLoad(const PlanMaker& maker, const Plan& plan) {
  if (maker.authority() == nullptr) return {};
  return PublishChange(maker.cluster(), *maker.authority(), plan.nodes,
                       ChangeOfLoad(plan, absl::Now()));
}

}  // namespace lighter
