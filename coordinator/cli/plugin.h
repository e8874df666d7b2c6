// lighter as a plugin of kubectl: `kubectl lighter`, by a link that is called kubectl-lighter.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace lighter {

// What kubectl starts to complete a command line of its plugin.
bool IsPluginCompletion(const std::string& program);

// "lighter", or "kubectl lighter" where the program was started as the plugin.
std::string NameInHelp(const std::string& program);

// Has all help of `app` and below call it by its name.
void CallByName(CLI::App& app, const std::string& name);

}  // namespace lighter
