#include "coordinator/cli/complete.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "coordinator/cli/app_tree.h"

namespace lighter {
namespace {

constexpr char kNoFiles[] = ":4\n";
constexpr char kFiles[] = ":0\n";

// The part of a description that fits beside a word.
std::string Brief(const std::string& text) { return text.substr(0, text.find_first_of(";:\n")); }

std::string Matching(const std::vector<std::string>& candidates, const std::string& start) {
  std::string lines;
  for (const std::string& candidate : candidates) {
    if (absl::StartsWith(candidate, start)) absl::StrAppend(&lines, candidate, "\n");
  }
  return lines;
}

std::string OptionNames(const CLI::App& command, const std::string& start) {
  std::string lines;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : Spellings(*option)) {
      if (!absl::StartsWith(name, start)) continue;
      absl::StrAppend(&lines, name, "\t", Brief(option->get_description()), "\n");
    }
  }
  return lines + kNoFiles;
}

std::string ValuesOf(const CLI::Option& option, const std::string& start) {
  const std::vector<std::string> choices = Choices(option);
  return choices.empty() ? kFiles : Matching(choices, start) + kNoFiles;
}

std::string CommandNames(const CLI::App& group, const std::string& start) {
  std::string lines;
  for (const CLI::App* command : Subcommands(group)) {
    if (!absl::StartsWith(command->get_name(), start)) continue;
    absl::StrAppend(&lines, command->get_name(), "\t", Brief(command->get_description()), "\n");
  }
  return lines + kNoFiles;
}

// What may stand where no option does: the first argument with a few choices gives these.
std::string Arguments(const CLI::App& command, const std::string& start) {
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_positional() && !Choices(*option).empty()) return ValuesOf(*option, start);
  }
  return kFiles;
}

bool TakesValue(const CLI::Option* option) {
  return option != nullptr && option->get_items_expected_max() > 0;
}

}  // namespace

std::string Complete(const CLI::App& app, const std::vector<std::string>& words) {
  const CLI::App* command = &app;
  const CLI::Option* open = nullptr;  // whose value is the next word
  const std::string last = words.empty() ? "" : words.back();
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (open != nullptr) {
      open = nullptr;
      continue;
    }
    const CLI::Option* option = FindOption(*command, words[i]);
    if (TakesValue(option)) open = option;
    if (const CLI::App* sub = FindSubcommand(*command, words[i])) command = sub;
  }
  if (open != nullptr) return ValuesOf(*open, last);
  if (absl::StartsWith(last, "-")) return OptionNames(*command, last);
  return Subcommands(*command).empty() ? Arguments(*command, last) : CommandNames(*command, last);
}

}  // namespace lighter
