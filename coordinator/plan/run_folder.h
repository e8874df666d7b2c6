// The folder of one run: charts, values backups, Helm's log, the report. Mode 0700.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace lighter {

// Move-only. A temporary folder is removed when its owner goes; a kept one stays.
class RunFolder {
 public:
  // $XDG_STATE_HOME/lighter/runs/<UTC time>-<command>, below ~/.local/state by default.
  static absl::StatusOr<RunFolder> Keep(const std::string& command);
  // Below $TMPDIR.
  static absl::StatusOr<RunFolder> Temporary();

  RunFolder(RunFolder&& other) noexcept;
  RunFolder& operator=(RunFolder&&) = delete;
  ~RunFolder();

  const std::string& path() const { return path_; }
  std::string id() const;  // the folder's own name

 private:
  RunFolder(std::string path, bool temporary) : path_(std::move(path)), temporary_(temporary) {}

  std::string path_;
  bool temporary_;
};

}  // namespace lighter
