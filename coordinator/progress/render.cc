#include "coordinator/progress/render.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/limits.h"
#include "common/printable.h"

namespace lighter {
namespace {

constexpr size_t kBarCells = 20;
constexpr double kMeanSeconds = 5;
// Before this share is moved an ETA is a guess.
constexpr double kEtaFrom = 0.02;

std::string Bar(double share, bool utf8) {
  const auto full = static_cast<size_t>(std::lround(share * kBarCells));
  std::string bar;
  for (size_t i = 0; i < kBarCells; ++i) {
    if (utf8) {
      bar += i < full ? "█" : "░";
    } else {
      bar += i < full ? '#' : '.';
    }
  }
  return bar;
}

double Share(uint64_t done, uint64_t total) {
  return total == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(total);
}

std::string Eta(uint64_t done, uint64_t total, double rate) {
  if (done >= total || rate <= 0 || Share(done, total) < kEtaFrom) return "";
  const auto seconds = static_cast<int64_t>(std::ceil(static_cast<double>(total - done) / rate));
  if (seconds < 120) return absl::StrFormat("ETA %ds", seconds);
  return absl::StrFormat("ETA %dm%02ds", seconds / 60, seconds % 60);
}

// Bytes, rate and ETA; the rate and the ETA only while bytes move.
std::string Amounts(uint64_t done, uint64_t total, double rate, bool moving) {
  std::string text = absl::StrFormat("%3.0f%%  %9s of %-9s", 100 * Share(done, total),
                                     FormatBytes(done), FormatBytes(total));
  if (!moving) return text;
  if (rate > 0) absl::StrAppend(&text, "  ", FormatBytes(static_cast<uint64_t>(rate)), "/s");
  if (const std::string eta = Eta(done, total, rate); !eta.empty())
    absl::StrAppend(&text, "  ", eta);
  return text;
}

bool IsQuiet(NodePhase phase) {
  return phase == NodePhase::kProven || phase == NodePhase::kWaiting;
}

// Cut to `width` columns; a UTF-8 sequence counts as one and is never split.
std::string Fit(const std::string& line, size_t width) {
  size_t columns = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    const bool starts_character = (static_cast<unsigned char>(line[i]) & 0xC0) != 0x80;
    if (starts_character && columns++ == width) return line.substr(0, i);
  }
  return line;
}

std::string NodeLine(const NodeProgress& node, double rate, size_t name_width, bool utf8) {
  std::string line = absl::StrFormat("%-*s  %-10s", static_cast<int>(name_width), node.name,
                                     PhaseName(node.phase));
  switch (node.phase) {
    case NodePhase::kWaiting:
      break;
    case NodePhase::kStopped:
      break;
    case NodePhase::kConnecting:
    case NodePhase::kFailed:
      absl::StrAppend(&line, "  ", OneLine(node.step));
      break;
    case NodePhase::kProven:
      absl::StrAppend(&line, "  ", Bar(1, utf8), "  ", FormatBytes(node.total_bytes), " moved, ",
                      FormatBytes(node.present_bytes), " was there");
      break;
    default:
      absl::StrAppend(
          &line, "  ", Bar(Share(node.done_bytes, node.total_bytes), utf8), " ",
          Amounts(node.done_bytes, node.total_bytes, rate, node.phase == NodePhase::kSending));
      if (node.phase != NodePhase::kSending && !node.step.empty())
        absl::StrAppend(&line, "  ", OneLine(node.step));
  }
  return line;
}

}  // namespace

std::string FormatBytes(uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes >= kGiB) return absl::StrFormat("%.1f GiB", value / kGiB);
  if (bytes >= kMiB) return absl::StrFormat("%.1f MiB", value / kMiB);
  if (bytes >= kKiB) return absl::StrFormat("%.0f KiB", value / kKiB);
  return absl::StrCat(bytes, " B");
}

void RateMeter::Sample(uint64_t total_bytes, absl::Time now) {
  if (last_time_ == absl::InfinitePast() || total_bytes < last_bytes_) {
    rate_ = 0;
  } else {
    const double seconds = absl::ToDoubleSeconds(now - last_time_);
    if (seconds <= 0) return;
    const double current = static_cast<double>(total_bytes - last_bytes_) / seconds;
    const double weight = 1 - std::exp(-seconds / kMeanSeconds);
    rate_ = rate_ == 0 ? current : rate_ + weight * (current - rate_);
  }
  last_bytes_ = total_bytes;
  last_time_ = now;
}

std::vector<std::string> RenderFrame(const std::vector<NodeProgress>& nodes,
                                     const std::vector<double>& rates,
                                     const FrameOptions& options) {
  size_t name_width = 5;
  double rate = 0;
  for (size_t i = 0; i < nodes.size(); ++i) {
    name_width = std::max(name_width, nodes[i].name.size());
    rate += rates[i];
  }
  // The total takes one line, the count of hidden nodes another.
  const bool all_fit = nodes.size() + 1 <= options.rows;
  const size_t room = all_fit ? nodes.size() : (options.rows > 2 ? options.rows - 2 : 0);
  std::vector<std::string> lines;
  size_t hidden = 0;
  for (size_t i = 0; i < nodes.size(); ++i) {
    const bool failed = nodes[i].phase == NodePhase::kFailed;
    const bool shown = all_fit || failed || (!IsQuiet(nodes[i].phase) && lines.size() < room);
    if (shown) {
      lines.push_back(Fit(NodeLine(nodes[i], rates[i], name_width, options.utf8), options.width));
    } else {
      ++hidden;
    }
  }
  if (hidden > 0) lines.push_back(absl::StrCat("... ", hidden, " more nodes"));
  lines.push_back(Fit(TotalLine(nodes, rate), options.width));
  return lines;
}

std::string PlainLine(const NodeProgress& node) {
  std::string line = absl::StrCat(node.name, ": ", PhaseName(node.phase));
  switch (node.phase) {
    case NodePhase::kSending:
      absl::StrAppend(&line, " ", FormatBytes(node.total_bytes - node.done_bytes), ", ",
                      FormatBytes(node.present_bytes), " is there already");
      break;
    case NodePhase::kProven:
      absl::StrAppend(&line, ", ", FormatBytes(node.total_bytes), " moved");
      break;
    default:
      if (!node.step.empty()) absl::StrAppend(&line, ": ", OneLine(node.step));
  }
  return line;
}

std::string TotalLine(const std::vector<NodeProgress>& nodes, double rate) {
  uint64_t done = 0;
  uint64_t total = 0;
  size_t proven = 0;
  size_t failed = 0;
  bool moving = false;
  for (const NodeProgress& node : nodes) {
    done += node.done_bytes;
    total += node.total_bytes;
    proven += node.phase == NodePhase::kProven ? 1 : 0;
    failed += node.phase == NodePhase::kFailed ? 1 : 0;
    moving = moving || node.phase == NodePhase::kSending;
  }
  std::string line = absl::StrFormat("total: %d of %d nodes proven", proven, nodes.size());
  if (failed > 0) absl::StrAppend(&line, ", ", failed, " failed");
  return absl::StrCat(line, "  ", Amounts(done, total, rate, moving));
}

std::string JsonLine(const NodeProgress& node) {
  const nlohmann::ordered_json event = {
      {"event", "node"},
      {"node", node.name},
      {"phase", PhaseName(node.phase)},
      {"totalBytes", node.total_bytes},
      {"doneBytes", node.done_bytes},
      {"presentBytes", node.present_bytes},
      {"layersDone", node.layers_done},
      {"layersTotal", node.layers_total},
      {"step", node.step},
  };
  return event.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace lighter
