#include "common/reference.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace lighter {
namespace {

// The grammar of github.com/distribution/reference (regexp.go, normalize.go, reference.go).
constexpr size_t kMaxNameLength = 255;
constexpr size_t kMaxTagLength = 128;
constexpr std::string_view kDefaultRegistry = "docker.io";
constexpr std::string_view kLegacyRegistry = "index.docker.io";
constexpr std::string_view kOfficialPrefix = "library/";

bool IsLowerAlnum(char c) { return absl::ascii_isdigit(c) || absl::ascii_islower(c); }
bool IsWord(char c) { return absl::ascii_isalnum(c) || c == '_'; }
bool IsLowerHex(char c) { return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f'); }
bool HasUpper(std::string_view s) { return std::any_of(s.begin(), s.end(), absl::ascii_isupper); }

template <typename Predicate>
bool AllOf(std::string_view s, Predicate predicate) {
  return !s.empty() && std::all_of(s.begin(), s.end(), predicate);
}

// Calls `valid` for each part of `s` between separators; false as soon as one is not valid.
template <typename Predicate>
bool EachPart(std::string_view s, char separator, Predicate valid) {
  while (true) {
    const size_t end = s.find(separator);
    if (!valid(s.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    s.remove_prefix(end + 1);
  }
}

bool IsDomainComponent(std::string_view s) {
  return AllOf(s, [](char c) { return absl::ascii_isalnum(c) || c == '-'; }) && s.front() != '-' &&
         s.back() != '-';
}

// domain [":" port]; the domain may be an IPv6 literal in brackets.
bool IsRegistry(std::string_view s) {
  size_t host_end = s.find(':');
  if (s.starts_with('[')) {
    host_end = s.find(']');
    if (host_end == std::string_view::npos) return false;
    ++host_end;
    if (!AllOf(s.substr(1, host_end - 2),
               [](char c) { return absl::ascii_isxdigit(c) || c == ':'; })) {
      return false;
    }
  } else if (!EachPart(s.substr(0, host_end), '.', IsDomainComponent)) {
    return false;
  }
  if (host_end >= s.size()) return true;
  return s[host_end] == ':' && AllOf(s.substr(host_end + 1), absl::ascii_isdigit);
}

// alphanumeric runs joined by one ".", one "_", "__", or any number of "-".
bool IsPathComponent(std::string_view s) {
  if (s.empty() || !IsLowerAlnum(s.front()) || !IsLowerAlnum(s.back())) return false;
  for (size_t i = 0; i < s.size();) {
    if (IsLowerAlnum(s[i])) {
      ++i;
      continue;
    }
    size_t end = i;
    while (!IsLowerAlnum(s[end])) ++end;
    const std::string_view separator = s.substr(i, end - i);
    const bool valid = separator == "." || separator == "_" || separator == "__" ||
                       AllOf(separator, [](char c) { return c == '-'; });
    if (!valid) return false;
    i = end;
  }
  return true;
}

bool IsTag(std::string_view s) {
  return s.size() <= kMaxTagLength &&
         AllOf(s, [](char c) { return IsWord(c) || c == '.' || c == '-'; }) && IsWord(s.front());
}

// The algorithms that go-digest knows, each with its exact length.
bool IsDigest(std::string_view s) {
  const size_t colon = s.find(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view algorithm = s.substr(0, colon);
  const std::string_view hex = s.substr(colon + 1);
  if (!AllOf(hex, IsLowerHex)) return false;
  return (algorithm == "sha256" && hex.size() == 64) ||
         (algorithm == "sha384" && hex.size() == 96) ||
         (algorithm == "sha512" && hex.size() == 128);
}

absl::Status Invalid(std::string_view text, std::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("\"", absl::CEscape(ToAbsl(text.substr(0, 300))),
                                                 "\" is not an image name: ", ToAbsl(why)));
}

// Splits off the registry as docker does: the first part is one when it is "localhost" or holds a
// dot or a colon. (Newer versions also take a part with upper-case letters; containerd 1.6 refuses
// that.)
void SplitRegistry(std::string_view name, std::string& registry, std::string& repository) {
  const size_t slash = name.find('/');
  const std::string_view first = name.substr(0, slash);
  const bool has_registry =
      slash != std::string_view::npos &&
      (first == "localhost" || first.find_first_of(".:") != std::string_view::npos);
  registry = has_registry ? first : kDefaultRegistry;
  repository = has_registry ? name.substr(slash + 1) : name;
  if (registry == kLegacyRegistry) registry = kDefaultRegistry;
  if (registry == kDefaultRegistry && repository.find('/') == std::string::npos) {
    repository.insert(0, kOfficialPrefix);
  }
}

}  // namespace

std::string Reference::str() const {
  return digest.empty() ? absl::StrCat(name(), ":", tag) : absl::StrCat(name(), "@", digest);
}

absl::StatusOr<Reference> Reference::Parse(std::string_view text) {
  if (text.empty()) return Invalid(text, "it is empty");
  if (text.size() == 64 && AllOf(text, IsLowerHex)) {
    return Invalid(text, "64 hex digits are an image ID, not a name");
  }
  Reference ref;
  std::string_view rest = text;
  if (const size_t at = rest.find('@'); at != std::string_view::npos) {
    ref.digest = rest.substr(at + 1);
    if (!IsDigest(ref.digest)) return Invalid(text, "what follows \"@\" is not a digest");
    rest = rest.substr(0, at);
  }
  // A colon after the last slash starts the tag; one before it, a port.
  const size_t slash = rest.rfind('/');
  const size_t colon = rest.find(':', slash == std::string_view::npos ? 0 : slash);
  if (colon != std::string_view::npos) {
    ref.tag = rest.substr(colon + 1);
    if (!IsTag(ref.tag)) {
      return Invalid(text, ref.tag.empty() ? "the tag is empty" : "the tag is not valid");
    }
    rest = rest.substr(0, colon);
  }
  SplitRegistry(rest, ref.registry, ref.repository);
  if (HasUpper(ref.repository)) return Invalid(text, "the repository name must be lower case");
  if (!IsRegistry(ref.registry)) {
    return Invalid(text, absl::StrCat("\"", absl::CEscape(ref.registry), "\" is not a registry"));
  }
  if (!EachPart(ref.repository, '/', IsPathComponent)) {
    return Invalid(text, "the repository name is not valid");
  }
  if (ref.name().size() > kMaxNameLength) {
    return Invalid(text, "registry and repository are longer than 255 characters");
  }
  if (!ref.digest.empty()) {
    ref.tag.clear();
  } else if (ref.tag.empty()) {
    ref.tag = "latest";
  }
  return ref;
}

absl::Status CheckRegistryName(std::string_view registry) {
  const absl::StatusOr<Reference> ref =
      Reference::Parse(absl::StrCat(ToAbsl(registry), "/library/a"));
  if (ref.ok() && ref->registry == registry) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", absl::CEscape(ToAbsl(registry.substr(0, 300))),
      "\" is not a registry as image names begin with it, like docker.io or 10.0.0.5:5000"));
}

}  // namespace lighter
