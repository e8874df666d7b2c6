// charts-syncer's configuration: load-image.yaml.
#include "common/status.h"
#include "coordinator/naming/load_image.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lighter;
  const auto config = ParseLoadImageConfig(fuzz::AsText(data, size), "load-image.yaml");
  if (!config.ok()) {
    REQUIRE(absl::IsInvalidArgument(config.status()));
    REQUIRE(Message(config.status()).starts_with("load-image.yaml: "));
    return 0;
  }
  // Whatever it says leads to names that can be, all below one root.
  REQUIRE(!config->relocation.empty() && CheckRelocation(config->relocation).ok());
  const auto hints = ParseHints("- '{{ .r }}/{{ .p }}:v1'", "hints.yaml");
  const nlohmann::json values = {{"r", "docker.io"}, {"p", "bitnami/redis"}};
  nlohmann::json moved = values;
  const RelocatedValues relocated = RelocateValues(*hints, values, values, config->relocation);
  moved.merge_patch(relocated.values.is_null() ? nlohmann::json::object() : relocated.values);
  const auto name = hints->front().Evaluate(moved);
  REQUIRE(name.ok() && name->starts_with(RootOf(config->relocation) + "/"));
  return 0;
}
