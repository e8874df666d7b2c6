#include "agent/remove_names.h"

#include <map>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "agent/desired/desired_image.h"
#include "agent/name_marks.h"
#include "common/status.h"

namespace lighter {
namespace {

// The record of an image by its config, or of a repository by its manifest: made beside names.
bool IsByDigest(const std::string& name) {
  return absl::StartsWith(name, "sha256:") || absl::StrContains(name, "@sha256:");
}

std::set<std::string> DesiredNames(const v1::Desired* desired) {
  std::set<std::string> names;
  if (desired == nullptr) return names;
  for (const v1::DesiredImage& image : ImagesOf(*desired)) {
    names.insert(image.names().begin(), image.names().end());
  }
  return names;
}

void Refuse(const std::string& name, const std::string& cause, v1::RemoveReply* reply) {
  v1::RemoveRefusal* const refusal = reply->add_refused();
  refusal->set_name(name);
  refusal->set_cause(cause);
}

}  // namespace

absl::Status RemoveNames(const Containerd& containerd, const v1::Desired* desired,
                         const v1::RemoveRequest& request, v1::RemoveReply* reply) {
  ASSIGN_OR_RETURN(const std::vector<ImageRecord> records, containerd.ListImages());
  std::map<std::string, const ImageRecord*> by_name;
  for (const ImageRecord& record : records) by_name[record.name] = &record;
  const std::set<std::string> kept = DesiredNames(desired);

  std::set<std::string> gone;
  std::set<Digest> touched;
  for (const v1::NamedImage& image : request.images()) {
    const std::string& name = image.name();
    const auto record = by_name.find(name);
    if (kept.contains(name)) {
      Refuse(name, "the desired list holds it", reply);
    } else if (record != by_name.end() && !IsLightersRecord(*record->second)) {
      Refuse(name, "lighter did not create it", reply);
    } else if (record != by_name.end() &&
               record->second->target.digest.str() != image.manifest_digest()) {
      Refuse(name, "it points to another image meanwhile", reply);
    } else {
      if (record != by_name.end()) touched.insert(record->second->target.digest);
      gone.insert(name);
      reply->add_removed(name);
    }
  }
  std::set<Digest> needed;  // manifests that a name still has
  for (const ImageRecord& record : records) {
    if (!IsByDigest(record.name) && !gone.contains(record.name))
      needed.insert(record.target.digest);
  }
  for (const ImageRecord& record : records) {
    const Digest& digest = record.target.digest;
    if (IsByDigest(record.name) && IsLightersRecord(record) && touched.contains(digest) &&
        !needed.contains(digest)) {
      gone.insert(record.name);
    }
  }
  size_t left = gone.size();
  for (const std::string& name : gone) {
    RETURN_IF_ERROR(containerd.DeleteImage(name, /*collect=*/--left == 0));
  }
  return absl::OkStatus();
}

}  // namespace lighter
