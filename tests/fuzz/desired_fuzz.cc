// The cluster's desired list as an agent gets it: bytes of a Desired. Only what the authority
// signed counts, and even that is checked.
#include <google/protobuf/stubs/logging.h>

#include "agent/registry/desired_names.h"
#include "common/desired.h"
#include "common/reference.h"
#include "tests/fuzz/fuzz.h"

namespace lighter {
namespace {

const Authority& OwnAuthority() {
  static const Authority authority = MakeAuthority().value();
  return authority;
}

bool HasAllNames(const DesiredNames& names, const v1::DesiredImage& image) {
  for (const std::string& text : image.names()) {
    const Reference name = Reference::Parse(text).value();
    const DesiredNames::Repository* found = names.Find(name.registry, name.repository);
    const Digest digest = Digest::Parse(image.manifest_digest()).value();
    if (found == nullptr || !found->manifests.contains(digest)) return false;
    if (!name.tag.empty() && !found->tags.contains(name.tag)) return false;
  }
  return true;
}

}  // namespace
}  // namespace lighter

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lighter;
  // It tells of each text that is not UTF-8.
  [[maybe_unused]] static const auto loud = google::protobuf::SetLogHandler(nullptr);
  v1::SignedDesired list;
  list.set_desired(data, size);
  list.set_signature(data, size);
  REQUIRE(!VerifyDesired(list, OwnAuthority().certificate).ok());
  v1::Desired desired;
  if (!desired.ParseFromArray(data, static_cast<int>(size))) return 0;
  const auto signed_list = SignDesired(desired, OwnAuthority());
  if (!signed_list.ok()) return 0;
  const auto verified = VerifyDesired(*signed_list, OwnAuthority().certificate);
  // What no check has seen must do no harm either.
  const DesiredNames unchecked(std::make_shared<const v1::Desired>(desired));
  if (!verified.ok()) return 0;
  const DesiredNames names(std::make_shared<const v1::Desired>(*verified));
  for (const v1::DesiredRelease& release : verified->releases()) {
    for (const auto* images : {&release.images(), &release.previous_images()}) {
      for (const v1::DesiredImage& image : *images) REQUIRE(HasAllNames(names, image));
    }
  }
  return 0;
}
