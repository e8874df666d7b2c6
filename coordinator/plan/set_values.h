// The values of --set and --set-string, which may be passwords: everybody on a machine can read the
// command line of a child.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "coordinator/helm/helm.h"

namespace lighter {

// `args` with the texts of --set and --set-string in files of `folder` (mode 0600; made where it is
// missing) that --set-file names instead, which gives helm the same values. Numbers, true, false,
// null, lists and --set-json stay, and so does everything where a key is set twice or below another
// one: there the order of flags would count.
absl::StatusOr<ValueArgs> KeepSetTexts(const ValueArgs& args, const std::string& folder);

}  // namespace lighter
