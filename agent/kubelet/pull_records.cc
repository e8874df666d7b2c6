#include "agent/kubelet/pull_records.h"

#include <sys/stat.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/file.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/status.h"

namespace lighter {
namespace {

using nlohmann::json;

// kubelet notes at most a hundred secrets of an image.
constexpr uint64_t kMaxRecordBytes = kMiB;

std::string FileName(const std::string& key) {
  return absl::StrCat("sha256-", Digest::Of(key).hex());
}

bool IsThere(const std::string& path) {
  struct stat found {};
  return ::lstat(path.c_str(), &found) == 0;
}

bool IsTrue(const json* value) {
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

bool IsFilled(const json* value) {
  return value != nullptr && value->is_array() && !value->empty();
}

// As a pod may spell the name: intents are filed under the pod's own words.
std::vector<std::string> Spellings(const Reference& name) {
  std::vector<std::string> spellings = {name.str()};
  for (const char* prefix : {"docker.io/", "docker.io/library/"}) {
    absl::string_view rest = spellings.front();
    if (absl::ConsumePrefix(&rest, prefix)) spellings.emplace_back(rest);
  }
  for (size_t i = 0, count = spellings.size(); i < count; ++i) {
    absl::string_view rest = spellings[i];
    if (absl::ConsumeSuffix(&rest, ":latest")) spellings.emplace_back(rest);
  }
  return spellings;
}

}  // namespace

bool PullRecords::IsPulling(const Reference& name) const {
  for (const std::string& spelling : Spellings(name)) {
    if (IsThere(absl::StrCat(folder_, "/pulling/", FileName(spelling)))) return true;
  }
  return false;
}

v1::PullRecord PullRecords::Find(const Reference& name, const Digest& config) const {
  if (folder_.empty() || !IsThere(folder_ + "/pulled")) return v1::PULL_RECORD_UNSPECIFIED;
  const absl::StatusOr<std::string> bytes =
      ReadFile(absl::StrCat(folder_, "/pulled/", FileName(config.str())), kMaxRecordBytes);
  if (absl::IsNotFound(bytes.status())) {
    return IsPulling(name) ? v1::PULL_RECORD_PULLING : v1::PULL_RECORD_NONE;
  }
  const absl::StatusOr<json> record =
      bytes.ok() ? ParseJson(*bytes, "kubelet's record of a pull") : bytes.status();
  if (!record.ok()) return v1::PULL_RECORD_UNSPECIFIED;
  const json* const mapping = FindJson(*record, "credentialMapping");
  const json* const credentials = mapping == nullptr ? nullptr : FindJson(*mapping, name.name());
  if (credentials == nullptr) return v1::PULL_RECORD_ELSEWHERE;
  if (IsTrue(FindJson(*credentials, "nodePodsAccessible"))) return v1::PULL_RECORD_OPEN;
  const bool secrets = IsFilled(FindJson(*credentials, "kubernetesSecrets")) ||
                       IsFilled(FindJson(*credentials, "kubernetesServiceAccounts"));
  return secrets ? v1::PULL_RECORD_WITH_SECRETS : v1::PULL_RECORD_ELSEWHERE;
}

}  // namespace lighter
