#include "common/image_config.h"

#include "common/json_fields.h"
#include "common/status.h"

namespace lighter {

absl::StatusOr<ImageConfig> ParseImageConfig(std::string_view text, const std::string& where) {
  ImageConfig config;
  ASSIGN_OR_RETURN(const nlohmann::json value, ParseJson(text, where));
  if (!value.is_object()) return absl::InvalidArgumentError(where + ": not an object");
  ASSIGN_OR_RETURN(config.architecture, OptionalString(value, "architecture", where));
  ASSIGN_OR_RETURN(config.os, OptionalString(value, "os", where));
  const nlohmann::json* rootfs = FindJson(value, "rootfs");
  const nlohmann::json* diff_ids = rootfs == nullptr ? nullptr : FindJson(*rootfs, "diff_ids");
  const std::string list_where = where + ": rootfs.diff_ids";
  ASSIGN_OR_RETURN(const std::vector<std::string> list, StringList(diff_ids, list_where));
  for (const std::string& item : list) {
    absl::StatusOr<Digest> digest = Digest::Parse(item);
    if (!digest.ok()) return Annotate(digest.status(), list_where);
    config.diff_ids.push_back(*digest);
  }
  return config;
}

}  // namespace lighter
