// The files that helm's value flags name.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "coordinator/helm/helm.h"

namespace lighter {

// `args` with every path of -f and --set-file replaced by what `map` makes of it. Helm takes
// several files at one flag, with commas between. UsageError for what is no file that can be read
// again
// ("-", a URL), and for --set-file with Helm's escapes; errors of `map`.
absl::StatusOr<ValueArgs> MapValuesFiles(
    const ValueArgs& args,
    const std::function<absl::StatusOr<std::string>(const std::string& path)>& map);

// Copies the files into `folder` (mode 0600; made where it is missing) and names the copies. So
// what names were decided from, what was proven and what Helm runs with is the same, whatever
// becomes of the files meanwhile; a pipe is read once. UsageError where one cannot be read.
absl::StatusOr<ValueArgs> KeepValuesFiles(const ValueArgs& args, const std::string& folder);

}  // namespace lighter
