// An image's config, as far as a package's reader and a load need it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/digest.h"

namespace lighter {

struct ImageConfig {
  std::string architecture;  // e.g. "amd64"; may be empty
  std::string os;            // "linux"; may be empty
  std::vector<Digest> diff_ids;
};

// InvalidArgument ("where: ...") for what is no config.
absl::StatusOr<ImageConfig> ParseImageConfig(std::string_view text, const std::string& where);

}  // namespace lighter
