#include "coordinator/package/checksum.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "common/limits.h"
#include "common/status.h"
#include "coordinator/package/checksum_verifier.h"
#include "tests/support/bundle_builder.h"
#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string Hex(std::string_view data, HashKind kind) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  EVP_Digest(data.data(), data.size(), digest.data(), &size,
             kind == HashKind::kSha512 ? EVP_sha512() : EVP_sha256(), nullptr);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest.data()), size));
}

// A package p.tar and checksum files beside it.
class ChecksumTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const support::Rope bundle =
        support::BundleTar({.hints = "",
                            .chart = {{"Chart.yaml", "name: a\nversion: 1.0.0\n"},
                                      {"values.yaml", std::string(3 * kMiB, '#')}},
                            .images_tar = {},
                            .folder = {}});
    bytes_ = bundle.str();
    Write("p.tar", bytes_);
  }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_.File(name), std::ios::binary) << text;
  }

  // Replaces p.tar by three parts; their bytes.
  std::vector<std::string> CutIntoParts() {
    fs::remove(dir_.File("p.tar"));
    std::vector<std::string> parts;
    for (size_t i = 0; i < 3; ++i) {
      parts.push_back(bytes_.substr(i * kMiB, i < 2 ? kMiB : std::string::npos));
      Write("p.tar.00" + std::to_string(i + 1), parts.back());
    }
    return parts;
  }

  absl::StatusOr<std::vector<FileChecksum>> Find(const std::string& package) {
    const absl::StatusOr<Package> opened = OpenPackage(dir_.File(package));
    if (!opened.ok()) return opened.status();
    return FindChecksums(*opened);
  }

  absl::Status Verify(const std::string& package) {
    absl::StatusOr<std::vector<FileChecksum>> found = Find(package);
    if (!found.ok()) return found.status();
    EXPECT_THAT(*found, Not(IsEmpty())) << package;
    const ChecksumVerifier verifier(*std::move(found));
    return verifier.Verdict(absl::Minutes(1)).value_or(absl::UnavailableError("no verdict"));
  }

  void ExpectOk(const std::string& package) {
    const absl::Status status = Verify(package);
    EXPECT_TRUE(status.ok()) << status;
  }

  void ExpectError(const std::string& package, absl::StatusCode code,
                   const std::vector<std::string>& parts) {
    const absl::Status status = Verify(package);
    EXPECT_EQ(status.code(), code) << status;
    for (const std::string& part : parts) EXPECT_THAT(Message(status), HasSubstr(part));
  }

  support::TempDir dir_;
  std::string bytes_;
};

TEST_F(ChecksumTest, EveryNameThatAListMayHave) {
  for (const auto& [list, kind] :
       std::vector<std::pair<std::string, HashKind>>{{"p_checksum.sha512sum", HashKind::kSha512},
                                                     {"p.tar.sha512sum", HashKind::kSha512},
                                                     {"p.tar.sha512", HashKind::kSha512},
                                                     {"SHA512SUMS", HashKind::kSha512},
                                                     {"p_checksum.sha256sum", HashKind::kSha256},
                                                     {"p.tar.sha256sum", HashKind::kSha256},
                                                     {"p.tar.sha256", HashKind::kSha256},
                                                     {"SHA256SUMS", HashKind::kSha256}}) {
    SCOPED_TRACE(list);
    Write(list, Hex(bytes_, kind) + "  p.tar\n");
    ExpectOk("p.tar");
    Write(list, Hex("other bytes", kind) + "  p.tar\n");
    ExpectError("p.tar", absl::StatusCode::kDataLoss,
                {dir_.File("p.tar"), dir_.File(list), Hex("other bytes", kind), Hex(bytes_, kind),
                 "copy both again"});
    fs::remove(dir_.File(list));
  }
}

