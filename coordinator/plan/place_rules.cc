#include "coordinator/plan/place_rules.h"

#include <fnmatch.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/reference.h"
#include "common/status.h"
#include "coordinator/plan/pod_fit.h"

namespace lighter {
namespace {

constexpr char kAll[] = "all";

// What follows no comma within parentheses.
std::vector<std::string> SplitSelector(absl::string_view text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (const char c : text) {
    depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (c == ',' && depth == 0) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

bool IsLabelText(absl::string_view text, absl::string_view marks) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains(marks, c);
  });
}

// Of the grammar of apimachinery/pkg/labels: "key", "!key", "key=v", "key==v", "key!=v",
// "key in (v,v)", "key notin (v,v)", "key>n", "key<n".
absl::StatusOr<NodeRequirement> ParseRequirement(absl::string_view text) {
  NodeRequirement requirement;
  text = absl::StripAsciiWhitespace(text);
  const absl::string_view whole = text;
  const auto fail = [&] {
    return absl::InvalidArgumentError(absl::StrCat("\"", whole, "\" is no label selector"));
  };
  const size_t paren = text.find('(');
  if (paren != absl::string_view::npos) {
    const std::vector<absl::string_view> words =
        absl::StrSplit(text.substr(0, paren), absl::ByAnyChar(" \t"), absl::SkipEmpty());
    if (words.size() != 2 || !absl::ConsumeSuffix(&text, ")")) return fail();
    if (words[1] != "in" && words[1] != "notin") return fail();
    requirement.op = words[1] == "in" ? "In" : "NotIn";
    for (absl::string_view value : absl::StrSplit(text.substr(paren + 1), ',')) {
      requirement.values.emplace_back(absl::StripAsciiWhitespace(value));
    }
    text = words[0];
  } else if (absl::ConsumePrefix(&text, "!")) {
    requirement.op = "DoesNotExist";
  } else if (const size_t at = text.find_first_of("=!<>"); at != absl::string_view::npos) {
    absl::string_view value = text.substr(at);
    requirement.op = absl::ConsumePrefix(&value, "!=")   ? "NotIn"
                     : absl::ConsumePrefix(&value, "==") ? "In"
                     : absl::ConsumePrefix(&value, "=")  ? "In"
                     : absl::ConsumePrefix(&value, ">")  ? "Gt"
                     : absl::ConsumePrefix(&value, "<")  ? "Lt"
                                                         : "";
    if (requirement.op.empty()) return fail();
    requirement.values.emplace_back(absl::StripAsciiWhitespace(value));
    text = text.substr(0, at);
  } else {
    requirement.op = "Exists";
  }
  requirement.key = std::string(absl::StripAsciiWhitespace(text));
  const bool is_sound = !requirement.key.empty() && IsLabelText(requirement.key, "-_./") &&
                        std::all_of(requirement.values.begin(), requirement.values.end(),
                                    [](const std::string& v) { return IsLabelText(v, "-_."); });
  if (!is_sound) return fail();
  return requirement;
}

bool Glob(const std::string& pattern, const std::string& text) {
  return ::fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
}

// The text, and what follows each "/" in it.
bool GlobsAnEnd(const std::string& pattern, const std::string& text) {
  for (size_t at = 0;; ++at) {
    if (Glob(pattern, text.substr(at))) return true;
    at = text.find('/', at);
    if (at == std::string::npos) return false;
  }
}

}  // namespace

absl::StatusOr<PlaceRule> ParsePlaceRule(const std::string& text) {
  PlaceRule rule;
  rule.text = text;
  if (text == kAll) {
    rule.pattern = "*";
    return rule;
  }
  const size_t equals = text.find('=');
  rule.pattern = text.substr(0, equals);
  if (equals == std::string::npos || rule.pattern.empty() || equals + 1 == text.size()) {
    return absl::InvalidArgumentError(
        "it is IMAGE=SELECTOR, like '*/model-server=gpu=true' or web=node:node1,node2; or \"all\" "
        "for every image to every node");
  }
  absl::string_view selector = absl::string_view(text).substr(equals + 1);
  if (selector == kAll) return rule;
  if (absl::ConsumePrefix(&selector, "node:")) {
    for (absl::string_view name : absl::StrSplit(selector, ',', absl::SkipEmpty())) {
      rule.nodes.emplace(name);
    }
    if (rule.nodes.empty()) return absl::InvalidArgumentError("no node is named after \"node:\"");
    return rule;
  }
  for (const std::string& part : SplitSelector(selector)) {
    ASSIGN_OR_RETURN(rule.labels.emplace_back(), ParseRequirement(part));
  }
  return rule;
}

bool MeansName(const PlaceRule& rule, const std::string& name) {
  if (GlobsAnEnd(rule.pattern, name)) return true;
  const absl::StatusOr<Reference> reference = Reference::Parse(name);
  return reference.ok() && GlobsAnEnd(rule.pattern, reference->name());
}

bool MeansNode(const PlaceRule& rule, const Node& node) {
  if (!rule.nodes.empty()) return rule.nodes.contains(node.name);
  return std::all_of(rule.labels.begin(), rule.labels.end(),
                     [&](const NodeRequirement& r) { return Matches(r, node.labels); });
}

}  // namespace lighter
