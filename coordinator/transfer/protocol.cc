#include "coordinator/transfer/protocol.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/version.h"

namespace lighter {

absl::Status CheckProtocol(const v1::InfoReply& info) {
  const unsigned theirs = info.protocol_version();
  if (theirs == kProtocolVersion) return absl::OkStatus();
  const std::string who =
      absl::StrCat("its agent (version ", info.agent_version(), ")",
                   theirs == 0 ? " is too old for this lighter (version "
                               : absl::StrCat(" speaks protocol ", theirs, ", this lighter ",
                                              kProtocolVersion, " (version "),
                   kVersion, ")");
  return absl::FailedPreconditionError(
      who + "; `lighter agent upgrade` brings this lighter's agents onto all nodes");
}

bool IsContainerdsFault(const absl::Status& status) {
  return absl::IsUnavailable(status) && absl::StartsWith(status.message(), "containerd ");
}

}  // namespace lighter
