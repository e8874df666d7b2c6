#include "coordinator/package/parts.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <regex>
#include <set>

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

// What `split` writes after `suffix`: "ab" after "aa", "ba" after "az"; "" after the last one.
std::string Next(std::string suffix, char first, char last) {
  for (size_t i = suffix.size(); i-- > 0;) {
    if (suffix[i] != last) {
      ++suffix[i];
      return suffix;
    }
    suffix[i] = first;
  }
  return "";
}

// Or this, where it was not told how wide suffixes are: "zaaa" after "yz", "9000" after "89", so
// that the order of names stays that of the parts. "" where `next` does not begin with `last`.
std::string Widened(const std::string& next, char first, char last) {
  const size_t run = std::min(next.find_first_not_of(last), next.size());
  if (run == 0) return "";
  return std::string(run, last) + std::string(next.size() + 2 - run, first);
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

std::set<std::string> SuffixesOf(const std::vector<PartName>& set) {
  std::set<std::string> suffixes;
  for (const PartName& part : set) suffixes.insert(part.suffix);
  return suffixes;
}

uint32_t Number(const std::string& suffix) {
  uint32_t number = 0;
  return absl::SimpleAtoi(suffix, &number) ? number : 0;
}

// The parts of a set in order, as far as each follows from the one before. Empty where there is no
// first one.
std::vector<std::string> Chain(const std::set<std::string>& suffixes, bool is_number) {
  const char first = is_number ? '0' : 'a';
  const char last = is_number ? '9' : 'z';
  std::map<uint32_t, std::string> by_number;
  std::string suffix;
  for (const std::string& candidate : suffixes) {
    if (is_number) by_number.emplace(Number(candidate), candidate);
    const bool is_first = is_number ? Number(candidate) <= 1
                                    : candidate.find_first_not_of(first) == std::string::npos;
    if (is_first && suffix.empty()) suffix = candidate;
  }
  std::vector<std::string> chain;
  while (!suffix.empty()) {
    chain.push_back(suffix);
    std::string next = Next(suffix, first, last);
    const auto numbered = by_number.find(Number(suffix) + 1);
    const std::string widened = Widened(next, first, last);
    if (is_number && numbered != by_number.end()) {
      next = numbered->second;
    } else if (!suffixes.contains(next)) {
      next = suffixes.contains(widened) ? widened : "";
    }
    suffix = std::move(next);
  }
  return chain;
}

// Whether `suffix` belongs to the parts that end with `last`, some way behind: "ad" after "ab", but
// not "gz".
bool IsBehindAGap(const std::string& suffix, const std::string& last, bool is_number) {
  constexpr uint32_t kWidestGap = 100;
  if (is_number) return Number(suffix) > Number(last) && Number(suffix) - Number(last) < kWidestGap;
  return suffix.size() == last.size() && suffix > last && suffix[0] - last[0] <= 1;
}

// The paths of a set of at least two parts; just `path` where the set is none, or it is not of it.
absl::StatusOr<std::vector<std::string>> Order(const fs::path& folder, const std::string& path,
                                               const std::optional<PartName>& part,
                                               const std::vector<PartName>& set) {
  const bool is_number = set[0].is_number();
  const std::string& stem = set[0].stem;
  const std::set<std::string> suffixes = SuffixesOf(set);
  const std::vector<std::string> chain = Chain(suffixes, is_number);
  const auto missing = [&](const std::string& which, const std::string& behind) {
    return absl::InvalidArgumentError(absl::StrCat(
        (folder / (stem + behind)).string(), ": the part ", stem, which, " is missing before it"));
  };
  if (chain.empty()) {
    // One alone may be a whole with an odd name; if it is not, reading it tells.
    if (!is_number || set.size() == 1) return std::vector<std::string>{path};
    return missing("1 (or 0, or 001)", *suffixes.begin());
  }
  for (const std::string& suffix : suffixes) {
    if (!IsBehindAGap(suffix, chain.back(), is_number)) continue;
    return missing(
        is_number ? absl::StrCat(Number(chain.back()) + 1) : Next(chain.back(), 'a', 'z'), suffix);
  }
  const bool is_of_it = !part || std::find(chain.begin(), chain.end(), part->suffix) != chain.end();
  if (!is_of_it || (part && chain.size() == 1)) return std::vector<std::string>{path};
  std::vector<std::string> paths;
  for (const std::string& suffix : chain) paths.push_back((folder / (stem + suffix)).string());
  return paths;
}

// Whether `stem` is "p.tar.part-" of a package that is called `name`, "p.tar" or "p".
bool IsStemOf(const std::string& stem, const std::string& name) {
  static const std::regex kRest(R"(^(?:\.tar)?[-_.](?:part[-_.]?)?$)");
  return stem.starts_with(name) && std::regex_match(stem.substr(name.size()), kRest);
}

}  // namespace

std::string NameOfWhole(const std::string& part) {
  static const std::regex kEnd(R"([-_.]?(?:part[-_.]?)?$)");
  const std::string name = fs::path(part).filename().string();
  const std::optional<PartName> parsed = ParsePartName(name);
  std::smatch end;
  std::string whole = parsed ? parsed->stem : name;
  if (parsed && std::regex_search(whole, end, kEnd)) whole = end.prefix();
  return whole.ends_with(".tar") ? whole : whole + ".tar";
}

absl::StatusOr<std::vector<std::string>> FindParts(const std::string& path) {
  const fs::path file(path);
  const fs::path folder = file.parent_path();
  const std::string name = file.filename().string();
  std::error_code ignored;
  const bool is_there = fs::exists(file, ignored);
  const std::optional<PartName> part = is_there ? ParsePartName(name) : std::nullopt;
  if (name.empty() || (is_there && !part)) return std::vector<std::string>{path};
  const absl::StatusOr<Sets> sets = ListSets(folder.empty() ? "." : folder);
  if (!sets.ok()) return std::vector<std::string>{path};  // opening it tells more
  if (part) return Order(folder, path, part, sets->at({part->stem, part->is_number()}));
  const std::vector<PartName>* found = nullptr;
  for (const auto& [key, set] : *sets) {
    if (!IsStemOf(key.first, name) || Chain(SuffixesOf(set), key.second).empty()) continue;
    if (found != nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": there are parts of two packages: ", found->front().stem, "* and ",
                       key.first, "*; name one of the parts"));
    }
    found = &set;
  }
  if (found == nullptr) return std::vector<std::string>{path};
  return Order(folder, path, std::nullopt, *found);
}

}  // namespace lighter
