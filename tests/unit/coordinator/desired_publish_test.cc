// Publishing the desired list, against a kubectl that keeps one ConfigMap in a file: a conflict
// comes when the test wants one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "common/desired.h"
#include "coordinator/desired/desired_map.h"
#include "coordinator/desired/publish.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/coordinator/fake_agent.h"

namespace lighter {
namespace {

using test::FakeAgent;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// $0's folder holds: map (the object, absent at first), conflicts (how many writes fail first),
// map-of-another (what somebody writes right after), calls (a verb a line).
constexpr char kScript[] = R"sh(#!/bin/sh
cd "$(dirname "$0")" || exit 1
shift  # --request-timeout
echo "$1" >> calls
fail() { echo "Error from server ($1): $2" >&2; exit 1; }
case "$1" in
  get) [ ! -f map ] || cat map ;;
  create|replace)
    cat > incoming
    left=$(cat conflicts 2> /dev/null || echo 0)
    echo $((left - 1)) > conflicts
    [ "$left" -le 0 ] || fail Conflict 'the object has been modified'
    [ ! -f refuse ] || fail Forbidden 'configmaps is forbidden'
    [ "$1" = replace ] || [ ! -f map ] || fail AlreadyExists 'it exists'
    sed 's/"metadata":{/"metadata":{"resourceVersion":"1",/' incoming > map
    [ ! -f map-of-another ] || cp map-of-another map ;;
esac
)sh";

class PublishTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(Path("kubectl")) << kScript;
    ASSERT_EQ(::chmod(Path("kubectl").c_str(), 0755), 0);
    absl::StatusOr<Authority> made = MakeAuthority();
    ASSERT_TRUE(made.ok()) << made.status();
    authority_ = *std::move(made);
  }

  std::string Path(const std::string& name) const { return folder_.File(name); }
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(Path(name)) << text;
  }
  std::vector<std::string> Calls() const {
    std::ifstream file(Path("calls"));
    std::vector<std::string> calls;
    for (std::string line; std::getline(file, line);) calls.push_back(line);
    return calls;
  }

  // Puts a list into the cluster as another run would.
  void Put(const v1::Desired& list, const Authority& authority, const std::string& file = "map") {
    const absl::StatusOr<v1::SignedDesired> text = SignDesired(list, authority);
    ASSERT_TRUE(text.ok()) << text.status();
    const nlohmann::json map = {
        {"metadata", {{"resourceVersion", "7"}}},
        {"binaryData", {{kDesiredKey, absl::Base64Escape(text->SerializeAsString())}}}};
    Write(file, map.dump());
  }

  absl::StatusOr<PublishOutcome> Publish(const DesiredEdit& edit = AddRelease) {
    return PublishDesired(kubectl(), authority_, {agent_.Endpoint("node1")}, edit);
  }

  // The agent has a list of this generation, from before.
  void AgentHolds(uint64_t generation, const Authority& authority) {
    v1::Desired list;
    list.set_generation(generation);
    list.add_releases()->set_name("ns/before");
    const absl::StatusOr<v1::SignedDesired> held = SignDesired(list, authority);
    ASSERT_TRUE(held.ok()) << held.status();
    agent_.held = *held;
  }
  v1::Desired Held() const {
    v1::Desired list;
    list.ParseFromString(agent_.held.desired());
    return list;
  }

  Kubectl kubectl() const { return Kubectl({.binary = Path("kubectl")}); }

  static v1::Desired AddRelease(v1::Desired list) {
    list.add_releases()->set_name("ns/new");
    list.set_generation(list.generation() + 1);
    return list;
  }

  const support::TempDir folder_;
  Authority authority_;
  FakeAgent agent_;
};

TEST_F(PublishTest, TheFirstListIsCreatedAndHandedOver) {
  const auto outcome = Publish();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_TRUE(outcome->changed);
  EXPECT_THAT(outcome->notes, IsEmpty());
  EXPECT_THAT(Calls(), ElementsAre("get", "create"));
  EXPECT_EQ(agent_.kept, 1u);
  const auto map = ReadDesiredMap(kubectl(), authority_);
  ASSERT_TRUE(map.ok()) << map.status();
  EXPECT_EQ(map->problem, "");
  EXPECT_EQ(map->list.SerializeAsString(), outcome->list.SerializeAsString());
  std::ifstream file(Path("map"));
  const nlohmann::json object = nlohmann::json::parse(file);
  EXPECT_EQ(object["metadata"]["labels"]["app.kubernetes.io/managed-by"], "lighter");
}

