#include "agent/registry/hosts_files.h"

#include <gmock/gmock.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <set>

#include "common/file.h"
#include "common/limits.h"
#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kMirror[] = "http://127.0.0.1:7444";

class HostsFilesTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& rest) const { return folder_.File(rest); }
  std::string Read(const std::string& registry) const {
    return ReadFile(Path(registry + "/hosts.toml"), kKiB).value_or("");
  }
  // What the administrator has there.
  void Put(const std::string& path, const std::string& text) const {
    fs::create_directories(fs::path(Path(path)).parent_path());
    ASSERT_TRUE(WriteFileAtomic(Path(path), text, 0644).ok());
  }
  std::set<std::string> Entries() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      names.insert(entry.path().filename());
    }
    return names;
  }

  const support::TempDir folder_;
  const HostsFiles files_{folder_.path(), kMirror};
};

TEST_F(HostsFilesTest, TheRegistryItselfComesAfterTheNodesOwn) {
  ASSERT_TRUE(files_.Write("docker.io").ok());
  EXPECT_THAT(Read("docker.io"), HasSubstr("[host.\"http://127.0.0.1:7444\"]\n"
                                           "  capabilities = [\"pull\", \"resolve\"]\n"));
  EXPECT_THAT(Read("docker.io"), ::testing::Not(HasSubstr("server")));
  EXPECT_EQ(fs::status(Path("docker.io")).permissions(), fs::perms(0755));
}

TEST_F(HostsFilesTest, WhatIsOursIsWrittenAnewAndRemovedWithItsFolder) {
  ASSERT_TRUE(files_.Write("10.0.0.5:5000").ok());
  ASSERT_TRUE(files_.Write("docker.io").ok());
  const HostsFiles other(folder_.path(), "http://127.0.0.1:1");
  ASSERT_TRUE(other.Write("docker.io").ok());
  EXPECT_THAT(Read("docker.io"), HasSubstr("http://127.0.0.1:1\""));
  ASSERT_TRUE(files_.RemoveAllBut({"docker.io"}).ok());
  EXPECT_THAT(Entries(), ElementsAre("docker.io"));
  ASSERT_TRUE(files_.RemoveAllBut({}).ok());
  EXPECT_THAT(Entries(), IsEmpty());
}

TEST_F(HostsFilesTest, WhatOthersMadeStays) {
  Put("a.example/hosts.toml", "server = \"https://a.example\"\n");
  Put("b.example/ca.crt", "a certificate");
  fs::create_directories(Path("c.example"));
  fs::create_directory_symlink(Path("a.example"), Path("d.example"));
  for (const char* registry : {"a.example", "b.example", "c.example", "d.example"}) {
    EXPECT_EQ(files_.Write(registry).code(), absl::StatusCode::kAlreadyExists) << registry;
  }
  const std::set<std::string> before = Entries();
  ASSERT_TRUE(files_.RemoveAllBut({}).ok());
  EXPECT_EQ(Entries(), before);
  EXPECT_EQ(Read("a.example"), "server = \"https://a.example\"\n");
  EXPECT_FALSE(fs::exists(Path("b.example/hosts.toml")));
}

TEST_F(HostsFilesTest, AFileThatIsALinkIsNotOurs) {
  ASSERT_TRUE(files_.Write("a.example").ok());
  fs::create_directories(Path("b.example"));
  fs::create_symlink(Path("a.example/hosts.toml"), Path("b.example/hosts.toml"));
  EXPECT_EQ(files_.Write("b.example").code(), absl::StatusCode::kAlreadyExists);
  ASSERT_TRUE(files_.RemoveAllBut({"a.example"}).ok());
  EXPECT_TRUE(fs::is_symlink(Path("b.example/hosts.toml")));
}

