#include "coordinator/plan/unproven.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace lighter {
namespace {

constexpr uint32_t kMaxPercent = 100;

bool IsNumber(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

// A name of Kubernetes' (RFC 1123 subdomain).
bool IsNodeName(absl::string_view text) {
  return !text.empty() && absl::ascii_isalnum(text.front()) &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-' || c == '.';
         });
}

}  // namespace

absl::StatusOr<UnprovenAllowance> UnprovenAllowance::Parse(const std::string& text) {
  UnprovenAllowance allowance;
  allowance.text_ = text;
  absl::string_view number = text;
  const bool is_percent = absl::ConsumeSuffix(&number, "%");
  uint32_t value = 0;
  if (IsNumber(number) && absl::SimpleAtoi(number, &value) &&
      (!is_percent || value <= kMaxPercent)) {
    (is_percent ? allowance.percent_ : allowance.count_) = value;
    return allowance;
  }
  for (const absl::string_view node : absl::StrSplit(text, ',')) {
    if (!IsNodeName(node) || IsNumber(node)) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", text,
                       "\" is neither a number of nodes (2), nor a share of them (10%), nor names "
                       "of nodes (node3,node4)"));
    }
    allowance.nodes_.emplace(node);
  }
  return allowance;
}

bool UnprovenAllowance::Allows(const std::set<std::string>& unproven, size_t taking_part) const {
  if (unproven.empty()) return true;
  if (!nodes_.empty()) {
    return std::includes(nodes_.begin(), nodes_.end(), unproven.begin(), unproven.end());
  }
  return unproven.size() <= std::max(count_, taking_part * percent_ / kMaxPercent);
}

absl::Status UnprovenAllowance::CheckNames(const std::set<std::string>& known) const {
  for (const std::string& node : nodes_) {
    if (known.contains(node)) continue;
    return absl::InvalidArgumentError(absl::StrCat("--allow-unproven ", text_, ": ", node,
                                                   " is no node of this cluster; it has ",
                                                   NodeNames(known)));
  }
  return absl::OkStatus();
}

std::string NodeNames(const std::set<std::string>& nodes) { return absl::StrJoin(nodes, ", "); }

}  // namespace lighter
