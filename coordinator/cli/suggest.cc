#include "coordinator/cli/suggest.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "coordinator/cli/app_tree.h"

namespace lighter {
namespace {

// Letters to add, take away or change (Levenshtein).
size_t Distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row[b.size()];
}

// The command that the words so far lead to.
const CLI::App& Innermost(const CLI::App& app) {
  const std::vector<CLI::App*> parsed = app.get_subcommands();
  return parsed.empty() ? app : Innermost(*parsed.front());
}

}  // namespace

std::string DidYouMean(const CLI::App& app, const std::string& word) {
  const CLI::App& command = Innermost(app);
  std::vector<std::string> known;
  if (absl::StartsWith(word, "-")) {
    for (const CLI::Option* option : command.get_options()) {
      for (std::string& spelling : Spellings(*option)) known.push_back(std::move(spelling));
    }
  } else {
    for (const CLI::App* sub : Subcommands(command)) known.push_back(sub->get_name());
  }
  const size_t limit = std::max<size_t>(1, word.size() / 3);
  std::string nearest;
  size_t distance = limit + 1;
  for (const std::string& name : known) {
    if (const size_t d = Distance(word, name); d < distance) {
      distance = d;
      nearest = name;
    }
  }
  if (nearest.empty()) return "";
  return absl::StrCat("; did you mean `", FullName(command), " ", nearest, "`?");
}

}  // namespace lighter
