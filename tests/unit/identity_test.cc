#include "agent/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <set>
#include <thread>

#include "common/file.h"
#include "common/limits.h"
#include "common/pki.h"
#include "common/status.h"
#include "common/tls.h"
#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kNode[] = "node-1";

unsigned Mode(const std::string& path) {
  struct stat st {};
  EXPECT_EQ(::stat(path.c_str(), &st), 0) << path;
  return st.st_mode & 07777;
}

class IdentityTest : public ::testing::Test {
 protected:
  std::string Read(const std::string& file) {
    return ReadFile(folder_ + "/" + file, kMaxPemBytes).value_or("");
  }
  void Write(const std::string& file, const std::string& text) {
    ASSERT_TRUE(WriteFileAtomic(folder_ + "/" + file, text, 0600).ok());
  }
  std::set<std::string> Listing() {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      names.insert(entry.path().filename().string());
    }
    return names;
  }

  absl::Status Prepare() { return PrepareIdentity(folder_, log_); }
  // Certificate and CA for what the folder requests, as the coordinator sends them.
  std::string Sign(const Authority& authority, const std::string& node,
                   absl::Duration lifetime = kNodeCertificateLifetime,
                   absl::Time now = absl::Now()) {
    const auto request = CertificateRequest(folder_, log_);
    EXPECT_TRUE(request.ok()) << request.status();
    const auto certificate =
        IssueCertificate(authority, *request, AgentTlsNames(node), lifetime, now);
    EXPECT_TRUE(certificate.ok()) << certificate.status();
    return *certificate + authority.certificate;
  }
  absl::Status Accept(const std::string& pem, absl::Time now = absl::Now()) {
    return AcceptCertificate(folder_, kNode, pem, log_, now).status();
  }
  absl::Status Usable() { return ReadTlsFolder(folder_, AgentTlsNames(kNode)).status(); }
  // `offer` is refused with `reason`, and what was accepted before is still there.
  void ExpectRefused(const std::string& offer, const std::string& reason) {
    const std::string before = Read("tls.crt") + Read("ca.crt") + Read("tls.key");
    EXPECT_THAT(Message(Accept(offer)), HasSubstr(reason));
    EXPECT_EQ(Read("tls.crt") + Read("ca.crt") + Read("tls.key"), before);
    EXPECT_EQ(Usable(), absl::OkStatus());
  }

  support::TempDir dir_;
  const std::string folder_ = dir_.File("state");
  std::vector<std::string> told_;
  const LogLine log_ = [this](const std::string& line) { told_.push_back(line); };
  const Authority authority_ = *MakeAuthority();
};

TEST_F(IdentityTest, TheKeyIsMadeOnceAndIsPrivate) {
  ASSERT_EQ(Prepare(), absl::OkStatus());
  const std::string key = Read("tls.key");
  EXPECT_EQ(CheckKey(key, "key"), absl::OkStatus());
  EXPECT_EQ(Mode(folder_), 0700U);
  EXPECT_EQ(Mode(folder_ + "/tls.key"), 0600U);
  EXPECT_THAT(told_, ElementsAre(HasSubstr(folder_ + "/tls.key")));
  told_.clear();
  ASSERT_EQ(Prepare(), absl::OkStatus());
  EXPECT_TRUE(CertificateRequest(folder_, log_).ok());
  EXPECT_EQ(Read("tls.key"), key);
  EXPECT_THAT(told_, IsEmpty());
}

TEST_F(IdentityTest, AnOpenFolderIsClosed) {
  std::filesystem::create_directory(folder_);
  ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
  ASSERT_EQ(Prepare(), absl::OkStatus());
  EXPECT_EQ(Mode(folder_), 0700U);
}

TEST_F(IdentityTest, ADamagedKeyIsReplacedAndSaid) {
  ASSERT_EQ(Prepare(), absl::OkStatus());
  ASSERT_EQ(Accept(Sign(authority_, kNode)), absl::OkStatus());
  const std::string key = Read("tls.key");
  for (const std::string& damaged : {std::string(), key.substr(0, 100), std::string("junk")}) {
    told_.clear();
    Write("tls.key", damaged);
    ASSERT_EQ(Prepare(), absl::OkStatus());
    EXPECT_EQ(CheckKey(Read("tls.key"), "key"), absl::OkStatus());
    EXPECT_NE(Read("tls.key"), key);
    EXPECT_THAT(told_, ElementsAre(HasSubstr("it is replaced")));
    EXPECT_THAT(Message(Usable()), HasSubstr("does not belong to"));
  }
}

TEST_F(IdentityTest, WhatAKilledWriterLeftIsRemoved) {
  ASSERT_EQ(Prepare(), absl::OkStatus());
  Write("tls.key.aB3xYz", "half a k");
  Write("ca.crt.aB3xYz", "");
  ASSERT_EQ(Prepare(), absl::OkStatus());
  EXPECT_EQ(Listing(), std::set<std::string>{"tls.key"});
}

TEST_F(IdentityTest, AFolderOfOthersIsLeftAlone) {
  std::filesystem::create_directory(folder_);
  ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
  Write("passwd", "root");
  const absl::Status status = Prepare();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(status), HasSubstr(folder_ + " holds passwd"));
  EXPECT_EQ(Mode(folder_), 0755U);
  EXPECT_EQ(Listing(), std::set<std::string>{"passwd"});
}

