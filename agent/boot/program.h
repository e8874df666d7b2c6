// The agent's file: written, and become.
#pragma once

#include <stddef.h>

// Replaces `path` by a file of these bytes that its owner may run. What an earlier start left there
// goes first, so a full disk does not keep a container from starting again. There is never half a
// file at `path`. The program ends with kExitWrite where that fails.
void WriteProgram(const char* path, const char* data, size_t size);

// Becomes the program at `path`. Returns never: ends with kExitStart where that fails.
_Noreturn void BecomeProgram(const char* path, char** argv);
