#include "agent/image_publisher.h"

#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace lighter {
namespace {

constexpr char kCreatedLabel[] = "lighter/created";
constexpr size_t kMarkHexDigits = 16;

// Of the name, so that a copy of the record under another name, labels and all, as `ctr images tag`
// makes it, is not taken for ours.
std::string CreatedMark(const std::string& name) {
  return Digest::Of(name).hex().substr(0, kMarkHexDigits);
}

// What CRI sets on its own records, so that it only refreshes its cache when it sees ours; and what
// tells ours from its own.
Labels RecordLabels(const std::string& name) {
  return {{"io.cri-containerd.image", "managed"}, {kCreatedLabel, CreatedMark(name)}};
}

absl::Status EnsureRecord(const Containerd& containerd, const std::string& name,
                          const Descriptor& target) {
  ASSIGN_OR_RETURN(const std::optional<ImageRecord> record, containerd.FindImage(name));
  if (record.has_value() && record->target.digest == target.digest) return absl::OkStatus();
  return containerd.PutImage({name, target, RecordLabels(name)});
}

}  // namespace

absl::Status PublishName(const Containerd& containerd, const CheckedImage& image,
                         const Reference& name) {
  RETURN_IF_ERROR(EnsureRecord(containerd, image.config.digest.str(), image.target));
  Labels labels = RecordLabels(name.str());
  labels["io.cri-containerd.pinned"] = "pinned";
  // The name itself last: a load that finds it proven does not look for the other records.
  RETURN_IF_ERROR(EnsureRecord(
      containerd, absl::StrCat(name.name(), "@", image.target.digest.str()), image.target));
  return containerd.PutImage({name.str(), image.target, labels});
}

bool IsLightersRecord(const ImageRecord& record) {
  const auto label = record.labels.find(kCreatedLabel);
  return label != record.labels.end() && label->second == CreatedMark(record.name);
}

}  // namespace lighter
