// --allow-unproven: which nodes, or how many, an upgrade may leave unproven. The only way past the
// barrier before Helm.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace lighter {

// By default: none.
class UnprovenAllowance {
 public:
  // "2" (nodes), "10%" (of those that take part, rounded down), "node3,node4". InvalidArgument
  // otherwise. A node whose name is a number cannot be named.
  static absl::StatusOr<UnprovenAllowance> Parse(const std::string& text);

  // As it was parsed; empty: none.
  const std::string& text() const { return text_; }

  // Whether those nodes may stay unproven, of `taking_part` nodes. No node: always.
  bool Allows(const std::set<std::string>& unproven, size_t taking_part) const;

  // InvalidArgument where a node is named that is not in `known`: a slip would go unnoticed.
  absl::Status CheckNames(const std::set<std::string>& known) const;

 private:
  std::string text_;
  size_t count_ = 0;
  size_t percent_ = 0;
  std::set<std::string> nodes_;
};

// "node3, node4".
std::string NodeNames(const std::set<std::string>& nodes);

}  // namespace lighter
