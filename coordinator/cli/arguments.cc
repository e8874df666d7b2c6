#include "coordinator/cli/arguments.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace lighter {
namespace {

constexpr std::array<std::string_view, 3> kSecretFlags = {"--set", "--set-string", "--set-json"};

// Overwrites what is behind the first "=" of "key=value".
void Hide(char* pair) {
  char* const equals = std::strchr(pair, '=');
  if (equals != nullptr) std::memset(equals + 1, 'x', std::strlen(equals + 1));
}

}  // namespace

std::vector<std::string> TakeArguments(int argc, char** argv) {
  std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  for (size_t i = 0; i < words.size(); ++i) {
    char* const word = argv[i + 1];
    for (const std::string_view flag : kSecretFlags) {
      if (words[i] == flag && i + 1 < words.size()) Hide(argv[i + 2]);
      if (words[i].starts_with(flag) && words[i][flag.size()] == '=') Hide(word + flag.size() + 1);
    }
  }
  return words;
}

}  // namespace lighter
