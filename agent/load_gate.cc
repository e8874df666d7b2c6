#include "agent/load_gate.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/status.h"

namespace lighter {
namespace {

constexpr absl::Duration kPatienceWithDead = absl::Seconds(15);
constexpr absl::Duration kPatienceWithLiving = absl::Seconds(1);
constexpr absl::Duration kPollInterval = absl::Milliseconds(20);

}  // namespace

LoadGate::LoadGate(std::string containerd_socket)
    : folder_(std::filesystem::path(std::move(containerd_socket)).parent_path().string()) {}

LoadGate::Pass::~Pass() {
  const std::lock_guard lock(gate_->mutex_);
  gate_->holder_ = nullptr;
}

absl::Status LoadGate::Taken() const {
  const std::lock_guard lock(mutex_);
  if (holder_ == nullptr) {
    return absl::FailedPreconditionError(
        "another lighter program on this node is loading images; one load a node at a time");
  }
  return absl::FailedPreconditionError(
      absl::StrCat("this node is already being loaded by ", holder_name_, " since ",
                   absl::FormatTime(absl::RFC3339_sec, held_since_, absl::UTCTimeZone()),
                   "; one load a node at a time"));
}

absl::StatusOr<std::unique_ptr<LoadGate::Pass>> LoadGate::TryEnter(const std::string& who,
                                                                   const CallGroup& calls,
                                                                   absl::Duration* patience) {
  const std::lock_guard lock(mutex_);
  *patience = kPatienceWithLiving;
  if (holder_ != nullptr) {
    if (holder_->cancelled()) *patience = kPatienceWithDead;
    return nullptr;
  }
  UniqueFd folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.ok()) {
    return absl::UnavailableError(absl::StrCat("containerd is not reachable: ",
                                               Message(ErrnoStatus(errno, "open " + folder_))));
  }
  if (::flock(folder.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return nullptr;
    return ErrnoStatus(errno, "lock " + folder_);
  }
  holder_ = &calls;
  holder_name_ = who;
  held_since_ = absl::Now();
  return std::make_unique<Pass>(this, std::move(folder));
}

absl::StatusOr<std::unique_ptr<LoadGate::Pass>> LoadGate::Enter(const std::string& who,
                                                                const CallGroup& calls) {
  const absl::Time start = absl::Now();
  while (true) {
    absl::Duration patience;
    ASSIGN_OR_RETURN(std::unique_ptr<Pass> pass, TryEnter(who, calls, &patience));
    if (pass != nullptr) return pass;
    if (calls.cancelled()) return absl::CancelledError("the coordinator is gone");
    if (absl::Now() > start + patience) return Taken();
    absl::SleepFor(kPollInterval);
  }
}

}  // namespace lighter
