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

// The names that a request is about, those by digest aside, each with the manifest it must point
// to.
std::map<std::string, std::string> Wanted(const v1::RemoveRequest& request,
                                          const std::vector<ImageRecord>& records) {
  std::map<std::string, std::string> names;
  for (const v1::NamedImage& image : request.images()) {
    names.emplace(image.name(), image.manifest_digest());
  }
  if (!request.all()) return names;
  names.clear();
  for (const ImageRecord& record : records) {
    if (!IsLightersRecord(record) || IsByDigest(record.name)) continue;
    names.emplace(record.name, record.target.digest.str());
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

  const std::set<std::string> in_use(request.in_use().begin(), request.in_use().end());
  std::set<std::string> gone;
  std::set<Digest> touched;
  for (const auto& [name, digest] : Wanted(request, records)) {
    const auto record = by_name.find(name);
    if (in_use.contains(name)) {
      Refuse(name, "a pod uses it", reply);
    } else if (!request.dry_run() && kept.contains(name)) {
      Refuse(name, "the desired list holds it", reply);
    } else if (record != by_name.end() && !IsLightersRecord(*record->second)) {
      Refuse(name, "lighter did not create it", reply);
    } else if (record != by_name.end() && record->second->target.digest.str() != digest) {
      Refuse(name, "it points to another image meanwhile", reply);
    } else {
      if (record != by_name.end()) touched.insert(record->second->target.digest);
      gone.insert(name);
      reply->add_removed(name);
    }
  }
  std::set<Digest> needed;  // manifests that a name still has
  for (const ImageRecord& record : records) {
    const bool is_needed =
        IsByDigest(record.name) ? in_use.contains(record.name) : !gone.contains(record.name);
    if (is_needed) needed.insert(record.target.digest);
  }
  for (const ImageRecord& record : records) {
    const Digest& manifest = record.target.digest;
    if (IsByDigest(record.name) && IsLightersRecord(record) &&
        (request.all() || touched.contains(manifest)) && !needed.contains(manifest)) {
      gone.insert(record.name);
    }
  }
  if (request.dry_run()) return absl::OkStatus();
  size_t left = gone.size();
  for (const std::string& name : gone) {
    RETURN_IF_ERROR(containerd.DeleteImage(name, /*collect=*/--left == 0));
  }
  return absl::OkStatus();
}

}  // namespace lighter
