// What kubectl and the API server answer, in JSON.
#include <set>
#include <string>

#include "agent/taint/node_taints.h"
#include "common/json.h"
#include "common/reference.h"
#include "coordinator/cluster/cluster.h"
#include "tests/fuzz/fuzz.h"

namespace lighter {
namespace {

constexpr char kTaint[] = "lighter/not-ready";

// The patch takes the taint off, with all its doubles, and nothing else.
void CheckTaintPatch(const std::string& node) {
  const auto patch = PatchWithoutTaint(node, kTaint);
  if (!patch.ok() || !patch->has_value()) return;
  const nlohmann::json before = ParseJson(node, "node").value();
  const nlohmann::json after = before.patch(ParseJson(**patch, "patch").value());
  size_t taken = 0;
  for (const nlohmann::json& taint : before["spec"]["taints"]) {
    if (taint.is_object() && taint.value("key", nlohmann::json()) == kTaint) ++taken;
  }
  const size_t left = after["spec"].contains("taints") ? after["spec"]["taints"].size() : 0;
  REQUIRE(taken > 0 && left + taken == before["spec"]["taints"].size());
  REQUIRE(!PatchWithoutTaint(after.dump(), kTaint).value().has_value());
}

}  // namespace
}  // namespace lighter

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lighter;
  const std::string text(fuzz::AsText(data, size));
  (void)ParseNodes(text);
  const auto agents = ParseAgents(text);
  if (agents.ok()) {
    for (const AgentPod& agent : *agents) {
      REQUIRE(agent.address.empty() || agent.address.find(':') != std::string::npos);
    }
  }
  const auto pods = ParsePods(text, "quayside");
  REQUIRE(pods.ok() == agents.ok());
  const auto images = ParseUsedImages(text);
  if (images.ok()) {
    for (const std::string& image : *images) REQUIRE(Reference::Parse(image)->str() == image);
  }
  CheckTaintPatch(text);
  return 0;
}
