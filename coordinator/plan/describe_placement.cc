#include "coordinator/plan/describe_placement.h"

#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/printable.h"
#include "coordinator/progress/render.h"

namespace lighter {
namespace {

using nlohmann::ordered_json;

// So many nodes are named in a line; of more only the number.
constexpr size_t kMaxNamed = 8;

std::string NodeWords(const std::vector<std::string>& nodes, size_t of) {
  if (nodes.empty()) return "to none of the nodes that take part";
  const std::string names = absl::StrJoin(nodes, ", ");
  const std::string count = absl::StrCat("only to ", nodes.size(), " of ", Count(of, "node"));
  return nodes.size() > kMaxNamed ? count : absl::StrCat(count, " (", names, ")");
}

uint64_t BytesOf(const v1::Image& image) {
  uint64_t bytes = image.config().size();
  for (const v1::Layer& layer : image.layers()) bytes += layer.blob().size();
  return bytes;
}

// Images that go to the same nodes for the same causes.
struct Group {
  size_t images = 0;
  uint64_t bytes = 0;  // layers that they share count for each
  std::vector<std::string> names;
};

}  // namespace

std::string DescribePlacement(const Plan& plan) {
  const size_t of = plan.nodes.nodes.size();
  std::map<std::pair<std::vector<std::string>, std::set<std::string>>, Group> groups;
  for (const v1::Image& image : plan.work.images) {
    const auto placed = plan.placement.images.find(image.manifest_digest());
    if (placed == plan.placement.images.end()) continue;
    const std::vector<std::string> nodes = NodesOf(image.manifest_digest(), plan.nodes);
    if (nodes.size() == of) continue;  // only nodes that take no part are spared
    Group& group = groups[{nodes, placed->second.causes}];
    ++group.images;
    group.bytes += BytesOf(image);
    group.names.insert(group.names.end(), image.names().begin(), image.names().end());
  }
  std::string text;
  for (const auto& [key, group] : groups) {
    const auto& [nodes, causes] = key;
    absl::StrAppend(&text, "placed: ", Count(group.images, "image"), " (", FormatBytes(group.bytes),
                    ") ", NodeWords(nodes, of), ": ", OneLine(absl::StrJoin(causes, "; ")), ": ",
                    absl::StrJoin(group.names, ", "), "\n");
  }
  for (const NowherePods& pods : plan.placement.nowhere) {
    absl::StrAppend(
        &text, pods.blocks ? "blocks the upgrade: " : "note: ", OneLine(pods.Describe()), "\n");
  }
  for (const std::string& note : plan.placement.notes) {
    absl::StrAppend(&text, "note: ", OneLine(note), "\n");
  }
  return text;
}

ordered_json PlacementToJson(const Plan& plan) {
  ordered_json images = ordered_json::array();
  for (const v1::Image& image : plan.work.images) {
    const auto placed = plan.placement.images.find(image.manifest_digest());
    if (placed == plan.placement.images.end()) continue;
    images.push_back(
        {{"manifestDigest", image.manifest_digest()},
         {"names", std::vector<std::string>(image.names().begin(), image.names().end())},
         {"nodes", NodesOf(image.manifest_digest(), plan.nodes)},
         {"causes", placed->second.causes},
         {"chosen", placed->second.is_chosen}});
  }
  ordered_json nowhere = ordered_json::array();
  for (const NowherePods& pods : plan.placement.nowhere) {
    nowhere.push_back(
        {{"workload", pods.workload}, {"cause", pods.cause}, {"blocks", pods.blocks}});
  }
  return {{"images", std::move(images)},
          {"nowhere", std::move(nowhere)},
          {"notes", plan.placement.notes}};
}

}  // namespace lighter
