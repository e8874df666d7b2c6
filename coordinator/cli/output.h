// What lighter says on stdout and stderr. The progress display draws by itself.
#pragma once

#include <cstdio>
#include <string>

namespace lighter {

// Text for people: whatever a package, an agent or a child put into it, it cannot act on the
// terminal. JSON escapes itself and is written as it is.
void PrintText(std::FILE* stream, const std::string& text);

// Keeps a run's report in its folder (a warning on stderr where that fails) and prints it: as JSON,
// or the text.
void KeepAndPrintReport(const std::string& folder, const std::string& json, const std::string& text,
                        bool as_json);

// False, with a message on stderr, when something of the result did not get to stdout.
bool FlushResult();

}  // namespace lighter
