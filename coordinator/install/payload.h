// What brings the agent onto nodes that can pull nothing: lighter-boot (agent/boot/) and the agent
// itself, both carried inside lighter. The API server takes them to the nodes as ConfigMaps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lighter {

// For nodes of one architecture. The views are of bytes that live as long as the program.
struct AgentPayload {
  std::string architecture;     // as in the node label kubernetes.io/arch, e.g. "amd64"
  std::string_view boot;        // lighter-boot, a static program
  std::string_view compressed;  // the agent, in zlib format
  std::string sha256;  // of `compressed`, as lighter-boot wants it: 64 lower-case hex digits
  uint64_t unpacked_size = 0;     // bytes of the agent
  std::string_view systemd_unit;  // for nodes where the agent is no pod
};

// What this program carries. Defined in the library lighter_payload, which lighter alone links: the
// bytes are as large as the compressed agent. Static (release) builds carry an agent that runs in
// any image, others one that wants the libraries of this machine.
const AgentPayload& EmbeddedPayload();

// A ConfigMap may hold 1 MiB in all, as the JSON that the API server stores: base64 makes 4 bytes
// of 3.
inline constexpr size_t kMaxChunkBytes = size_t{768} * 1024;

// `compressed` cut into chunks of at most kMaxChunkBytes, in order; none where it is empty. Views
// of the same bytes.
std::vector<std::string_view> SplitChunks(std::string_view compressed);

// The key of the chunk with this index, from 0, in its ConfigMap: the file name that lighter-boot
// looks for.
std::string ChunkName(size_t index);

}  // namespace lighter
