// What admission's changes to pods mean for the images that were rendered.
#pragma once

#include <vector>

#include "coordinator/cluster/pod_admission.h"
#include "coordinator/naming/rendered_images.h"
#include "coordinator/naming/target_names.h"

namespace lighter {

// Changes `rendered` into what the pods will ask for: with the policies that admission gives them,
// with the images of containers that it adds, without names in whose place every pod gets another.
// Those pairs are returned, each once.
std::vector<RewrittenName> ApplyAdmission(const std::vector<AdmittedImage>& admitted,
                                          std::vector<RenderedImage>& rendered);

}  // namespace lighter
