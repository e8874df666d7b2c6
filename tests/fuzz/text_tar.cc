#include "tests/fuzz/text_tar.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/tar_writer.h"

namespace lighter::fuzz {
namespace {

constexpr int kMaxLevel = 3;  // package, bundle, archive

std::string Mark(int level) { return absl::StrCat("%", level, " "); }

// What stands between lines that begin with `mark`, without it.
std::vector<std::string_view> Entries(std::string_view text, const std::string& mark) {
  std::vector<std::string_view> entries;
  const std::string inner = "\n" + mark;
  size_t begin = text.starts_with(mark) ? 0 : text.find(inner);
  if (begin != 0 && begin != std::string_view::npos) ++begin;
  while (begin != std::string_view::npos) {
    begin += mark.size();
    const size_t end = text.find(inner, begin);
    entries.push_back(text.substr(begin, end == std::string_view::npos ? end : end - begin));
    begin = end == std::string_view::npos ? end : end + 1;
  }
  return entries;
}

support::TarSpec SpecOf(std::string_view line) {
  for (const auto& [arrow, type] : {std::pair(" -> ", '2'), std::pair(" => ", '1')}) {
    const size_t at = line.find(arrow);
    if (at == std::string_view::npos) continue;
    return {.name = std::string(line.substr(0, at)),
            .type = type,
            .link = std::string(line.substr(at + 4))};
  }
  return {.name = std::string(line), .type = line.ends_with('/') ? '5' : '0'};
}

std::string TarOfLevel(std::string_view text, int level) {
  support::TarWriter tar;
  for (const std::string_view entry : Entries(text, Mark(level))) {
    const size_t line_end = entry.find('\n');
    const support::TarSpec spec = SpecOf(entry.substr(0, line_end));
    std::string_view data =
        line_end == std::string_view::npos ? std::string_view() : entry.substr(line_end + 1);
    if (spec.type != '0') data = {};
    const bool is_tar = level < kMaxLevel && data.starts_with(Mark(level + 1));
    tar.Add(spec, is_tar ? TarOfLevel(data, level + 1) : std::string(data));
  }
  return tar.Finish().str();
}

}  // namespace

std::string TarOfText(std::string_view text) { return TarOfLevel(text, 1); }

}  // namespace lighter::fuzz
