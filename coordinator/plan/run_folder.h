// The folder of one run: charts, values backups, Helm's log, the report. Mode 0700.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/file.h"

namespace lighter {

// Move-only. A temporary folder is removed when its owner goes; a kept one stays, unless nothing is
// in it. A temporary one that a killed run left behind is removed by the next run that makes one.
class RunFolder {
 public:
  // $XDG_STATE_HOME/lighter/runs/<UTC time>-<command>, below ~/.local/state by default.
  static absl::StatusOr<RunFolder> Keep(const std::string& command);
  // Below $TMPDIR.
  static absl::StatusOr<RunFolder> Temporary();

  RunFolder(RunFolder&&) noexcept = default;
  RunFolder& operator=(RunFolder&&) = delete;
  ~RunFolder();

  const std::string& path() const { return path_; }
  std::string id() const;  // the folder's own name

 private:
  explicit RunFolder(std::string path) : path_(std::move(path)) {}
  RunFolder(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  std::string path_;
  UniqueFd lock_;  // held while a temporary folder is in use; of a kept one: none
};

}  // namespace lighter
