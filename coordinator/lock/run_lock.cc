#include "coordinator/lock/run_lock.h"

#include <algorithm>
#include <cctype>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/printable.h"
#include "common/status.h"
#include "coordinator/process/stop_signal.h"

namespace lighter {
namespace {

constexpr char kReleasePrefix[] = "lighter-run.";
constexpr char kChartPrefix[] = "lighter-load.";
constexpr char kPruneLease[] = "lighter-prune";
constexpr size_t kMaxChartLength = 200;

const RunLease* Find(const std::vector<RunLease>& leases, const std::string& name) {
  const auto it = std::find_if(leases.begin(), leases.end(),
                               [&](const RunLease& lease) { return lease.name == name; });
  return it == leases.end() ? nullptr : &*it;
}

std::string ClockTime(absl::Duration from_now) {
  return absl::FormatTime("%H:%M:%S UTC", absl::Now() + from_now, absl::UTCTimeZone());
}

absl::Status HeldByOther(const LockKey& key, const RunLease& lease) {
  return absl::FailedPreconditionError(absl::StrCat(
      "E-LOCK-HELD: another run is at work on ",
      key.is_for_all || lease.name == kPruneLease ? "this cluster" : key.what, ": ",
      lease.Describe(),
      ". Wait until it has ended, or stop it there (Ctrl-C, once, is safe), then run the same "
      "command again"));
}

}  // namespace

LockKey LockOfRelease(const std::string& ns, const std::string& release_ns,
                      const std::string& release) {
  return {.lease = absl::StrCat(kReleasePrefix, release_ns, ".", release),
          .ns = ns.empty() ? release_ns : ns,
          .what = absl::StrCat("release ", release, " (namespace ", release_ns, ")")};
}

// Charts may have names that objects may not.
LockKey LockOfChart(const std::string& ns, const std::string& chart) {
  std::string name = chart.substr(0, kMaxChartLength);
  for (char& c : name) {
    const auto byte = static_cast<unsigned char>(c);
    c = std::isalnum(byte) != 0 ? static_cast<char>(std::tolower(byte)) : '-';
  }
  return {.lease = absl::StrCat(kChartPrefix, "x", name, "x"),
          .ns = ns,
          .what = absl::StrCat("the images of chart ", chart)};
}

LockKey LockOfPrune(const std::string& ns) {
  return {.lease = kPruneLease, .ns = ns, .what = "this cluster", .is_for_all = true};
}

RunLock::RunLock(LeaseStore& store, RunLockOptions options)
    : store_(store), options_(std::move(options)) {}

RunLock::~RunLock() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  ends_.notify_all();
  if (renewer_.joinable()) renewer_.join();
  AcknowledgeStops();
  GiveBack(0);
}

