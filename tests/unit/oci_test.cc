#include "common/oci.h"

#include <gtest/gtest.h>

namespace lighter {
namespace {

// Config and layer "{}", as containerd's importer writes its manifest (core/images/archive).
TEST(OciTest, DockerManifestHasContainerdsVeryBytes) {
  const Digest digest = Digest::Of("{}");
  ASSERT_EQ(digest.hex().substr(0, 8), "44136fa3");
  const std::string manifest = DockerManifestJson({std::string(kDockerConfig), digest, 2},
                                                  {{std::string(kDockerLayer), digest, 2}});
  EXPECT_EQ(manifest.size(), 414u);
  EXPECT_EQ(Digest::Of(manifest).hex(),
            "829ded263c94eacb60c48a8ae08131d315d0bbb92901ddb067e6d88cdeb11bb4");
}

TEST(OciTest, AManifestWithoutLayersHasAnEmptyList) {
  const std::string manifest = DockerManifestJson({std::string(kDockerConfig), Digest(), 0}, {});
  EXPECT_TRUE(manifest.ends_with("\"layers\":[]}")) << manifest;
}

TEST(OciTest, ChainIdsFollowTheImageSpec) {
  const Digest a = Digest::Of("a");
  const Digest b = Digest::Of("b");
  const Digest c = Digest::Of("c");
  EXPECT_TRUE(ChainIds({}).empty());
  EXPECT_EQ(ChainIds({a}), std::vector<Digest>{a});
  const Digest ab = Digest::Of(a.str() + " " + b.str());
  const Digest abc = Digest::Of(ab.str() + " " + c.str());
  EXPECT_EQ(ChainIds({a, b, c}), (std::vector<Digest>{a, ab, abc}));
}

}  // namespace
}  // namespace lighter
