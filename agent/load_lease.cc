#include "agent/load_lease.h"

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "agent/ingest.h"
#include "common/status.h"

namespace lighter {
namespace {

constexpr absl::Duration kLeaseTime = absl::Hours(24);
// A writer of our own that was broken off ends in that time.
constexpr absl::Duration kWriterTime = absl::Seconds(5);

absl::StatusOr<std::vector<std::string>> LeasesOf(const Containerd& containerd,
                                                  std::string_view prefix) {
  ASSIGN_OR_RETURN(std::vector<std::string> ids, containerd.LeaseIds());
  std::erase_if(ids, [&](const std::string& id) { return !id.starts_with(prefix); });
  return ids;
}

// Unfinished writes that leases of other kinds hold.
absl::StatusOr<std::set<std::string>> IngestsOfOthers(const Containerd& containerd,
                                                      std::string_view prefix) {
  std::set<std::string> ingests;
  ASSIGN_OR_RETURN(const std::vector<std::string> ids, containerd.LeaseIds());
  for (const std::string& id : ids) {
    if (id.starts_with(prefix)) continue;
    const auto resources = containerd.LeaseResources(id);
    if (absl::IsNotFound(resources.status())) continue;  // ended meanwhile
    RETURN_IF_ERROR(resources.status());
    for (const LeaseResource& resource : *resources) {
      if (resource.type == "ingests") ingests.insert(resource.id);
    }
  }
  return ingests;
}

}  // namespace

absl::StatusOr<std::string> TakeLease(const Containerd& containerd, std::string_view prefix) {
  ASSIGN_OR_RETURN(const std::vector<std::string> old_ids, LeasesOf(containerd, prefix));
  const absl::Time now = absl::Now();
  const std::string id = absl::StrCat(ToAbsl(prefix), absl::ToUnixNanos(now));
  const std::string expiry =
      absl::FormatTime(absl::RFC3339_sec, now + kLeaseTime, absl::UTCTimeZone());
  RETURN_IF_ERROR(containerd.CreateLease(id, {{"containerd.io/gc.expire", expiry}}));
  for (const std::string& old_id : old_ids) {
    ASSIGN_OR_RETURN(const std::vector<LeaseResource> resources, containerd.LeaseResources(old_id));
    for (const LeaseResource& resource : resources) {
      RETURN_IF_ERROR(containerd.AddToLease(id, resource));
    }
    // The file of a blob that somebody removed after a failed load is gone only after a collection;
    // until then containerd would take it for the blob when that comes anew.
    RETURN_IF_ERROR(containerd.DeleteLease(old_id, /*collect=*/old_id == old_ids.back()));
  }
  return id;
}

absl::Status DropLeases(const Containerd& containerd, std::string_view prefix) {
  const absl::Time until = absl::Now() + kWriterTime;
  ASSIGN_OR_RETURN(const std::vector<std::string> ids, LeasesOf(containerd, prefix));
  if (ids.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::set<std::string> others, IngestsOfOthers(containerd, prefix));
  for (const std::string& id : ids) {
    ASSIGN_OR_RETURN(const std::vector<LeaseResource> resources, containerd.LeaseResources(id));
    for (const LeaseResource& resource : resources) {
      if (resource.type != "ingests" || others.contains(resource.id)) continue;
      const absl::Status dropped = DropIngest(containerd, resource.id, until);
      // Who is still writing keeps it, under a lease of its own.
      if (!absl::IsAborted(dropped)) RETURN_IF_ERROR(dropped);
    }
    RETURN_IF_ERROR(containerd.DeleteLease(id, /*collect=*/true));
  }
  return absl::OkStatus();
}

}  // namespace lighter
