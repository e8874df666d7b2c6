// A folder that is gone at the end of a test.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace lighter::support {

// Made below $TMPDIR (or /tmp) by the constructor, removed with all it holds by the destructor.
// Ends the program where it cannot be made.
class TempDir {
 public:
  TempDir() : path_((std::filesystem::temp_directory_path() / "lighter-test-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace lighter::support
