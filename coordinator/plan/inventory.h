// Asking the nodes what they lack.
#pragma once

#include <vector>

#include "coordinator/plan/node_plan.h"

namespace lighter {

// Asks all nodes at once what they lack of `images`; sets status and inventory of each that has a
// stub. Unavailable: the agent could not be reached, though it was tried for some seconds;
// Cancelled: a stop signal came.
void TakeInventory(const std::vector<v1::Image>& images, std::vector<NodePlan>& nodes);

}  // namespace lighter
