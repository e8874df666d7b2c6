// What lighter carries for the nodes, against the programs that the build made.
#include "coordinator/install/payload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <zlib.h>

#include <cstdio>
#include <filesystem>
#include <string>

#include "common/digest.h"
#include "common/file.h"
#include "common/version.h"
#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

namespace fs = std::filesystem;
using support::TempDir;
using ::testing::ElementsAre;

constexpr uint64_t kMaxFileBytes = uint64_t{1} << 30;

std::string Read(const std::string& path) { return ReadFile(path, kMaxFileBytes).value_or(""); }

void Write(const std::string& path, std::string_view data, unsigned mode) {
  ASSERT_TRUE(WriteFileAtomic(path, data, mode).ok()) << path;
}

// Exactly `size` bytes, or nothing.
std::string Inflate(std::string_view compressed, uint64_t size) {
  std::string out(size, '\0');
  uLongf got = size;
  const int result =
      ::uncompress(reinterpret_cast<Bytef*>(out.data()), &got,
                   reinterpret_cast<const Bytef*>(compressed.data()), compressed.size());
  return result == Z_OK && got == size ? out : "";
}

struct Ran {
  int exit_code = -1;
  std::string output;
};

Ran RunShell(const std::string& command) {
  Ran ran;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return ran;
  char buffer[4096];
  while (const size_t got = std::fread(buffer, 1, sizeof buffer, pipe)) {
    ran.output.append(buffer, got);
  }
  const int status = ::pclose(pipe);
  if (WIFEXITED(status)) ran.exit_code = WEXITSTATUS(status);
  return ran;
}

TEST(SplitChunksTest, CutsAtTheLimit) {
  const std::string data(2 * kMaxChunkBytes + 1, 'x');
  const std::string_view all = data;
  EXPECT_TRUE(SplitChunks("").empty());
  EXPECT_THAT(SplitChunks("abc"), ElementsAre("abc"));
  EXPECT_EQ(SplitChunks(all.substr(0, kMaxChunkBytes)).size(), 1u);
  const std::vector<std::string_view> chunks = SplitChunks(all);
  ASSERT_EQ(chunks.size(), 3u);
  for (size_t i = 0; i < chunks.size(); ++i) {
    EXPECT_EQ(chunks[i].data(), data.data() + i * kMaxChunkBytes);
    EXPECT_EQ(chunks[i].size(), i < 2 ? kMaxChunkBytes : 1);
  }
}

TEST(ChunkNameTest, HasThreeDigits) {
  EXPECT_EQ(ChunkName(0), "chunk-000");
  EXPECT_EQ(ChunkName(42), "chunk-042");
}

TEST(EmbeddedPayloadTest, IsTheBootProgram) {
  EXPECT_EQ(EmbeddedPayload().boot, Read(LIGHTER_BUILD "/lighter-boot"));
}

TEST(EmbeddedPayloadTest, IsTheStrippedAgent) {
  const AgentPayload& payload = EmbeddedPayload();
  EXPECT_EQ(payload.sha256, Digest::Of(payload.compressed).hex());
  const TempDir folder;
  const std::string stripped = folder.File("stripped");
  const Ran strip = RunShell("strip -o " + stripped + " " LIGHTER_AGENT);
  ASSERT_EQ(strip.exit_code, 0) << strip.output;
  const std::string agent = Inflate(payload.compressed, payload.unpacked_size);
  ASSERT_FALSE(agent.empty());
  EXPECT_TRUE(agent == Read(stripped));
}

TEST(EmbeddedPayloadTest, RunsFromItsChunks) {
  const AgentPayload& payload = EmbeddedPayload();
  const TempDir folder;
  Write(folder.File("lighter-boot"), payload.boot, 0700);
  fs::create_directory(folder.File("chunks"));
  const std::vector<std::string_view> chunks = SplitChunks(payload.compressed);
  for (size_t i = 0; i < chunks.size(); ++i) {
    Write(folder.File("chunks/" + ChunkName(i)), chunks[i], 0400);
  }
  const Ran ran = RunShell(
      folder.File("lighter-boot") + " --sha256 " + payload.sha256 + " --size " +
      std::to_string(payload.compressed.size()) + " --unpacked-size " +
      std::to_string(payload.unpacked_size) + " --chunks " + std::to_string(chunks.size()) +
      " --out " + folder.File("lighter-agent") + " " + folder.File("chunks") + " -- --version");
  EXPECT_EQ(ran.exit_code, 0) << ran.output;
  EXPECT_EQ(ran.output, std::string(kVersion) + "\n");
}

}  // namespace
}  // namespace lighter
