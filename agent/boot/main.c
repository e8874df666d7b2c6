// lighter-boot: brings lighter-agent to life in a container whose image has neither a shell nor the
// agent, on a node that can pull nothing.
//
// The agent lies, compressed and in chunks, in a volume made of ConfigMaps. It is joined, checked,
// decompressed, written into an emptyDir and started in this process's place, never from memory
// (memfd): security tools take that for an attack. Static and small, so that this program itself
// fits into a ConfigMap and runs in any image.
#include <stdlib.h>
#include <string.h>

#include "chunks.h"
#include "fail.h"
#include "options.h"
#include "program.h"
#include "sha256.h"
#include "unpack.h"

static char* Allocate(size_t size) {
  char* bytes = malloc(size);
  if (bytes == NULL) {
    Fail(kExitMemory, "cannot have %zu bytes of memory; raise the container's memory limit", size);
  }
  return bytes;
}

static void CheckDigest(const struct Options* options, const char* data) {
  char digest[kSha256HexDigits + 1];
  Sha256Hex(data, options->size, digest);
  if (strcmp(digest, options->sha256) != 0) {
    Fail(kExitContent,
         "the %zu chunks in %s have the SHA-256 %s, not %s: one is damaged or they are of two "
         "versions; run `lighter agent install` again",
         options->chunks, options->folder, digest, options->sha256);
  }
}

int main(int argc, char** argv) {
  (void)argc;
  const struct Options options = ParseOptions(argv);
  char* compressed = Allocate(options.size);
  ReadChunks(options.folder, options.chunks, compressed, options.size);
  CheckDigest(&options, compressed);

  char* agent = Allocate(options.unpacked_size);
  if (!Unpack(compressed, options.size, agent, options.unpacked_size)) {
    Fail(
        kExitUnpack,
        "the chunks in %s do not decompress to %zu bytes: --unpacked-size is another version's, or "
        "they are no zlib data; run `lighter agent install` again",
        options.folder, options.unpacked_size);
  }
  WriteProgram(options.out, agent, options.unpacked_size);
  BecomeProgram(options.out, options.agent_argv);
}
