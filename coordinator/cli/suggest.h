// What was meant by a word that nobody knows.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace lighter {

// A sentence like "; did you mean `lighter upgrade`?" about a word that is no command, or no flag
// of the command that was parsed so far; empty where nothing is near.
std::string DidYouMean(const CLI::App& app, const std::string& word);

}  // namespace lighter
