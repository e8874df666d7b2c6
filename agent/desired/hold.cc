#include "agent/desired/hold.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/digest.h"
#include "common/status.h"

namespace lighter {
namespace {

constexpr absl::Duration kHoldTime = absl::Hours(48);
// A lease cannot be prolonged: a new one is made for every day.
constexpr absl::Duration kPeriod = absl::Hours(24);

// A release's lease: its id says what it holds and on which day it was made.
std::string LeaseId(const v1::DesiredRelease& release, const std::set<std::string>& manifests,
                    absl::Time now) {
  std::string key = release.name();
  for (const std::string& digest : manifests) absl::StrAppend(&key, "\n", digest);
  return absl::StrCat(std::string(kHoldPrefix), Digest::Of(key).hex().substr(0, 16), "-",
                      (now - absl::UnixEpoch()) / kPeriod);
}

std::set<std::string> ManifestsOf(const v1::DesiredRelease& release) {
  std::set<std::string> manifests;
  for (const auto* images : {&release.images(), &release.previous_images()}) {
    for (const v1::DesiredImage& image : *images) manifests.insert(image.manifest_digest());
  }
  return manifests;
}

// Puts those manifests into the lease that are stored; labels make containerd follow them to
// configs, layers and snapshots.
absl::Status Fill(const Containerd& containerd, const std::string& lease,
                  const std::set<std::string>& manifests) {
  ASSIGN_OR_RETURN(const std::vector<LeaseResource> resources, containerd.LeaseResources(lease));
  std::set<std::string> held;
  for (const LeaseResource& resource : resources) held.insert(resource.id);
  for (const std::string& manifest : manifests) {
    if (held.contains(manifest)) continue;
    ASSIGN_OR_RETURN(const Digest digest, Digest::Parse(manifest));
    ASSIGN_OR_RETURN(const auto stored, containerd.FindBlob(digest));
    if (stored.has_value()) RETURN_IF_ERROR(containerd.AddToLease(lease, {manifest, "content"}));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::set<std::string>> Holds(const Containerd& containerd) {
  ASSIGN_OR_RETURN(const std::vector<std::string> ids, containerd.LeaseIds());
  std::set<std::string> holds;
  for (const std::string& id : ids) {
    if (id.starts_with(kHoldPrefix)) holds.insert(id);
  }
  return holds;
}

}  // namespace

absl::Status HoldDesired(const Containerd& containerd, const v1::Desired& desired) {
  ASSIGN_OR_RETURN(std::set<std::string> present, Holds(containerd));
  const absl::Time now = absl::Now();
  for (const v1::DesiredRelease& release : desired.releases()) {
    const std::set<std::string> manifests = ManifestsOf(release);
    const std::string id = LeaseId(release, manifests, now);
    if (present.erase(id) == 0) {
      const std::string expiry =
          absl::FormatTime(absl::RFC3339_sec, now + kHoldTime, absl::UTCTimeZone());
      RETURN_IF_ERROR(containerd.CreateLease(id, {{"containerd.io/gc.expire", expiry}}));
    }
    RETURN_IF_ERROR(Fill(containerd, id, manifests));
  }
  for (const std::string& id : present) {
    RETURN_IF_ERROR(containerd.DeleteLease(id, /*collect=*/false));
  }
  return absl::OkStatus();
}

absl::Status ReleaseHolds(const Containerd& containerd) {
  ASSIGN_OR_RETURN(const std::set<std::string> present, Holds(containerd));
  for (const std::string& id : present) {
    RETURN_IF_ERROR(containerd.DeleteLease(id, /*collect=*/false));
  }
  return absl::OkStatus();
}

}  // namespace lighter
