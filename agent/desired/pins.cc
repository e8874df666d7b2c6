#include "agent/desired/pins.h"

#include <map>
#include <string>

#include "agent/desired/desired_image.h"
#include "agent/name_marks.h"
#include "common/status.h"

namespace lighter {

absl::Status FollowList(const Containerd& containerd, const v1::Desired& desired,
                        const std::vector<ImageRecord>& records) {
  std::map<std::string, std::string> listed;  // name -> manifest digest
  for (const v1::DesiredImage& image : ImagesOf(desired)) {
    for (const std::string& name : image.names()) listed[name] = image.manifest_digest();
  }
  for (const ImageRecord& record : records) {
    const auto held = listed.find(record.name);
    const bool wanted = held != listed.end() && held->second == record.target.digest.str();
    const bool marked = HasListedMark(record);
    const bool pinned = IsPinned(record);
    if (!wanted && marked) {
      RETURN_IF_ERROR(containerd.LabelImage(record.name, NoPinLabels()));
    }
    const bool others_pin = pinned && !marked && !IsLightersRecord(record);
    if (wanted && !(pinned && marked) && !others_pin) {
      RETURN_IF_ERROR(containerd.LabelImage(record.name, ListedPinLabels(record.name)));
    }
  }
  return absl::OkStatus();
}

absl::Status ReleasePins(const Containerd& containerd) {
  ASSIGN_OR_RETURN(const std::vector<ImageRecord> records, containerd.ListImages());
  for (const ImageRecord& record : records) {
    if (HasListedMark(record) || (IsPinned(record) && IsLightersRecord(record))) {
      RETURN_IF_ERROR(containerd.LabelImage(record.name, NoPinLabels()));
    }
  }
  return absl::OkStatus();
}

}  // namespace lighter
