// Container images from scratch: layers from lists of files, configs, digests.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/compression.h"
#include "common/digest.h"
#include "tests/support/rope.h"
#include "tests/support/tar_writer.h"

namespace lighter::support {

// One entry of a layer.
struct LayerEntry {
  TarSpec spec;
  Rope data = {};
};

LayerEntry File(std::string path, Rope data, uint32_t mode = 0644);
LayerEntry Folder(std::string path, uint32_t mode = 0755);
LayerEntry Symlink(std::string path, std::string target);
LayerEntry Hardlink(std::string path, std::string target);
// Hides `path` of the layers below ("<folder>/.wh.<name>").
LayerEntry Whiteout(const std::string& path);
// Hides all that the layers below have in `folder` (".wh..wh..opq").
LayerEntry OpaqueFolder(const std::string& folder);

struct Layer {
  Rope blob;  // as stored, compressed or not
  Digest digest;
  Digest diff_id;
  Compression compression = Compression::kGzip;
};

Layer MakeLayer(const std::vector<LayerEntry>& entries,
                Compression compression = Compression::kGzip);
// From a ready tar, e.g. a hostile one.
Layer MakeLayerFromTar(std::string tar, Compression compression = Compression::kGzip);

// What goes into the config beside rootfs.
struct ImageOptions {
  std::string architecture = "amd64";
  std::string os = "linux";
  std::vector<std::string> entrypoint = {};
  std::vector<std::string> cmd = {};
  std::vector<std::string> env = {
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
  std::string working_dir = {};
  std::string user = {};
};

struct Image {
  std::vector<std::string> repo_tags;  // empty: "RepoTags":null, as for digest references
  std::string config;                  // JSON
  Digest config_digest;
  std::vector<Layer> layers;  // lowest first
};

Image MakeImage(std::vector<std::string> repo_tags, std::vector<Layer> layers,
                const ImageOptions& options = {});

}  // namespace lighter::support
