// A chart from elsewhere in the place of a bundle's own.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "coordinator/package/package.h"

namespace lighter {

// Puts the chart in the file `tgz`, as `helm pull` and `helm package` write it, in the place of
// that of the bundle which has a chart of its name; hints and images stay. It is unpacked to
// `tar_path`, which must stay. Errors name the file: InvalidArgument (no chart), ResourceExhausted
// (larger than a chart may be), NotFound (no bundle has a chart of that name).
absl::Status ReplaceChart(Package& package, const std::string& tgz, const std::string& tar_path);

}  // namespace lighter
