#include "agent/image_publisher.h"

#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace lighter {
namespace {

// What CRI sets on its own records, so that it only refreshes its cache when it sees ours; and what
// tells ours from its own.
const Labels& Managed() {
  static const auto* const labels =
      new Labels{{"io.cri-containerd.image", "managed"}, {std::string(kCreatedLabel), "true"}};
  return *labels;
}

absl::Status EnsureRecord(const Containerd& containerd, const std::string& name,
                          const Descriptor& target) {
  ASSIGN_OR_RETURN(const std::optional<ImageRecord> record, containerd.FindImage(name));
  if (record.has_value() && record->target.digest == target.digest) return absl::OkStatus();
  return containerd.PutImage({name, target, Managed()});
}

}  // namespace

absl::Status PublishName(const Containerd& containerd, const CheckedImage& image,
                         const Reference& name) {
  RETURN_IF_ERROR(EnsureRecord(containerd, image.config.digest.str(), image.target));
  Labels labels = Managed();
  labels["io.cri-containerd.pinned"] = "pinned";
  // The name itself last: a load that finds it proven does not look for the other records.
  RETURN_IF_ERROR(EnsureRecord(
      containerd, absl::StrCat(name.name(), "@", image.target.digest.str()), image.target));
  return containerd.PutImage({name.str(), image.target, labels});
}

}  // namespace lighter
