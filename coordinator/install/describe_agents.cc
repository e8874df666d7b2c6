#include "coordinator/install/describe_agents.h"

#include <algorithm>
#include <array>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/printable.h"
#include "common/status.h"
#include "coordinator/progress/render.h"

namespace lighter {
namespace {

using nlohmann::ordered_json;

constexpr char kApiVersion[] = "lighter/v1";
// One image may bring tens of thousands of files.
constexpr uint64_t kFewInodes = 100'000;
// Certificates start a week back; what is further off than this will not wait long to matter.
constexpr absl::Duration kWrongClock = absl::Hours(24);

std::string ClockWords(absl::Duration ahead) {
  const int64_t seconds = absl::ToInt64Seconds(absl::AbsDuration(ahead));
  if (seconds < 2) return "right";
  const absl::Duration off = absl::Seconds(seconds);
  return absl::StrCat(absl::FormatDuration(off),
                      ahead > absl::ZeroDuration() ? " ahead" : " behind");
}

// "3 d ago"; "-" for never.
std::string AgeWords(int64_t unix_seconds, absl::Time now) {
  if (unix_seconds == 0) return "-";
  const int64_t minutes = absl::ToInt64Minutes(now - absl::FromUnixSeconds(unix_seconds));
  if (minutes < 1) return "just now";
  if (minutes < 2 * 60) return absl::StrCat(minutes, " min ago");
  if (minutes < 2 * 24 * 60) return absl::StrCat(minutes / 60, " h ago");
  return absl::StrCat(minutes / (24 * 60), " d ago");
}

// "2 releases, 14 images (3 missing)".
std::string HeldWords(const v1::KeptState& kept) {
  uint64_t images = 0;
  uint64_t missing = 0;
  for (const v1::KeptRelease& release : kept.releases()) {
    images += release.images();
    missing += release.missing();
  }
  if (kept.generation() == 0) return "-";
  return absl::StrCat(Count(static_cast<size_t>(kept.releases_size()), "release"), ", ",
                      Count(images, "image"),
                      missing == 0 ? "" : absl::StrCat(" (", missing, " missing)"));
}

std::string LastLoadWords(const v1::KeptState& kept, absl::Time now) {
  int64_t newest = 0;
  for (const v1::KeptRelease& release : kept.releases()) {
    newest = std::max(newest, release.loaded_unix_seconds());
  }
  return AgeWords(newest, now);
}

// Of a node that has it.
std::string TaintWords(const AgentState& state) {
  return absl::StrCat("taint ", OneLine(state.taint),
                      " keeps pods away until the node holds all that the desired list wants; "
                      "`kubectl logs -n lighter-system ",
                      state.pod, " --all-containers` tells what it waits for");
}

std::vector<std::string> Remarks(const AgentState& state, absl::Time now) {
  const v1::InfoReply& info = state.info;
  const v1::KeptState& kept = info.kept();
  std::vector<std::string> remarks;
  if (!state.taint.empty()) remarks.push_back(TaintWords(state));
  if (!kept.problem().empty()) remarks.push_back("problem: " + OneLine(kept.problem()));
  if (!kept.doing().empty()) remarks.push_back("now: " + OneLine(kept.doing()));
  if (!kept.registry_problem().empty()) {
    remarks.push_back("no registry on this node: " + OneLine(kept.registry_problem()));
  }
  for (const v1::KeptRelease& release : kept.releases()) {
    if (release.missing() == 0) continue;
    remarks.push_back(absl::StrCat(OneLine(release.name()), " lacks ", release.missing(), " of ",
                                   release.images(),
                                   " images; the agent fetches them from other "
                                   "nodes, `lighter load` of its package brings them, too"));
  }
  for (const v1::Mirror& mirror : info.mirrors()) {
    if (mirror.tried() && mirror.problem().empty()) continue;
    remarks.push_back(absl::StrCat(
        "pulls from ", OneLine(mirror.registry()), " do not ask the node's own registry first: ",
        mirror.tried() ? OneLine(mirror.problem()) : "it is being tried"));
  }
  if (kept.recreated_names() > 0) {
    remarks.push_back(absl::StrCat(kept.recreated_names(),
                                   " names were deleted by others and put back since the agent "
                                   "started"));
  }
  if (info.free_inodes() > 0 && info.free_inodes() < kFewInodes) {
    remarks.push_back(absl::StrCat(
        "only ", info.free_inodes(), " inodes are free below ",
        info.containerd_root().empty() ? "containerd's root" : OneLine(info.containerd_root()),
        "; `lighter prune` shows what need not be held"));
  }
  if (CertificateEndsSoon(info, now)) {
    const absl::Duration left = absl::FromUnixSeconds(info.certificate_ends_unix_seconds()) - now;
    remarks.push_back(absl::StrCat("its certificate ends in ", absl::ToInt64Hours(left) / 24,
                                   " days; `lighter agent install` renews it"));
  }
  if (absl::AbsDuration(state.clock_ahead) > kWrongClock) {
    remarks.push_back(
        "set its clock, or this machine's: past a week certificates count as not valid");
  }
  return remarks;
}

using Row = std::array<std::string, 9>;

// Columns as wide as they need to be; the last one is not padded.
std::string Line(const Row& row, const std::array<size_t, 9>& widths) {
  std::string line;
  for (size_t i = 0; i < row.size(); ++i) {
    const int width = i + 1 < row.size() ? static_cast<int>(widths[i]) : 0;
    absl::StrAppendFormat(&line, "%s%-*s", i == 0 ? "" : "  ", width, row[i]);
  }
  return line + "\n";
}

Row ToRow(const AgentState& state, absl::Time now) {
  const v1::InfoReply& info = state.info;
  return {state.node,
          info.agent_version(),
          info.containerd_version(),
          info.snapshotter(),
          info.free_bytes() == 0 ? "-" : FormatBytes(info.free_bytes()),
          HeldWords(info.kept()),
          LastLoadWords(info.kept(), now),
          info.kept().generation() == 0 ? "-"
          : info.kept().pins()          ? "pins"
                                        : "lease",
          ClockWords(state.clock_ahead)};
}

// RFC 3339; empty where it is not known.
std::string TimeText(int64_t unix_seconds) {
  if (unix_seconds == 0) return "";
  return absl::FormatTime(absl::RFC3339_sec, absl::FromUnixSeconds(unix_seconds),
                          absl::UTCTimeZone());
}

ordered_json KeptToJson(const v1::KeptState& kept) {
  ordered_json releases = ordered_json::array();
  for (const v1::KeptRelease& release : kept.releases()) {
    releases.push_back({{"name", release.name()},
                        {"images", release.images()},
                        {"missing", release.missing()},
                        {"loaded", TimeText(release.loaded_unix_seconds())}});
  }
  return {{"generation", kept.generation()},
          {"releases", releases},
          {"pins", kept.pins()},
          {"doing", kept.doing()},
          {"problem", kept.problem()},
          {"registryProblem", kept.registry_problem()},
          {"recreatedNames", kept.recreated_names()}};
}

ordered_json MirrorsToJson(const v1::InfoReply& info) {
  ordered_json mirrors = ordered_json::array();
  for (const v1::Mirror& mirror : info.mirrors()) {
    mirrors.push_back({{"registry", mirror.registry()},
                       {"works", mirror.tried() && mirror.problem().empty()},
                       {"problem", mirror.problem()}});
  }
  return mirrors;
}

// Where nodes can pull from themselves, and what is pulled from there anyway.
std::string RegistryLine(const AgentsReport& report) {
  std::set<std::string> mirrored;
  std::string address;
  for (const AgentState& state : report.states) {
    if (!state.info.registry().empty()) address = OneLine(state.info.registry());
    for (const v1::Mirror& mirror : state.info.mirrors())
      mirrored.insert(OneLine(mirror.registry()));
  }
  if (address.empty()) return "";
  return absl::StrCat("Each node's own registry: ", address,
                      mirrored.empty() ? "" : "; asked first for " + absl::StrJoin(mirrored, ", "),
                      "\n");
}

}  // namespace

std::string DescribeAgents(const AgentsReport& report, absl::Time now) {
  const Row head = {"NODE",  "AGENT",     "CONTAINERD", "SNAPSHOTTER", "FREE",
                    "HOLDS", "LAST LOAD", "GC",         "CLOCK"};
  std::vector<Row> rows;
  std::array<size_t, 9> widths;
  for (size_t i = 0; i < head.size(); ++i) widths[i] = head[i].size();
  for (const AgentState& state : report.states) {
    rows.push_back(ToRow(state, now));
    widths[0] = std::max(widths[0], state.node.size());
    if (!state.status.ok()) continue;
    for (size_t i = 0; i < head.size(); ++i) widths[i] = std::max(widths[i], rows.back()[i].size());
  }
  std::string text = Line(head, widths);
  for (size_t i = 0; i < rows.size(); ++i) {
    const AgentState& state = report.states[i];
    if (!state.status.ok()) {
      absl::StrAppendFormat(&text, "%-*s  not usable: %s\n", static_cast<int>(widths[0]),
                            state.node, Message(state.status));
      if (!state.taint.empty()) absl::StrAppend(&text, "  ", TaintWords(state), "\n");
      continue;
    }
    absl::StrAppend(&text, Line(rows[i], widths));
    for (const std::string& remark : Remarks(state, now)) {
      absl::StrAppend(&text, "  ", remark, "\n");
    }
  }
  return text + RegistryLine(report);
}

ordered_json AgentsToJson(const AgentsReport& report) {
  ordered_json nodes = ordered_json::array();
  for (const AgentState& state : report.states) {
    const v1::InfoReply& info = state.info;
    nodes.push_back({{"name", state.node},
                     {"usable", state.status.ok()},
                     {"problem", state.status.ok() ? "" : Message(state.status)},
                     {"image", state.image},
                     {"taint", state.taint},
                     {"agentVersion", info.agent_version()},
                     {"protocolVersion", info.protocol_version()},
                     {"containerdVersion", info.containerd_version()},
                     {"containerdRoot", info.containerd_root()},
                     {"snapshotter", info.snapshotter()},
                     {"freeBytes", info.free_bytes()},
                     {"freeInodes", info.free_inodes()},
                     {"clockAheadSeconds", absl::ToDoubleSeconds(state.clock_ahead)},
                     {"certificateEnds", TimeText(info.certificate_ends_unix_seconds())},
                     {"registry", info.registry()},
                     {"mirrors", MirrorsToJson(info)},
                     {"desired", KeptToJson(info.kept())}});
  }
  return {{"apiVersion", kApiVersion},
          {"kind", "AgentStatus"},
          {"authorityEnds", TimeText(absl::ToUnixSeconds(report.authority_ends))},
          {"nodes", nodes}};
}

}  // namespace lighter
