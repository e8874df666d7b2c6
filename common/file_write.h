// Writing a file that is under its name only once it is whole and on the disk.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "common/file.h"

namespace lighter {

// Writes all of it; `path` is for messages.
absl::Status WriteAll(int fd, std::string_view data, const std::string& path);

// Gives what was written to `fd`, a file at `temp` beside `path`, the name `path`: fsynced,
// renamed, and the folder fsynced.
absl::Status PublishFile(const UniqueFd& fd, const std::string& temp, const std::string& path);

}  // namespace lighter
