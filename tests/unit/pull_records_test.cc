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
  const std::string digest = "@sha256:" + std::string(64, 'a');
  for (const std::string image : {"nginx:1.25", "bitnami/redis", "docker.io/nginx:1.24",
                                  "index.docker.io/library/nginx:1.23"}) {
    Write("pulling", image, R"({"kind":"ImagePullIntent","image":")" + image + "\"}");
  }
  Write("pulling", "a.io/b:v1" + digest, R"({"image":"a.io/b:v1)" + digest + "\"}");
  for (const std::string name : {"docker.io/library/nginx:1.25", "docker.io/bitnami/redis:latest",
                                 "docker.io/library/nginx:1.24", "docker.io/library/nginx:1.23"}) {
    EXPECT_EQ(Find(name), v1::PULL_RECORD_PULLING) << name;
  }
  EXPECT_EQ(Find("a.io/b" + digest), v1::PULL_RECORD_PULLING);
  EXPECT_EQ(Find("docker.io/library/nginx:1.26"), v1::PULL_RECORD_NONE);
  EXPECT_EQ(Find("10.0.0.5/library/nginx:1.25"), v1::PULL_RECORD_NONE);
  Pulled(R"({"a.io/b":{"nodePodsAccessible":true}})");
  EXPECT_EQ(Find("a.io/b" + digest), v1::PULL_RECORD_OPEN) << "a record goes before an intent";
}

// A power cut leaves empty files: kubelet writes them without fsync, and then pulls every time.
TEST_F(PullRecordsTest, WhatKubeletCannotDecodeIsBroken) {
  Write("pulling", "a.io/b:v2", "");
  EXPECT_EQ(Find("a.io/b:v2"), v1::PULL_RECORD_BROKEN);
  EXPECT_EQ(Find("a.io/b:v3"), v1::PULL_RECORD_NONE);
  for (const std::string text : {"", "{", "[]", "null", "{}"}) {
    Write("pulled", config_.str(), text);
    EXPECT_EQ(Find("a.io/b:v1"), v1::PULL_RECORD_BROKEN) << text;
  }
}

TEST_F(PullRecordsTest, WhatCannotBeReadIsUnknown) {
  Write("pulled", config_.str(), std::string(5 << 20, ' '));
  EXPECT_EQ(Find("a.io/b:v1"), v1::PULL_RECORD_UNSPECIFIED);
  EXPECT_EQ(PullRecords("").Find(Reference::Parse("a.io/b:v1").value(), config_),
            v1::PULL_RECORD_UNSPECIFIED);
  EXPECT_EQ(PullRecords(dir_.File("gone")).Find(Reference::Parse("a.io/b:v1").value(), config_),
            v1::PULL_RECORD_UNSPECIFIED);
}

}  // namespace
}  // namespace lighter
