#include "tests/fuzz/text_tar.h"

#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/digest.h"
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

using Placeholders = std::map<std::string, std::string>;

// Gives the placeholder in `name`, if it has one, its meaning.
void Define(std::string_view name, const std::string& data, Placeholders& placeholders) {
  const size_t begin = name.find("${");
  const size_t end = name.find('}', begin == std::string_view::npos ? name.size() : begin);
  if (end == std::string_view::npos) return;
  const std::string open(name.substr(begin, end - begin));
  placeholders[open + "}"] = Digest::Of(data).hex();
  placeholders[open + ".size}"] = absl::StrCat(data.size());
}

std::string TarOfLevel(std::string_view text, int level) {
  support::TarWriter tar;
  Placeholders placeholders;
  for (const std::string_view entry : Entries(text, Mark(level))) {
    const size_t line_end = entry.find('\n');
    support::TarSpec spec = SpecOf(entry.substr(0, line_end));
    std::string data(line_end == std::string_view::npos ? "" : entry.substr(line_end + 1));
    if (spec.type != '0') data.clear();
    const bool is_tar = level < kMaxLevel && data.starts_with(Mark(level + 1));
    data = is_tar ? TarOfLevel(data, level + 1) : absl::StrReplaceAll(data, placeholders);
    Define(spec.name, data, placeholders);
    spec.name = absl::StrReplaceAll(spec.name, placeholders);
    tar.Add(spec, std::move(data));
  }
  return tar.Finish().str();
}

}  // namespace

std::string TarOfText(std::string_view text) { return TarOfLevel(text, 1); }

}  // namespace lighter::fuzz
