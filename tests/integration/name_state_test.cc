// Names asked about alone: what an agent says of them when nobody tells it what they should be.
#include <gmock/gmock.h>

#include "absl/time/clock.h"
#include "common/oci.h"
#include "tests/integration/node_test.h"

namespace lighter::testing {
namespace {

using support::MakeImage;
using ::testing::HasSubstr;

constexpr char kName[] = "example.com/a:1";
constexpr char kOther[] = "example.com/b:1";

class NameStateTest : public NodeTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(NodeTest::SetUp());
    image_ =
        images_.Add(MakeImage({}, {DataLayer("a", 1000, 1), DataLayer("b", 1000, 2)}), {kName});
    other_ = images_.Add(MakeImage({}, {DataLayer("c", 1000, 3)}), {kOther});
    ASSERT_OK(Load(agent(), images_).status);
  }

  grpc::Status Ask(const std::string& name, v1::InventoryReply& reply) {
    grpc::ClientContext context;
    v1::InventoryRequest request;
    request.add_names(name);
    return agent()->Inventory(&context, request, &reply);
  }

  v1::NameState StateOf(const std::string& name) {
    v1::InventoryReply reply;
    const grpc::Status status = Ask(name, reply);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(reply.names_size(), 1);
    return reply.names_size() == 1 ? reply.names(0) : v1::NameState();
  }

  ImageSet images_;
  v1::Image image_;
  v1::Image other_;
};
FOR_EVERY_CONTAINERD(NameStateTest);

TEST_P(NameStateTest, WhatWasLoadedIsProven) {
  const v1::NameState state = StateOf(kName);
  EXPECT_TRUE(state.proven()) << state.cause();
  EXPECT_EQ(state.cause(), "");
  EXPECT_EQ(state.image_id(), image_.config().digest());
  EXPECT_EQ(state.current_manifest_digest(), image_.manifest_digest());
  EXPECT_EQ(state.manifest_media_type(), kDockerManifest);
  EXPECT_EQ(state.manifest_size(), image_.manifest().size());
  EXPECT_TRUE(state.is_lighters());
}

TEST_P(NameStateTest, ANameThatIsNotThereIsNoError) {
  const v1::NameState state = StateOf("example.com/nobody:1");
  EXPECT_FALSE(state.proven());
  EXPECT_EQ(state.current_manifest_digest(), "");
  EXPECT_EQ(state.cause(), "no image has this name");
}

TEST_P(NameStateTest, ANameThatSomebodyMovedIsTheOtherImage) {
  ASSERT_OK(containerd().Ctr({"images", "tag", "--force", kOther, kName}).status());
  v1::NameState state = StateOf(kName);
  // CRI learns of it by an event.
  for (int i = 0; i < 100 && !state.proven(); ++i) {
    absl::SleepFor(absl::Milliseconds(50));
    state = StateOf(kName);
  }
  EXPECT_TRUE(state.proven()) << state.cause();
  EXPECT_EQ(state.image_id(), other_.config().digest());
  EXPECT_EQ(state.current_manifest_digest(), other_.manifest_digest());
  EXPECT_FALSE(state.is_lighters());
}

TEST_P(NameStateTest, AnImageWhoseLayersAreNotUnpackedIsNotProven) {
  std::vector<Digest> diff_ids;
  for (const v1::Layer& layer : image_.layers()) {
    diff_ids.push_back(Digest::Parse(layer.diff_id()).value());
  }
  ASSERT_OK(containerd().Ctr({"snapshots", "rm", ChainIds(diff_ids).back().str()}).status());
  const v1::NameState state = StateOf(kName);
  EXPECT_FALSE(state.proven());
  EXPECT_THAT(state.cause(), HasSubstr("not unpacked"));
}

TEST_P(NameStateTest, AnImageWithoutItsManifestIsNotProven) {
  ASSERT_OK(containerd().Ctr({"content", "rm", image_.manifest_digest()}).status());
  const v1::NameState state = StateOf(kName);
  EXPECT_FALSE(state.proven());
  EXPECT_THAT(state.cause(), HasSubstr(image_.manifest_digest()));
  EXPECT_TRUE(StateOf(kOther).proven());
}

TEST_P(NameStateTest, ANameThatIsNotNormalisedIsRefused) {
  v1::InventoryReply reply;
  const grpc::Status status = Ask("a", reply);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("docker.io/library/a:latest"));
}

}  // namespace
}  // namespace lighter::testing
