#include "chunks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fail.h"

#define PREFIX "chunk-"
#define REINSTALL "run `lighter agent install` again"

typedef char ChunkName[sizeof PREFIX + 20];

static void NameOf(size_t index, ChunkName name) {
  snprintf(name, sizeof(ChunkName), PREFIX "%03zu", index);
}

// The kubelet replaces a volume's files all at once: they are links through `..data`, a link to the
// folder of one version. Opening that folder pins the version for as long as the chunks are read.
static int OpenVersion(const char* folder) {
  const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    Fail(kExitChunks, "cannot open the folder of chunks %s: %s; is the volume mounted there?",
         folder, strerror(errno));
  }
  const int version = openat(fd, "..data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (version < 0) return fd;
  close(fd);
  return version;
}

static bool IsWanted(const char* name, size_t count) {
  ChunkName expected;
  const size_t index = strtoul(name + strlen(PREFIX), NULL, 10);
  NameOf(index, expected);
  return index < count && strcmp(name, expected) == 0;
}

static void RefuseExtra(const char* folder, int fd, size_t count) {
  DIR* entries = fdopendir(dup(fd));
  if (entries == NULL) Fail(kExitChunks, "cannot list %s: %s", folder, strerror(errno));
  const struct dirent* entry;
  while ((entry = readdir(entries)) != NULL) {
    if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0) continue;
    if (!IsWanted(entry->d_name, count)) {
      Fail(kExitChunks,
           "%s in %s is one too many, the agent has %zu chunks: these are of two "
           "versions; " REINSTALL,
           entry->d_name, folder, count);
    }
  }
  closedir(entries);
}

// Appends the chunk to out[0 .. *filled). One byte more than `size` is not kept, but noticed.
static void ReadChunk(const char* folder, int folder_fd, size_t index, size_t count, char* out,
                      size_t size, size_t* filled) {
  ChunkName name;
  NameOf(index, name);
  const int fd = openat(folder_fd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) {
    Fail(kExitChunks, "%s/%s is missing, the agent has %zu chunks; " REINSTALL, folder, name,
         count);
  }
  ssize_t got = -1;
  if (fd >= 0) {
    while ((got = read(fd, out + *filled, size - *filled)) > 0) *filled += (size_t)got;
  }
  char beyond;
  if (got == 0 && read(fd, &beyond, 1) == 1) {
    Fail(kExitContent,
         "the chunks up to %s/%s hold more than the %zu bytes expected: they are damaged or of two "
         "versions; " REINSTALL,
         folder, name, size);
  }
  if (got < 0) {
    Fail(kExitChunks, "cannot read %s/%s: %s; the volume's files must be readable to this user",
         folder, name, strerror(errno));
  }
  close(fd);
}

void ReadChunks(const char* folder, size_t count, char* out, size_t size) {
  const int fd = OpenVersion(folder);
  RefuseExtra(folder, fd, count);
  size_t filled = 0;
  for (size_t i = 0; i < count; i++) ReadChunk(folder, fd, i, count, out, size, &filled);
  close(fd);
  if (filled != size) {
    Fail(kExitContent,
         "the %zu chunks in %s hold %zu bytes, not %zu: one is cut short or they are of two "
         "versions; " REINSTALL,
         count, folder, filled, size);
  }
}
