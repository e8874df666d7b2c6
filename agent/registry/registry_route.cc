#include "agent/registry/registry_route.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/status.h"

namespace lighter {
namespace {

constexpr absl::string_view kRoot = "/v2";
constexpr absl::string_view kMirrored = "ns=";

// Undoes percent-encoding; nullopt where it is broken off.
std::optional<std::string> Unescape(absl::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    if (i + 2 >= text.size() || !absl::ascii_isxdigit(text[i + 1]) ||
        !absl::ascii_isxdigit(text[i + 2])) {
      return std::nullopt;
    }
    plain += absl::HexStringToBytes(text.substr(i + 1, 2));
    i += 2;
  }
  return plain;
}

// False where "ns" is there more than once, or cannot be read.
bool ParseQuery(absl::string_view query, RegistryRoute* route) {
  for (absl::string_view field : absl::StrSplit(query, '&')) {
    if (!absl::ConsumePrefix(&field, kMirrored)) continue;
    if (route->mirrored.has_value()) return false;
    route->mirrored = Unescape(field);
    if (!route->mirrored.has_value()) return false;
  }
  return true;
}

// "<repository>/<kind>/<reference>": a repository may itself have a part called "blobs".
bool ParsePath(absl::string_view path, RegistryRoute* route) {
  const size_t last = path.rfind('/');
  if (last == absl::string_view::npos || last == 0) return false;
  const size_t before = path.rfind('/', last - 1);
  if (before == absl::string_view::npos || before == 0) return false;
  const absl::string_view kind = path.substr(before + 1, last - before - 1);
  if (kind != "manifests" && kind != "blobs") return false;
  route->kind = kind == "blobs" ? RegistryRoute::Kind::kBlob : RegistryRoute::Kind::kManifest;
  route->repository = std::string(path.substr(0, before));
  route->reference = std::string(path.substr(last + 1));
  return !route->reference.empty();
}

}  // namespace

std::optional<RegistryRoute> ParseRegistryRoute(std::string_view target) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(ToAbsl(target), absl::MaxSplits('?', 1));
  RegistryRoute route;
  const std::optional<std::string> path = Unescape(parts.first);
  if (!path.has_value() || !ParseQuery(parts.second, &route)) return std::nullopt;
  absl::string_view rest = *path;
  if (!absl::ConsumePrefix(&rest, kRoot)) return std::nullopt;
  if (rest.empty() || rest == "/") return route;
  if (!absl::ConsumePrefix(&rest, "/") || !ParsePath(rest, &route)) return std::nullopt;
  return route;
}

}  // namespace lighter
