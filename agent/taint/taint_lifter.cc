#include "agent/taint/taint_lifter.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/stop_signals.h"
#include "agent/taint/node_taints.h"
#include "common/file.h"
#include "common/json.h"
#include "common/printable.h"
#include "common/status.h"

namespace lighter {
namespace {

constexpr absl::Duration kFilePoll = absl::Milliseconds(500);
// A node whose object was deleted is registered with its taint again by the next kubelet, while
// this pod may live on.
constexpr absl::Duration kNextLook = absl::Seconds(30);
constexpr absl::Duration kFirstRetry = absl::Seconds(1);
constexpr absl::Duration kLastRetry = absl::Seconds(30);
constexpr uint64_t kMaxHeldBytes = 64;
constexpr uint64_t kMaxTokenBytes = 64 * kKiB;
constexpr int kUnprocessable = 422;  // also where a `test` of a patch fails

std::string MessageOf(const HttpsAnswer& answer) {
  const absl::StatusOr<nlohmann::json> status = ParseJson(answer.body, "answer");
  const nlohmann::json* const message = status.ok() ? FindJson(*status, "message") : nullptr;
  return message != nullptr && message->is_string() ? OneLine(message->get<std::string>()) : "";
}

absl::StatusOr<std::string> Ask(const AskApi& ask, HttpsRequest request) {
  const std::string what = request.method + " of the node";
  ASSIGN_OR_RETURN(const HttpsAnswer answer, ask(std::move(request)));
  if (answer.status == 200) return answer.body;
  const std::string words =
      absl::StrCat(what, " is answered with ", answer.status, ": ", MessageOf(answer));
  if (answer.status == 401 || answer.status == 403) return absl::PermissionDeniedError(words);
  if (answer.status == kUnprocessable) return absl::AbortedError(words);
  return absl::UnavailableError(words);
}

AskApi ApiServer(const TaintLifterOptions& options) {
  return [options](HttpsRequest request) -> absl::StatusOr<HttpsAnswer> {
    // Read anew: kubelet replaces it long before it ends.
    ASSIGN_OR_RETURN(const std::string token,
                     ReadFile(options.account_dir + "/token", kMaxTokenBytes));
    request.token = std::string(absl::StripAsciiWhitespace(token));
    return AskHttps({.address = options.api_address,
                     .port = options.api_port,
                     .ca_file = options.account_dir + "/ca.crt"},
                    request);
  };
}

}  // namespace

absl::StatusOr<bool> LiftTaint(const AskApi& ask, const std::string& node, const std::string& key) {
  const std::string path = "/api/v1/nodes/" + node;
  // Version 0: whatever the API server has in memory will do, as the patch checks what it changes.
  ASSIGN_OR_RETURN(const std::string now,
                   Ask(ask, {.method = "GET", .target = path + "?resourceVersion=0"}));
  ASSIGN_OR_RETURN(std::optional<std::string> patch, PatchWithoutTaint(now, key));
  if (!patch.has_value()) return false;
  RETURN_IF_ERROR(Ask(ask, {.method = "PATCH",
                            .target = path + "?fieldManager=lighter",
                            .content_type = "application/json-patch+json",
                            .body = *std::move(patch)})
                      .status());
  return true;
}

void LiftTaints(const TaintLifterOptions& options) {
  const sigset_t stop_signals = BlockStopSignals();
  const AskApi ask = ApiServer(options);
  options.log(
      absl::StrCat("taint ", options.key, " stays until this node holds all that it should"));
  std::string seen;
  std::string problem;
  absl::Time next = absl::InfinitePast();
  absl::Duration retry = kFirstRetry;
  do {
    const std::string held = ReadFile(options.held_file, kMaxHeldBytes).value_or("");
    if (held.empty() || (held == seen && absl::Now() < next)) {
      if (held.empty()) seen.clear();
      continue;
    }
    seen = held;
    const absl::StatusOr<bool> lifted = LiftTaint(ask, options.node, options.key);
    next = absl::Now() + (lifted.ok() ? kNextLook : retry);
    retry = lifted.ok() ? kFirstRetry : std::min(2 * retry, kLastRetry);
    if (lifted.ok() && *lifted) {
      options.log(absl::StrCat("taint ", options.key, " is off; the node holds desired list ",
                               absl::StripAsciiWhitespace(held)));
    }
    const std::string now = lifted.ok() ? "" : Message(lifted.status());
    if (now != problem && !now.empty()) {
      options.log(absl::StrCat("taint ", options.key, " cannot be looked at or taken off: ", now));
    }
    problem = now;
  } while (!StopCame(stop_signals, kFilePoll));
}

}  // namespace lighter