TEST_F(ChecksumTest, OfALinkTheListBesideItCountsThenThatBesideItsTarget) {
  fs::create_directory(dir_.File("links"));
  const std::string link = "links/latest.tar";
  fs::create_symlink("../p.tar", dir_.File(link));
  EXPECT_THAT(Find(link).value(), IsEmpty());
  EXPECT_THAT(NoChecksumNote(OpenPackage(dir_.File(link)).value()), HasSubstr(dir_.File(link)));
  Write("p_checksum.sha512sum", Hex(bytes_, HashKind::kSha512) + "  p.tar\n");
  ExpectOk(link);
  EXPECT_EQ(Find(link)->at(0).list, dir_.File("p_checksum.sha512sum"));
  Write("links/latest.tar.sha256", Hex("other bytes", HashKind::kSha256) + "  latest.tar\n");
  ExpectError(link, absl::StatusCode::kDataLoss, {dir_.File("links/latest.tar.sha256")});
  ExpectOk("p.tar");
}

TEST_F(ChecksumTest, OfLinksToPartsTheListBesideTheirTargetsCounts) {
  const std::vector<std::string> parts = CutIntoParts();
  fs::create_directory(dir_.File("links"));
  std::string list;
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string name = "p.tar.00" + std::to_string(i + 1);
    fs::create_symlink("../" + name, dir_.File("links/x.tar.00" + std::to_string(i + 1)));
    list += Hex(parts[i], HashKind::kSha256) + "  " + name + "\n";
  }
  Write("SHA256SUMS", list);
  EXPECT_THAT(Find("links/x.tar").value(), SizeIs(3));
  ExpectOk("links/x.tar");
}

TEST_F(ChecksumTest, EveryWayToWriteALine) {
  const std::string hex = Hex(bytes_, HashKind::kSha512);
  for (const std::string& text : {
           hex + "  p.tar",    // as DaoCloud ships it: no newline
           hex + " *p.tar\n",  // binary mode
           absl::AsciiStrToUpper(hex) + "  p.tar\n",
           hex + "  ./p.tar\r\n",
           hex + "  dist/amd64/p.tar\n",
           "# made by hand\n\n" + std::string(128, '0') + "  other.tar\n" + hex + "  p.tar\n",
           hex + "\n",  // no name: a list of one
           hex + "  p.tar\n" + hex + "  p.tar\n",
       }) {
    Write("p_checksum.sha512sum", text);
    SCOPED_TRACE(text);
    ExpectOk("p.tar");
  }
}

TEST_F(ChecksumTest, ABrokenListIsRefusedWithWords) {
  const std::string hex = Hex(bytes_, HashKind::kSha512);
  const std::string list = dir_.File("p_checksum.sha512sum");
  const auto code = absl::StatusCode::kInvalidArgument;
  for (const std::string& text :
       {hex.substr(1) + "  p.tar\n", hex + "  p.tar\n" + hex.substr(0, 40), hex + " p.tar\n",
        hex + "p.tar\n", "SHA512 (p.tar) = " + hex + "\n", "g" + hex.substr(1) + "  p.tar\n",
        Hex(bytes_, HashKind::kSha256) + "  p.tar\n", std::string("<html>not found</html>")}) {
    Write("p_checksum.sha512sum", text);
    SCOPED_TRACE(text);
    ExpectError("p.tar", code, {list, "line ", "<128 hex digits>  <file name>", "sha512sum"});
  }
  Write("p_checksum.sha512sum", "\n");
  ExpectError("p.tar", code, {list, "has no checksum in it"});
  Write("p_checksum.sha512sum", hex + "  other.tar\n");
  ExpectError("p.tar", code, {list, "does not name p.tar, only other.tar"});
  Write("p_checksum.sha512sum", hex + "\n" + hex + "\n");
  ExpectError("p.tar", code, {list, "does not name p.tar"});
  Write("p_checksum.sha512sum", hex + "  p.tar\n" + std::string(128, '0') + "  p.tar\n");
  ExpectError("p.tar", code, {list, "names p.tar twice"});
  Write("p_checksum.sha512sum", std::string(kMaxChecksumListBytes + 1, '\n'));
  ExpectError("p.tar", absl::StatusCode::kResourceExhausted, {list, "are accepted"});
}

