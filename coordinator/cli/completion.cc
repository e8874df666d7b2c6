// `lighter completion SHELL`: a script made from the very flags that the commands declare.
#include <cstdio>
#include <memory>
#include <string>

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

std::string BashScript(const CLI::App& app) {
  std::string commands;
  std::string cases;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    absl::StrAppend(&commands, command->get_name(), " ");
    absl::StrAppend(&cases, "    ", command->get_name(), ") words=\"", FlagWords(*command),
                    "\" ;;\n");
  }
  return absl::StrCat(
      "_lighter() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} words\n"
      "  case ${COMP_WORDS[1]} in\n",
      cases, "    *) words=\"", commands, FlagWords(app),
      "\" ;;\n"
      "  esac\n"
      "  if [[ $COMP_CWORD -gt 1 && $current != -* ]]; then\n"
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
