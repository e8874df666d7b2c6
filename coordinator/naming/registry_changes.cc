#include "coordinator/naming/registry_changes.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "common/reference.h"

namespace lighter {
namespace {

// By name without tag and digest: tags are what an upgrade changes.
using Names = std::map<std::string, Reference>;

Names Parse(const std::vector<std::string>& spelled) {
  Names names;
  for (const std::string& text : spelled) {
    const absl::StatusOr<Reference> name = Reference::Parse(text);
    if (name.ok()) names.emplace(name->name(), *name);
  }
  return names;
}

bool EndsWithPath(std::string_view path, std::string_view end) {
  if (!path.ends_with(end)) return false;
  return path.size() == end.size() || path[path.size() - end.size() - 1] == '/';
}

// The image's own part of both names, where one of the paths is the end of the other.
std::string_view CommonPath(const Reference& a, const Reference& b) {
  if (EndsWithPath(a.repository, b.repository)) return b.repository;
  return EndsWithPath(b.repository, a.repository) ? std::string_view(a.repository)
                                                  : std::string_view();
}

std::string_view LastPart(const Reference& name) {
  return std::string_view(name.repository).substr(name.repository.rfind('/') + 1);
}

// What is in front of `path` at the end of the name.
std::string Before(const Reference& name, std::string_view path) {
  const std::string whole = name.name();
  return whole.substr(0, whole.size() - path.size() - 1);
}

// The name that `now` had before, and what both end with; null where it is new.
std::pair<const Reference*, std::string_view> FormerName(const Reference& now,
                                                         const std::vector<Reference>& gone,
                                                         const std::set<std::string>& registries) {
  std::pair<const Reference*, std::string_view> former = {nullptr, ""};
  for (const Reference& then : gone) {
    const std::string_view path = CommonPath(then, now);
    if (path.size() > former.second.size()) former = {&then, path};
  }
  if (former.first != nullptr || registries.contains(now.registry)) return former;
  for (const Reference& then : gone) {
    if (LastPart(then) == LastPart(now)) return {&then, LastPart(now)};
  }
  return former;
}

}  // namespace

std::string RegistryChange::registry() const { return to.substr(0, to.find('/')); }

std::vector<RegistryChange> FindRegistryChanges(const std::vector<std::string>& then,
                                                const std::vector<std::string>& now) {
  const Names before = Parse(then);
  const Names after = Parse(now);
  std::vector<Reference> gone;
  std::set<std::string> registries;
  for (const auto& [name, reference] : before) {
    registries.insert(reference.registry);
    if (!after.contains(name)) gone.push_back(reference);
  }
  std::map<std::pair<std::string, std::string>, RegistryChange> changes;
  for (const auto& [name, reference] : after) {
    if (before.contains(name)) continue;
    const auto [former, path] = FormerName(reference, gone, registries);
    if (former == nullptr) continue;
    const std::string from = Before(*former, path);
    const std::string to = Before(reference, path);
    RegistryChange& change = changes[{from, to}];
    change.from = from;
    change.to = to;
    change.images.push_back({former->str(), reference.str()});
  }
  std::vector<RegistryChange> found;
  for (auto& [key, change] : changes) found.push_back(std::move(change));
  return found;
}

}  // namespace lighter
