#include "agent/root_check.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace lighter {
namespace {

constexpr std::string_view kBefore = "containerd's root folder is ";
constexpr std::string_view kAfter = ", and this pod mounts ";
constexpr size_t kMaxPathBytes = 1024;

bool CanBeMounted(const std::string& path) {
  const std::string normal = std::filesystem::path(path).lexically_normal().string();
  return path.size() <= kMaxPathBytes && path.starts_with("/") && path != "/" && normal == path &&
         std::all_of(path.begin(), path.end(),
                     [](unsigned char c) { return absl::ascii_isprint(c); });
}

}  // namespace

absl::Status CheckRoot(const Containerd& containerd, const std::string& expected) {
  const absl::StatusOr<std::string> root = containerd.RootFolder();
  if (!root.ok() || root->empty() || *root == expected) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(std::string(kBefore), *root, std::string(kAfter), expected,
                   "; `lighter agent install` gives it the right one"));
}

std::optional<std::string> ToldRoot(const std::string& last_words) {
  const size_t before = last_words.rfind(kBefore);
  if (before == std::string::npos) return std::nullopt;
  const size_t begin = before + kBefore.size();
  const size_t end = last_words.find(kAfter, begin);
  if (end == std::string::npos) return std::nullopt;
  std::string root = last_words.substr(begin, end - begin);
  if (!CanBeMounted(root)) return std::nullopt;
  return root;
}

}  // namespace lighter
