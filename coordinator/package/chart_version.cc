#include "coordinator/package/chart_version.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace lighter {
namespace {

struct Version {
  std::vector<std::string> numbers;
  std::vector<std::string> pre_release;  // empty: a release
};

bool IsNumber(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

// -1, 0 or 1. Numbers of any length: they are compared as they are written.
int CompareNumbers(std::string a, std::string b) {
  a.erase(0, std::min(a.find_first_not_of('0'), a.size()));
  b.erase(0, std::min(b.find_first_not_of('0'), b.size()));
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  const int order = a.compare(b);
  return order == 0 ? 0 : (order < 0 ? -1 : 1);
}

std::optional<Version> Parse(absl::string_view text) {
  absl::ConsumePrefix(&text, "v");
  text = text.substr(0, text.find('+'));
  const size_t dash = text.find('-');
  Version version;
  version.numbers = absl::StrSplit(text.substr(0, dash), '.');
  if (!std::all_of(version.numbers.begin(), version.numbers.end(), IsNumber)) return std::nullopt;
  if (dash != absl::string_view::npos) {
    version.pre_release = absl::StrSplit(text.substr(dash + 1), '.');
  }
  return version;
}

int CompareIdentifiers(const std::string& a, const std::string& b) {
  if (IsNumber(a) && IsNumber(b)) return CompareNumbers(a, b);
  if (IsNumber(a) != IsNumber(b)) return IsNumber(a) ? -1 : 1;
  const int order = a.compare(b);
  return order == 0 ? 0 : (order < 0 ? -1 : 1);
}

}  // namespace

bool IsOlderVersion(const std::string& a, const std::string& b) {
  std::optional<Version> left = Parse(a);
  std::optional<Version> right = Parse(b);
  if (!left || !right) return false;
  const size_t count = std::max(left->numbers.size(), right->numbers.size());
  left->numbers.resize(count, "0");
  right->numbers.resize(count, "0");
  for (size_t i = 0; i < count; ++i) {
    const int order = CompareNumbers(left->numbers[i], right->numbers[i]);
    if (order != 0) return order < 0;
  }
  if (left->pre_release.empty() || right->pre_release.empty()) {
    return !left->pre_release.empty() && right->pre_release.empty();
  }
  const size_t common = std::min(left->pre_release.size(), right->pre_release.size());
  for (size_t i = 0; i < common; ++i) {
    const int order = CompareIdentifiers(left->pre_release[i], right->pre_release[i]);
    if (order != 0) return order < 0;
  }
  return left->pre_release.size() < right->pre_release.size();
}

}  // namespace lighter
