#include "coordinator/desired/publish.h"

#include <algorithm>

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
  uint64_t Tell();

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

// The newest generation that an agent acts on.
uint64_t Publication::Tell() {
  uint64_t newest = 0;
  const std::vector<KeepOutcome> told = PushDesired(signed_, nodes_);
  for (size_t i = 0; i < told.size(); ++i) {
    newest = std::max(newest, told[i].generation);
    if (told[i].status.ok()) continue;
    outcome_.notes.push_back(absl::StrCat(
        nodes_[i].name, ": its agent was not told of the new desired list (",
        Message(told[i].status), "); it reads it from its ConfigMap within about a minute"));
  }
  return newest;
}

absl::StatusOr<PublishOutcome> Publication::Run(const DesiredEdit& edit) {
  RETURN_IF_ERROR(Write(edit));
  if (!outcome_.changed) return std::move(outcome_);
  const uint64_t newest = Tell();
  if (newest <= outcome_.list.generation()) return std::move(outcome_);
  // The cluster's copy was lost and began anew: agents would not take a list older than theirs.
  outcome_.notes = {
      absl::StrCat("the cluster's desired list had been lost: agents still had number ", newest,
                   ". Releases that were loaded before are held again after their next load")};
  RETURN_IF_ERROR(Write([newest](v1::Desired list) {
    list.set_generation(std::max(newest, list.generation()) + 1);
    return list;
  }));
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
