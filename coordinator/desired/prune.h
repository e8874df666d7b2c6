// What need not be held any more. Pure: nothing is asked and nothing is changed here.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/helm/helm.h"
#include "lighter/v1/desired.pb.h"

namespace lighter {

struct PruneQuery {
  std::set<std::string> charts;  // entries of charts alone that are to go
  bool previous = false;         // images that releases keep for a rollback go, too
};

// What the cluster says is needed.
struct PruneFacts {
  std::map<std::string, Release> releases;  // by EntryName, in whatever state
  std::set<std::string> used_images;        // normalised names that pods use
};

// An entry that goes, whole or in part.
struct PrunedEntry {
  std::string name;
  std::string cause;
  std::vector<std::string> in_use;  // names that stay with it: pods use them
};

struct PrunePlan {
  v1::Desired list;  // afterwards, with the next generation; the same where nothing goes
  std::vector<PrunedEntry> entries;
  // Names that no entry holds afterwards, each with the manifest that it was held for.
  std::map<std::string, std::string> removals;
  std::vector<std::string> charts_alone;  // entries that stay because nobody named them
  // Releases that may still run what they keep for a rollback: it stays although it was asked for.
  std::vector<std::string> previous_kept;
};

// Entries whose release is gone go; those of a chart alone where they are named; what a release
// keeps for a rollback on demand, where it runs what was loaded after that. A name that a pod uses
// stays, and in the list. NotFound where a named chart has no entry of its own, FailedPrecondition
// where a release of it was installed from that entry.
absl::StatusOr<PrunePlan> PlanPrune(const v1::Desired& list, const PruneFacts& facts,
                                    const PruneQuery& query);

// The removals of `plan`, made from `list`, that are still right once its list was published: not
// those that `published`, which may be somebody else's newer list, holds again, and not what the
// cluster needs by `facts`, which are later ones.
std::map<std::string, std::string> StillUnneeded(const PrunePlan& plan, const v1::Desired& list,
                                                 const v1::Desired& published,
                                                 const PruneFacts& facts, const PruneQuery& query);

}  // namespace lighter