absl::Duration RunLock::Now() {
  return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

bool RunLock::Has(const std::string& lease) const {
  return std::any_of(held_.begin(), held_.end(),
                     [&](const Held& held) { return held.lease.name == lease; });
}

// Whoever cannot delete his Lease lets it lapse.
void RunLock::GiveBack(size_t first) {
  for (size_t i = first; i < held_.size(); ++i) {
    if (held_[i].lost.ok()) store_.Delete(held_[i].lease).IgnoreError();
  }
  held_.resize(first);
}

absl::StatusOr<bool> RunLock::IsFree(const LockKey& key, const RunLease& lease, Watches& watches) {
  const bool is_new = !watches.contains(lease.name);
  LeaseWatch& watch = watches[lease.name];
  const absl::Duration now = Now();
  const LeaseState state = watch.See(lease, LivenessOf(lease.process), now);
  if (state == LeaseState::kHeld) return HeldByOther(key, lease);
  if (state == LeaseState::kFree) return true;
  if (is_new) {
    options_.say(absl::StrCat(key.what, ": another run has the lock: ", lease.Describe(),
                              ". If nothing is heard of it until ",
                              ClockTime(watch.free_at() - now),
                              " (this machine's clock), it is dead, and this run goes on. Nothing "
                              "is changed until then"));
  }
  return false;
}

void RunLock::GoWithout(const LockKey& key, const absl::Status& cause) {
  without_.insert(key.lease);
  options_.say(absl::StrCat("note: N-LOCK-NONE: this run has no lock against another on ", key.what,
                            ": ", OneLine(Message(cause)), "; see to it that no other is at work"));
}

// Whether it is ours now. False: to be tried again.
absl::StatusOr<bool> RunLock::TryTakeOne(const LockKey& key, const RunLease* there,
                                         Watches& watches) {
  RunLease lease;
  if (there != nullptr) {
    ASSIGN_OR_RETURN(const bool is_free, IsFree(key, *there, watches));
    if (!is_free) return false;
    if (!there->holder.empty()) {
      options_.say(absl::StrCat(key.what,
                                ": the run that had the lock is dead, and this one goes "
                                "on: it was ",
                                there->Describe()));
    }
    lease.resource_version = there->resource_version;
  }
  lease.name = key.lease;
  lease.ns = key.ns;
  lease.holder = options_.holder;
  lease.command = options_.command;
  lease.process = options_.process;
  lease.acquired = lease.renewed = LeaseTime(absl::Now());
  const absl::Duration before = Now();
  absl::StatusOr<std::string> version = store_.Write(lease);
  if (absl::IsAborted(version.status())) return false;  // another was quicker: look who
  if (absl::IsPermissionDenied(version.status()) || absl::IsNotFound(version.status())) {
    GoWithout(key, version.status());
    return true;
  }
  RETURN_IF_ERROR(Annotate(version.status(), "lock " + key.what));
  lease.resource_version = *std::move(version);
  held_.push_back({key, std::move(lease), before, {}});
  return true;
}

// A run that takes images away and one that brings them exclude each other: each takes its own
// Lease first and looks for the other's then, so at least one of them sees the other.
absl::StatusOr<bool> RunLock::NoOtherRun(const LockKey& key, const std::vector<RunLease>& leases,
                                         Watches& watches) {
  for (const RunLease& lease : leases) {
    const bool excludes = key.is_for_all || lease.name == kPruneLease;
    if (!excludes || Has(lease.name)) continue;
    ASSIGN_OR_RETURN(const bool is_free, IsFree(key, lease, watches));
    if (!is_free) return false;
  }
  return true;
}

absl::StatusOr<bool> RunLock::TryTake(const std::vector<LockKey>& keys, Watches& watches) {
  for (const LockKey& key : keys) {
    if (Has(key.lease) || without_.contains(key.lease)) continue;
    const absl::StatusOr<std::vector<RunLease>> leases = store_.List(key.ns);
    if (absl::IsPermissionDenied(leases.status())) {
      GoWithout(key, leases.status());
      continue;
    }
    RETURN_IF_ERROR(Annotate(leases.status(), "lock " + key.what));
    ASSIGN_OR_RETURN(const bool taken, TryTakeOne(key, Find(*leases, key.lease), watches));
    if (!taken) return false;
  }
  for (const LockKey& key : keys) {
    if (without_.contains(key.lease)) continue;
    ASSIGN_OR_RETURN(const std::vector<RunLease> leases, store_.List(key.ns));
    ASSIGN_OR_RETURN(const bool is_alone, NoOtherRun(key, leases, watches));
    if (!is_alone) return false;
  }
  return true;
}

absl::Status RunLock::Take(const std::vector<LockKey>& keys) {
  std::unique_lock lock(mutex_);
  const size_t had = held_.size();
  Watches watches;
  while (true) {
    const absl::StatusOr<bool> taken = TryTake(keys, watches);
    absl::Status failure = taken.status();
    if (failure.ok() && !*taken && StopRequested()) {
      failure = absl::CancelledError("stopped on request");
    }
    if (!failure.ok()) {
      GiveBack(had);
      return failure;
    }
    if (*taken) break;
    ends_.wait_for(lock, absl::ToChronoMilliseconds(options_.between_looks));
    RenewAll();
  }
  if (!renewer_.joinable() && !held_.empty()) {
    renewer_ = std::thread([this] { KeepRenewing(); });
  }
  return absl::OkStatus();
}

void RunLock::Renew(Held& held) {
  constexpr int kAttempts = 2;
  for (int attempt = 0; attempt < kAttempts && held.lost.ok(); ++attempt) {
    RunLease next = held.lease;
    next.renewed = LeaseTime(absl::Now());
    const absl::Duration before = Now();
    const absl::StatusOr<std::string> version = store_.Write(next);
    if (version.ok()) {
      next.resource_version = *version;
      held.lease = std::move(next);
      held.renewed_at = before;
      return;
    }
    if (!absl::IsAborted(version.status())) return;  // may pass
    // Somebody has written it: another run, or ourselves in a call that broke off.
    const absl::StatusOr<std::vector<RunLease>> leases = store_.List(held.key.ns);
    if (!leases.ok()) return;
    const RunLease* const now = Find(*leases, held.lease.name);
    if (now != nullptr && now->holder == held.lease.holder && now->process == held.lease.process) {
      held.lease.resource_version = now->resource_version;
      continue;
    }
    held.lost = absl::FailedPreconditionError(
        absl::StrCat("E-LOCK-LOST: this run has lost its lock on ", held.key.what,
                     now == nullptr ? ": somebody has deleted its Lease"
                                    : ": it was not heard of for too long, and another run took "
                                      "it: " +
                                          now->Describe()));
  }
}

void RunLock::RenewAll() {
  for (Held& held : held_) Renew(held);
}

absl::Status RunLock::CheckHeld() {
  const std::lock_guard lock(mutex_);
  RenewAll();
  for (const Held& held : held_) {
    RETURN_IF_ERROR(held.lost);
    if (Now() - held.renewed_at < held.lease.duration) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("E-LOCK-LOST: the lock on ", held.key.what,
                     " could not be renewed for too long, so another run may have it now; run the "
                     "same command again"));
  }
  return absl::OkStatus();
}

void RunLock::KeepRenewing() {
  std::unique_lock lock(mutex_);
  const auto ends = [this] { return is_ending_; };
  while (!ends_.wait_for(lock, absl::ToChronoMilliseconds(options_.between_renewals), ends)) {
    RenewAll();
  }
}

}  // namespace lighter
