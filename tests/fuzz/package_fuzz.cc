// A whole package, as tests/fuzz/text_tar.h writes it: what is found lies within it, and a chart is
// written into its folder and nowhere else.
#include <filesystem>
#include <set>
#include <string>

#include "coordinator/package/package.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/text_tar.h"
#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

namespace fs = std::filesystem;

std::set<std::string> FilesBelow(const std::string& folder) {
  std::set<std::string> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    REQUIRE(entry.symlink_status().type() == fs::file_type::regular ||
            entry.symlink_status().type() == fs::file_type::directory);
    if (!entry.is_directory()) files.insert(fs::relative(entry.path(), folder).string());
  }
  return files;
}

void CheckExtraction(const Bundle& bundle, const support::TempDir& dir) {
  const std::string folder = dir.File("chart");
  const absl::Status extracted = ExtractChart(bundle, folder);
  std::set<std::string> wanted;
  for (const ChartFile& file : bundle.chart_files) {
    REQUIRE(file.size <= bundle.chart_file->size() &&
            file.offset <= bundle.chart_file->size() - file.size);
    wanted.insert("chart/" + file.path);
  }
  // All of it or nothing.
  REQUIRE(FilesBelow(dir.path()) == (extracted.ok() ? wanted : std::set<std::string>()));
  fs::remove_all(folder);
}

}  // namespace
}  // namespace lighter

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lighter;
  static fuzz::MemoryFile memory;
  static const support::TempDir dir;
  memory.Set(fuzz::TarOfText(fuzz::AsText(data, size)));
  const auto package = OpenPackage(memory.path());
  if (!package.ok()) return 0;
  std::set<std::string> charts;
  for (const Bundle& bundle : package->bundles) {
    REQUIRE(charts.insert(bundle.chart_name).second);
    REQUIRE(bundle.has_chart() || package->bundles.size() == 1);
    CheckExtraction(bundle, dir);
  }
  REQUIRE(!charts.empty());
  return 0;
}
