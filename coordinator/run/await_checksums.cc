#include "coordinator/run/await_checksums.h"

#include <cstdio>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "coordinator/process/stop_signal.h"

namespace lighter {
namespace {

constexpr absl::Duration kPoll = absl::Milliseconds(100);
constexpr absl::Duration kHeartbeat = absl::Seconds(10);

// On a terminal one line that is drawn again, elsewhere a line now and then.
class Meter {
 public:
  explicit Meter(ProgressMode mode) : mode_(mode) {}
  ~Meter() {
    if (drawn_) std::fputs("\n", stderr);
  }

  void Show(const ChecksumVerifier& checksums) {
    if (mode_ == ProgressMode::kTty) {
      std::fprintf(stderr, "\r%s\x1b[K", ChecksumStep(checksums).c_str());
      drawn_ = true;
    } else if (mode_ != ProgressMode::kNone && absl::Now() >= next_) {
      next_ = absl::Now() + kHeartbeat;
      if (mode_ == ProgressMode::kPlain) {
        std::fprintf(stderr, "%s\n", ChecksumStep(checksums).c_str());
      } else {
        std::fprintf(stderr,
                     R"({"event":"checksum","doneBytes":%llu,"totalBytes":%llu})"
                     "\n",
                     static_cast<unsigned long long>(checksums.done_bytes()),
                     static_cast<unsigned long long>(checksums.total_bytes()));
      }
    }
    std::fflush(stderr);
  }

 private:
  const ProgressMode mode_;
  absl::Time next_ = absl::InfinitePast();
  bool drawn_ = false;
};

}  // namespace

std::string ChecksumStep(const ChecksumVerifier& checksums) {
  const uint64_t total = checksums.total_bytes();
  const uint64_t percent = total == 0 ? 100 : 100 * checksums.done_bytes() / total;
  return absl::StrCat("checking the package's checksum, ", percent, "%");
}

absl::Status AwaitChecksums(const ChecksumVerifier& checksums, ProgressMode mode) {
  Meter meter(mode);
  while (true) {
    const std::optional<absl::Status> verdict = checksums.Verdict(kPoll);
    if (verdict.has_value()) return *verdict;
    if (StopRequested()) return absl::CancelledError("stopped on request");
    meter.Show(checksums);
  }
}

}  // namespace lighter
