// Hints speak of a subchart by its name, as relok8s does (internal/rewrite_action.go,
// buildValuesMap); Helm keeps the values of one with an alias under that.
#pragma once

#include <string_view>
#include <vector>

#include "coordinator/naming/hints.h"

namespace lighter {

// Each hint whose path begins with the name of a dependency of this Chart.yaml that has aliases
// only, once for each of them: "{{ .mysql.image }}" is "{{ .db.image }}" where mysql's alias is db.
// Others, and all where the Chart.yaml cannot be read, stay as they are.
std::vector<Hint> ExpandAliases(std::vector<Hint> hints, std::string_view chart_yaml);

}  // namespace lighter
