#include "common/usage_error.h"

#include "absl/strings/cord.h"

namespace lighter {
namespace {

constexpr char kMark[] = "lighter/usage";

}  // namespace

absl::Status UsageError(absl::Status status) {
  status.SetPayload(kMark, absl::Cord());
  return status;
}

bool IsUsageError(const absl::Status& status) { return status.GetPayload(kMark).has_value(); }

}  // namespace lighter
