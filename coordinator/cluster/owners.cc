#include "coordinator/cluster/owners.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/printable.h"
#include "common/status.h"
#include "coordinator/cluster/kubernetes_json.h"

namespace lighter {
namespace {

using nlohmann::json;

// Every controller below marks all that it applies, so these are enough; they are the kinds that a
// release without pods does not have, and that nobody is kept from reading.
constexpr char kKinds[] = "deployments,statefulsets,daemonsets,cronjobs,services";

std::string InNamespace(const std::string& kind, const std::string& name, const std::string& ns) {
  return absl::StrCat(kind, " ", OneLine(name), ns.empty() ? "" : " in namespace " + OneLine(ns));
}

// Argo CD's annotation "APP:GROUP/KIND:NAMESPACE/NAME" (docs/user-guide/resource_tracking.md). One
// that speaks of another object was copied, and says nothing; neither does the label
// app.kubernetes.io/instance, which charts set themselves.
std::optional<ReleaseOwner> ByArgoCd(const json& object) {
  const std::string id =
      Text(object, {"metadata", "annotations", "argocd.argoproj.io/tracking-id"});
  const size_t app_end = id.find(':');
  if (app_end == std::string::npos) return std::nullopt;
  const std::string version = Text(object, {"apiVersion"});
  const size_t slash = version.find('/');
  const std::string group = slash == std::string::npos ? "" : version.substr(0, slash);
  const std::string itself =
      absl::StrCat(group, "/", Text(object, {"kind"}), ":", Text(object, {"metadata", "namespace"}),
                   "/", Text(object, {"metadata", "name"}));
  if (id.substr(app_end + 1) != itself) return std::nullopt;
  return ReleaseOwner{
      .code = "N-OWNER-ARGOCD",
      .what = absl::StrCat("Argo CD (", InNamespace("Application", id.substr(0, app_end), ""), ")"),
      .remedy =
          "change the chart's version there (spec.source.targetRevision, or in its Git "
          "repository), and sync it"};
}

// Flux labels whatever a HelmRelease makes (fluxcd/helm-controller, internal/postrender: "origin
// labels").
std::optional<ReleaseOwner> ByFlux(const json& object) {
  const auto label = [&](const char* key) { return Text(object, {"metadata", "labels", key}); };
  const std::string name = label("helm.toolkit.fluxcd.io/name");
  if (name.empty()) return std::nullopt;
  return ReleaseOwner{
      .code = "N-OWNER-FLUX",
      .what = absl::StrCat(
          "Flux (", InNamespace("HelmRelease", name, label("helm.toolkit.fluxcd.io/namespace")),
          ")"),
      .remedy =
          "change the chart's version there (spec.chart.spec.version, or the tag of its "
          "OCIRepository), in the Git repository where there is one"};
}

// The items of a list, or the one object that it is; empty where it is neither.
json ObjectsOf(const std::string& text) {
  json parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return json::array();
  const auto items = parsed.find("items");
  if (items == parsed.end()) return json::array({std::move(parsed)});
  return items->is_array() ? *items : json::array();
}

// Those that Helm says it made for the release.
json OfRelease(const json& objects, const std::string& ns, const std::string& release) {
  json found = json::array();
  for (const json& object : objects) {
    const auto note = [&](const char* key) {
      return Text(object, {"metadata", "annotations", key});
    };
    const bool is_its = note("meta.helm.sh/release-name") == release &&
                        note("meta.helm.sh/release-namespace") == ns;
    if (is_its) found.push_back(object);
  }
  return found;
}

}  // namespace

std::string ReleaseOwner::Describe() const {
  return absl::StrCat(code, ": ", what,
                      " upgrades it, so Helm is not run for it: its images are loaded and proven; ",
                      remedy);
}

std::optional<ReleaseOwner> OwnerOfObjects(const std::string& objects) {
  for (const json& object : ObjectsOf(objects)) {
    if (auto owner = ByArgoCd(object)) return owner;
    if (auto owner = ByFlux(object)) return owner;
  }
  return std::nullopt;
}

// The controller runs `helm upgrade --install` for a release of the HelmChart's name, in
// spec.targetNamespace or else the HelmChart's own (k3s-io/helm-controller,
// pkg/controllers/chart/chart.go, job()).
std::optional<ReleaseOwner> OwnerByHelmCharts(const std::string& charts, const std::string& ns,
                                              const std::string& release) {
  for (const json& chart : ObjectsOf(charts)) {
    const std::string own_ns = Text(chart, {"metadata", "namespace"});
    const std::string target = Text(chart, {"spec", "targetNamespace"});
    if (Text(chart, {"metadata", "name"}) != release) continue;
    if ((target.empty() ? own_ns : target) != ns) continue;
    return ReleaseOwner{
        .code = "N-OWNER-HELMCHART",
        .what = absl::StrCat("the Helm controller of k3s or RKE2 (",
                             InNamespace("HelmChart", release, own_ns), ")"),
        .remedy =
            "change its spec.version (or spec.chartContent), in the file of the server's "
            "manifests folder where it comes from one"};
  }
  return std::nullopt;
}

absl::StatusOr<std::optional<ReleaseOwner>> FindOwner(const Kubectl& kubectl, const std::string& ns,
                                                      const std::string& release) {
  ASSIGN_OR_RETURN(const std::string objects, kubectl.Run({"get", kKinds, "-n", ns, "-o", "json"}));
  const json its = OfRelease(ObjectsOf(objects), ns, release);
  if (auto owner = OwnerOfObjects(json{{"items", its}}.dump())) return owner;
  const absl::StatusOr<std::string> charts =
      kubectl.Run({"get", "helmcharts.helm.cattle.io", "-A", "-o", "json"});
  // Another distribution's cluster has no such kind.
  const bool is_unknown_kind =
      absl::IsAborted(charts.status()) &&
      absl::StrContains(charts.status().message(), "doesn't have a resource type");
  if (is_unknown_kind) return std::optional<ReleaseOwner>();
  RETURN_IF_ERROR(charts.status());
  return OwnerByHelmCharts(*charts, ns, release);
}

}  // namespace lighter
