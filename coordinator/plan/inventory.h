// Asking the nodes what they lack.
#pragma once

#include <string>
#include <vector>

#include "coordinator/plan/node_plan.h"

namespace lighter {

// Asks all nodes at once what they lack of those of `images` that go there (ImagesFor); sets status
// and inventory of each that has a stub. Unavailable: the agent could not be reached, though it was
// tried for some seconds; Cancelled: a stop signal came.
void TakeInventory(const std::vector<v1::Image>& images, std::vector<NodePlan>& nodes);

// Asks all nodes at once what these names (normalised, each once) are there, as TakeInventory does.
// FailedPrecondition: the agent is too old to be asked that.
void AskNames(const std::vector<std::string>& names, std::vector<NodePlan>& nodes);

}  // namespace lighter
