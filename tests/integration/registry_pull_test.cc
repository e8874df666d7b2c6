// Real containerds pull from the node's registry, whose blobs are in memory.
#include <gmock/gmock.h>

#include <atomic>
#include <filesystem>
#include <optional>

#include "absl/strings/str_cat.h"
#include "agent/containerd_client.h"
#include "agent/registry/mirrors.h"
#include "agent/registry/registry_server.h"
#include "common/file.h"
#include "tests/integration/node_test.h"
#include "tests/support/memory_content.h"

namespace lighter::testing {
namespace {

using support::MakeImage;
using support::MemoryContent;
using ::testing::HasSubstr;

constexpr uint64_t kLayerBytes = 5'000'000;
constexpr absl::Duration kPullTimeout = absl::Seconds(60);

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

  absl::Status Pull(const std::string& name) {
    return Containerd(containerd().socket()).CriPull(name, kPullTimeout);
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
    ASSERT_OK(Pull(name));
  }
  ExpectProven(images_);
}

TEST_P(RegistryPullTest, APullByDigest) {
  Offer({Name("127.0.0.1", "quayside/web:v1")});
  const std::string name =
      Name("127.0.0.1", "quayside/web@" + images_.start().images(0).manifest_digest());
  ASSERT_OK(Pull(name));
}

TEST_P(RegistryPullTest, WhatIsNotInTheListIsNotFound) {
  Offer({Name("127.0.0.1", "quayside/web:v1")});
  for (const std::string rest : {"quayside/web:v2", "quayside/db:v1"}) {
    const absl::Status status = Pull(Name("127.0.0.1", rest));
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
  ASSERT_OK(Pull(Name("127.0.0.1", "quayside/web:v1")));
  ExpectProven(images_);
  EXPECT_GT(given_after, 0);
  EXPECT_LT(given_after, kLayerBytes * 3 / 4);
}

class MirrorsTest : public RegistryPullTest {
 protected:
  void SetUp() override {
    RegistryPullTest::SetUp();
    std::filesystem::create_directories(containerd().hosts());
  }

  // What the mirrors come to with config_path believed to be `folder`.
  std::vector<v1::Mirror> Settle(const std::vector<std::string>& registries,
                                 const std::string& folder) {
    mirrors_.emplace(Containerd(containerd().socket()),
                     MirrorOptions{.registries = registries,
                                   .folder = folder,
                                   .registry = absl::StrCat("127.0.0.1:", registry_->port()),
                                   .alive = folder},
                     [](const std::string& line) { std::cerr << line << std::endl; });
    const absl::Time give_up = absl::Now() + kPullTimeout;
    while (!mirrors_->State().back().tried() && absl::Now() < give_up) {
      absl::SleepFor(absl::Milliseconds(20));
    }
    return mirrors_->State();
  }

  std::set<std::string> Folders(const std::string& folder) const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      names.insert(entry.path().filename());
    }
    return names;
  }

  std::optional<Mirrors> mirrors_;
};
FOR_EVERY_CONTAINERD(MirrorsTest);

TEST_P(MirrorsTest, NamesOfOtherRegistriesArePulledFromTheNodesOwn) {
  const std::vector<std::string> names = {"registry.invalid:5000/acme/web:1",
                                          "docker.io/library/lighter-test:1"};
  Offer(names);
  const std::vector<std::string> registries = {"registry.invalid:5000", "docker.io"};
  for (const v1::Mirror& mirror : Settle(registries, containerd().hosts())) {
    EXPECT_TRUE(mirror.tried());
    EXPECT_EQ(mirror.problem(), "");
  }
  EXPECT_EQ(Folders(containerd().hosts()),
            std::set<std::string>(registries.begin(), registries.end()));
  for (const std::string& name : names) ASSERT_OK(Pull(name));
  ExpectProven(images_);
}

TEST_P(MirrorsTest, AFolderThatContainerdDoesNotReadIsToldAndLeftAsItWas) {
  const std::string folder = containerd().folder() + "/elsewhere";
  std::filesystem::create_directories(folder);
  const std::vector<v1::Mirror> state = Settle({"docker.io"}, folder);
  EXPECT_THAT(state.at(0).problem(), HasSubstr("containerd does not read " + folder));
  EXPECT_EQ(Folders(folder), std::set<std::string>());
}

TEST_P(MirrorsTest, OthersSettingsStayAndAreTold) {
  const std::string file = containerd().hosts() + "/docker.io/hosts.toml";
  std::filesystem::create_directories(containerd().hosts() + "/docker.io");
  ASSERT_OK(WriteFileAtomic(file, "server = \"http://127.0.0.1:1\"\n", 0644));
  const std::vector<v1::Mirror> state =
      Settle({"docker.io", "registry.invalid"}, containerd().hosts());
  EXPECT_THAT(state.at(0).problem(), HasSubstr("not lighter's"));
  EXPECT_EQ(state.at(1).problem(), "");
  EXPECT_EQ(ReadFile(file, kKiB).value(), "server = \"http://127.0.0.1:1\"\n");
}

}  // namespace
}  // namespace lighter::testing
