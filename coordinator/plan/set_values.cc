#include "coordinator/plan/set_values.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/status.h"

namespace lighter {
namespace {

// One "key=value" as it is written; helm's escapes are kept.
struct Pair {
  std::string flag;
  std::string key;
  std::string value;
};

bool IsSet(const std::string& flag) { return flag == "--set" || flag == "--set-string"; }

// Where the first of `stops` stands from `start` on that no backslash is before; the end where
// there is none.
size_t Find(std::string_view text, std::string_view stops, size_t start) {
  for (size_t i = start; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (stops.find(text[i]) != std::string_view::npos) {
      return i;
    }
  }
  return text.size();
}

// "a.b=c,d={e,f}" taken apart, by the grammar of helm's pkg/strvals. Nothing for what has another
// form: helm says what is wrong with it.
std::optional<std::vector<Pair>> Pairs(const std::string& flag, const std::string& text) {
  std::vector<Pair> pairs;
  for (size_t at = 0; at < text.size();) {
    const size_t equals = Find(text, "=,", at);
    if (equals == text.size() || text[equals] == ',' || equals == at) return std::nullopt;
    size_t end = equals + 1;
    if (end < text.size() && text[end] == '{') end = Find(text, "}", end);
    end = Find(text, ",", end);
    pairs.push_back(
        {flag, text.substr(at, equals - at), text.substr(equals + 1, end - equals - 1)});
    at = end + 1;
  }
  return pairs;
}

// Of values of --set: what helm makes a number, a boolean, null or a list of (typedVal).
bool IsText(const Pair& pair) {
  const std::string& value = pair.value;
  if (value.empty() || value[0] == '{') return false;
  if (pair.flag == "--set-string") return true;
  for (const char* word : {"true", "false", "null"}) {
    if (absl::EqualsIgnoreCase(value, word)) return false;
  }
  int64_t number = 0;
  return !absl::SimpleAtoi(value, &number);
}

// One is the other, or a part of it.
bool Overlap(const std::string& a, const std::string& b) {
  if (a.size() > b.size()) return Overlap(b, a);
  return absl::StartsWith(b, a) &&
         (a.size() == b.size() || b[a.size()] == '.' || b[a.size()] == '[');
}

bool OrderCounts(const std::vector<Pair>& pairs) {
  for (size_t i = 0; i < pairs.size(); ++i) {
    for (size_t j = i + 1; j < pairs.size(); ++j) {
      if (Overlap(pairs[i].key, pairs[j].key)) return true;
    }
  }
  return false;
}

std::string Unescaped(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    plain += text[i];
  }
  return plain;
}

}  // namespace

absl::StatusOr<ValueArgs> KeepSetTexts(const ValueArgs& args, const std::string& folder) {
  std::vector<Pair> all;
  for (size_t i = 0; i + 1 < args.size(); i += 2) {
    if (!IsSet(args[i]) && args[i] != "--set-file") continue;
    const std::optional<std::vector<Pair>> pairs = Pairs(args[i], args[i + 1]);
    if (!pairs) return args;
    all.insert(all.end(), pairs->begin(), pairs->end());
  }
  if (OrderCounts(all)) return args;
  ValueArgs kept;
  for (size_t i = 0; i + 1 < args.size(); i += 2) {
    if (!IsSet(args[i])) kept.insert(kept.end(), {args[i], args[i + 1]});
  }
  int files = 0;
  for (const Pair& pair : all) {
    if (!IsSet(pair.flag)) continue;
    if (!IsText(pair)) {
      kept.insert(kept.end(), {pair.flag, absl::StrCat(pair.key, "=", pair.value)});
      continue;
    }
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) return ErrnoStatus(error.value(), "create " + folder);
    const std::string path = absl::StrCat(folder, "/set-", ++files, ".txt");
    RETURN_IF_ERROR(WriteFileAtomic(path, Unescaped(pair.value), 0600));
    kept.insert(kept.end(), {"--set-file", absl::StrCat(pair.key, "=", path)});
  }
  return kept;
}

}  // namespace lighter
