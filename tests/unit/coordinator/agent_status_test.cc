// What `lighter agent status` says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/version.h"
#include "coordinator/install/describe_agents.h"
#include "coordinator/transfer/protocol.h"

namespace lighter {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

class AgentStatusTest : public ::testing::Test {
 protected:
  void SetUp() override {
    AgentState& state = report_.states.emplace_back();
    state.node = "node1";
    v1::InfoReply& info = state.info;
    info.set_agent_version("0.1.0");
    info.set_protocol_version(kProtocolVersion);
    info.set_containerd_version("v2.3.7");
    info.set_snapshotter("overlayfs");
    info.set_free_bytes(5'000'000'000);
    info.set_free_inodes(1'000'000);
    info.set_certificate_ends_unix_seconds(absl::ToUnixSeconds(kNow + absl::Hours(1000 * 24)));
    info.mutable_kept()->set_generation(7);
    info.mutable_kept()->set_pins(true);
    AddRelease("ns/web", 9, 0, kNow - absl::Hours(50));
    AddRelease("ns/db", 5, 0, kNow - absl::Hours(3));
  }

  void AddRelease(const std::string& name, uint32_t images, uint32_t missing, absl::Time loaded) {
    v1::KeptRelease& release = *kept().add_releases();
    release.set_name(name);
    release.set_images(images);
    release.set_missing(missing);
    release.set_loaded_unix_seconds(absl::ToUnixSeconds(loaded));
  }

  AgentState& state() { return report_.states[0]; }
  v1::KeptState& kept() { return *state().info.mutable_kept(); }
  std::string Text() const { return DescribeAgents(report_, kNow); }
  nlohmann::ordered_json Json() const { return AgentsToJson(report_)["nodes"][0]; }

  AgentsReport report_;
};

TEST_F(AgentStatusTest, AHealthyNodeIsOneLine) {
  const std::string text = Text();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
  EXPECT_THAT(text, HasSubstr("  2 releases, 14 images  3 h ago    pins  right\n"));
  EXPECT_THAT(text, HasSubstr("  v2.3.7      overlayfs    4.7 GiB  "));
}

TEST_F(AgentStatusTest, ATaintThatKeepsPodsAwayIsToldWhetherOrNotTheAgentAnswers) {
  EXPECT_EQ(Json()["taint"], "");
  state().taint = "example.com/images-missing";
  state().pod = "lighter-agent-x";
  const auto told = HasSubstr(
      "\n  taint example.com/images-missing keeps pods away until the node holds all that the "
      "desired list wants; `kubectl logs -n lighter-system lighter-agent-x --all-containers`");
  EXPECT_THAT(Text(), told);
  EXPECT_EQ(Json()["taint"], "example.com/images-missing");
  state().status = absl::UnavailableError("waits");
  EXPECT_THAT(Text(), told);
}

TEST_F(AgentStatusTest, WithoutAListNothingIsClaimed) {
  kept().Clear();
  state().info.set_free_bytes(0);
  EXPECT_THAT(Text(), HasSubstr("  overlayfs    -     -      -          -   right\n"));
  EXPECT_EQ(Json()["desired"]["generation"], 0);
}

TEST_F(AgentStatusTest, WhatIsMissingAndWhyIsUnderTheNode) {
  AddRelease("ns/new", 4, 3, kNow);
  kept().set_pins(false);
  kept().set_problem("no peer has sha256:abc");
  kept().set_doing("fetch r.io/a:1 1/3");
  kept().set_recreated_names(2);
  const std::string text = Text();
  EXPECT_THAT(text, HasSubstr("3 releases, 18 images (3 missing)  just now   lease"));
  EXPECT_THAT(text, HasSubstr("\n  problem: no peer has sha256:abc\n"));
  EXPECT_THAT(text, HasSubstr("\n  now: fetch r.io/a:1 1/3\n"));
  EXPECT_THAT(text, HasSubstr("\n  ns/new lacks 3 of 4 images"));
  EXPECT_THAT(text, HasSubstr("\n  2 names were deleted by others and put back"));
  EXPECT_THAT(text, Not(HasSubstr("inodes")));
  EXPECT_EQ(Json()["desired"]["releases"][2]["missing"], 3);
  EXPECT_EQ(Json()["desired"]["recreatedNames"], 2);
}

TEST_F(AgentStatusTest, WhatWillRunOutIsSaidInTime) {
  state().info.set_free_inodes(99'999);
  state().info.set_containerd_root("/var/lib/containerd");
  state().info.set_certificate_ends_unix_seconds(
      absl::ToUnixSeconds(kNow + absl::Hours(89 * 24 + 1)));
  state().clock_ahead = -absl::Hours(26);
  const std::string text = Text();
  EXPECT_THAT(text, HasSubstr("\n  only 99999 inodes are free below /var/lib/containerd"));
  EXPECT_THAT(text, HasSubstr("\n  its certificate ends in 89 days; `lighter agent install`"));
  EXPECT_THAT(text, HasSubstr("26h behind\n"));
  EXPECT_THAT(text, HasSubstr("\n  set its clock"));
  EXPECT_EQ(Json()["certificateEnds"], "2024-02-11T23:13:20+00:00");
}

TEST_F(AgentStatusTest, WhereToPullFromAndWhatKeepsOthersFromIt) {
  EXPECT_THAT(Text(), Not(HasSubstr("own registry")));
  state().info.set_registry("127.0.0.1:7444");
  EXPECT_THAT(Text(), HasSubstr("\nEach node's own registry: 127.0.0.1:7444\n"));
  v1::Mirror& works = *state().info.add_mirrors();
  works.set_registry("docker.io");
  works.set_tried(true);
  v1::Mirror& other = *state().info.add_mirrors();
  other.set_registry("10.0.0.5");
  EXPECT_THAT(Text(), HasSubstr("7444; asked first for 10.0.0.5, docker.io\n"));
  EXPECT_THAT(Text(), HasSubstr("\n  pulls from 10.0.0.5 do not ask the node's own registry first: "
                                "it is being tried\n"));
  other.set_tried(true);
  other.set_problem("containerd does not read /etc/containerd/certs.d");
  EXPECT_THAT(Text(), HasSubstr("first: containerd does not read /etc"));
  EXPECT_THAT(Text(), Not(HasSubstr("pulls from docker.io")));
  EXPECT_EQ(Json()["registry"], "127.0.0.1:7444");
  EXPECT_EQ(Json()["mirrors"][0]["works"], true);
  EXPECT_EQ(Json()["mirrors"][1]["works"], false);
}

TEST_F(AgentStatusTest, AnotherProtocolIsNotUsableAndSaysWhatHelps) {
  state().info.set_protocol_version(kProtocolVersion + 1);
  state().status = CheckProtocol(state().info);
  EXPECT_THAT(Text(),
              HasSubstr(absl::StrCat("not usable: its agent (version 0.1.0) speaks protocol ",
                                     kProtocolVersion + 1, ", this lighter ", kProtocolVersion)));
  EXPECT_THAT(Text(), HasSubstr("`lighter agent upgrade`"));
  EXPECT_EQ(Json()["usable"], false);
  EXPECT_EQ(Json()["protocolVersion"], kProtocolVersion + 1);
}

TEST_F(AgentStatusTest, WhatAnAgentSaysStaysOnItsLine) {
  kept().set_problem("a\nnode2  fine");
  EXPECT_THAT(Text(), Not(HasSubstr("\nnode2")));
}

TEST_F(AgentStatusTest, TheAuthoritysEndIsInJson) {
  report_.authority_ends = kNow;
  EXPECT_EQ(AgentsToJson(report_)["authorityEnds"], "2023-11-14T22:13:20+00:00");
  report_.authority_ends = absl::UnixEpoch();
  EXPECT_EQ(AgentsToJson(report_)["authorityEnds"], "");
}

}  // namespace
}  // namespace lighter