TEST_F(ChecksumTest, AListOfOtherFilesIsNoListOfThisOne) {
  Write("SHA512SUMS", Hex("x", HashKind::kSha512) + "  other.tar\n");
  Write("other_checksum.sha512sum", "broken");
  const auto found = Find("p.tar");
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_THAT(*found, IsEmpty());
  EXPECT_TRUE(ChecksumVerifier({}).Verdict(absl::ZeroDuration())->ok());
}

TEST_F(ChecksumTest, TheStrongerListIsTaken) {
  Write("p.tar.sha256", Hex("other bytes", HashKind::kSha256) + "  p.tar\n");
  Write("p.tar.sha512", Hex(bytes_, HashKind::kSha512) + "  p.tar\n");
  ExpectOk("p.tar");
}

TEST_F(ChecksumTest, OfAPackageInPartsTheWholeOrEachPart) {
  const std::vector<std::string> parts = CutIntoParts();
  const std::string list = "p_checksum.sha512sum";
  Write(list, Hex(bytes_, HashKind::kSha512) + "  p.tar\n");
  ExpectOk("p.tar");
  ExpectOk("p.tar.002");

  std::string each;
  for (size_t i = 0; i < parts.size(); ++i) {
    each += Hex(parts[i], HashKind::kSha512) + "  p.tar.00" + std::to_string(i + 1) + "\n";
  }
  Write(list, each);
  ASSERT_THAT(Find("p.tar").value(), SizeIs(3));
  ExpectOk("p.tar");
  Write(list, each.substr(0, each.size() / 3 * 2));
  ExpectError("p.tar", absl::StatusCode::kInvalidArgument, {list, "does not name p.tar.003"});

  fs::rename(dir_.File(list), dir_.File("SHA512SUMS"));
  Write("SHA512SUMS", each);
  ExpectOk("p.tar");
  fs::remove(dir_.File("SHA512SUMS"));

  for (size_t i = 0; i < parts.size(); ++i) {
    Write("p.tar.00" + std::to_string(i + 1) + ".sha256", Hex(parts[i], HashKind::kSha256));
  }
  ExpectOk("p.tar");
  Write("p.tar.002", std::string(parts[1].size(), 'x'));
  ExpectError("p.tar", absl::StatusCode::kDataLoss,
              {dir_.File("p.tar.002") + ": its SHA-256", "p.tar.002.sha256 says"});
  fs::remove(dir_.File("p.tar.003.sha256"));
  ExpectError("p.tar", absl::StatusCode::kInvalidArgument, {"p.tar.003: has no checksum file"});
}

TEST_F(ChecksumTest, EveryFileOfAFolderHasItsOwn) {
  Write("b.tar", support::BundleTar({.hints = "",
                                     .chart = {{"Chart.yaml", "name: b\nversion: 1.0.0\n"}},
                                     .images_tar = {},
                                     .folder = {}})
                     .str());
  Write("b.tar.sha512", Hex("other bytes", HashKind::kSha512) + "  b.tar\n");
  Write("p.tar.sha512", Hex(bytes_, HashKind::kSha512) + "  p.tar\n");
  ASSERT_THAT(Find("").value(), SizeIs(2));
  ExpectError("", absl::StatusCode::kDataLoss, {"b.tar"});
  fs::remove(dir_.File("b.tar.sha512"));
  ExpectError("", absl::StatusCode::kInvalidArgument, {"b.tar: has no checksum", "p.tar.sha512"});
}

TEST_F(ChecksumTest, AVerifierThatNobodyWaitsForEnds) {
  Write("p.tar.sha512", Hex(bytes_, HashKind::kSha512) + "  p.tar\n");
  auto found = Find("p.tar");
  ASSERT_TRUE(found.ok()) << found.status();
  for (int i = 0; i < 10; ++i) {
    const ChecksumVerifier verifier(*found);
    EXPECT_EQ(verifier.total_bytes(), bytes_.size());
  }
}

}  // namespace
}  // namespace lighter
