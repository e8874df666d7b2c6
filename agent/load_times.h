// The time limits of a load that tests shorten.
#pragma once

#include "absl/time/time.h"

namespace lighter {

struct LoadTimes {
  // A coordinator that owes us something and is silent that long is taken for dead.
  absl::Duration idle = absl::Minutes(5);
  // It hears of us at least that often.
  absl::Duration heartbeat = absl::Seconds(30);
};

}  // namespace lighter
