#include "agent/image_publisher.h"

#include "absl/strings/str_cat.h"
#include "agent/name_marks.h"
#include "common/status.h"

namespace lighter {
namespace {

absl::Status EnsureRecord(const Containerd& containerd, const std::string& name,
                          const Descriptor& target) {
  ASSIGN_OR_RETURN(const std::optional<ImageRecord> record, containerd.FindImage(name));
  if (record.has_value() && record->target.digest == target.digest) return absl::OkStatus();
  return containerd.PutImage({name, target, CreatedLabels(name)});
}

}  // namespace

absl::Status PublishName(const Containerd& containerd, const CheckedImage& image,
                         const Reference& name) {
  RETURN_IF_ERROR(EnsureRecord(containerd, image.config.digest.str(), image.target));
  // The name itself last: a load that finds it proven does not look for the other records.
  RETURN_IF_ERROR(EnsureRecord(
      containerd, absl::StrCat(name.name(), "@", image.target.digest.str()), image.target));
  return containerd.PutImage({name.str(), image.target, PublishedLabels(name.str())});
}

}  // namespace lighter
