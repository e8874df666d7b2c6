#include "coordinator/naming/load_image.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>
#include <span>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/limits.h"
#include "common/status.h"

namespace lighter {
namespace {

constexpr uint64_t kMaxLoadImageBytes = kMiB;

enum class Use {
  kIgnored,
  kRegistry,
  kRepository,
  kPrefixRegistry,
  kPrefixRepository,
  kAppendOrigin,
  kInside,   // a mapping of keys that are not all ignored
  kRefused,  // where it is not empty
};

struct Key {
  std::string_view name;
  Use use = Use::kIgnored;
  const char* way_out = "";          // of a refused one
  std::span<const Key> inside = {};  // what a mapping under this key may have; empty: anything
};

constexpr char kNameTheRelease[] = "name the RELEASE that is meant on the command line instead";

constexpr Key kAuth[] = {{"username"}, {"password"}, {"registry"}};
constexpr Key kRepo[] = {{"url"},
                         {"kind"},
                         {"auth", Use::kIgnored, "", kAuth},
                         {"path"},
                         {"chartsIndex"},
                         {"useChartsIndex"},
                         {"disableChartsIndex"}};
constexpr Key kContainers[] = {{"auth", Use::kIgnored, "", kAuth}, {"kind"}};
constexpr Key kTargetContainers[] = {
    {"auth", Use::kIgnored, "", kAuth},
    {"kind"},
    {"url", Use::kRefused, "it is a key of charts-syncer 2; say it as target.containerRegistry"}};
constexpr Key kSource[] = {{"repo", Use::kIgnored, "", kRepo},
                           {"intermediateBundlesPath"},
                           {"containers", Use::kIgnored, "", kContainers},
                           {"ignoreTrustedRepos"}};
constexpr Key kTarget[] = {{"repo", Use::kIgnored, "", kRepo},
                           {"intermediateBundlesPath", Use::kRefused,
                            "it asks for bundles to be made, which lighter only reads"},
                           {"containerRegistry", Use::kRegistry},
                           {"containerPrefixRegistry", Use::kPrefixRegistry},
                           {"containerRepository", Use::kRepository},
                           {"containerPrefixRepository", Use::kPrefixRepository},
                           {"appendOriginRegistry", Use::kAppendOrigin},
                           {"repoName"},
                           {"containers", Use::kInside, "", kTargetContainers},
                           {"syncTrustedRepos"}};
constexpr Key kTop[] = {{"source", Use::kInside, "", kSource},
                        {"target", Use::kInside, "", kTarget},
                        {"charts", Use::kRefused, kNameTheRelease},
                        {"skipCharts", Use::kRefused, kNameTheRelease},
                        {"relocateContainerImages"},
                        {"containerPlatforms"},
                        {"skipArtifacts"}};

// "container_registry" as "containerRegistry".
std::string CamelCase(const std::string& key) {
  std::string name;
  for (size_t i = 0; i < key.size(); ++i) {
    const bool joins = key[i] == '_' && i > 0 && i + 1 < key.size();
    name += joins ? absl::ascii_toupper(static_cast<unsigned char>(key[++i])) : key[i];
  }
  return name;
}

bool IsEmpty(const YAML::Node& value) {
  if (value.IsScalar()) return value.Scalar().empty();
  return value.IsNull() || value.size() == 0;
}

class Reader {
 public:
  explicit Reader(const std::string& what) : what_(what) {}

  // `path` of the mapping ends with a dot, or is empty.
  absl::Status Read(const YAML::Node& map, const std::string& path, std::span<const Key> keys,
                    bool is_ignored);
  // What all keys say together.
  absl::StatusOr<LoadImageConfig> Finish();

 private:
  absl::Status ReadValue(const YAML::Node& value, const std::string& path, const Key& key,
                         bool is_ignored);
  absl::Status ReadText(const YAML::Node& value, const std::string& path, Use use);
  absl::Status Error(const YAML::Node& at, const std::string& words) const {
    return absl::InvalidArgumentError(
        absl::StrCat(what_, ": line ", at.Mark().line + 1, ": ", words));
  }

