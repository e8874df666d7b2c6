#include "agent/desired/desired_list.h"

#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/desired/authority_ca.h"
#include "agent/identity.h"
#include "common/desired.h"
#include "common/digest.h"
#include "common/file.h"
#include "common/limits.h"
#include "common/status.h"

namespace lighter {
namespace {

// Of a serialised SignedDesired.
constexpr uint64_t kMaxFileBytes = kMaxDesiredBytes + kKiB;

bool IsNewer(const v1::Desired& desired, const v1::SignedDesired& list, const v1::Desired& current,
             const v1::SignedDesired& held) {
  if (desired.generation() != current.generation()) {
    return desired.generation() > current.generation();
  }
  return Digest::Of(list.desired()).hex() > Digest::Of(held.desired()).hex();
}

}  // namespace

DesiredList::DesiredList(DesiredSources sources, std::function<void(const std::string&)> log)
    : sources_(std::move(sources)), log_(std::move(log)) {}

bool DesiredList::wanted() const {
  return ::access(sources_.state_dir.c_str(), F_OK) == 0 || errno != ENOENT;
}

std::shared_ptr<const v1::Desired> DesiredList::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

std::shared_ptr<const v1::Desired> DesiredList::mine() const {
  const std::lock_guard lock(mutex_);
  return mine_;
}

absl::Status DesiredList::CheckMounted() const {
  const std::lock_guard lock(mutex_);
  const auto problem = problems_.find(sources_.file);
  if (problem == problems_.end() || problem->second.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(problem->second);
}

void DesiredList::LearnCa() {
  const absl::StatusOr<std::string> ca = FindAuthorityCa(sources_.state_dir, sources_.member_dir);
  if (!ca.ok() || *ca == ca_) return;
  ca_ = *ca;
  current_ = nullptr;  // another authority counts its generations anew
  mine_ = nullptr;
  looked_at_.clear();
}

absl::Status DesiredList::Adopt(const v1::SignedDesired& list) {
  if (ca_.empty()) {
    return absl::FailedPreconditionError("this node does not know its cluster's authority yet");
  }
  ASSIGN_OR_RETURN(v1::Desired desired, VerifyDesired(list, ca_));
  if (current_ != nullptr && !IsNewer(desired, list, *current_, held_)) return absl::OkStatus();
  current_ = std::make_shared<const v1::Desired>(std::move(desired));
  mine_ = std::make_shared<const v1::Desired>(WantedOn(*current_, sources_.node));
  held_ = list;
  log_(absl::StrCat("desired list ", current_->generation(), ": ", current_->releases_size(),
                    " releases"));
  return absl::OkStatus();
}

// One line for each new problem of a path.
void DesiredList::Tell(const std::string& path, const absl::Status& status) {
  std::string& told = problems_[path];
  const std::string problem = status.ok() ? "" : absl::StrCat(path, ": ", Message(status));
  if (std::exchange(told, problem) != problem && !problem.empty()) log_(problem);
}

void DesiredList::AdoptFile(const std::string& path) {
  const absl::StatusOr<std::string> bytes = ReadFile(path, kMaxFileBytes);
  if (absl::IsNotFound(bytes.status())) {
    looked_at_.erase(path);
    return Tell(path, absl::OkStatus());
  }
  if (bytes.ok() && !ca_.empty() && std::exchange(looked_at_[path], *bytes) == *bytes) return;
  absl::Status status = bytes.status();
  if (bytes.ok()) {
    v1::SignedDesired list;
    status = list.ParseFromString(*bytes) ? Adopt(list)
                                          : absl::InvalidArgumentError("it cannot be read");
  }
  Tell(path, Annotate(status, "passed over"));
}

void DesiredList::Save() {
  if (current_ == nullptr || !wanted()) return;
  const std::string bytes = held_.SerializeAsString();
  if (bytes == saved_) return;
  const absl::Status written = WriteStateFile(sources_.state_dir, kDesiredFile, bytes);
  if (written.ok()) saved_ = bytes;
  Tell(sources_.state_dir, Annotate(written, "the desired list is not kept on disk"));
}

void DesiredList::Refresh() {
  const std::lock_guard lock(mutex_);
  LearnCa();
  if (current_ == nullptr) {
    AdoptFile(sources_.state_dir + "/" + kDesiredFile);
    if (current_ != nullptr) saved_ = held_.SerializeAsString();
  }
  if (!sources_.file.empty()) AdoptFile(sources_.file);
  Save();
}

absl::StatusOr<v1::SignedDesired> DesiredList::Offer(const v1::SignedDesired& list) {
  const std::lock_guard lock(mutex_);
  LearnCa();
  RETURN_IF_ERROR(Adopt(list));
  Save();
  return held_;
}

}  // namespace lighter
