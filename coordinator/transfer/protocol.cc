#include "coordinator/transfer/protocol.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/grpc_status.h"
#include "common/status.h"
#include "common/version.h"

namespace lighter {
namespace {

constexpr absl::Duration kInfoTimeout = absl::Seconds(10);

}  // namespace

absl::StatusOr<v1::InfoReply> AskInfo(v1::Agent::StubInterface& stub) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kInfoTimeout));
  v1::InfoReply info;
  RETURN_IF_ERROR(FromGrpc(stub.Info(&context, {}, &info)));
  return info;
}

std::string ProtocolGap(const v1::InfoReply& info) {
  const unsigned theirs = info.protocol_version();
  return absl::StrCat(" (version ", info.agent_version(), ")",
                      theirs == 0 ? " is too old for this lighter (version "
                                  : absl::StrCat(" speaks protocol ", theirs, ", this lighter ",
                                                 kProtocolVersion, " (version "),
                      kVersion, ")");
}

absl::Status CheckProtocol(const v1::InfoReply& info) {
  if (info.protocol_version() == kProtocolVersion) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("its agent", ProtocolGap(info),
                   "; `lighter agent upgrade` brings this lighter's agents onto all nodes"));
}

bool IsContainerdsFault(const absl::Status& status) {
  return absl::IsUnavailable(status) && absl::StartsWith(status.message(), "containerd ");
}

}  // namespace lighter
