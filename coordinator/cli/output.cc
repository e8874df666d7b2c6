#include "coordinator/cli/output.h"

#include <cerrno>
#include <cstring>

#include "common/printable.h"

namespace lighter {

void PrintText(std::FILE* stream, const std::string& text) {
  const std::string printable = Printable(text);
  std::fwrite(printable.data(), 1, printable.size(), stream);
}

bool FlushResult() {
  errno = 0;
  const bool flushed = std::fflush(stdout) == 0;
  if (flushed && std::ferror(stdout) == 0) return true;
  std::fprintf(stderr,
               "error: the result could not be written to stdout%s%s; what was done is done, only "
               "its account is not complete\n",
               errno != 0 ? ": " : "", errno != 0 ? std::strerror(errno) : "");
  return false;
}

}  // namespace lighter
