// What a load does to the names that nodes have.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "coordinator/plan/plan.h"

namespace lighter {

// The manifest digest that each name of the plan is to have.
using Digests = std::map<std::string, std::string>;
Digests WantedDigests(const Plan& plan);

// Of one node.
struct NameWork {
  size_t create = 0;                       // not there
  size_t prove = 0;                        // there with the right manifest, not provable
  std::vector<const v1::NameState*> move;  // there for another image; live as long as the node
};
NameWork NamesOf(const NodePlan& node, const Digests& wanted);

// Names that some node has for another image: whatever it starts by them next is the package's.
std::set<std::string> NamesToMove(const Plan& plan);

// Those of them that what runs of this release asks for: its pods, started anew, would be of the
// package's images, and so would be those of an older revision that is gone back to.
std::vector<std::string> MovedUnder(const PlannedBundle& planned,
                                    const std::set<std::string>& moved);

// Takes out of the plan the names of the archive that nobody asks for (no hint, no pod, no
// argument) where a node has another image under them, which is not ours to take away; says so in
// the plan's notes, "N-NAME-TAKEN: ...". Not where no chart says which names are asked for. Whether
// there was any: then the plan's work is to be made anew.
bool LeaveTakenNames(Plan& plan);

// A line for each of them and each image that it is now, with the pods that run it.
std::string DescribeMoves(const Plan& plan, const Digests& wanted);

}  // namespace lighter
