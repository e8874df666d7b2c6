#include "coordinator/install/payload.h"
#include "lighter-agent.h"

// payload_bytes.S
extern "C" const char lighter_boot_begin[], lighter_boot_end[];
extern "C" const char lighter_agent_begin[], lighter_agent_end[];
extern "C" const char lighter_unit_begin[], lighter_unit_end[];

namespace lighter {
namespace {

#if defined(__x86_64__)
constexpr char kArchitecture[] = "amd64";
#elif defined(__aarch64__)
constexpr char kArchitecture[] = "arm64";
#else
#error "which value has the node label kubernetes.io/arch here?"
#endif

}  // namespace

const AgentPayload& EmbeddedPayload() {
  static const AgentPayload payload{
      .architecture = kArchitecture,
      .boot = {lighter_boot_begin, lighter_boot_end},
      .compressed = {lighter_agent_begin, lighter_agent_end},
      .sha256 = kCompressedAgentSha256,
      .unpacked_size = kAgentSize,
      .systemd_unit = {lighter_unit_begin, lighter_unit_end},
  };
  return payload;
}

}  // namespace lighter
