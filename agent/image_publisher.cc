#include "agent/image_publisher.h"

#include "absl/strings/str_cat.h"
#include "agent/name_marks.h"
#include "common/status.h"

namespace lighter {
namespace {

// A record that only holds the manifest: one of somebody else's does as well.
absl::Status EnsureRecord(const Containerd& containerd, const std::string& name,
                          const Descriptor& target, const LoadRules& rules) {
  ASSIGN_OR_RETURN(const std::optional<ImageRecord> record, containerd.FindImage(name));
  if (record.has_value() && record->target.digest == target.digest) return absl::OkStatus();
  const ImageRecord wanted{name, target, CreatedLabels(name)};
  if (rules.moves_names) return containerd.PutImage(wanted);
  const absl::Status created = containerd.CreateImage(wanted);
  return absl::IsAlreadyExists(created) ? absl::OkStatus() : created;
}

// OK where somebody else made the very same name.
absl::Status CreateName(const Containerd& containerd, const ImageRecord& wanted) {
  const absl::Status created = containerd.CreateImage(wanted);
  if (!absl::IsAlreadyExists(created)) return created;
  ASSIGN_OR_RETURN(const std::optional<ImageRecord> record, containerd.FindImage(wanted.name));
  if (record.has_value() && record->target.digest == wanted.target.digest) return absl::OkStatus();
  return absl::AlreadyExistsError(
      wanted.name + " was made by somebody else meanwhile, for another image; it stays so");
}

}  // namespace

absl::Status PublishName(const Containerd& containerd, const CheckedImage& image,
                         const Reference& name, const LoadRules& rules) {
  RETURN_IF_ERROR(EnsureRecord(containerd, image.config.digest.str(), image.target, rules));
  // The name itself last: a load that finds it proven does not look for the other records.
  RETURN_IF_ERROR(EnsureRecord(
      containerd, absl::StrCat(name.name(), "@", image.target.digest.str()), image.target, rules));
  const ImageRecord wanted{name.str(), image.target, PublishedLabels(name.str())};
  return rules.moves_names ? containerd.PutImage(wanted) : CreateName(containerd, wanted);
}

}  // namespace lighter
