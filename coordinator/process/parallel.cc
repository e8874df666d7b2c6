#include "coordinator/process/parallel.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace lighter {
namespace {

constexpr size_t kThreads = 8;

}  // namespace

void InParallel(size_t count, const std::function<void(size_t)>& work) {
  std::atomic<size_t> next = 0;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < std::min(count, kThreads); ++i) {
    threads.emplace_back([&] {
      for (size_t index = next++; index < count; index = next++) work(index);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace lighter
