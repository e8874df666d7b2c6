// Error handling: absl::Status everywhere, these macros to pass it on, and the bridge between
// std::string_view and Debian's abseil, whose string_view is a type of its own.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lighter {

inline absl::string_view ToAbsl(std::string_view s) { return {s.data(), s.size()}; }
inline std::string_view ToStd(absl::string_view s) { return {s.data(), s.size()}; }

// The message of `status` as a string, without its code.
std::string Message(const absl::Status& status);

// `status` with "context: " before its message; code kept; OK stays OK.
absl::Status Annotate(const absl::Status& status, std::string_view context);

// A status for errno value `error`: "what: <strerror>". ENOENT -> NotFound, EACCES/EPERM ->
// PermissionDenied, ENOSPC/EDQUOT -> ResourceExhausted, EEXIST -> AlreadyExists, others Internal.
absl::Status ErrnoStatus(int error, std::string_view what);

}  // namespace lighter

#define LIGHTER_CONCAT_INNER(a, b) a##b
#define LIGHTER_CONCAT(a, b) LIGHTER_CONCAT_INNER(a, b)

// Returns from the calling function when `expr` (an absl::Status) is not OK.
#define RETURN_IF_ERROR(expr)                                         \
  do {                                                                \
    if (absl::Status status_ = (expr); !status_.ok()) return status_; \
  } while (false)

// ASSIGN_OR_RETURN(auto x, F()): x = value of F(), or returns its status.
#define ASSIGN_OR_RETURN(lhs, expr) \
  LIGHTER_ASSIGN_OR_RETURN(LIGHTER_CONCAT(statusor_, __LINE__), lhs, expr)
#define LIGHTER_ASSIGN_OR_RETURN(tmp, lhs, expr) \
  auto tmp = (expr);                             \
  if (!tmp.ok()) return tmp.status();            \
  lhs = std::move(tmp).value()
