// Writes tars byte for byte as Go's archive/tar does, which wrote every charts-syncer bundle: ustar
// where it fits, else a PAX header ("x"). Nothing is checked, so that tests can write hostile tars.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/rope.h"

namespace lighter::support {

// What stands in an entry's header. The defaults are those of relok8s' tarFileWriter.
struct TarSpec {
  std::string name;
  char type = '0';  // '0' file, '1' hard link, '2' symlink, '3'/'4' device, '5' folder, '6' FIFO
  uint32_t mode = 0644;
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::string uname = {};
  std::string gname = {};
  int64_t mtime = 0;  // seconds
  std::string link = {};
  uint32_t dev_major = 0;
  uint32_t dev_minor = 0;
  // More PAX records, e.g. {"SCHILY.xattr.user.x", "value"} or {"size", "..."}.
  std::vector<std::pair<std::string, std::string>> pax = {};
  // A name over 100 bytes and a size over 8 GiB as GNU tar writes them (an "L" entry; base 256),
  // not as PAX.
  bool gnu = false;
};

// The header blocks of an entry with `size` bytes of data: 512 bytes, more with a PAX or GNU name.
std::string TarHeader(const TarSpec& spec, uint64_t size);

// Puts the right checksum into the 512-byte header that starts at `at`, after a test changed it.
void FixTarChecksum(std::string& tar, size_t at = 0);

class TarWriter {
 public:
  // Appends an entry; returns the offset of its data in the tar.
  uint64_t Add(const TarSpec& spec, const Rope& data = {});
  uint64_t AddFile(const std::string& name, const Rope& data) { return Add({.name = name}, data); }

  uint64_t size() const { return tar_.size(); }
  // The entries so far, without the end mark.
  const Rope& entries() const { return tar_; }
  // The tar with the 1024 zero bytes at its end.
  Rope Finish() const;

 private:
  Rope tar_;
};

}  // namespace lighter::support
