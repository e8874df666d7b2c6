// `lighter upgrade --recover`: releases that a Helm run left in the middle go back before anything
// else.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "coordinator/plan/plan.h"
#include "coordinator/plan/run_folder.h"
#include "coordinator/run/rollback_run.h"

namespace lighter {

// Rolls every pending release of the package's charts, as `options` choose them, back to the last
// revision that ran, once that is proven on every node. Nothing where none is pending. Takes the
// lock of `rollback` for each, which must be there. `say` gets one line a step; `changed` gets a
// sentence for each release that Helm was run for. FailedPrecondition where one cannot go back;
// errors of what it asks.
absl::Status RecoverPending(const PlanOptions& options, const RollbackRunOptions& rollback,
                            const RunFolder& folder,
                            const std::function<void(const std::string&)>& say,
                            std::string& changed);

}  // namespace lighter
