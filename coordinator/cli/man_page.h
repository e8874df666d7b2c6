// Man pages, made from the very tree that --help is made from.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace lighter {

// The page of one command, in roff for `man -l`. `footer` of a command is text, then its examples
// behind "Examples:", then exit codes behind "Exit codes:"; each becomes a section.
std::string ManPage(const CLI::App& command);

// "lighter-agent-install.1".
std::string ManPageName(const CLI::App& command);

}  // namespace lighter
