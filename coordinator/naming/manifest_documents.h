// The documents of a stream of rendered manifests, and what is looked up in one.
#pragma once

#include <yaml-cpp/yaml.h>

#include <string_view>
#include <vector>

namespace lighter {

// The documents one by one, so that memory holds one tree at a time. Views into `stream`.
std::vector<std::string_view> SplitDocuments(std::string_view stream);

// map[key], looking into YAML merge keys ("<<") too, one level as charts use them. Undefined where
// there is none, or `map` is no mapping.
YAML::Node Find(const YAML::Node& map, const char* key);

}  // namespace lighter
