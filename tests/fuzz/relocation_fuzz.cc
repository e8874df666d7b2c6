// Values that put images under another registry: hints.yaml, the chart's own values, the merged
// values (JSON), registry and repository.
#include "common/json.h"
#include "common/status.h"
#include "coordinator/naming/relocation.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lighter;
  const auto [yaml, own, merged_text, registry, repository] =
      fuzz::Sections<5>(fuzz::AsText(data, size));
  const Relocation relocation{std::string(registry), std::string(repository)};
  const auto hints = ParseHints(yaml, "hints.yaml");
  const auto defaults = ParseJson(own, "own values");
  const auto merged = ParseJson(merged_text, "merged values");
  const bool usable = hints.ok() && defaults.ok() && merged.ok() && merged->is_object() &&
                      CheckRelocation(relocation).ok();
  if (!usable) return 0;
  const RelocatedValues relocated = RelocateValues(*hints, *defaults, *merged, relocation);
  // With these values nothing is left to change.
  nlohmann::json moved = *merged;
  moved.merge_patch(relocated.values.is_null() ? nlohmann::json::object() : relocated.values);
  REQUIRE(RelocateValues(*hints, *defaults, moved, relocation).values.is_null());
  return 0;
}
