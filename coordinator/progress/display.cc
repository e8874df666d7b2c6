#include "coordinator/progress/display.h"

#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "coordinator/progress/render.h"

namespace lighter {
namespace {

constexpr std::chrono::milliseconds kFrame{100};
constexpr absl::Duration kHeartbeat = absl::Seconds(10);

void Print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

// How one mode shows a snapshot; `rates` has one entry a node.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void Show(const std::vector<NodeProgress>& nodes, const std::vector<double>& rates) = 0;
};

class NoSink : public Sink {
 public:
  void Show(const std::vector<NodeProgress>&, const std::vector<double>&) override {}
};

// Redraws in place. Hides the cursor and gives it back when it goes.
class TtySink : public Sink {
 public:
  explicit TtySink(std::string footer) : footer_(std::move(footer)) { Print("\x1b[?25l"); }
  ~TtySink() override { Print("\x1b[?25h"); }

  void Show(const std::vector<NodeProgress>& nodes, const std::vector<double>& rates) override {
    winsize size{};
    const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    FrameOptions options;
    if (known) {
      options.width = size.ws_col;
      options.rows = size.ws_row > 3 ? size.ws_row - 2 : 2;
    }
    options.utf8 = std::strcmp(::nl_langinfo(CODESET), "UTF-8") == 0;
    std::vector<std::string> lines = RenderFrame(nodes, rates, options);
    if (!footer_.empty()) lines.push_back(footer_.substr(0, options.width));
    const std::string body = absl::StrJoin(lines, "\x1b[K\n");
    if (body == last_) return;
    std::string frame;
    if (shown_lines_ > 0) absl::StrAppend(&frame, "\x1b[", shown_lines_, "A\r");
    Print(absl::StrCat(frame, body, "\x1b[K\n\x1b[J"));
    last_ = body;
    shown_lines_ = lines.size();
  }

 private:
  const std::string footer_;
  std::string last_;
  size_t shown_lines_ = 0;
};

// Lines that never change once printed: for logs and pipes.
class PlainSink : public Sink {
 public:
  explicit PlainSink(const std::string& footer) {
    if (!footer.empty()) Print(footer + "\n");
  }

  void Show(const std::vector<NodeProgress>& nodes, const std::vector<double>& rates) override {
    phases_.resize(nodes.size(), NodePhase::kWaiting);
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (nodes[i].phase == phases_[i]) continue;
      phases_[i] = nodes[i].phase;
      Print(PlainLine(nodes[i]) + "\n");
    }
    if (absl::Now() < next_heartbeat_) return;
    next_heartbeat_ = absl::Now() + kHeartbeat;
    double rate = 0;
    for (double r : rates) rate += r;
    Print(TotalLine(nodes, rate) + "\n");
  }

 private:
  std::vector<NodePhase> phases_;
  absl::Time next_heartbeat_ = absl::Now() + kHeartbeat;
};

class JsonSink : public Sink {
 public:
  void Show(const std::vector<NodeProgress>& nodes, const std::vector<double>&) override {
    last_.resize(nodes.size());
    for (size_t i = 0; i < nodes.size(); ++i) {
      std::string line = JsonLine(nodes[i]);
      if (line == last_[i]) continue;
      Print(line + "\n");
      last_[i] = std::move(line);
    }
  }

 private:
  std::vector<std::string> last_;
};

std::unique_ptr<Sink> MakeSink(ProgressMode mode, const std::string& footer) {
  switch (mode) {
    case ProgressMode::kTty:
      return std::make_unique<TtySink>(footer);
    case ProgressMode::kPlain:
      return std::make_unique<PlainSink>(footer);
    case ProgressMode::kJson:
      return std::make_unique<JsonSink>();
    case ProgressMode::kNone:
      break;
  }
  return std::make_unique<NoSink>();
}

bool GoodTerminal() {
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::strcmp(term, "dumb") == 0;
  return ::isatty(STDERR_FILENO) == 1 && !dumb && std::getenv("CI") == nullptr;
}

}  // namespace

absl::StatusOr<ProgressMode> ParseProgressMode(const std::string& text) {
  if (text == "auto") return GoodTerminal() ? ProgressMode::kTty : ProgressMode::kPlain;
  if (text == "tty") return ProgressMode::kTty;
  if (text == "plain") return ProgressMode::kPlain;
  if (text == "json") return ProgressMode::kJson;
  if (text == "none") return ProgressMode::kNone;
  return absl::InvalidArgumentError("--progress: \"" + text +
                                    "\" is none of auto, tty, plain, json, none");
}

ProgressDisplay::ProgressDisplay(const ProgressBoard& board, ProgressMode mode, std::string footer)
    : board_(board), mode_(mode), footer_(std::move(footer)), thread_([this] { Run(); }) {}

void ProgressDisplay::Stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stop_asked_.notify_all();
  thread_.join();
}

void ProgressDisplay::Run() {
  const std::unique_ptr<Sink> sink = MakeSink(mode_, footer_);
  std::vector<RateMeter> meters(board_.Snapshot().size());
  bool stopping = false;
  while (!stopping) {
    // The last round shows the state after Stop was asked for.
    {
      std::unique_lock lock(mutex_);
      stopping = stop_asked_.wait_for(lock, kFrame, [this] { return stop_; });
    }
    const std::vector<NodeProgress> nodes = board_.Snapshot();
    std::vector<double> rates;
    for (size_t i = 0; i < nodes.size(); ++i) {
      meters[i].Sample(nodes[i].done_bytes, absl::Now());
      rates.push_back(meters[i].bytes_per_second());
    }
    sink->Show(nodes, rates);
  }
}

}  // namespace lighter