TEST_F(HostsFilesTest, SettingsForAllRegistriesAreNotHidden) {
  Put("_default/hosts.toml", "server = \"https://mirror.example\"\n");
  EXPECT_EQ(files_.Write("docker.io").code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(HostsFilesTest, TheOtherSpellingOfAPortIsSeen) {
  Put("a.example_5000_/hosts.toml", "");
  EXPECT_EQ(files_.Write("a.example:5000").code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(files_.Write("a.example").ok());
}

TEST_F(HostsFilesTest, WhatAdministratorsAddBesideOursStays) {
  ASSERT_TRUE(files_.Write("docker.io").ok());
  Put("docker.io/ca.crt", "a certificate");
  ASSERT_TRUE(files_.RemoveAllBut({}).ok());
  EXPECT_TRUE(fs::exists(Path("docker.io/ca.crt")));
  EXPECT_FALSE(fs::exists(Path("docker.io/hosts.toml")));
}

TEST_F(HostsFilesTest, WhatAKilledWriteLeftGoes) {
  Put(".lighter-docker.io/hosts.toml", "half");
  ASSERT_TRUE(files_.Write("docker.io").ok());
  EXPECT_THAT(Entries(), ElementsAre("docker.io"));
  Put(".lighter-a.example/hosts.toml", "");
  ASSERT_TRUE(files_.RemoveAllBut({"docker.io"}).ok());
  EXPECT_THAT(Entries(), ElementsAre("docker.io"));
}

// As kill -9 in the middle of a file leaves it, beside the file that it was to become.
TEST_F(HostsFilesTest, AFileThatWasNotFinishedIsInNobodysWay) {
  Put(".lighter-docker.io/hosts.toml.Xa81Bc", "half");
  ASSERT_TRUE(files_.Write("docker.io").ok());
  EXPECT_THAT(Entries(), ElementsAre("docker.io"));
  Put(".lighter-docker.io/hosts.toml.Xa81Bc", "half");
  ASSERT_TRUE(files_.Write("docker.io").ok());
  EXPECT_THAT(Entries(), ElementsAre("docker.io"));
  Put(".lighter-docker.io/hosts.toml.Xa81Bc", "half");
  ASSERT_TRUE(files_.RemoveAllBut({}).ok());
  EXPECT_THAT(Entries(), IsEmpty());
}

// A probe that was killed: its name is nobody's registry, and its file has the mark.
TEST_F(HostsFilesTest, AKilledProbesFolderGoes) {
  ASSERT_TRUE(files_.Write("docker.io").ok());
  ASSERT_TRUE(files_.Write("mirror-probe.lighter.invalid", kMirror).ok());
  ASSERT_TRUE(files_.RemoveAllBut({"docker.io"}).ok());
  EXPECT_THAT(Entries(), ElementsAre("docker.io"));
}

// Else one that was killed would leave half a file in a folder that administrators use, too.
TEST_F(HostsFilesTest, NothingIsMadeInARegistrysFolderButTheFileItself) {
  ASSERT_TRUE(files_.Write("docker.io").ok());
  const UniqueFd watch(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  ASSERT_GE(::inotify_add_watch(watch.get(), Path("docker.io").c_str(), IN_CREATE), 0);
  ASSERT_TRUE(HostsFiles(folder_.path(), "http://127.0.0.1:1").Write("docker.io").ok());
  EXPECT_THAT(Read("docker.io"), HasSubstr("127.0.0.1:1"));
  std::array<char, 4096> events{};
  EXPECT_EQ(::read(watch.get(), events.data(), events.size()), -1) << "a file was made";
}

TEST_F(HostsFilesTest, NamesThatLeadElsewhereAreRefused) {
  for (const char* registry : {"", ".", "..", "../a.example", "a.example/b", "/etc", "_default",
                               ".lighter-a", "a.example\n", "a b.example", "a"}) {
    EXPECT_EQ(files_.Write(registry).code(), absl::StatusCode::kInvalidArgument) << registry;
  }
  EXPECT_THAT(Entries(), IsEmpty());
}

TEST_F(HostsFilesTest, AFolderThatIsNotThereIsNotMade) {
  const HostsFiles files(Path("certs.d"), kMirror);
  EXPECT_EQ(files.Write("docker.io").code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(files.RemoveAllBut({}).ok());
  EXPECT_FALSE(fs::exists(Path("certs.d")));
}

}  // namespace
}  // namespace lighter
