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

// busybox:1.33.1 for amd64, whose digest after a `docker push` is public.
TEST(OciTest, PushedManifestHasDockersVeryBytes) {
  const auto digest = [](const char* hex) { return Digest::FromHex(hex).value(); };
  const std::string manifest = DockerPushManifestJson(
      {std::string(kDockerConfig),
       digest("69593048aa3acfee0f75f20b77acb549de2472063053f6730c4091b53f2dfb02"), 1457},
      {{std::string(kDockerLayerGzip),
        digest("b71f96345d44b237decc0c2d6c2f9ad0d17fde83dad7579608f1f0764d9686f2"), 766607}});
  EXPECT_EQ(manifest.size(), 527u);
  EXPECT_EQ(Digest::Of(manifest).hex(),
            "dca71257cd2e72840a21f0323234bb2e33fea6d949fa0f21c5102146f583486b");
  const std::string without = DockerPushManifestJson({std::string(kDockerConfig), Digest(), 0}, {});
  EXPECT_TRUE(without.ends_with("\"layers\": []\n}")) << without;
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
