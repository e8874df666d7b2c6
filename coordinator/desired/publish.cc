#include "coordinator/desired/publish.h"

#include "absl/strings/str_cat.h"
#include "common/desired.h"
#include "common/status.h"
#include "coordinator/desired/desired_map.h"
#include "coordinator/desired/keep.h"

namespace lighter {
namespace {

constexpr int kWriteAttempts = 5;

// One publication. Thread-compatible.
class Publication {
 public:
  Publication(const Kubectl& kubectl, const Authority& authority,
              const std::vector<NodeEndpoint>& nodes)
      : kubectl_(kubectl), authority_(authority), nodes_(nodes) {}

  absl::StatusOr<PublishOutcome> Run(const DesiredEdit& edit);

 private:
  absl::Status Write(const DesiredEdit& edit);
  v1::Desired Tell();

  const Kubectl& kubectl_;
  const Authority& authority_;
  const std::vector<NodeEndpoint>& nodes_;
  PublishOutcome outcome_;
  v1::SignedDesired signed_;
};

absl::Status Publication::Write(const DesiredEdit& edit) {
  absl::Status written;
  for (int attempt = 0; attempt < kWriteAttempts; ++attempt) {
    ASSIGN_OR_RETURN(const DesiredMap map, ReadDesiredMap(kubectl_, authority_));
    outcome_.list = edit(map.list);
    if (outcome_.list.generation() == map.list.generation()) return absl::OkStatus();
    if (!map.problem.empty() && attempt == 0) {
      outcome_.notes.push_back(
          absl::StrCat("the cluster's desired list was replaced: ", map.problem,
                       ". Releases that were loaded before are held again after their next load"));
    }
    ASSIGN_OR_RETURN(signed_, SignDesired(outcome_.list, authority_));
    // A list that agents would refuse must not replace the one that they have.
    RETURN_IF_ERROR(VerifyDesired(signed_, authority_.certificate).status());
    written = WriteDesiredMap(kubectl_, signed_, map.resource_version);
    outcome_.changed = written.ok() || outcome_.changed;
    if (!absl::IsAborted(written)) return written;
  }
  return Annotate(written, "somebody else changes the desired list, too");
}

// The newest list that an agent holds against ours; empty where none does. An agent's word alone
// counts for nothing: the list must be the authority's.
v1::Desired Publication::Tell() {
  v1::Desired newest;
  const std::vector<KeepOutcome> told = PushDesired(signed_, nodes_);
  for (size_t i = 0; i < told.size(); ++i) {
    absl::Status status = told[i].status;
    if (status.ok() && told[i].held.has_value()) {
      const auto held = VerifyDesired(*told[i].held, authority_.certificate);
      if (held.ok() && held->generation() >= outcome_.list.generation()) {
        if (held->generation() > newest.generation()) newest = *held;
        continue;
      }
      status = held.ok() ? absl::AbortedError("it keeps an older one")
                         : Annotate(held.status(), "it keeps one that does not count");
    }
    if (status.ok()) continue;
    outcome_.notes.push_back(
        absl::StrCat(nodes_[i].name, ": its agent was not told of the new desired list (",
                     Message(status), "); it reads it from its ConfigMap within about a minute"));
  }
  return newest;
}

absl::StatusOr<PublishOutcome> Publication::Run(const DesiredEdit& edit) {
  RETURN_IF_ERROR(Write(edit));
  if (!outcome_.changed) return std::move(outcome_);
  const v1::Desired newest = Tell();
  if (newest.generation() == 0) return std::move(outcome_);
  // The cluster's copy was lost and began anew: agents would not take a list older than theirs. Or
  // another run has published since, and has told them.
  bool lost = false;
  RETURN_IF_ERROR(Write([&](v1::Desired list) {
    lost = list.generation() <= newest.generation() &&
           list.SerializeAsString() != newest.SerializeAsString();
    if (lost) list.set_generation(newest.generation() + 1);
    return list;
  }));
  if (!lost) return std::move(outcome_);
  outcome_.notes = {absl::StrCat(
      "the cluster's desired list had been lost: agents still had number ", newest.generation(),
      ". Releases that were loaded before are held again after their "
      "next load")};
  Tell();
  return std::move(outcome_);
}

}  // namespace

absl::StatusOr<PublishOutcome> PublishDesired(const Kubectl& kubectl, const Authority& authority,
                                              const std::vector<NodeEndpoint>& nodes,
                                              const DesiredEdit& edit) {
  return Publication(kubectl, authority, nodes).Run(edit);
}

}  // namespace lighter