  const std::string& what_;
  LoadImageConfig config_;
};

absl::Status Reader::Read(const YAML::Node& map, const std::string& path, std::span<const Key> keys,
                          bool is_ignored) {
  std::set<std::string> seen;
  for (const auto& item : map) {
    if (!item.first.IsScalar()) return Error(item.first, "a key that is not a text");
    const std::string name = CamelCase(item.first.Scalar());
    const std::string full = absl::Utf8SafeCEscape(absl::StrCat(path, name).substr(0, 300));
    const auto key = std::find_if(keys.begin(), keys.end(),
                                  [&name](const Key& known) { return known.name == name; });
    if (key == keys.end()) {
      return Error(item.first, absl::StrCat(full, " is no key of charts-syncer's configuration"));
    }
    if (!seen.insert(name).second) return Error(item.first, full + " is there twice");
    RETURN_IF_ERROR(ReadValue(item.second, full, *key, is_ignored));
  }
  return absl::OkStatus();
}

absl::Status Reader::ReadValue(const YAML::Node& value, const std::string& path, const Key& key,
                               bool is_ignored) {
  if (value.IsNull()) return absl::OkStatus();
  if (key.use == Use::kRefused) {
    if (IsEmpty(value)) return absl::OkStatus();
    return Error(value, absl::StrCat(path, ": ", key.way_out));
  }
  if (key.use == Use::kIgnored && !is_ignored) config_.ignored.push_back(path);
  if (!key.inside.empty()) {
    if (!value.IsMap()) return Error(value, path + " has keys of its own, and these are none");
    return Read(value, path + ".", key.inside, is_ignored || key.use == Use::kIgnored);
  }
  return key.use == Use::kIgnored ? absl::OkStatus() : ReadText(value, path, key.use);
}

absl::Status Reader::ReadText(const YAML::Node& value, const std::string& path, Use use) {
  if (!value.IsScalar()) return Error(value, path + " is not a text");
  const std::string& text = value.Scalar();
  Relocation& to = config_.relocation;
  switch (use) {
    case Use::kRegistry:
      to.registry = text;
      break;
    case Use::kRepository:
      to.repository = text;
      break;
    case Use::kPrefixRegistry:
      to.prefix_registry = text;
      break;
    case Use::kPrefixRepository:
      to.prefix_repository = text;
      break;
    default:
      if (text != "true" && text != "false")
        return Error(value, path + " is neither true nor false");
      to.append_origin_registry = text == "true";
  }
  return absl::OkStatus();
}

absl::StatusOr<LoadImageConfig> Reader::Finish() {
  const Relocation& to = config_.relocation;
  const auto error = [this](const char* words) {
    return absl::InvalidArgumentError(absl::StrCat(what_, ": ", words));
  };
  if (to.empty()) {
    return error(
        "it does not say where images go: it has neither target.containerRegistry nor "
        "target.containerPrefixRegistry");
  }
  if (to.append_origin_registry && to.prefix_registry.empty()) {
    return error("target.appendOriginRegistry needs target.containerPrefixRegistry");
  }
  if (to.append_origin_registry && !to.prefix_repository.empty()) {
    return error(
        "charts-syncer drops target.containerPrefixRepository beside target.appendOriginRegistry; "
        "take one of them out");
  }
  RETURN_IF_ERROR(Annotate(CheckRelocation(to), what_));
  return std::move(config_);
}

}  // namespace

absl::StatusOr<LoadImageConfig> ParseLoadImageConfig(std::string_view yaml,
                                                     const std::string& what) {
  if (yaml.size() > kMaxLoadImageBytes) {
    return absl::InvalidArgumentError(absl::StrCat(what, ": ", yaml.size(), " bytes, at most ",
                                                   kMaxLoadImageBytes, " are accepted"));
  }
  try {
    const YAML::Node document = YAML::Load(std::string(yaml));
    if (!document.IsMap()) {
      return absl::InvalidArgumentError(
          what + ": not a configuration of charts-syncer (keys source and target)");
    }
    Reader reader(what);
    RETURN_IF_ERROR(reader.Read(document, "", kTop, /*is_ignored=*/false));
    return reader.Finish();
  } catch (const YAML::Exception& e) {
    return absl::InvalidArgumentError(absl::StrCat(what, ": ", e.what()));
  }
}

}  // namespace lighter
