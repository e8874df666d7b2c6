#include "coordinator/install/rights.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/status.h"
#include "coordinator/install/manifests.h"

namespace lighter {
namespace {

using nlohmann::json;

json Review(const Right& right) {
  json attributes = {{"verb", right.verb}, {"resource", right.resource}, {"group", right.group}};
  if (!right.subresource.empty()) attributes["subresource"] = right.subresource;
  if (!right.ns.empty()) attributes["namespace"] = right.ns;
  return {{"apiVersion", "authorization.k8s.io/v1"},
          {"kind", "SelfSubjectAccessReview"},
          {"spec", {{"resourceAttributes", attributes}}}};
}

std::string Words(const Right& right) {
  return absl::StrCat(right.verb, " ", right.resource, right.group.empty() ? "" : "." + right.group,
                      right.subresource.empty() ? "" : "/" + right.subresource,
                      right.ns.empty() ? "" : " in namespace " + right.ns);
}

}  // namespace

absl::Status CheckRights(const Kubectl& kubectl, const std::vector<Right>& rights) {
  std::vector<json> reviews;
  reviews.reserve(rights.size());
  for (const Right& right : rights) reviews.push_back(Review(right));
  ASSIGN_OR_RETURN(const std::string out,
                   kubectl.Run({"create", "-f", "-", "-o", "jsonpath={.status.allowed}{\"\\n\"}"},
                               {.input = ObjectList(std::move(reviews)).dump()}));
  const std::vector<std::string> answers = absl::StrSplit(out, '\n', absl::SkipEmpty());
  if (answers.size() != rights.size()) {
    return absl::InternalError(absl::StrCat("kubectl answered ", answers.size(), " of ",
                                            rights.size(), " questions about rights"));
  }
  std::vector<std::string> missing;
  for (size_t i = 0; i < rights.size(); ++i) {
    if (answers[i] != "true") missing.push_back(Words(rights[i]));
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat("this kubeconfig's user lacks ", missing.size(),
                   " of the rights that are needed", ":\n  ", absl::StrJoin(missing, "\n  "),
                   "\nask the cluster's administrator for them, or use another --context"));
}

}  // namespace lighter
