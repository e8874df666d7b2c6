// The words that lighter was started with.
#pragma once

#include <string>
#include <vector>

namespace lighter {

// All but the program's name. What --set and its like carry is overwritten in `argv` itself, up to
// the key: from then on `ps` does not show it.
std::vector<std::string> TakeArguments(int argc, char** argv);

}  // namespace lighter
