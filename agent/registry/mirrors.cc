#include "agent/registry/mirrors.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace lighter {
namespace {

// RFC 6761: nobody has this name, and nobody's registry is asked for it.
constexpr char kProbeRegistry[] = "mirror-probe.lighter.invalid";
constexpr absl::Duration kProbeTimeout = absl::Seconds(5);
// containerd logs each try.
constexpr absl::Duration kFirstPause = absl::Seconds(5);
constexpr absl::Duration kLongestPause = absl::Minutes(5);

std::string UrlOf(const std::string& address) { return "http://" + address; }

}  // namespace

Mirrors::Mirrors(const Containerd& containerd, MirrorOptions options, Log log)
    : options_(std::move(options)),
      files_(options_.folder, UrlOf(options_.registry)),
      log_(std::move(log)),
      containerd_(containerd.Scoped({.lease = "", .group = &calls_})) {
  for (const std::string& registry : options_.registries) {
    state_.emplace_back().set_registry(registry);
  }
  thread_ = std::thread([this] { Work(); });
}

Mirrors::~Mirrors() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  calls_.Cancel();
  stopped_.notify_all();
  thread_.join();
}

std::vector<v1::Mirror> Mirrors::State() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void Mirrors::Work() {
  absl::Duration pause = kFirstPause;
  while (::access(options_.alive.c_str(), F_OK) == 0 && !Try()) {
    std::unique_lock lock(mutex_);
    if (stopped_.wait_for(lock, absl::ToChronoMilliseconds(pause), [this] { return stop_; })) {
      return;
    }
    pause = std::min(pause * 2, kLongestPause);
  }
}

bool Mirrors::Try() {
  absl::Status usable =
      files_.RemoveAllBut({options_.registries.begin(), options_.registries.end()});
  if (usable.ok()) usable = CheckThatFolderIsRead();
  bool done = true;
  for (const std::string& registry : options_.registries) {
    const absl::Status status = usable.ok() ? files_.Write(registry) : usable;
    Set(registry, status);
    done = done && status.ok();
  }
  return done;
}

absl::Status Mirrors::CheckThatFolderIsRead() const {
  RETURN_IF_ERROR(files_.Write(kProbeRegistry, UrlOf(options_.registry)));
  const absl::Status pulled =
      containerd_.CriPull(absl::StrCat(kProbeRegistry, "/probe:1"), kProbeTimeout);
  RETURN_IF_ERROR(files_.RemoveAllBut({options_.registries.begin(), options_.registries.end()}));
  if (absl::IsNotFound(pulled)) return absl::OkStatus();  // as our registry answered
  if (absl::IsUnavailable(pulled) || absl::IsCancelled(pulled)) return pulled;
  return absl::FailedPreconditionError(absl::StrCat(
      "containerd does not read ", options_.folder,
      ": set it as config_path of the registry in "
      "the configuration of its CRI and restart it, or name the folder that is set there with "
      "`lighter agent install --mirror-folder`. Image names that begin with ",
      options_.registry, " need none of this"));
}

void Mirrors::Set(const std::string& registry, const absl::Status& status) {
  const std::lock_guard lock(mutex_);
  const auto mirror = std::find_if(state_.begin(), state_.end(),
                                   [&](const auto& m) { return m.registry() == registry; });
  const std::string problem = status.ok() ? "" : Message(status);
  if (mirror->tried() && mirror->problem() == problem) return;
  mirror->set_tried(true);
  mirror->set_problem(problem);
  log_(status.ok() ? absl::StrCat("pulls from ", registry, " ask ", options_.registry, " first")
                   : absl::StrCat("pulls from ", registry, " do not ask ", options_.registry,
                                  " first: ", problem));
}

}  // namespace lighter
