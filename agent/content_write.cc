#include "agent/content_write.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/time/clock.h"

namespace lighter {

bool IsLocked(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE &&
         absl::StrContains(status.error_message(), "locked");
}

absl::Status TryUntilUnlocked(absl::Time give_up, const std::function<absl::Status()>& attempt) {
  absl::Duration pause = absl::Milliseconds(20);
  while (true) {
    absl::Status status = attempt();
    if (!absl::IsAborted(status) || absl::Now() > give_up) return status;
    absl::SleepFor(pause);
    pause = std::min(2 * pause, absl::Seconds(1));
  }
}

}  // namespace lighter
