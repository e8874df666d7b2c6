// `lighter completion SHELL`: a script made from the very flags that the commands declare.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "coordinator/cli/commands.h"

namespace lighter {
namespace {

// All spellings of a command's flags, separated by blanks.
std::string FlagWords(const CLI::App& command) {
  std::string words;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) absl::StrAppend(&words, "--", name, " ");
    for (const std::string& name : option->get_snames()) absl::StrAppend(&words, "-", name, " ");
  }
  return words;
}

std::vector<CLI::App*> Subcommands(const CLI::App& app) {
  // The const overload gives only what was parsed.
  return const_cast<CLI::App&>(app).get_subcommands([](CLI::App*) { return true; });
}

std::string Names(const CLI::App& app) {
  std::string names;
  for (const CLI::App* command : Subcommands(app))
    absl::StrAppend(&names, command->get_name(), " ");
  return names;
}

// The arms of the script's case over "COMMAND SUBCOMMAND".
std::string Cases(const CLI::App& app) {
  std::string cases;
  for (const CLI::App* command : Subcommands(app)) {
    for (const CLI::App* sub : Subcommands(*command)) {
      absl::StrAppend(&cases, "    \"", command->get_name(), " ", sub->get_name(), "\") words=\"",
                      FlagWords(*sub), "\" ;;\n");
    }
    const bool group = !Subcommands(*command).empty();
    absl::StrAppend(&cases, "    \"", command->get_name(), " \"*) words=\"",
                    group ? Names(*command) : FlagWords(*command), "\"", group ? " files=" : "",
                    " ;;\n");
  }
  return cases;
}

std::string BashScript(const CLI::App& app) {
  return absl::StrCat(
      "_lighter() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} words=\"",
      Names(app), FlagWords(app),
      "\" files=1\n"
      "  [[ $COMP_CWORD -gt 1 ]] && case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n",
      Cases(app),
      "  esac\n"
      "  if [[ $COMP_CWORD -gt 1 && -n $files && $current != -* ]]; then\n"
      "    mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
      "  else\n"
      "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
      "  fi\n"
      "}\n"
      "complete -o filenames -F _lighter lighter\n");
}

}  // namespace

void AddCompletionCommand(CLI::App& app) {
  CLI::App* command = app.add_subcommand("completion", "Print a completion script for bash");
  command->footer(
      "Examples:\n"
      "  source <(lighter completion bash)\n"
      "  lighter completion bash > /etc/bash_completion.d/lighter\n");
  auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "bash")->required()->check(CLI::IsMember({"bash"}));
  command->callback([shell, &app] { std::fputs(BashScript(app).c_str(), stdout); });
}

}  // namespace lighter
