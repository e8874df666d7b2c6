#include "coordinator/naming/manifest_documents.h"

namespace lighter {
namespace {

// Whether `line` ends a document of the stream: "---" at its very start, whatever is open.
bool IsSeparator(std::string_view line) {
  return line.starts_with("---") && (line.size() == 3 || line[3] == ' ' || line[3] == '\t' ||
                                     line[3] == '\r' || line[3] == '\n');
}

}  // namespace

std::vector<std::string_view> SplitDocuments(std::string_view stream) {
  std::vector<std::string_view> documents;
  size_t start = 0;
  for (size_t line = 0; line < stream.size();) {
    if (line > start && IsSeparator(stream.substr(line, 4))) {
      documents.push_back(stream.substr(start, line - start));
      start = line;
    }
    const size_t end = stream.find('\n', line);
    line = end == std::string_view::npos ? stream.size() : end + 1;
  }
  documents.push_back(stream.substr(start));
  return documents;
}

YAML::Node Find(const YAML::Node& map, const char* key) {
  if (!map.IsMap()) return YAML::Node(YAML::NodeType::Undefined);
  if (const YAML::Node own = map[key]; own.IsDefined()) return own;
  const YAML::Node merged = map["<<"];
  if (merged.IsDefined() && merged.IsMap()) {
    if (const YAML::Node value = merged[key]; value.IsDefined()) return value;
  }
  return YAML::Node(YAML::NodeType::Undefined);
}

}  // namespace lighter
