// The same work for many things at once, where the work is a child process.
#pragma once

#include <cstddef>
#include <functional>

namespace lighter {

// Runs `work` for every index below `count`, on at most eight threads, and returns when all are
// done.
void InParallel(size_t count, const std::function<void(size_t)>& work);

}  // namespace lighter
