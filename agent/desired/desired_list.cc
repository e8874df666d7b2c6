#include "agent/desired/desired_list.h"

#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/identity.h"
#include "common/desired.h"
#include "common/file.h"
#include "common/limits.h"
#include "common/status.h"

namespace lighter {
namespace {

// Of a serialised SignedDesired.
constexpr uint64_t kMaxFileBytes = kMaxDesiredBytes + kKiB;

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

// The CA that signed this node's certificate; before it has one, that of the members.
void DesiredList::LearnCa() {
  absl::StatusOr<std::string> ca = ReadFile(sources_.state_dir + "/" + kCaFile, kMaxPemBytes);
  if (!ca.ok() && !sources_.member_dir.empty()) {
    ca = ReadFile(sources_.member_dir + "/" + kCaFile, kMaxPemBytes);
  }
  if (!ca.ok() || *ca == ca_) return;
  ca_ = *std::move(ca);
  current_ = nullptr;  // another authority counts its generations anew
}

absl::Status DesiredList::Adopt(const v1::SignedDesired& list) {
  if (ca_.empty()) {
    return absl::FailedPreconditionError("this node does not know its cluster's authority yet");
  }
  ASSIGN_OR_RETURN(v1::Desired desired, VerifyDesired(list, ca_));
  if (current_ != nullptr && desired.generation() <= current_->generation()) {
    return absl::OkStatus();
  }
  current_ = std::make_shared<const v1::Desired>(std::move(desired));
  log_(absl::StrCat("desired list ", current_->generation(), ": ", current_->releases_size(),
                    " releases"));
  if (!wanted()) return absl::OkStatus();
  return WriteFileAtomic(sources_.state_dir + "/" + kDesiredFile, list.SerializeAsString(), 0600);
}

void DesiredList::AdoptFile(const std::string& path) {
  const absl::StatusOr<std::string> bytes = ReadFile(path, kMaxFileBytes);
  if (absl::IsNotFound(bytes.status())) return;
  absl::Status status = bytes.status();
  if (bytes.ok()) {
    v1::SignedDesired list;
    status = list.ParseFromString(*bytes) ? Adopt(list)
                                          : absl::InvalidArgumentError("it cannot be read");
  }
  if (status.ok()) return;
  const std::string problem = absl::StrCat("passes over ", path, ": ", status.message());
  if (std::exchange(last_problem_, problem) != problem) log_(problem);
}

void DesiredList::Refresh() {
  const std::lock_guard lock(mutex_);
  LearnCa();
  if (current_ == nullptr) AdoptFile(sources_.state_dir + "/" + kDesiredFile);
  if (!sources_.file.empty()) AdoptFile(sources_.file);
}

absl::StatusOr<uint64_t> DesiredList::Offer(const v1::SignedDesired& list) {
  const std::lock_guard lock(mutex_);
  LearnCa();
  RETURN_IF_ERROR(Adopt(list));
  return current_->generation();
}

}  // namespace lighter
