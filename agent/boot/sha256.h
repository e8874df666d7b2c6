// SHA-256, FIPS 180-4.
#pragma once

#include <stddef.h>

enum { kSha256HexDigits = 64 };

// The digest of `size` bytes at `data`, as lower-case hex digits and a final zero.
void Sha256Hex(const void* data, size_t size, char out[kSha256HexDigits + 1]);
