#include "agent/kubelet/pull_records.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

// A folder as kubelet 1.35.4 writes it.
class PullRecordsTest : public ::testing::Test {
 protected:
  PullRecordsTest() {
    std::filesystem::create_directories(dir_.File("pulled"));
    std::filesystem::create_directories(dir_.File("pulling"));
  }

  void Write(const std::string& folder, const std::string& key, const std::string& text) {
    std::ofstream(dir_.File(folder + "/sha256-" + Digest::Of(key).hex())) << text;
  }

  // `mapping` is the record's credentialMapping.
  void Pulled(const std::string& mapping) {
    Write("pulled", config_.str(),
          R"({"kind":"ImagePulledRecord","apiVersion":"kubelet.config.k8s.io/v1beta1",)"
          R"("lastUpdatedTime":"2026-11-23T07:00:00Z","imageRef":")" +
              config_.str() + "\"" + (mapping.empty() ? "" : ",\"credentialMapping\":" + mapping) +
              "}");
  }

  v1::PullRecord Find(const std::string& name) const {
    return PullRecords(dir_.path()).Find(Reference::Parse(name).value(), config_);
  }

  support::TempDir dir_;
  const Digest config_ = Digest::Of("config");
};

TEST_F(PullRecordsTest, AnImageWithoutARecordWasBroughtByOthers) {
  EXPECT_EQ(Find("10.0.0.5/a/b:v1"), v1::PULL_RECORD_NONE);
}

TEST_F(PullRecordsTest, WhatIsOpenIsSoForEveryTagOfItsRepositoryAndNoOther) {
  Pulled(R"({"10.0.0.5:5000/a/b":{"nodePodsAccessible":true}})");
  EXPECT_EQ(Find("10.0.0.5:5000/a/b:v1"), v1::PULL_RECORD_OPEN);
  EXPECT_EQ(Find("10.0.0.5:5000/a/b:v2"), v1::PULL_RECORD_OPEN);
  EXPECT_EQ(Find("10.0.0.6:5000/a/b:v1"), v1::PULL_RECORD_ELSEWHERE);
  EXPECT_EQ(Find("10.0.0.5:5000/a/bb:v1"), v1::PULL_RECORD_ELSEWHERE);
}

TEST_F(PullRecordsTest, SecretsAndServiceAccountsAreCredentials) {
  Pulled(R"({"a.io/b":{"kubernetesSecrets":[{"uid":"1","namespace":"n","name":"s",
             "credentialHash":"h"}]},"a.io/c":{"kubernetesServiceAccounts":[{"uid":"1"}]},
             "a.io/d":{}})");
  EXPECT_EQ(Find("a.io/b:v1"), v1::PULL_RECORD_WITH_SECRETS);
  EXPECT_EQ(Find("a.io/c:v1"), v1::PULL_RECORD_WITH_SECRETS);
  EXPECT_EQ(Find("a.io/d:v1"), v1::PULL_RECORD_ELSEWHERE);
}

// A kubelet that was killed in mid-pull leaves such a record when it comes back.
TEST_F(PullRecordsTest, ARecordWithoutCredentialsLetsNobodyThrough) {
  Pulled("");
  EXPECT_EQ(Find("a.io/b:v1"), v1::PULL_RECORD_ELSEWHERE);
}

TEST_F(PullRecordsTest, APullThatGoesOnIsFoundUnderAnySpelling) {
  Write("pulling", "nginx:1.25", "{}");
  Write("pulling", "bitnami/redis", "{}");
  EXPECT_EQ(Find("docker.io/library/nginx:1.25"), v1::PULL_RECORD_PULLING);
  EXPECT_EQ(Find("docker.io/bitnami/redis:latest"), v1::PULL_RECORD_PULLING);
  EXPECT_EQ(Find("docker.io/library/nginx:1.26"), v1::PULL_RECORD_NONE);
  EXPECT_EQ(Find("10.0.0.5/library/nginx:1.25"), v1::PULL_RECORD_NONE);
}

TEST_F(PullRecordsTest, WhatCannotBeReadIsUnknown) {
  for (const std::string text : {"", "{", "[]", "null"}) {
    Write("pulled", config_.str(), text);
    EXPECT_NE(Find("a.io/b:v1"), v1::PULL_RECORD_OPEN) << text;
    EXPECT_NE(Find("a.io/b:v1"), v1::PULL_RECORD_NONE) << text;
  }
  Write("pulled", config_.str(), std::string(2 << 20, ' '));
  EXPECT_EQ(Find("a.io/b:v1"), v1::PULL_RECORD_UNSPECIFIED);
  EXPECT_EQ(PullRecords("").Find(Reference::Parse("a.io/b:v1").value(), config_),
            v1::PULL_RECORD_UNSPECIFIED);
  EXPECT_EQ(PullRecords(dir_.File("gone")).Find(Reference::Parse("a.io/b:v1").value(), config_),
            v1::PULL_RECORD_UNSPECIFIED);
}

}  // namespace
}  // namespace lighter
