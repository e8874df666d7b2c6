// hints.yaml and the values that it speaks of (JSON, after a line "%%").
#include "absl/strings/strip.h"
#include "common/json.h"
#include "common/status.h"
#include "coordinator/naming/hints.h"
#include "tests/fuzz/fuzz.h"

namespace lighter {
namespace {

void CheckHint(const Hint& hint, const nlohmann::json& values) {
  const auto again = Hint::Parse(hint.text());
  REQUIRE(again.ok() && again->text() == hint.text());
  const auto parts = hint.Resolve(values);
  const auto name = hint.Evaluate(values);
  REQUIRE(parts.ok() == name.ok());
  if (!name.ok()) return;
  std::string text;
  for (const Hint::Part& part : *parts) text += part.text;
  REQUIRE(!name->starts_with('/') && text.ends_with(*name));
  REQUIRE(text.find_first_not_of('/') == std::string::npos ||
          text.size() - name->size() == text.find_first_not_of('/'));
}

}  // namespace
}  // namespace lighter

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lighter;
  const auto [yaml, values_text] = fuzz::Sections<2>(fuzz::AsText(data, size));
  const auto hints = ParseHints(yaml, "hints.yaml");
  if (!hints.ok()) return 0;
  const auto values = ParseJson(values_text, "values");
  for (const Hint& hint : *hints) CheckHint(hint, values.value_or(nlohmann::json::object()));
  return 0;
}
