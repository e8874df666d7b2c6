// What distinguishes the loads of coordinators from those that the agent makes for itself.
#pragma once

#include <string_view>

namespace lighter {

struct LoadRules {
  // Of the leases that keep what came. Each kind of load continues, and ends, its own only.
  std::string_view lease_prefix = "lighter-load-";
  // Each load continues, and ends, only those of loads of the very same images.
  bool lease_by_images = false;
  // Whether a name that points to another image is moved. False: names are only created.
  bool moves_names = true;
};

// The keeper's: nobody asked for them just now, so they must not undo what somebody did meanwhile.
// It loads image by image, and one that comes must not take what came of another with it.
inline constexpr LoadRules kKeeperRules{
    .lease_prefix = "lighter-keep-", .lease_by_images = true, .moves_names = false};

}  // namespace lighter
