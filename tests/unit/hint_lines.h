// Hints written as the lines of a hints.yaml.
#pragma once

#include <string>
#include <vector>

#include "coordinator/naming/hints.h"

namespace lighter {

// Each line must be a well-formed hint.
inline std::vector<Hint> Hints(const std::vector<std::string>& lines) {
  std::vector<Hint> hints;
  for (const std::string& line : lines) hints.push_back(Hint::Parse(line).value());
  return hints;
}

}  // namespace lighter
