#include "coordinator/desired/merge.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"

namespace lighter {
namespace {

using Images = google::protobuf::RepeatedPtrField<v1::DesiredImage>;
using Entries = google::protobuf::RepeatedPtrField<v1::DesiredRelease>;

// One order for images and for their names, each once, so that lists can be compared.
Images InOrder(const Images& images) {
  std::map<std::string, std::pair<v1::DesiredImage, std::set<std::string>>> by_digest;
  for (const v1::DesiredImage& image : images) {
    const auto [it, is_new] = by_digest.try_emplace(image.manifest_digest());
    auto& [kept, names] = it->second;
    // Of two, where they are spared by other nodes: every node gets it.
    const bool differs = !is_new && kept.spared() != image.spared();
    kept = image;
    if (differs) {
      kept.clear_spared();
      kept.clear_is_chosen();
    }
    names.insert(image.names().begin(), image.names().end());
  }
  Images ordered;
  for (auto& [digest, item] : by_digest) {
    auto& [image, names] = item;
    *image.mutable_names() = {names.begin(), names.end()};
    *ordered.Add() = std::move(image);
  }
  return ordered;
}

bool SameImages(const Images& a, const Images& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const v1::DesiredImage& x, const v1::DesiredImage& y) {
                      return x.manifest_digest() == y.manifest_digest() &&
                             std::equal(x.names().begin(), x.names().end(), y.names().begin(),
                                        y.names().end());
                    });
}

// Of the same images.
bool SamePlaces(const Images& a, const Images& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const v1::DesiredImage& x, const v1::DesiredImage& y) {
                      return x.spared() == y.spared() && x.is_chosen() == y.is_chosen();
                    });
}

// "name digest" of every name.
std::set<std::string> NamedDigests(const Images& images) {
  std::set<std::string> named;
  for (const v1::DesiredImage& image : images) {
    for (const std::string& name : image.names()) {
      named.insert(absl::StrCat(name, " ", image.manifest_digest()));
    }
  }
  return named;
}

v1::DesiredRelease* Find(Entries& entries, const std::string& name) {
  const auto it =
      std::find_if(entries.begin(), entries.end(),
                   [&](const v1::DesiredRelease& entry) { return entry.name() == name; });
  return it == entries.end() ? nullptr : &*it;
}

void Remove(Entries& entries, const std::string& name) {
  const auto gone =
      std::remove_if(entries.begin(), entries.end(),
                     [&](const v1::DesiredRelease& entry) { return entry.name() == name; });
  entries.erase(gone, entries.end());
}

// What was loaded for a chart alone is what its first release was installed from; a later release
// that needs the very same makes the entry superfluous.
void SettleChartAlone(Entries& entries, const LoadedRelease& loaded) {
  if (IsChartAlone(loaded.entry)) return;
  v1::DesiredRelease* alone = Find(entries, loaded.chart);
  if (alone == nullptr) return;
  if (Find(entries, loaded.entry.name()) == nullptr) {
    alone->set_name(loaded.entry.name());
    return;
  }
  const std::set<std::string> needed = NamedDigests(loaded.entry.images());
  const std::set<std::string> held = NamedDigests(alone->images());
  if (std::includes(needed.begin(), needed.end(), held.begin(), held.end())) {
    Remove(entries, loaded.chart);
  }
}

enum class Runs { kLoaded, kPrevious, kUnclear };

// Which images of its entry a release runs. Versions tell, where they differ; so does a revision
// that nobody has touched since the load.
Runs WhatRuns(const v1::DesiredRelease& entry, const LoadedRelease& release) {
  const std::string& running = release.running_version;
  if (running.empty()) return Runs::kLoaded;  // no release yet: the load before, for one change
  const bool is_previous = entry.previous_chart_version() == running;
  const bool is_loaded = entry.chart_version() == running;
  const bool is_untouched = entry.revision() != 0 && entry.revision() == release.entry.revision();
  if (is_previous && (is_untouched || !is_loaded)) return Runs::kPrevious;
  if (is_loaded && !is_previous && !is_untouched && release.is_deployed) return Runs::kLoaded;
  return Runs::kUnclear;
}

void KeepWhatRuns(v1::DesiredRelease& entry, const LoadedRelease& release) {
  const Runs runs = WhatRuns(entry, release);
  if (runs == Runs::kPrevious && !entry.previous_images().empty()) return;
  Images kept = entry.images();
  if (runs == Runs::kUnclear) kept.MergeFrom(entry.previous_images());
  *entry.mutable_previous_images() = InOrder(kept);
  entry.set_previous_chart_version(release.running_version.empty() ? entry.chart_version()
                                                                   : release.running_version);
}

