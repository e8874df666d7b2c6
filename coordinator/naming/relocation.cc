#include "coordinator/naming/relocation.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/reference.h"
#include "common/status.h"

namespace lighter {
namespace {

using nlohmann::json;

using Path = std::vector<std::string>;
using Settings = std::map<Path, std::string>;

std::string Join(const std::string& first, const std::string& second) {
  return first.empty() || second.empty() ? first + second : absl::StrCat(first, "/", second);
}

// Where an image goes: what its registry and its path become.
struct Place {
  std::string registry;
  std::string path;

  std::string name() const { return absl::StrCat(registry, "/", path); }
};

Place PlaceOf(const Reference& source, const Relocation& rule) {
  // As go-containerregistry calls it, by which charts-syncer goes.
  const std::string origin = source.registry == "docker.io" ? "index.docker.io" : source.registry;
  Place place = {rule.registry, Join(rule.prefix_repository, source.repository)};
  if (!rule.prefix_registry.empty() && rule.append_origin_registry) {
    place = {Join(rule.prefix_registry, origin), source.repository};
  } else if (!rule.prefix_registry.empty()) {
    place = {rule.prefix_registry, Join(origin, place.path)};
  }
  if (!rule.repository.empty()) {
    place.path = Join(rule.repository, source.repository.substr(source.repository.rfind('/') + 1));
  }
  return place;
}

// `text` without what comes before and after; nothing where it does not begin and end so.
std::optional<std::string> Between(std::string_view text, std::string_view before,
                                   std::string_view after) {
  const bool fits = text.size() >= before.size() + after.size() && text.starts_with(before) &&
                    text.ends_with(after);
  if (!fits) return std::nullopt;
  text.remove_prefix(before.size());
  text.remove_suffix(after.size());
  return std::string(text);
}

// One image name as a hint makes it, cut into the values that make up registry and repository and
// the text around them.
struct Name {
  std::vector<Hint::Part> fields;  // with a path, in order
  std::vector<std::string> texts;  // before each field, and after the last one up to the tag
  std::string last_tail;           // what the last field holds of the tag
};

Name Cut(const std::vector<Hint::Part>& parts) {
  std::string text;
  for (const Hint::Part& part : parts) text += part.text;
  const size_t slash = text.rfind('/');
  const size_t tag =
      std::min(text.find_first_of(":@", slash == std::string::npos ? 0 : slash), text.size());
  Name name;
  name.texts.emplace_back();
  size_t begin = 0;
  for (const Hint::Part& part : parts) {
    if (begin >= tag) break;
    const std::string head = part.text.substr(0, tag - begin);
    if (part.path.empty()) {
      name.texts.back() += head;
    } else {
      name.last_tail = part.text.substr(head.size());
      name.fields.push_back({head, part.path});
      name.texts.emplace_back();
    }
    begin += part.text.size();
  }
  return name;
}

// What follows the field up to the tag, as the values are.
std::string After(const Name& name, size_t field) {
  std::string text = name.texts[field + 1];
  for (size_t i = field + 1; i < name.fields.size(); ++i) {
    absl::StrAppend(&text, name.fields[i].text, name.texts[i + 1]);
  }
  return text;
}

// The first field becomes the registry, the second takes the path.
std::optional<std::vector<std::string>> SolveByTwo(const Name& name, const std::string& wanted,
                                                   const std::string& registry) {
  if (name.fields.size() < 2) return std::nullopt;
  const auto second = Between(wanted, name.texts[0] + registry + name.texts[1], After(name, 1));
  if (!second) return std::nullopt;
  return std::vector<std::string>{registry, *second};
}

// The first field takes all that changes.
std::optional<std::vector<std::string>> SolveByOne(const Name& name, const std::string& wanted) {
  const auto first = Between(wanted, name.texts[0], After(name, 0));
  if (!first) return std::nullopt;
  return std::vector<std::string>{*first};
}

// The text is a registry alone, the source's; none means Docker Hub.
bool IsRegistryOf(const Reference& source, const std::string& text) {
  if (text.empty()) return true;
  const absl::StatusOr<Reference> reference = Reference::Parse(text + "/a/b");
  return reference.ok() && reference->registry == source.registry && reference->repository == "a/b";
}

// What the hint's fields must hold for the image to be relocated, and which of them holds the
// version, too; nothing where no values can.
struct Solution {
  Settings settings;
  std::optional<Path> versioned;
};
std::optional<Solution> Solve(const std::vector<Hint::Part>& parts, const Reference& source,
                              const Relocation& relocation) {
  const Name name = Cut(parts);
  const Place place = PlaceOf(source, relocation);
  const std::string wanted = place.name();
  if (name.fields.empty()) {
    return name.texts[0] == wanted ? std::optional<Solution>(Solution()) : std::nullopt;
  }
  // A registry value is often shared by images of several paths, so it must not take any of them.
  const bool is_registry = IsRegistryOf(source, name.fields[0].text);
  auto values = is_registry ? SolveByTwo(name, wanted, place.registry) : SolveByOne(name, wanted);
  if (!values) {
    values = is_registry ? SolveByOne(name, wanted) : SolveByTwo(name, wanted, place.registry);
  }
  if (!values) return std::nullopt;
  Solution solution;
  for (size_t i = 0; i < values->size(); ++i) {
    const Path& field = name.fields[i].path;
    const bool is_last = i + 1 == name.fields.size();
    solution.settings[field] = (*values)[i] + (is_last ? name.last_tail : "");
    if (is_last && !name.last_tail.empty()) solution.versioned = field;
  }
  return solution;
}

// The parts with the values that are decided already, which are no fields any more.
std::vector<Hint::Part> WithSettings(std::vector<Hint::Part> parts, const Settings& settings) {
  for (Hint::Part& part : parts) {
    const auto setting = settings.find(part.path);
    if (setting != settings.end()) part = {.text = setting->second, .path = {}};
  }
  return parts;
}

}  // namespace

std::string RootOf(const Relocation& relocation) {
  const bool is_prefix = !relocation.prefix_registry.empty();
  const bool keeps_origin = is_prefix && relocation.append_origin_registry;
  if (is_prefix && (keeps_origin || relocation.repository.empty())) {
    return relocation.prefix_registry;
  }
  return Join(is_prefix ? relocation.prefix_registry : relocation.registry,
              relocation.repository.empty() ? relocation.prefix_repository : relocation.repository);
}

absl::Status CheckRelocation(const Relocation& relocation) {
  const Reference any = {.registry = "example.com", .repository = "a/b", .tag = "v1", .digest = ""};
  const std::string name = PlaceOf(any, relocation).name() + ":v1";
  const absl::StatusOr<Reference> reference = Reference::Parse(name);
  if (reference.ok() && reference->str() == name) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "image names cannot begin with \"", RootOf(relocation),
      "/\": a registry is like 10.0.0.5:5000 or harbor.example.com/mirror, a repository like "
      "proj/containers, both in lower case"));
}

