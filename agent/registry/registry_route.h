// What a request to the registry is for, read from its target alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lighter {

// The pull part of the distribution API (github.com/opencontainers/distribution-spec, "Endpoints").
struct RegistryRoute {
  enum class Kind { kBase, kManifest, kBlob };

  Kind kind = Kind::kBase;
  std::string repository;
  std::string reference;                // a tag or a digest, unchecked
  std::optional<std::string> mirrored;  // "?ns=": the registry that containerd was asked for
};

// Parses "/v2/<repository>/manifests/<reference>?ns=<registry>" and the like; what it returns is
// unescaped and not checked further. nullopt where the target is of no such form.
std::optional<RegistryRoute> ParseRegistryRoute(std::string_view target);

}  // namespace lighter