void Update(Entries& entries, const LoadedRelease& release) {
  const v1::DesiredRelease& loaded = release.entry;
  const Images images = InOrder(loaded.images());
  v1::DesiredRelease* entry = Find(entries, loaded.name());
  if (entry == nullptr) {
    if (images.empty()) return;
    entry = entries.Add();
    *entry = loaded;
    *entry->mutable_images() = images;
    return;
  }
  const Images held = InOrder(entry->images());
  const bool same = SameImages(held, images);
  if (same && SamePlaces(held, images) && entry->chart_version() == loaded.chart_version()) return;
  if (!same) {
    KeepWhatRuns(*entry, release);
    entry->set_revision(loaded.revision());
  }
  *entry->mutable_images() = images;
  entry->set_chart_version(loaded.chart_version());
  entry->set_loaded_unix_seconds(loaded.loaded_unix_seconds());
}

// Takes from `images` the names that are another image's now, and images left without one.
void DropTakenNames(Images& images, const std::map<std::string, std::string>& owner_of) {
  for (v1::DesiredImage& image : images) {
    auto& names = *image.mutable_names();
    const auto taken = std::remove_if(names.begin(), names.end(), [&](const std::string& name) {
      const auto it = owner_of.find(name);
      return it != owner_of.end() && it->second != image.manifest_digest();
    });
    names.erase(taken, names.end());
  }
  const auto nameless =
      std::remove_if(images.begin(), images.end(),
                     [](const v1::DesiredImage& image) { return image.names().empty(); });
  images.erase(nameless, images.end());
}

// A node has one image under a name: of two entries that want another one, agents would take turns.
void SettleNames(Entries& entries, const DesiredChange& change) {
  std::map<std::string, std::string> owner_of;  // name -> manifest digest
  const auto claim = [&](const Images& images) {
    for (const v1::DesiredImage& image : images) {
      for (const std::string& name : image.names()) {
        owner_of.try_emplace(name, image.manifest_digest());
      }
    }
  };
  for (const LoadedRelease& loaded : change.releases) claim(loaded.entry.images());
  for (const v1::DesiredRelease& entry : entries) claim(entry.images());
  for (const v1::DesiredRelease& entry : entries) claim(entry.previous_images());
  for (v1::DesiredRelease& entry : entries) {
    DropTakenNames(*entry.mutable_images(), owner_of);
    DropTakenNames(*entry.mutable_previous_images(), owner_of);
  }
}

void UpdatePeers(v1::Desired& list, const DesiredChange& change) {
  std::map<std::string, v1::DesiredPeer> peers;
  for (const v1::DesiredPeer& peer : list.peers()) {
    if (change.other_nodes.contains(peer.node())) peers[peer.node()] = peer;
  }
  for (const v1::DesiredPeer& peer : change.peers) peers[peer.node()] = peer;
  list.clear_peers();
  for (const auto& [node, peer] : peers) *list.add_peers() = peer;
}

// Those that any image names; the same id is the same nodes, whichever list it comes from.
void UpdateNodeSets(v1::Desired& list, const DesiredChange& change) {
  std::set<std::string> used;
  for (const v1::DesiredRelease& entry : list.releases()) {
    for (const auto* images : {&entry.images(), &entry.previous_images()}) {
      for (const v1::DesiredImage& image : *images) used.insert(image.spared());
    }
  }
  std::map<std::string, v1::NodeSet> sets;
  for (const v1::NodeSet& set : list.node_sets()) sets[set.id()] = set;
  for (const v1::NodeSet& set : change.node_sets) sets[set.id()] = set;
  list.clear_node_sets();
  for (const auto& [id, set] : sets) {
    if (used.contains(id)) *list.add_node_sets() = set;
  }
}

}  // namespace

std::string EntryName(const std::string& ns, const std::string& release) {
  return absl::StrCat(ns, "/", release);
}

bool IsChartAlone(const v1::DesiredRelease& entry) {
  return entry.name().find('/') == std::string::npos;
}

v1::Desired MergeDesired(const v1::Desired& list, const DesiredChange& change) {
  v1::Desired merged = list;
  for (const LoadedRelease& loaded : change.releases) {
    SettleChartAlone(*merged.mutable_releases(), loaded);
    Update(*merged.mutable_releases(), loaded);
  }
  SettleNames(*merged.mutable_releases(), change);
  UpdatePeers(merged, change);
  UpdateNodeSets(merged, change);
  if (merged.SerializeAsString() == list.SerializeAsString()) return list;
  merged.set_generation(list.generation() + 1);
  return merged;
}

}  // namespace lighter
