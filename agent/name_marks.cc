#include "agent/name_marks.h"

namespace lighter {
namespace {

constexpr char kCreatedLabel[] = "lighter/created";
constexpr char kListedLabel[] = "lighter/listed";
constexpr char kPinLabel[] = "io.cri-containerd.pinned";
constexpr char kPinValue[] = "pinned";
constexpr char kNoLabel[] = "";  // containerd drops a label that is set to nothing
constexpr size_t kMarkHexDigits = 16;

// Of the name, so that a copy of the record under another name, labels and all, as `ctr images tag`
// makes it, is not taken for ours.
std::string Mark(const std::string& name) {
  return Digest::Of(name).hex().substr(0, kMarkHexDigits);
}

bool HasLabel(const ImageRecord& record, const char* key, const std::string& value) {
  const auto label = record.labels.find(key);
  return label != record.labels.end() && label->second == value;
}

}  // namespace

Labels CreatedLabels(const std::string& name) {
  return {{"io.cri-containerd.image", "managed"}, {kCreatedLabel, Mark(name)}};
}

Labels PublishedLabels(const std::string& name) {
  Labels labels = CreatedLabels(name);
  labels[kPinLabel] = kPinValue;
  labels[kListedLabel] = kNoLabel;
  return labels;
}

Labels ListedPinLabels(const std::string& name) {
  return {{kPinLabel, kPinValue}, {kListedLabel, Mark(name)}};
}

Labels NoPinLabels() { return {{kPinLabel, kNoLabel}, {kListedLabel, kNoLabel}}; }

bool IsLightersRecord(const ImageRecord& record) {
  return HasLabel(record, kCreatedLabel, Mark(record.name));
}

bool IsPinned(const ImageRecord& record) { return HasLabel(record, kPinLabel, kPinValue); }

bool HasListedMark(const ImageRecord& record) {
  return HasLabel(record, kListedLabel, Mark(record.name));
}

}  // namespace lighter
