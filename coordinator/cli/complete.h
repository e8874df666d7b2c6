// What may stand at the end of a command line: for the scripts of `lighter completion`, and for
// kubectl.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace lighter {

// Candidates for the last of `words`, which are those behind "lighter", a line each: the word, a
// tab, what it means. Then ":4", or ":0" where a file may stand there: the protocol of Cobra, which
// kubectl speaks with `kubectl_complete-lighter`.
std::string Complete(const CLI::App& app, const std::vector<std::string>& words);

}  // namespace lighter
