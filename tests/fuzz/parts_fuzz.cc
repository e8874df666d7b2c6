// Names of files in a folder, one a line, the first of them the path that is asked for: parts of a
// package are files of that folder, each once.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <vector>

#include "absl/strings/str_split.h"
#include "common/status.h"
#include "coordinator/package/parts.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

constexpr size_t kMaxFiles = 24;

bool IsFileName(const std::string& name) {
  return name.size() <= 255 && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\0", 2)) == std::string::npos;
}

void CheckParts(const support::TempDir& dir, const std::vector<std::string>& names) {
  const std::string path = dir.File(names.front());
  const auto parts = FindParts(path);
  if (!parts.ok()) return;
  REQUIRE(!parts->empty());
  const std::set<std::string> each(parts->begin(), parts->end());
  REQUIRE(each.size() == parts->size());
  const bool is_there = std::filesystem::exists(path);
  if (is_there) REQUIRE(each.contains(path));
  if (!is_there && parts->size() == 1 && parts->front() == path) return;
  for (const std::string& part : *parts) REQUIRE(std::filesystem::is_regular_file(part));
  // Whichever of them is named, they are the same.
  for (const std::string& part : *parts) REQUIRE(FindParts(part).value() == *parts);
}

}  // namespace
}  // namespace lighter

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lighter;
  static const support::TempDir dir;
  const absl::string_view text = ToAbsl(fuzz::AsText(data, size));
  std::vector<std::string> names = absl::StrSplit(text, '\n', absl::SkipEmpty());
  std::erase_if(names, [](const std::string& name) { return !IsFileName(name); });
  if (names.empty()) return 0;
  if (names.size() > kMaxFiles) names.resize(kMaxFiles);
  // The first is asked for; it is there where it is listed again.
  for (size_t i = 1; i < names.size(); ++i) std::ofstream(dir.File(names[i])).flush();
  CheckParts(dir, names);
  for (size_t i = 1; i < names.size(); ++i) ::unlink(dir.File(names[i]).c_str());
  return 0;
}
