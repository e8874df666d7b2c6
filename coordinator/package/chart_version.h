// Which of two versions of a chart is older.
#pragma once

#include <string>

namespace lighter {

// Whether `a` comes before `b` by the precedence of SemVer 2.0.0 (section 11); a leading "v" says
// nothing, missing numbers are 0. False where either is no such version.
bool IsOlderVersion(const std::string& a, const std::string& b);

}  // namespace lighter
