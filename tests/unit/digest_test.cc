#include "common/digest.h"

#include <gtest/gtest.h>

namespace lighter {
namespace {

// FIPS 180-2, appendix B.
constexpr const char* kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr const char* kEmpty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

TEST(DigestTest, HashesAsTheStandardSays) {
  EXPECT_EQ(Digest::Of("abc").hex(), kAbc);
  EXPECT_EQ(Digest::Of("").hex(), kEmpty);
  EXPECT_EQ(Digest::Of("abc").str(), std::string("sha256:") + kAbc);
}

TEST(DigestTest, AStreamHashesAsTheWhole) {
  Sha256 hasher;
  hasher.Update("a");
  hasher.Update("");
  hasher.Update("bc");
  EXPECT_EQ(hasher.Finish(), Digest::Of("abc"));
}

TEST(DigestTest, ParsesItsOwnText) {
  const Digest digest = Digest::Of("x");
  EXPECT_EQ(Digest::Parse(digest.str()).value(), digest);
  EXPECT_EQ(Digest::FromHex(digest.hex()).value(), digest);
}

TEST(DigestTest, RefusesOtherTexts) {
  const std::string hex = kAbc;
  for (const std::string& text : std::vector<std::string>{
           "", hex, "sha256:", "sha256:" + hex.substr(1), "sha256:" + hex + "0", "sha512:" + hex,
           "SHA256:" + hex, "sha256:BA" + hex.substr(2), "sha256:g" + hex.substr(1),
           " sha256:" + hex, "sha256:" + hex + "\n"}) {
    const auto digest = Digest::Parse(text);
    EXPECT_EQ(digest.status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(DigestTest, DefaultIsZeroAndOrderIsByBytes) {
  EXPECT_EQ(Digest().hex(), std::string(64, '0'));
  EXPECT_LT(Digest(), Digest::FromHex("01" + std::string(62, '0')).value());
  EXPECT_LT(Digest::FromHex("7f" + std::string(62, '0')).value(),
            Digest::FromHex("80" + std::string(62, '0')).value());
}

}  // namespace
}  // namespace lighter
