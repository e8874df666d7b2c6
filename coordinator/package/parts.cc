#include "coordinator/package/parts.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <regex>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace lighter {
namespace {

namespace fs = std::filesystem;

// A file name that may be one of a set.
struct PartName {
  std::string stem;    // "p.tar.part-": what the set has in common
  std::string suffix;  // "aa", "001"

  bool is_number() const { return suffix[0] >= '0' && suffix[0] <= '9'; }
};

// Only behind ".tar" or a "part": "platform_v0.9.10" is a version, not the tenth part.
std::optional<PartName> ParsePartName(const std::string& name) {
  static const std::regex kPattern(
      R"(^(.*(?:\.tar[-_.]|\.tar[-_.]?part[-_.]?|[-_.]part[-_.]?))([0-9]{1,6}|[a-z]{2,4})$)");
  std::smatch match;
  if (name.size() > 255 || !std::regex_match(name, match, kPattern)) return std::nullopt;
  return PartName{match[1], match[2]};
}

// What comes after "az" is "ba"; nothing after "zz", where `split` widens the suffix.
std::string NextLetters(std::string letters) {
  for (size_t i = letters.size(); i-- > 0;) {
    if (letters[i] != 'z') {
      ++letters[i];
      return letters;
    }
    letters[i] = 'a';
  }
  return "";
}

// The sets of one folder: stem -> its parts, numbers and letters apart.
using Sets = std::map<std::pair<std::string, bool>, std::vector<PartName>>;

absl::StatusOr<Sets> ListSets(const fs::path& folder) {
  Sets sets;
  std::error_code error;
  fs::directory_iterator it(folder, error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    std::optional<PartName> part = ParsePartName(it->path().filename().string());
    if (!part) continue;
    std::vector<PartName>& set = sets[{part->stem, part->is_number()}];
    set.push_back(*std::move(part));
  }
  if (error) return ErrnoStatus(error.value(), "read folder " + folder.string());
  return sets;
}

uint32_t Number(const PartName& part) {
  uint32_t number = 0;
  return absl::SimpleAtoi(part.suffix, &number) ? number : 0;
}

absl::Status Missing(const fs::path& folder, const PartName& before, const std::string& missing) {
  return absl::InvalidArgumentError(absl::StrCat((folder / (before.stem + before.suffix)).string(),
                                                 ": the part ", before.stem, missing,
                                                 " is missing beside it"));
}

absl::Status CheckNumbers(const fs::path& folder, const std::vector<PartName>& parts) {
  if (Number(parts[0]) > 1) return Missing(folder, parts[0], "1 (or 0, or 001)");
  for (size_t i = 1; i < parts.size(); ++i) {
    const uint32_t wanted = Number(parts[i - 1]) + 1;
    if (Number(parts[i]) != wanted) return Missing(folder, parts[i], absl::StrCat(wanted));
  }
  return absl::OkStatus();
}

absl::Status CheckLetters(const fs::path& folder, const std::vector<PartName>& parts) {
  const std::string first(parts[0].suffix.size(), 'a');
  if (parts[0].suffix != first) return Missing(folder, parts[0], first);
  for (size_t i = 1; i < parts.size(); ++i) {
    if (parts[i].suffix.size() != parts[i - 1].suffix.size()) continue;  // split widened it
    const std::string wanted = NextLetters(parts[i - 1].suffix);
    if (parts[i].suffix != wanted) return Missing(folder, parts[i], wanted);
  }
  return absl::OkStatus();
}

// Sorted, and checked for gaps.
absl::StatusOr<std::vector<std::string>> Order(const fs::path& folder, std::vector<PartName> set) {
  const bool is_number = set[0].is_number();
  std::sort(set.begin(), set.end(), [&](const PartName& a, const PartName& b) {
    return is_number ? Number(a) < Number(b) : a.suffix < b.suffix;
  });
  RETURN_IF_ERROR(is_number ? CheckNumbers(folder, set) : CheckLetters(folder, set));
  std::vector<std::string> paths;
  for (const PartName& part : set) paths.push_back((folder / (part.stem + part.suffix)).string());
  return paths;
}

// "p.tar.gz" has the shape of a part, but nothing that it could be a part of.
bool IsSet(const std::vector<PartName>& set) {
  return set[0].is_number() || std::any_of(set.begin(), set.end(), [](const PartName& part) {
           return part.suffix == std::string(part.suffix.size(), 'a');
         });
}

}  // namespace

absl::StatusOr<std::vector<std::string>> FindParts(const std::string& path) {
  const fs::path file(path);
  const fs::path folder = file.parent_path();
  const std::string name = file.filename().string();
  const std::optional<PartName> part = ParsePartName(name);
  std::error_code ignored;
  const bool is_there = fs::exists(file, ignored);
  if (is_there && !part) return std::vector<std::string>{path};
  const absl::StatusOr<Sets> sets = ListSets(folder.empty() ? "." : folder);
  if (!sets.ok()) return std::vector<std::string>{path};  // opening it tells more
  for (const auto& [key, set] : *sets) {
    if (!IsSet(set)) continue;
    const bool is_member =
        part && key.first == part->stem && key.second == part->is_number() && is_there;
    const bool is_whole = !is_there && key.first.size() > name.size() &&
                          key.first.starts_with(name) &&
                          std::string_view("-_.").find(key.first[name.size()]) != std::string::npos;
    // One alone may be a whole with an odd name; if it is not, reading it tells.
    if (is_member && set.size() == 1) break;
    if (is_member || is_whole) return Order(folder, set);
  }
  return std::vector<std::string>{path};
}

}  // namespace lighter
