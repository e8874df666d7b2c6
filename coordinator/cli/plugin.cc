#include "coordinator/cli/plugin.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "coordinator/cli/app_tree.h"

namespace lighter {
namespace {

std::string BaseName(const std::string& program) {
  return std::filesystem::path(program).filename().string();
}

// In examples, and between backquotes.
std::string Renamed(const std::string& text, const std::string& name) {
  return absl::StrReplaceAll(text, {{"\n  lighter ", absl::StrCat("\n  ", name, " ")},
                                    {"`lighter ", absl::StrCat("`", name, " ")}});
}

}  // namespace

bool IsPluginCompletion(const std::string& program) {
  return BaseName(program) == "kubectl_complete-lighter";
}

std::string NameInHelp(const std::string& program) {
  return BaseName(program) == "kubectl-lighter" ? "kubectl lighter" : "lighter";
}

void CallByName(CLI::App& app, const std::string& name) {
  app.footer(Renamed(app.get_footer(), name));
  app.description(Renamed(app.get_description(), name));
  for (const CLI::Option* option : app.get_options()) {
    // CLI11's getter gives constant options, also of an app that is not.
    const_cast<CLI::Option*>(option)->description(Renamed(option->get_description(), name));
  }
  for (CLI::App* command : Subcommands(app)) CallByName(*command, name);
}

}  // namespace lighter
