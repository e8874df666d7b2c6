// How lighter-boot ends when it cannot start the agent.
#pragma once

// The exit codes; the rest of the way the program is the agent's own. From 64 on, so that none is
// one of the agent's, and below 126, where shells and runtimes have theirs.
enum ExitCode {
  kExitUsage = 64,    // the arguments are wrong
  kExitChunks = 65,   // a chunk is missing, unreadable, or one too many
  kExitContent = 66,  // the chunks together have another size or SHA-256: damaged, or two versions
  kExitUnpack = 67,   // they do not decompress to the size given
  kExitWrite = 68,    // the agent cannot be written: disk full, read-only, no such folder
  kExitStart = 69,   // the agent cannot be started: noexec, a security module, another architecture
  kExitMemory = 70,  // not enough memory
};

// Writes "lighter-boot: <message>" as one line to stderr and ends the program. The kubelet shows
// that line as the container's termination message: it must say what, and the way out.
_Noreturn void Fail(enum ExitCode code, const char* format, ...)
    __attribute__((format(printf, 2, 3)));
