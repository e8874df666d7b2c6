#include "unpack.h"

// stb_image has an inflate that needs no library; the linker leaves out all the rest of it.
#define STB_IMAGE_IMPLEMENTATION
#define STBI_SUPPORT_ZLIB
#define STBI_NO_STDIO
#define STBI_NO_FAILURE_STRINGS
#define STBI_ASSERT(condition) ((void)0)
#include <stb_image.h>

bool Unpack(const char* in, size_t size, char* out, size_t out_size) {
  const int unpacked = stbi_zlib_decode_buffer(out, (int)out_size, in, (int)size);
  return unpacked >= 0 && (size_t)unpacked == out_size;
}