RelocatedValues RelocateValues(const std::vector<Hint>& hints, const json& defaults,
                               const json& merged, const Relocation& relocation) {
  RelocatedValues result;
  Settings all;
  std::set<Path> versioned;
  for (const Hint& hint : hints) {
    const auto parts = hint.Resolve(defaults);
    const auto name = hint.Evaluate(defaults);
    // Hints that cannot be evaluated are told where names are decided.
    if (!parts.ok() || !name.ok()) continue;
    const absl::StatusOr<Reference> source = Reference::Parse(*name);
    if (!source.ok()) continue;
    std::optional<Solution> solution = Solve(WithSettings(*parts, all), *source, relocation);
    if (!solution.has_value()) {
      result.notes.push_back(absl::StrCat("hint \"", hint.text(),
                                          "\": no value, or none that other hints do not share, "
                                          "can put the image under ",
                                          RootOf(relocation)));
      continue;
    }
    all.merge(solution->settings);
    if (solution->versioned) versioned.insert(*solution->versioned);
  }
  for (const auto& [path, setting] : all) {
    const json* now = FindValue(merged, path);
    if (now != nullptr && *now == setting) continue;
    json* value = &result.values;
    for (const std::string& key : path) value = &(*value)[key];
    *value = setting;
    if (versioned.contains(path)) {
      result.notes.push_back(absl::StrCat("value .", absl::StrJoin(path, "."), " is \"", setting,
                                          "\" now, version included: give the same --registry "
                                          "or --config to the upgrade after this one, too"));
    }
  }
  return result;
}

std::vector<std::string> NotRelocated(const NamingResult& names, const Relocation& relocation) {
  std::vector<std::string> notes;
  for (const TargetName& target : names.targets) {
    if (target.name.starts_with(RootOf(relocation) + "/")) continue;
    const char* cause = target.witness == NameWitness::kSource
                            ? "no hint speaks of the image"
                            : "the chart or values of yours decide otherwise";
    notes.push_back(absl::StrCat(target.name, " is not under ", RootOf(relocation), ": ", cause));
  }
  return notes;
}

}  // namespace lighter
