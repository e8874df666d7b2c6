#include "coordinator/plan/registry_consent.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/file.h"
#include "common/limits.h"
#include "common/printable.h"
#include "common/reference.h"

namespace lighter {
namespace {

constexpr uint64_t kMaxValuesBytes = 16 * kMiB;  // as values_files.h accepts

// What goes on behind a registry's name, and is no end of it.
bool IsOfName(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_';
}

// All that the user gave, as text. Files were read before: one that is gone says nothing.
std::string GivenText(const ValueArgs& values) {
  std::string text;
  for (size_t i = 0; i + 1 < values.size(); i += 2) {
    if (values[i] != "-f") {
      absl::StrAppend(&text, values[i + 1], "\n");
      continue;
    }
    const std::vector<std::string> files = absl::StrSplit(values[i + 1], ',');
    for (const std::string& file : files) {
      absl::StrAppend(&text, ReadFile(file, kMaxValuesBytes).value_or(""), "\n");
    }
  }
  return text;
}

}  // namespace

bool NamesRegistry(std::string_view text, std::string_view registry) {
  for (size_t at = text.find(registry); at != std::string_view::npos;
       at = text.find(registry, at + 1)) {
    const std::string_view rest = text.substr(at + registry.size());
    const bool begins = at == 0 || !IsOfName(text[at - 1]);
    const bool has_port = rest.size() > 1 && rest[0] == ':' &&
                          absl::ascii_isdigit(static_cast<unsigned char>(rest[1]));
    if (begins && !has_port && (rest.empty() || !IsOfName(rest[0]))) return true;
  }
  return false;
}

std::vector<RegistryChange> UnaskedChanges(std::vector<RegistryChange> changes,
                                           const RegistryConsent& consent,
                                           std::vector<std::string>& notes) {
  if (changes.empty()) return changes;
  const std::string given = absl::StrCat(GivenText(consent.values), consent.relocation.registry,
                                         "\n", consent.relocation.prefix_registry, "\n");
  std::vector<RegistryChange> unasked;
  for (RegistryChange& change : changes) {
    const bool is_allowed = std::any_of(
        consent.allowed.begin(), consent.allowed.end(),
        [&](const std::string& name) { return name == change.registry() || name == change.to; });
    if (!is_allowed && !NamesRegistry(given, change.registry())) {
      unasked.push_back(std::move(change));
      continue;
    }
    notes.push_back(absl::StrCat(Count(change.images.size(), "image"), " of the release ",
                                 change.images.size() == 1 ? "comes" : "come", " from ", change.to,
                                 " from now on, no longer from ", change.from,
                                 is_allowed ? " (allowed)" : ", as asked"));
  }
  return unasked;
}

}  // namespace lighter
