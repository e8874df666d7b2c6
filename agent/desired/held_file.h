// Tells another container of the agent's pod that this node holds, proven, all that the desired
// list wants of it: a file with the list's number, there for as long as that is so.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "agent/containerd_client.h"
#include "agent/desired/desired_list.h"
#include "lighter/v1/desired.pb.h"

namespace lighter {

// Of one thread.
class HeldFile {
 public:
  // Takes away what an earlier agent left at `path`. Where that is empty nothing is ever proven nor
  // written. `list` must outlive this.
  HeldFile(std::string path, const DesiredList* list);

  // The node lacks something.
  absl::Status Withdraw();

  // The node has `records`, among them every name of `desired` (null: there is no list, and its
  // number is 0). Proves the names, once a list, and writes the file. FailedPrecondition where a
  // name is another image's or cannot be proven, or where the mounted list counts for nothing: then
  // there is no file. Else errors of containerd or of writing.
  absl::Status Confirm(const Containerd& containerd,
                       const std::shared_ptr<const v1::Desired>& desired,
                       const std::vector<ImageRecord>& records);

 private:
  const std::string path_;
  const DesiredList* const list_;
  bool written_ = true;  // there may be one of an earlier agent
  // What the file is about; none where there is no file.
  std::optional<std::shared_ptr<const v1::Desired>> confirmed_;
};

}  // namespace lighter
