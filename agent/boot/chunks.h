// The compressed agent, as it comes through the API server: files chunk-000, chunk-001, ... of one
// folder, each from a ConfigMap (which holds at most 1 MiB), brought together by a projected
// volume.
#pragma once

#include <stddef.h>

// Reads the `count` chunks in `folder`, joined, into the `size` bytes at `out`. Where one is
// missing, unreadable or one too many, the program ends with kExitChunks; where they do not hold
// exactly `size` bytes, with kExitContent. Other files in the folder do not matter.
void ReadChunks(const char* folder, size_t count, char* out, size_t size);