TEST_F(PublishTest, NothingChangedIsOneCallAndTellsNobody) {
  v1::Desired list;
  list.set_generation(5);
  Put(list, authority_);
  const auto outcome = Publish([](v1::Desired same) { return same; });
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_FALSE(outcome->changed);
  EXPECT_EQ(outcome->list.generation(), 5u);
  EXPECT_THAT(Calls(), ElementsAre("get"));
  EXPECT_EQ(agent_.kept, 0u);
}

TEST_F(PublishTest, WhoeverWasQuickerIsReadAgain) {
  v1::Desired list;
  list.set_generation(5);
  Put(list, authority_);
  Write("conflicts", "2");
  const auto outcome = Publish();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->list.generation(), 6u);
  EXPECT_THAT(outcome->list.releases(), SizeIs(1));
  EXPECT_THAT(Calls(), ElementsAre("get", "replace", "get", "replace", "get", "replace"));
  std::ifstream file(Path("map"));
  EXPECT_EQ(nlohmann::json::parse(file)["metadata"]["resourceVersion"], "7");
}

TEST_F(PublishTest, GivesUpWhereSomebodyElseIsAlwaysQuicker) {
  Write("conflicts", "100");
  const auto outcome = Publish();
  EXPECT_TRUE(absl::IsAborted(outcome.status())) << outcome.status();
  EXPECT_THAT(Calls(), SizeIs(10));
  EXPECT_EQ(agent_.kept, 0u);
}

TEST_F(PublishTest, WhatIsRefusedIsNotTriedAgain) {
  Write("refuse", "");
  const auto outcome = Publish();
  EXPECT_THAT(outcome.status().message(), HasSubstr("configmaps is forbidden"));
  EXPECT_THAT(Calls(), ElementsAre("get", "create"));
}

TEST_F(PublishTest, AForeignListIsReplacedAndSaid) {
  const absl::StatusOr<Authority> other = MakeAuthority();
  ASSERT_TRUE(other.ok()) << other.status();
  v1::Desired list;
  list.set_generation(5);
  Put(list, *other);
  const auto outcome = Publish();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->list.generation(), 1u);
  EXPECT_THAT(outcome->notes, ElementsAre(HasSubstr("not signed by this cluster's authority")));
  Write("map", R"({"metadata": {"resourceVersion": "8"}})");
  EXPECT_THAT(Publish()->notes, ElementsAre(HasSubstr("it cannot be read")));
}

// An agent never goes back: a list that began anew must get ahead of what agents have.
TEST_F(PublishTest, AListThatWasLostGoesOnWhereTheAgentsAre) {
  AgentHolds(41, authority_);
  const auto outcome = Publish();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->list.generation(), 42u);
  EXPECT_EQ(agent_.kept, 42u);
  EXPECT_THAT(outcome->list.releases(), SizeIs(1));
  EXPECT_THAT(outcome->notes, ElementsAre(HasSubstr("had been lost")));
}

TEST_F(PublishTest, AListThatWasLostAndHasTheAgentsNumberAgainGoesOn) {
  AgentHolds(1, authority_);
  const auto outcome = Publish();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->list.generation(), 2u);
  EXPECT_EQ(agent_.kept, 2u);
  EXPECT_THAT(outcome->notes, ElementsAre(HasSubstr("had been lost")));
}

TEST_F(PublishTest, AnAgentsWordIsNotTakenForAList) {
  const absl::StatusOr<Authority> other = MakeAuthority();
  ASSERT_TRUE(other.ok()) << other.status();
  AgentHolds(~uint64_t{0}, *other);
  const auto outcome = Publish();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->list.generation(), 1u);
  EXPECT_THAT(outcome->notes, ElementsAre(HasSubstr("not signed by this cluster's authority")));
}

TEST_F(PublishTest, AnotherRunsNewerListIsNotTakenForALoss) {
  AgentHolds(5, authority_);
  // Between our write and our telling, the other run's list replaces ours.
  Put(Held(), authority_, "map-of-another");
  const auto outcome = Publish();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->list.generation(), 5u);
  EXPECT_THAT(outcome->notes, IsEmpty());
  EXPECT_THAT(Calls(), ElementsAre("get", "create", "get"));
}

TEST_F(PublishTest, AnAgentThatCannotBeToldIsANote) {
  agent_.keep_answer = {grpc::StatusCode::UNIMPLEMENTED, "no such method"};
  const auto outcome = Publish();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_TRUE(outcome->changed);
  EXPECT_THAT(outcome->notes, ElementsAre(HasSubstr("node1: its agent was not told")));
}

}  // namespace
}  // namespace lighter
