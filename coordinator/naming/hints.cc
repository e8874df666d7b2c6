#include "coordinator/naming/hints.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/limits.h"
#include "common/status.h"

namespace lighter {
namespace {

using nlohmann::json;

constexpr std::string_view kOpen = "{{";
constexpr std::string_view kClose = "}}";
// Of one list; the largest real chart has about forty.
constexpr size_t kMaxHints = 10'000;

std::string Quoted(std::string_view text) {
  return absl::StrCat("\"", absl::Utf8SafeCEscape(ToAbsl(text.substr(0, 300))), "\"");
}

// ".a.b-c.d" into its keys; relok8s drops the first dot and splits at the others
// (internal/image_template.go, prepTemplateString).
absl::StatusOr<std::vector<std::string>> ParsePath(std::string_view text) {
  absl::string_view path = absl::StripAsciiWhitespace(ToAbsl(text));
  if (!path.empty() && path.front() == '.') path.remove_prefix(1);
  std::vector<std::string> keys = absl::StrSplit(path, '.');
  for (const std::string& key : keys) {
    if (key.empty() || key.find_first_of(" \t\n|()\"'`{}$") != std::string::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat(Quoted(text), " is not a path of values such as .image.tag"));
    }
  }
  return keys;
}

// A scalar of values as Helm's templates print it; numbers keep their JSON text.
absl::StatusOr<std::string> ScalarText(const json& value, std::string_view path) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number() || value.is_boolean()) return value.dump();
  return absl::InvalidArgumentError(
      absl::StrCat("value ", ToAbsl(path), " is not a text but ", value.type_name()));
}

}  // namespace

const json* FindValue(const json& values, const std::vector<std::string>& path) {
  const json* value = &values;
  for (const std::string& key : path) {
    const auto it = value->find(key);  // the end where it is no map
    if (it == value->end()) return nullptr;
    value = &*it;
  }
  return value->is_null() ? nullptr : value;
}

absl::StatusOr<Hint> Hint::Parse(std::string_view text) {
  Hint hint;
  hint.text_ = std::string(absl::StripAsciiWhitespace(ToAbsl(text)));
  if (hint.text_.empty()) return absl::InvalidArgumentError("an empty hint");
  std::string_view rest = hint.text_;
  while (!rest.empty()) {
    const size_t open = rest.find(kOpen);
    if (open != 0) {
      hint.parts_.push_back({.text = std::string(rest.substr(0, open)), .path = {}});
    }
    if (open == std::string_view::npos) break;
    const size_t close = rest.find(kClose, open);
    if (close == std::string_view::npos) {
      return absl::InvalidArgumentError(absl::StrCat("hint ", Quoted(text), ": {{ without }}"));
    }
    const size_t begin = open + kOpen.size();
    absl::StatusOr<std::vector<std::string>> path = ParsePath(rest.substr(begin, close - begin));
    if (!path.ok()) return Annotate(path.status(), absl::StrCat("hint ", Quoted(text)));
    hint.parts_.push_back({.text = {}, .path = *std::move(path)});
    rest.remove_prefix(close + kClose.size());
  }
  return hint;
}

bool Hint::BeginsWith(const std::string& key) const {
  return std::any_of(parts_.begin(), parts_.end(), [&key](const Part& part) {
    return !part.path.empty() && part.path.front() == key;
  });
}

Hint Hint::WithRoot(const std::string& key, const std::string& to) const {
  Hint hint = *this;
  for (Part& part : hint.parts_) {
    if (!part.path.empty() && part.path.front() == key) part.path.front() = to;
  }
  return hint;
}

absl::StatusOr<std::vector<Hint::Part>> Hint::Resolve(const json& values) const {
  std::vector<Part> resolved = parts_;
  for (Part& part : resolved) {
    if (part.path.empty()) continue;
    const std::string path = "." + absl::StrJoin(part.path, ".");
    const json* value = FindValue(values, part.path);
    if (value == nullptr) {
      return absl::NotFoundError(absl::StrCat("hint ", Quoted(text_), ": the values have no ",
                                              absl::Utf8SafeCEscape(path)));
    }
    absl::StatusOr<std::string> text = ScalarText(*value, path);
    if (!text.ok()) return Annotate(text.status(), absl::StrCat("hint ", Quoted(text_)));
    part.text = *std::move(text);
  }
  return resolved;
}

absl::StatusOr<std::string> Hint::Evaluate(const json& values) const {
  ASSIGN_OR_RETURN(const std::vector<Part> parts, Resolve(values));
  std::string name;
  for (const Part& part : parts) name += part.text;
  // An empty registry leaves "/repository:tag"; charts print the name without it.
  name.erase(0, name.find_first_not_of('/'));
  return name;
}

absl::StatusOr<std::vector<Hint>> ParseHints(std::string_view yaml, const std::string& what) {
  if (yaml.size() > kMaxHintsBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat(what, ": ", yaml.size(), " bytes, at most ", kMaxHintsBytes, " are accepted"));
  }
  std::vector<std::string> lines;
  try {
    const YAML::Node list = YAML::Load(std::string(yaml));
    if (!list.IsNull() && !list.IsSequence()) {
      return absl::InvalidArgumentError(what + ": not a YAML list");
    }
    if (list.size() > kMaxHints) {
      return absl::ResourceExhaustedError(absl::StrCat(what, ": more than ", kMaxHints, " hints"));
    }
    for (const YAML::Node& item : list) {
      if (!item.IsScalar()) {
        return absl::InvalidArgumentError(absl::StrCat(what, ": line ", item.Mark().line + 1,
                                                       ": not a text (are the quotes missing?)"));
      }
      lines.push_back(item.Scalar());
    }
  } catch (const YAML::Exception& e) {
    return absl::InvalidArgumentError(absl::StrCat(what, ": ", e.what()));
  }
  std::vector<Hint> hints;
  for (const std::string& line : lines) {
    absl::StatusOr<Hint> hint = Hint::Parse(line);
    if (!hint.ok()) return Annotate(hint.status(), what);
    hints.push_back(*std::move(hint));
  }
  return hints;
}

}  // namespace lighter
