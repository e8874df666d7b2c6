// A file without a disk, for parsers that read files.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "tests/fuzz/fuzz.h"

namespace lighter::fuzz {

// Its bytes are replaced for each input. Ends the program where it cannot be made or written.
class MemoryFile {
 public:
  MemoryFile() : fd_(::memfd_create("lighter-fuzz", MFD_CLOEXEC)) { REQUIRE(fd_.ok()); }

  void Set(std::string_view bytes) {
    REQUIRE(::ftruncate(fd_.get(), 0) == 0);
    const ssize_t written = ::pwrite(fd_.get(), bytes.data(), bytes.size(), 0);
    REQUIRE(written == static_cast<ssize_t>(bytes.size()));
  }

  std::string path() const { return absl::StrCat("/proc/self/fd/", fd_.get()); }

 private:
  const UniqueFd fd_;
};

}  // namespace lighter::fuzz
