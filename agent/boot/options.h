// The command line of lighter-boot.
#pragma once

#include <stddef.h>

struct Options {
  const char* sha256;    // of all chunks, joined: 64 lower-case hex digits
  size_t size;           // bytes of all chunks, joined
  size_t unpacked_size;  // bytes of the agent
  size_t chunks;         // how many there are
  const char* out;       // where the agent is written to; not a folder
  const char* folder;    // of the chunks
  char** agent_argv;     // for the agent: its name, the arguments after `--`, NULL
};

// Reads the command line; on a wrong one the program ends with kExitUsage and says what is wrong.
// Everything in the result points into argv, which is changed: argv's `--` becomes the agent's
// name.
struct Options ParseOptions(char** argv);
