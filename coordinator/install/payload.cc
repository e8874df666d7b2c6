#include "coordinator/install/payload.h"

#include "absl/strings/str_format.h"

namespace lighter {

std::vector<std::string_view> SplitChunks(std::string_view compressed) {
  std::vector<std::string_view> chunks;
  for (; !compressed.empty(); compressed.remove_prefix(chunks.back().size())) {
    chunks.push_back(compressed.substr(0, kMaxChunkBytes));
  }
  return chunks;
}

std::string ChunkName(size_t index) { return absl::StrFormat("chunk-%03d", index); }

}  // namespace lighter
