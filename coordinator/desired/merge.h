// What a proven load changes in the cluster's desired list. Pure: nothing is asked and nothing is
// written here.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "lighter/v1/desired.pb.h"

namespace lighter {

// What was loaded for one release.
struct LoadedRelease {
  std::string chart;  // its name
  // Name, chart version, revision, time and images; the images are all it needs.
  v1::DesiredRelease entry;
  std::string running_version;  // of the chart, that the release has now; empty: no release
  bool is_deployed = false;     // by Helm's account the release runs that version
};

struct DesiredChange {
  std::vector<LoadedRelease> releases;
  std::vector<v1::DesiredPeer> peers;  // every node that is proven
  std::vector<v1::NodeSet> node_sets;  // that `releases` name
  // Nodes that took no part and are still there: what the list says of them stays.
  std::set<std::string> other_nodes;
};

// `list` after a load, with the next generation; exactly `list` where the load changes nothing.
//
// A release whose images changed keeps those that it runs, until the upgrade and for a rollback
// after it: those that were loaded last, or those before where these were never installed or were
// rolled back; both where it cannot be told. An entry
// of a chart alone becomes that of the chart's first release, and is dropped where a later one
// needs the same images. A name is held for the image that was loaded under it last, whichever
// entry that is in. Charts without images get no entry.
v1::Desired MergeDesired(const v1::Desired& list, const DesiredChange& change);

// "NAMESPACE/RELEASE", the name of a release's entry.
std::string EntryName(const std::string& ns, const std::string& release);
// Whether an entry is of a chart alone, loaded before any release of it was there.
bool IsChartAlone(const v1::DesiredRelease& entry);

}  // namespace lighter
