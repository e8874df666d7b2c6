// Real containerds pull from the node's registry, whose blobs are in memory.
#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>

#include <atomic>
#include <filesystem>
#include <future>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/registry/registry_server.h"
#include "common/file.h"
#include "common/grpc_status.h"
#include "cri/api.pb.h"
#include "tests/integration/node_test.h"
#include "tests/support/memory_content.h"

namespace lighter::testing {
namespace {

using support::MakeImage;
using support::MemoryContent;
using ::testing::HasSubstr;

constexpr uint64_t kLayerBytes = 5'000'000;
constexpr std::chrono::seconds kPullTimeout(60);

// A pull as the kubelet asks for it. Of PullImageRequest and PullImageResponse only the first
// fields matter here, and those are fields of messages that the agent has.
absl::Status CriPull(const std::string& socket, const std::string& name) {
  grpc::TemplatedGenericStub<runtime::v1::ImageStatusRequest, runtime::v1::ImageSpec> stub(
      grpc::CreateChannel("unix:" + socket, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPullTimeout);
  runtime::v1::ImageStatusRequest request;
  request.mutable_image()->set_image(name);
  runtime::v1::ImageSpec response;
  std::promise<grpc::Status> done;
  stub.UnaryCall(&context, "/runtime.v1.ImageService/PullImage", {}, &request, &response,
                 [&done](grpc::Status status) { done.set_value(std::move(status)); });
  return FromGrpc(done.get_future().get());
}

class RegistryPullTest : public NodeTest {
 protected:
  void SetUp() override {
    NodeTest::SetUp();
    auto started = RegistryServer::Start(
        "127.0.0.1:0", &content_, [](const std::string& line) { std::cerr << line << std::endl; });
    ASSERT_OK(started.status());
    registry_ = *std::move(started);
  }

  // The registry has an image of two layers, under these names.
  void Offer(const std::vector<std::string>& names) {
    const support::Layer layer = DataLayer("data", kLayerBytes, 1);
    large_ = layer.digest;
    const v1::Image& image = images_.Add(MakeImage({}, {layer, DataLayer("more", 1000, 2)}), names);
    content_.Add(image.manifest());
    content_.Add(images_.bytes(image.config().digest()));
    for (const v1::Layer& each : image.layers()) content_.Add(images_.bytes(each.blob().digest()));
    v1::Desired desired;
    v1::DesiredImage* const listed = desired.add_releases()->add_images();
    listed->set_manifest_digest(image.manifest_digest());
    listed->set_manifest_media_type(image.manifest_media_type());
    listed->set_manifest_size(image.manifest().size());
    *listed->mutable_names() = image.names();
    content_.SetDesired(desired);
  }

  std::string Name(const std::string& host, const std::string& rest) const {
    return absl::StrCat(host, ":", registry_->port(), "/", rest);
  }

  MemoryContent content_;
  std::unique_ptr<RegistryServer> registry_;
  ImageSet images_;
  Digest large_;
};
FOR_EVERY_CONTAINERD(RegistryPullTest);

TEST_P(RegistryPullTest, TheKubeletsPullNeedsNoConfiguration) {
  Offer({Name("127.0.0.1", "quayside/web:v1"), Name("localhost", "quayside/web:v2")});
  for (const std::string& name : images_.start().images(0).names()) {
    ASSERT_OK(CriPull(containerd().socket(), name));
  }
  ExpectProven(images_);
}

TEST_P(RegistryPullTest, APullByDigest) {
  Offer({Name("127.0.0.1", "quayside/web:v1")});
  const std::string name =
      Name("127.0.0.1", "quayside/web@" + images_.start().images(0).manifest_digest());
  ASSERT_OK(CriPull(containerd().socket(), name));
}

TEST_P(RegistryPullTest, WhatIsNotInTheListIsNotFound) {
  Offer({Name("127.0.0.1", "quayside/web:v1")});
  for (const std::string rest : {"quayside/web:v2", "quayside/db:v1"}) {
    const absl::Status status = CriPull(containerd().socket(), Name("127.0.0.1", rest));
    EXPECT_THAT(std::string(status.message()), HasSubstr("not found")) << rest;
  }
}

TEST_P(RegistryPullTest, ABlobThatBreaksOffIsResumedWhereItWas) {
  Offer({Name("127.0.0.1", "quayside/web:v1")});
  std::atomic<bool> broken = false;
  std::atomic<uint64_t> given_after = 0;
  content_.SetFault(large_, [&](uint64_t given) -> absl::Status {
    if (broken) {
      given_after = given;
      return absl::OkStatus();
    }
    if (given < kLayerBytes / 2) return absl::OkStatus();
    broken = true;
    return absl::UnavailableError("the peer went away");
  });
  ASSERT_OK(CriPull(containerd().socket(), Name("127.0.0.1", "quayside/web:v1")));
  ExpectProven(images_);
  EXPECT_GT(given_after, 0);
  EXPECT_LT(given_after, kLayerBytes * 3 / 4);
}

TEST_P(RegistryPullTest, AMirrorGivesAnyName) {
  const std::vector<std::string> names = {"registry.invalid:5000/acme/web:1",
                                          "docker.io/library/lighter-test:1"};
  Offer(names);
  const std::string hosts = containerd().folder() + "/certs.d";
  for (const std::string registry : {"registry.invalid:5000", "docker.io"}) {
    std::filesystem::create_directories(hosts + "/" + registry);
    // What the mirror does not have is asked of a port where nobody listens.
    ASSERT_OK(WriteFileAtomic(
        hosts + "/" + registry + "/hosts.toml",
        absl::StrCat("server = \"http://127.0.0.1:1\"\n[host.\"http://127.0.0.1:",
                     registry_->port(), "\"]\n  capabilities = [\"pull\", \"resolve\"]\n"),
        0644));
  }
  for (const std::string& name : names) {
    ASSERT_OK(containerd().Ctr({"images", "pull", "--hosts-dir", hosts, name}).status());
    const auto check = containerd().Ctr({"images", "check", "name==" + name});
    ASSERT_OK(check.status());
    EXPECT_TRUE(absl::StrContains(*check, " complete ")) << *check;
  }
}

}  // namespace
}  // namespace lighter::testing
