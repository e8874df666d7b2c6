// Decompression of the zlib format (RFC 1950).
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Decompresses the `size` bytes at `in` to exactly `out_size` bytes at `out`. False where they are
// no zlib stream or hold more or less. The stream's own checksum is not looked at: the caller has
// compared the SHA-256 of `in`. Both sizes must fit into an int.
bool Unpack(const char* in, size_t size, char* out, size_t out_size);
