// What lighter's exit code says. Part of the interface; also in --help.
#pragma once

namespace lighter {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed =
    1;  // nothing that runs was changed, or Helm failed: the text says
inline constexpr int kExitUsage = 2;      // the command line, or a file it names
inline constexpr int kExitPartial = 4;    // some nodes are proven, others are not; Helm was not run
inline constexpr int kExitStopped = 128;  // plus the number of the signal: 130 Ctrl-C, 143 SIGTERM

}  // namespace lighter
