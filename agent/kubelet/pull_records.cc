#include "agent/kubelet/pull_records.h"

#include <sys/stat.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/status.h"

namespace lighter {
namespace {

using nlohmann::json;

// Far above what a kubelet writes; a larger one cannot be told from a broken one here.
constexpr uint64_t kMaxRecordBytes = 4 * kMiB;
constexpr uint64_t kMaxIntentBytes = 64 * kKiB;
constexpr size_t kMaxIntents = 10'000;

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

// An intent is filed under the words of the pod ("nginx", "docker.io/nginx:1@sha256:..."), and has
// them in it. Nothing where it cannot be read.
std::optional<std::string> PulledName(const std::string& path) {
  const absl::StatusOr<std::string> bytes = ReadFile(path, kMaxIntentBytes);
  if (!bytes.ok()) return std::nullopt;
  const absl::StatusOr<json> intent = ParseJson(*bytes, "kubelet's intent of a pull");
  const json* const image = intent.ok() ? FindJson(*intent, "image") : nullptr;
  if (image == nullptr || !image->is_string()) return std::nullopt;
  const absl::StatusOr<Reference> name = Reference::Parse(image->get<std::string>());
  if (!name.ok()) return std::nullopt;
  return name->str();
}

}  // namespace

PullRecords::PullRecords(std::string folder) : folder_(std::move(folder)) {
  if (!folder_.empty()) ReadIntents();
}

void PullRecords::ReadIntents() {
  std::error_code error;
  std::filesystem::directory_iterator it(folder_ + "/pulling", error);
  for (size_t count = 0; !error && it != std::filesystem::directory_iterator();
       it.increment(error)) {
    const std::string file = it->path().filename().string();
    if (!absl::StartsWith(file, "sha256-") || absl::EndsWith(file, ".tmp")) continue;
    if (++count > kMaxIntents) return;
    if (const std::optional<std::string> name = PulledName(it->path().string())) {
      pulling_.insert(*name);
    } else {
      broken_.insert(file);
    }
  }
}

v1::PullRecord PullRecords::Find(const Reference& name, const Digest& config) const {
  if (folder_.empty() || !IsThere(folder_ + "/pulled")) return v1::PULL_RECORD_UNSPECIFIED;
  const absl::StatusOr<std::string> bytes =
      ReadFile(absl::StrCat(folder_, "/pulled/", FileName(config.str())), kMaxRecordBytes);
  if (absl::IsNotFound(bytes.status())) {
    if (broken_.contains(FileName(name.str()))) return v1::PULL_RECORD_BROKEN;
    return pulling_.contains(name.str()) ? v1::PULL_RECORD_PULLING : v1::PULL_RECORD_NONE;
  }
  if (!bytes.ok()) return v1::PULL_RECORD_UNSPECIFIED;
  const absl::StatusOr<json> record = ParseJson(*bytes, "kubelet's record of a pull");
  if (!record.ok() || FindJson(*record, "imageRef") == nullptr) return v1::PULL_RECORD_BROKEN;
  const json* const mapping = FindJson(*record, "credentialMapping");
  const json* const credentials = mapping == nullptr ? nullptr : FindJson(*mapping, name.name());
  if (credentials == nullptr) return v1::PULL_RECORD_ELSEWHERE;
  if (IsTrue(FindJson(*credentials, "nodePodsAccessible"))) return v1::PULL_RECORD_OPEN;
  const bool secrets = IsFilled(FindJson(*credentials, "kubernetesSecrets")) ||
                       IsFilled(FindJson(*credentials, "kubernetesServiceAccounts"));
  return secrets ? v1::PULL_RECORD_WITH_SECRETS : v1::PULL_RECORD_ELSEWHERE;
}

}  // namespace lighter
