#include "coordinator/naming/aliases.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <string>

#include "coordinator/naming/manifest_documents.h"

namespace lighter {
namespace {

// The keys of values that each dependency has, by its name.
using ValueKeys = std::map<std::string, std::vector<std::string>>;

std::string Text(const YAML::Node& map, const char* key) {
  const YAML::Node value = Find(map, key);
  return value.IsDefined() && value.IsScalar() ? value.Scalar() : std::string();
}

ValueKeys ReadValueKeys(std::string_view chart_yaml) {
  ValueKeys keys;
  try {
    const YAML::Node dependencies = Find(YAML::Load(std::string(chart_yaml)), "dependencies");
    if (!dependencies.IsDefined() || !dependencies.IsSequence()) return keys;
    for (const YAML::Node& dependency : dependencies) {
      const std::string name = Text(dependency, "name");
      const std::string alias = Text(dependency, "alias");
      keys[name].push_back(alias.empty() ? name : alias);
    }
  } catch (const YAML::Exception&) {
    keys.clear();
  }
  return keys;
}

}  // namespace

std::vector<Hint> ExpandAliases(std::vector<Hint> hints, std::string_view chart_yaml) {
  const ValueKeys keys = ReadValueKeys(chart_yaml);
  std::vector<Hint> expanded;
  for (Hint& hint : hints) {
    bool is_replaced = false;
    for (const auto& [name, own] : keys) {
      const bool is_own = std::find(own.begin(), own.end(), name) != own.end();
      if (is_own || !hint.BeginsWith(name)) continue;
      for (const std::string& alias : own) expanded.push_back(hint.WithRoot(name, alias));
      is_replaced = true;
      break;
    }
    if (!is_replaced) expanded.push_back(std::move(hint));
  }
  return expanded;
}

}  // namespace lighter
