// What the fuzz targets share. Each target is one file with one LLVMFuzzerTestOneInput: libFuzzer
// drives it under the preset `fuzz`, replay_main.cc gives it its committed corpus in every other.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

// Of libFuzzer; replay_main.cc calls the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

// Ends the program where `condition` does not hold: a property of the code is broken by this input.
#define REQUIRE(condition)                                                                \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                       \
    }                                                                                     \
  } while (false)

namespace lighter::fuzz {

inline std::string_view AsText(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// The parts of an input that stand between lines "%%", so that inputs with several parts can be
// read and edited. Parts that are missing are empty, the last one keeps what is too much.
template <size_t N>
std::array<std::string_view, N> Sections(std::string_view input) {
  constexpr std::string_view kSeparator = "\n%%\n";
  std::array<std::string_view, N> sections;
  for (size_t i = 0; i < N; ++i) {
    const size_t end = i + 1 < N ? input.find(kSeparator) : std::string_view::npos;
    sections[i] = input.substr(0, end);
    if (end == std::string_view::npos) break;
    input.remove_prefix(end + kSeparator.size());
  }
  return sections;
}

}  // namespace lighter::fuzz
