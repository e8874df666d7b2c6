#include "coordinator/cluster/kubectl.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/status.h"
#include "coordinator/process/process.h"
#include "coordinator/process/stop_signal.h"

namespace lighter {
namespace {

// What is meant for people: without the lines of kubectl's own log ("E1123 01:14:46.1 ...").
std::string WithoutLogLines(const std::string& text) {
  std::vector<absl::string_view> kept;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const bool is_log = line.size() > 5 && absl::StrContains("EWI", line.substr(0, 1)) &&
                        absl::ascii_isdigit(line[1]) && absl::ascii_isdigit(line[4]) &&
                        line[5] == ' ';
    if (!is_log) kept.push_back(line);
  }
  // Of no use to those who do not call kubectl themselves.
  const std::string joined =
      absl::StrReplaceAll(absl::StrJoin(kept, "\n"),
                          {{"; if you choose to ignore these errors, turn validation off with "
                            "--validate=false",
                            ""}});
  return std::string(absl::StripAsciiWhitespace(joined.empty() ? text : joined));
}

bool LooksUnreachable(const std::string& text) {
  // A kubelet's or a webhook's, not its own.
  for (const char* other :
       {"error dialing backend", "failed calling webhook", "error trying to reach service"}) {
    if (absl::StrContains(text, other)) return false;
  }
  for (const char* sign :
       {"connection refused", "Unable to connect to the server", "i/o timeout", "no route to host",
        "context deadline exceeded", "network is unreachable", "was refused", "x509: "}) {
    if (absl::StrContains(text, sign)) return true;
  }
  return false;
}

// How a run of kubectl ended.
absl::Status StatusOf(const ProcessResult& result, const std::string& verb,
                      const KubectlCall& call) {
  if (result.exit_code == 0) return absl::OkStatus();
  const std::string words = WithoutLogLines(result.err);
  if (StopRequested() && !call.outlives_stop) return absl::CancelledError("stopped on request");
  if (LooksUnreachable(words)) {
    return absl::UnavailableError(absl::StrCat(
        "the Kubernetes API server cannot be reached: ", words,
        absl::StrContains(words, "localhost:8080")
            ? "; no kubeconfig was found: set KUBECONFIG, or give --kubeconfig FILE"
            : "; check --kubeconfig and --context, and that `kubectl get nodes` works from here"));
  }
  return absl::AbortedError(absl::StrCat("kubectl ", verb, " failed: ", words));
}

}  // namespace

absl::StatusOr<std::string> Kubectl::Run(const std::vector<std::string>& args,
                                         const KubectlCall& call) const {
  KubectlAnswer answer = RunAll(args, call);
  if (!answer.status.ok()) return answer.status;
  return std::move(answer.out);
}

KubectlAnswer Kubectl::RunAll(const std::vector<std::string>& args, const KubectlCall& call) const {
  std::vector<std::string> argv = {options_.binary};
  if (!options_.kubeconfig.empty()) argv.insert(argv.end(), {"--kubeconfig", options_.kubeconfig});
  if (!options_.context.empty()) argv.insert(argv.end(), {"--context", options_.context});
  // Of one request; a call may make several.
  argv.push_back("--request-timeout=" + absl::FormatDuration(call.request_timeout));
  argv.insert(argv.end(), args.begin(), args.end());
  absl::StatusOr<ProcessResult> result = RunProcess(
      argv, {.timeout = call.timeout, .input = call.input, .own_session = call.outlives_stop});
  if (absl::IsNotFound(result.status())) {
    return {.status = absl::NotFoundError(absl::StrCat("kubectl was not found (",
                                                       Message(result.status()),
                                                       "); install it, or give --kubectl PATH")),
            .out = ""};
  }
  if (!result.ok()) return {.status = result.status(), .out = ""};
  return {.status = StatusOf(*result, args[0], call), .out = std::move(result->out)};
}

std::string ServerReason(const absl::Status& status) {
  const std::string words = Message(status);
  constexpr absl::string_view kStart = "Error from server (";
  const size_t start = words.find(kStart.data());
  if (start == std::string::npos) return "";
  const size_t begin = start + kStart.size();
  return words.substr(begin, words.find(')', begin) - begin);
}

}  // namespace lighter