TEST_F(IdentityTest, AcceptsWhatWasSignedForIt) {
  const auto end = AcceptCertificate(folder_, kNode, Sign(authority_, kNode), log_);
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_GT(*end, absl::Now() + absl::Hours(3 * 365 * 24 - 1));
  EXPECT_EQ(Usable(), absl::OkStatus());
  EXPECT_EQ(Listing(), (std::set<std::string>{"ca.crt", "tls.crt", "tls.key"}));
  for (const std::string& file : Listing()) EXPECT_EQ(Mode(folder_ + "/" + file), 0600U);
}

TEST_F(IdentityTest, ARenewalMayComeFromAnotherAuthority) {
  ASSERT_EQ(Accept(Sign(authority_, kNode)), absl::OkStatus());
  const std::string key = Read("tls.key");
  const Authority other = *MakeAuthority();
  ASSERT_EQ(Accept(Sign(other, kNode)), absl::OkStatus());
  EXPECT_EQ(Usable(), absl::OkStatus());
  EXPECT_EQ(Read("ca.crt"), other.certificate);
  EXPECT_EQ(Read("tls.key"), key);
}

// A writer that is killed between the two files leaves this.
TEST_F(IdentityTest, HalfARenewalIsNoCertificate) {
  ASSERT_EQ(Accept(Sign(authority_, kNode)), absl::OkStatus());
  const Authority other = *MakeAuthority();
  const std::string offer = Sign(other, kNode);
  Write("ca.crt", other.certificate);
  EXPECT_THAT(Message(Usable()), HasSubstr("was not issued by"));
  EXPECT_EQ(Accept(offer), absl::OkStatus());
  EXPECT_EQ(Usable(), absl::OkStatus());
}

TEST_F(IdentityTest, EverythingElseIsRefusedAndChangesNothing) {
  const std::string good = Sign(authority_, kNode);
  ASSERT_EQ(Accept(good), absl::OkStatus());
  ExpectRefused("", "not two PEM certificates");
  ExpectRefused("junk", "not two PEM certificates");
  ExpectRefused(Read("tls.crt"), "not two PEM certificates");
  ExpectRefused(good + good, "not two PEM certificates");
  ExpectRefused(Read("ca.crt") + Read("tls.crt"), "tls.key does not belong to tls.crt");
  ExpectRefused(Read("tls.crt") + MakeAuthority()->certificate, "was not issued by ca.crt");
  ExpectRefused(Sign(authority_, "node-2"), "the DNS name node-1.lighter-agent");
  const auto key = MakeKey();
  const auto stranger =
      IssueCertificate(authority_, *MakeRequest(*key), AgentTlsNames(kNode), absl::Hours(1));
  ExpectRefused(*stranger + authority_.certificate, "tls.key does not belong to tls.crt");
  const auto coordinator = IssueCertificate(authority_, *CertificateRequest(folder_, log_),
                                            {std::string(kCoordinatorTlsName)}, absl::Hours(1));
  ExpectRefused(*coordinator + authority_.certificate, "the DNS name lighter-agent");
  ExpectRefused(Sign(authority_, kNode, absl::Hours(1), absl::Now() - absl::Hours(3)),
                "this machine's clock says");
}

TEST_F(IdentityTest, ANodesClockMayBeADayOff) {
  const std::string offer = Sign(authority_, kNode);
  EXPECT_EQ(Accept(offer, absl::Now() - absl::Hours(26)), absl::OkStatus());
  EXPECT_EQ(Accept(offer, absl::Now() + absl::Hours(26)), absl::OkStatus());
  EXPECT_THAT(Message(Accept(offer, absl::Now() - absl::Hours(8 * 24))),
              HasSubstr("this machine's clock says"));
}

TEST_F(IdentityTest, ManyAtOnceMakeOneKey) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this] {
      for (int j = 0; j < 10; ++j) {
        const auto request = CertificateRequest(folder_, [](const std::string&) {});
        EXPECT_TRUE(request.ok()) << request.status();
        const auto certificate =
            IssueCertificate(authority_, *request, AgentTlsNames(kNode), absl::Hours(1));
        const auto end = AcceptCertificate(folder_, kNode, *certificate + authority_.certificate,
                                           [](const std::string&) {});
        EXPECT_TRUE(end.ok()) << end.status();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Usable(), absl::OkStatus());
  EXPECT_EQ(Listing(), (std::set<std::string>{"ca.crt", "tls.crt", "tls.key"}));
}

TEST_F(IdentityTest, NothingIsLeftBehind) {
  EXPECT_EQ(RemoveIdentity(folder_), absl::OkStatus());
  ASSERT_EQ(Accept(Sign(authority_, kNode)), absl::OkStatus());
  Write("tls.crt.aB3xYz", "torn");
  EXPECT_EQ(RemoveIdentity(folder_), absl::OkStatus());
  EXPECT_FALSE(std::filesystem::exists(folder_));
}

TEST_F(IdentityTest, FilesOfOthersAreNotRemoved) {
  ASSERT_EQ(Accept(Sign(authority_, kNode)), absl::OkStatus());
  Write("notes.txt", "mine");
  const absl::Status status = RemoveIdentity(folder_);
  EXPECT_THAT(Message(status), HasSubstr("the agent's files are gone; remove " + folder_));
  EXPECT_EQ(Listing(), std::set<std::string>{"notes.txt"});
}

}  // namespace
}  // namespace lighter
