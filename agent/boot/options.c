#include "options.h"

#include <string.h>

#include "fail.h"
#include "sha256.h"

#define USAGE                                                                             \
  "usage: lighter-boot --sha256 HEX --size BYTES --unpacked-size BYTES --chunks N --out " \
  "FILE FOLDER -- ARG..."

// An agent is some 10 MiB compressed. The caps keep a slip in a manifest from filling a node.
enum { kMaxBytes = 256 << 20, kMaxChunks = 999 };

static size_t ParseNumber(const char* name, const char* text, size_t max) {
  size_t number = 0;
  const char* digit = text;
  for (; *digit >= '0' && *digit <= '9' && number <= max; digit++) {
    number = number * 10 + (size_t)(*digit - '0');
  }
  if (*digit != '\0' || number == 0 || number > max) {
    Fail(kExitUsage, "%s must be a number from 1 to %zu, not '%s'; " USAGE, name, max, text);
  }
  return number;
}

static const char* ParseSha256(const char* name, const char* text) {
  if (strlen(text) != kSha256HexDigits || strspn(text, "0123456789abcdef") != kSha256HexDigits) {
    Fail(kExitUsage, "%s must be 64 lower-case hex digits, not '%s'; " USAGE, name, text);
  }
  return text;
}

static char* AgentName(const char* out) {
  char* slash = strrchr(out, '/');
  char* name = slash == NULL ? (char*)out : slash + 1;
  if (*name == '\0') Fail(kExitUsage, "--out must name a file, not '%s'; " USAGE, out);
  return name;
}

static void ParseFlag(const char* name, const char* value, struct Options* options) {
  if (strcmp(name, "--sha256") == 0) {
    options->sha256 = ParseSha256(name, value);
  } else if (strcmp(name, "--size") == 0) {
    options->size = ParseNumber(name, value, kMaxBytes);
  } else if (strcmp(name, "--unpacked-size") == 0) {
    options->unpacked_size = ParseNumber(name, value, kMaxBytes);
  } else if (strcmp(name, "--chunks") == 0) {
    options->chunks = ParseNumber(name, value, kMaxChunks);
  } else if (strcmp(name, "--out") == 0) {
    options->out = value;
  } else {
    Fail(kExitUsage, "there is no flag '%s'; " USAGE, name);
  }
}

struct Options ParseOptions(char** argv) {
  struct Options options = {0};
  char** word = argv[0] == NULL ? argv : argv + 1;
  for (; *word != NULL && strncmp(*word, "--", 2) == 0 && strcmp(*word, "--") != 0; word += 2) {
    if (word[1] == NULL) Fail(kExitUsage, "%s needs a value; " USAGE, *word);
    ParseFlag(word[0], word[1], &options);
  }
  if (options.sha256 == NULL || options.size == 0 || options.unpacked_size == 0 ||
      options.chunks == 0 || options.out == NULL) {
    Fail(kExitUsage, "a flag is missing; " USAGE);
  }
  if (word[0] == NULL || strcmp(word[0], "--") == 0 || word[1] == NULL ||
      strcmp(word[1], "--") != 0) {
    Fail(kExitUsage, "one folder and `--` must follow the flags; " USAGE);
  }
  options.folder = word[0];
  options.agent_argv = word + 1;
  options.agent_argv[0] = AgentName(options.out);
  return options;
}
