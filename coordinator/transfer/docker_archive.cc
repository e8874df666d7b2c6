#include "coordinator/transfer/docker_archive.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/digest.h"
#include "common/limits.h"
#include "common/status.h"
#include "coordinator/package/ustar.h"
#include "coordinator/process/stop_signal.h"

namespace lighter {
namespace {

using nlohmann::json;

// "sha256:<hex>" as an entry's name.
std::string EntryName(const std::string& digest, const char* suffix) {
  return absl::StrCat(digest.substr(digest.find(':') + 1), suffix);
}
std::string ConfigEntry(const v1::Image& image) {
  return EntryName(image.config().digest(), ".json");
}
std::string LayerEntry(const v1::Layer& layer) { return EntryName(layer.blob().digest(), ".tar"); }

bool HasDigest(const std::string& name) { return absl::StrContains(name, "@"); }

// Digest of each entry, once.
std::map<std::string, std::string> Entries(const LoadWork& work) {
  std::map<std::string, std::string> entries;
  for (const v1::Image& image : work.images) {
    entries.emplace(ConfigEntry(image), image.config().digest());
    for (const v1::Layer& layer : image.layers()) {
      entries.emplace(LayerEntry(layer), layer.blob().digest());
    }
  }
  return entries;
}

absl::Status WriteBlob(const BlobLocation& blob, const std::string& digest, const ByteSink& sink) {
  Sha256 hasher;
  std::string bytes;
  for (uint64_t done = 0; done < blob.size; done += bytes.size()) {
    if (StopRequested()) return absl::CancelledError("stopped on request");
    ASSIGN_OR_RETURN(bytes,
                     blob.file->ReadAt(blob.offset + done, std::min(kMiB, blob.size - done)));
    hasher.Update(bytes);
    RETURN_IF_ERROR(sink(bytes));
  }
  if (hasher.Finish().str() == digest) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("at offset ", blob.offset, ": its bytes are not those of ", digest));
}

}  // namespace

std::string DockerArchiveManifest(const LoadWork& work) {
  json manifest = json::array();
  for (const v1::Image& image : work.images) {
    json layers = json::array();
    for (const v1::Layer& layer : image.layers()) layers.push_back(LayerEntry(layer));
    json names = json::array();
    for (const std::string& name : image.names()) {
      if (!HasDigest(name)) names.push_back(name);
    }
    manifest.push_back(
        {{"Config", ConfigEntry(image)}, {"RepoTags", names}, {"Layers", std::move(layers)}});
  }
  return manifest.dump();
}

std::vector<std::string> UnwritableNames(const LoadWork& work) {
  std::vector<std::string> names;
  for (const v1::Image& image : work.images) {
    std::copy_if(image.names().begin(), image.names().end(), std::back_inserter(names), HasDigest);
  }
  return names;
}

absl::Status WriteDockerArchive(const LoadWork& work, const ByteSink& sink) {
  const std::string manifest = DockerArchiveManifest(work);
  RETURN_IF_ERROR(sink(UstarHeader("manifest.json", 0644, manifest.size())));
  RETURN_IF_ERROR(sink(manifest + TarPadding(manifest.size())));
  std::set<const ReadableFile*> files;
  for (const auto& [entry, digest] : Entries(work)) {
    const BlobLocation& blob = work.blobs.at(digest);
    files.insert(blob.file.get());
    RETURN_IF_ERROR(sink(UstarHeader(entry, 0644, blob.size)));
    RETURN_IF_ERROR(Annotate(WriteBlob(blob, digest, sink), blob.entry));
    RETURN_IF_ERROR(sink(TarPadding(blob.size)));
  }
  for (const ReadableFile* file : files) RETURN_IF_ERROR(file->CheckUnchanged());
  return sink(TarEnd());
}

}  // namespace lighter
