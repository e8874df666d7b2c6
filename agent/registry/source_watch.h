// Ends connections whose blob does not come: a read that waits for another node cannot be called
// off, but who waits for it can be let go.
#pragma once

#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>

#include "absl/time/time.h"

namespace lighter {

// Thread-safe. Has a thread of its own.
class SourceWatch {
  struct Source {
    int fd;
    absl::Time deadline;  // InfiniteFuture while it is not waited for
    bool given_up = false;
  };

 public:
  // A source that gives nothing for `patience` is given up.
  explicit SourceWatch(absl::Duration patience);
  ~SourceWatch();
  SourceWatch(const SourceWatch&) = delete;
  SourceWatch& operator=(const SourceWatch&) = delete;

  // One connection, while it waits for a source. Of one thread.
  class Wait {
   public:
    // Once the source has been given up, `fd` is shut down both ways. It must stay open as long as
    // this lives.
    Wait(SourceWatch* watch, int fd);
    ~Wait();
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;

    void Pause();   // the source gave something; what follows is not its fault
    void Resume();  // waits for it once more, with new patience
    bool given_up() const;

   private:
    SourceWatch* const watch_;
    std::list<Source>::iterator source_;
  };

 private:
  void Run();

  const absl::Duration patience_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  bool stopping_ = false;
  std::list<Source> sources_;
  std::thread thread_;
};

}  // namespace lighter
