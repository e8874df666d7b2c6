// `lighter completion SHELL`: short scripts that ask `lighter __complete`.
#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include "coordinator/cli/commands.h"

namespace lighter {
namespace {

constexpr char kBash[] = R"sh(_lighter() {
  local line candidates=() files=
  while IFS= read -r line; do
    case $line in
      :0) files=1 ;;
      :*) ;;
      *) candidates+=("${line%%$'\t'*}") ;;
    esac
  done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2> /dev/null)
  if [[ -n $files ]]; then
    compopt -o filenames 2> /dev/null
    mapfile -t candidates < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
  fi
  COMPREPLY=("${candidates[@]}")
}
complete -F _lighter lighter
)sh";

constexpr char kZsh[] = R"sh(#compdef lighter
_lighter() {
  local line files
  local -a candidates
  for line in "${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2> /dev/null)}"; do
    case $line in
      :0) files=1 ;;
      :*) ;;
      *) candidates+=("${line/$'\t'/:}") ;;
    esac
  done
  if [[ -n $files ]]; then
    _files
  else
    _describe lighter candidates
  fi
}
compdef _lighter lighter
)sh";

constexpr char kFish[] = R"sh(function __lighter_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l lines ($words[1] __complete $words[2..-1] 2> /dev/null)
  string match --invert --regex '^:' -- $lines
  if contains -- :0 $lines
    __fish_complete_path (commandline -ct)
  end
end
complete --command lighter --no-files --arguments '(__lighter_complete)'
)sh";

}  // namespace

void AddCompletionCommand(CLI::App& app) {
  static const std::map<std::string, const char*> kScripts = {
      {"bash", kBash}, {"fish", kFish}, {"zsh", kZsh}};
  CLI::App* command = app.add_subcommand("completion", "Print a completion script for a shell");
  command->footer(
      "`kubectl lighter` is completed where a link to this program is called\n"
      "kubectl_complete-lighter and lies in the PATH.\n"
      "\n"
      "Examples:\n"
      "  source <(lighter completion bash)\n"
      "  lighter completion bash > /etc/bash_completion.d/lighter\n"
      "  lighter completion zsh > \"${fpath[1]}/_lighter\"\n"
      "  lighter completion fish > ~/.config/fish/completions/lighter.fish\n");
  auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "The shell")
      ->required()
      ->check(CLI::IsMember({"bash", "fish", "zsh"}));
  command->callback([shell] { std::fputs(kScripts.at(*shell), stdout); });
}

}  // namespace lighter
