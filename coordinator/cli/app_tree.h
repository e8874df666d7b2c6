// Reads the tree of commands that CLI11 keeps, for all that is made from it: completion, man pages,
// suggestions.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace lighter {

// In the order in which they were added.
std::vector<CLI::App*> Subcommands(const CLI::App& app);

// The subcommand of that name; null where there is none.
CLI::App* FindSubcommand(const CLI::App& app, const std::string& name);

// "lighter agent install".
std::string FullName(const CLI::App& app);

// All spellings: "--output", then "-o". Empty for a positional argument.
std::vector<std::string> Spellings(const CLI::Option& option);

// The option that is spelled so; null where there is none.
const CLI::Option* FindOption(const CLI::App& app, const std::string& spelling);

// What an option may be, where it is one of a few: {"text", "json"}. Else empty.
std::vector<std::string> Choices(const CLI::Option& option);

}  // namespace lighter
