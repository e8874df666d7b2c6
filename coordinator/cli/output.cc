#include "coordinator/cli/output.h"

#include <cerrno>
#include <cstring>

#include "common/file.h"
#include "common/printable.h"
#include "common/status.h"

namespace lighter {

void PrintText(std::FILE* stream, const std::string& text) {
  const std::string printable = Printable(text);
  std::fwrite(printable.data(), 1, printable.size(), stream);
}

void KeepAndPrintReport(const std::string& folder, const std::string& json, const std::string& text,
                        bool as_json) {
  if (const absl::Status kept = WriteFileAtomic(folder + "/report.json", json, 0600); !kept.ok()) {
    PrintText(stderr, "warning: the report could not be kept: " + Message(kept) + "\n");
  }
  if (as_json) {
    std::fputs(json.c_str(), stdout);
  } else {
    PrintText(stdout, text);
  }
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
