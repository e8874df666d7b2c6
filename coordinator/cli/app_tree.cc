#include "coordinator/cli/app_tree.h"

#include <algorithm>

#include "absl/strings/str_split.h"

namespace lighter {

std::vector<CLI::App*> Subcommands(const CLI::App& app) {
  // The const overload gives only what was parsed.
  return const_cast<CLI::App&>(app).get_subcommands([](CLI::App*) { return true; });
}

CLI::App* FindSubcommand(const CLI::App& app, const std::string& name) {
  const std::vector<CLI::App*> all = Subcommands(app);
  const auto it = std::find_if(all.begin(), all.end(), [&name](const CLI::App* command) {
    return command->get_name() == name;
  });
  return it == all.end() ? nullptr : *it;
}

std::string FullName(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent == nullptr ? app.get_name() : FullName(*parent) + " " + app.get_name();
}

std::vector<std::string> Spellings(const CLI::Option& option) {
  std::vector<std::string> spellings;
  for (const std::string& name : option.get_lnames()) spellings.push_back("--" + name);
  for (const std::string& name : option.get_snames()) spellings.push_back("-" + name);
  return spellings;
}

const CLI::Option* FindOption(const CLI::App& app, const std::string& spelling) {
  for (const CLI::Option* option : app.get_options()) {
    const std::vector<std::string> all = Spellings(*option);
    if (std::find(all.begin(), all.end(), spelling) != all.end()) return option;
  }
  return nullptr;
}

std::vector<std::string> Choices(const CLI::Option& option) {
  // CLI11 keeps them in words alone: "TEXT:{text,json}".
  const std::string type = option.get_type_name();
  const size_t begin = type.find(":{");
  const size_t end = type.find('}');
  if (begin == std::string::npos || end == std::string::npos) return {};
  return absl::StrSplit(type.substr(begin + 2, end - begin - 2), ',');
}

}  // namespace lighter
