// Progress as text: pure functions from a snapshot to lines, apart from any terminal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "coordinator/progress/progress_board.h"

namespace lighter {

// "1.2 GiB", "312 KiB", "17 B".
std::string FormatBytes(uint64_t bytes);

// A node's speed as an exponential moving average over about five seconds.
class RateMeter {
 public:
  void Sample(uint64_t total_bytes, absl::Time now);
  double bytes_per_second() const { return rate_; }

 private:
  double rate_ = 0;
  uint64_t last_bytes_ = 0;
  absl::Time last_time_ = absl::InfinitePast();
};

struct FrameOptions {
  size_t width = 80;  // columns
  size_t rows = 24;   // lines that the frame may take
  bool utf8 = true;   // bar of block characters, else of '#'
};

// One line a node ("node1  sending  ██░░  42%  10.1/24.0 MiB  31.0 MiB/s  ETA 6s"), then a total.
// `rates` in bytes per second, one a node. Where the nodes do not fit, those that are done or
// waiting are counted in one line; failed ones always stay.
std::vector<std::string> RenderFrame(const std::vector<NodeProgress>& nodes,
                                     const std::vector<double>& rates, const FrameOptions& options);

// One node's state in one plain line, and the total of all in one.
std::string PlainLine(const NodeProgress& node);
std::string TotalLine(const std::vector<NodeProgress>& nodes, double rate);

// One node's state as a JSON object on one line, in ASCII.
std::string JsonLine(const NodeProgress& node);

}  // namespace lighter
