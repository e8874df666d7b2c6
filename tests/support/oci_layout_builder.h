// OCI image layouts as tars, as skopeo, buildx and `ctr images export` write them; broken ones,
// too.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/image_builder.h"
#include "tests/support/rope.h"

namespace lighter::support {

class OciLayoutBuilder {
 public:
  // Each adds its blobs and returns the descriptor.
  nlohmann::json AddBlob(const std::string& media_type, const Rope& bytes);
  nlohmann::json AddImage(const Image& image);
  nlohmann::json AddIndex(const std::vector<nlohmann::json>& children);

  // An item of index.json, with this annotation unless the name is empty.
  void AddItem(nlohmann::json descriptor, const std::string& name = {},
               const std::string& annotation = "io.containerd.image.name");

  // What is stored, by entry name; for changes by hostile tests.
  std::map<std::string, Rope>& blobs() { return blobs_; }
  static std::string EntryOf(const nlohmann::json& descriptor);

  Rope Finish() const;

 private:
  std::map<std::string, Rope> blobs_;
  nlohmann::json items_ = nlohmann::json::array();
};

// A layout of these images, each item named by the image's first name.
Rope OciLayoutTar(const std::vector<Image>& images);

}  // namespace lighter::support
