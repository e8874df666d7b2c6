#include "agent/desired/authority_ca.h"

#include "absl/time/time.h"
#include "agent/identity.h"
#include "common/file.h"
#include "common/limits.h"
#include "common/pki.h"

namespace lighter {

absl::StatusOr<std::string> FindAuthorityCa(const std::string& state_dir,
                                            const std::string& member_dir) {
  absl::StatusOr<std::string> own = ReadFile(state_dir + "/" + kCaFile, kMaxPemBytes);
  if (member_dir.empty()) return own;
  absl::StatusOr<std::string> members = ReadFile(member_dir + "/" + kCaFile, kMaxPemBytes);
  if (!own.ok()) return members;
  if (!members.ok()) return own;
  const absl::StatusOr<absl::Time> own_end = NotAfter(*own);
  const absl::StatusOr<absl::Time> members_end = NotAfter(*members);
  if (!members_end.ok()) return own;
  return own_end.ok() && *own_end >= *members_end ? own : members;
}

}  // namespace lighter
