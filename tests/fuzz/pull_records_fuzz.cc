// Kubelet's own records: the name that is asked for, an intent, a record.
#include <filesystem>
#include <fstream>

#include "agent/kubelet/pull_records.h"
#include "common/json.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

const Digest& Config() {
  static const Digest config = Digest::Of("config");
  return config;
}

// A file of kubelet's, or none where there is no text.
void Put(const support::TempDir& dir, const char* folder, const std::string& key,
         std::string_view text) {
  std::filesystem::create_directories(dir.File(folder));
  const std::string path = dir.File(folder) + "/sha256-" + Digest::Of(key).hex();
  std::filesystem::remove(path);
  if (!text.empty()) std::ofstream(path) << text;
}

}  // namespace
}  // namespace lighter

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lighter;
  static const support::TempDir dir;
  const auto [text, intent, record] = fuzz::Sections<3>(fuzz::AsText(data, size));
  const auto name = Reference::Parse(text);
  if (!name.ok()) return 0;
  Put(dir, "pulling", "the intent", intent);
  Put(dir, "pulled", Config().str(), record);
  const v1::PullRecord found = PullRecords(dir.path()).Find(*name, Config());
  const auto json = ParseJson(record, "record");
  // Only a record that speaks of this very repository lets pods through.
  const bool speaks = json.ok() && FindJson(*json, "credentialMapping") != nullptr &&
                      FindJson(*FindJson(*json, "credentialMapping"), name->name()) != nullptr;
  switch (found) {
    case v1::PULL_RECORD_NONE:
    case v1::PULL_RECORD_PULLING:
      REQUIRE(record.empty());
      break;
    case v1::PULL_RECORD_OPEN:
    case v1::PULL_RECORD_WITH_SECRETS:
      REQUIRE(speaks);
      break;
    case v1::PULL_RECORD_BROKEN:
      REQUIRE(!json.ok() || FindJson(*json, "imageRef") == nullptr);
      break;
    default:
      REQUIRE(found == v1::PULL_RECORD_ELSEWHERE);
  }
  return 0;
}
