#include "coordinator/plan/bundle_names.h"

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/limits.h"
#include "common/reference.h"
#include "common/status.h"
#include "common/usage_error.h"
#include "coordinator/naming/aliases.h"
#include "coordinator/naming/rendered_images.h"
#include "coordinator/plan/admitted_names.h"
#include "coordinator/plan/registry_consent.h"

namespace lighter {
namespace {

using nlohmann::json;

class BundleNamer {
 public:
  BundleNamer(const Bundle& bundle, const ReleaseQuery& query, const Helm* helm,
              const ValueArgs& asked_values, PlannedBundle& planned)
      : bundle_(bundle),
        query_(query),
        helm_(helm),
        asked_values_(asked_values),
        planned_(planned) {}

  absl::Status Decide();

 private:
  absl::Status Relocate(NamingInput& input);
  absl::Status MergeValues(NamingInput& input);
  absl::StatusOr<SplitManifests> Render();
  absl::Status ReadManifests(const std::string& manifests, NamingInput& input);
  void FindChanges(const std::vector<std::string>& rendered);
  absl::Status FindUncovered(const SplitManifests& manifests);

  const Bundle& bundle_;
  const ReleaseQuery& query_;
  const Helm* const helm_;
  const ValueArgs& asked_values_;
  PlannedBundle& planned_;
};

// Puts the images under the wanted registry by values of the chart. They go before the user's
// flags: what he sets by hand wins.
absl::Status BundleNamer::Relocate(NamingInput& input) {
  RelocatedValues relocated =
      RelocateValues(input.hints, input.default_values, input.merged_values, query_.relocation);
  auto& notes = planned_.names.notes;
  notes.insert(notes.end(), relocated.notes.begin(), relocated.notes.end());
  if (relocated.values.is_null()) return absl::OkStatus();
  const std::string file = planned_.chart_dir + ".registry.yaml";
  RETURN_IF_ERROR(WriteFileAtomic(file, relocated.values.dump(2) + "\n", 0600));
  const ptrdiff_t own = planned_.values_backup.empty() ? 0 : 2;  // "-f", the backup
  planned_.values.insert(planned_.values.begin() + own, {"-f", file});
  planned_.relocated = std::move(relocated.values);
  ASSIGN_OR_RETURN(input.merged_values, helm_->MergedValues(planned_.chart_dir, planned_.values,
                                                            planned_.chart_dir + ".values-probe"));
  return absl::OkStatus();
}

// As the upgrade will. One that has custom resources of kinds that its CRDs are yet to bring cannot
// be rendered by the server before these are there.
absl::StatusOr<SplitManifests> BundleNamer::Render() {
  if (planned_.release.name.empty()) {
    ASSIGN_OR_RETURN(const std::string manifests,
                     helm_->RenderOffline(planned_.chart_dir, planned_.values));
    return SplitTests(manifests);
  }
  const UpgradeOptions options = {.chart_dir = planned_.chart_dir, .values = planned_.values};
  absl::StatusOr<std::string> manifests = helm_->RenderUpgrade(planned_.release, options);
  const bool lacks_kind = absl::IsAborted(manifests.status()) &&
                          absl::StrContains(manifests.status().message(), "no matches for kind");
  if (lacks_kind && !query_.apply_crds) {
    return absl::FailedPreconditionError(
        absl::StrCat(Message(manifests.status()),
                     "\n  Where the chart brings these CRDs itself, --crds=apply applies them "
                     "before Helm runs"));
  }
  if (lacks_kind) {
    planned_.names.notes.push_back(
        "N-CRD-RENDER: the cluster lacks kinds that the chart's CRDs bring, so its names were "
        "found without asking the cluster");
    manifests = helm_->RenderOffline(planned_.chart_dir, planned_.values);
  }
  RETURN_IF_ERROR(manifests.status());
  return SplitTests(*manifests);
}

// Where images come from elsewhere than those that run now. Manifests that cannot be read say
// nothing.
void BundleNamer::FindChanges(const std::vector<std::string>& rendered) {
  const auto running = RenderedImages(planned_.running.manifests);
  if (!running.ok()) return;
  std::vector<std::string> names;
  for (const RenderedImage& image : *running) names.push_back(image.name);
  planned_.registry_changes = UnaskedChanges(FindRegistryChanges(names, rendered),
                                             {.relocation = query_.relocation,
                                              .values = asked_values_,
                                              .allowed = query_.allow_registries},
                                             planned_.names.notes);
}

// Of tests only what no target name covers: they are no witness of names.
absl::Status BundleNamer::FindUncovered(const SplitManifests& manifests) {
  const auto add = [&](const std::string& name, const ImageUser& user) {
    const auto& allowed = query_.allow_missing;
    const bool is_allowed = std::find(allowed.begin(), allowed.end(), name) != allowed.end();
    planned_.uncovered.push_back({.name = name, .user = user, .is_allowed = is_allowed});
  };
  const auto users = FindImageUsers(manifests.applied, planned_.names.uncovered,
                                    /*is_new=*/planned_.release.revision == 0);
  for (const std::string& name : planned_.names.uncovered) {
    const auto user = users.find(name);
    add(name, user != users.end() ? user->second
                                  : ImageUser{ImageUse::kRuns, "some object", "starts it"});
  }
  std::set<std::string> known(planned_.names.uncovered.begin(), planned_.names.uncovered.end());
  for (const TargetName& target : planned_.names.targets) known.insert(target.name);
  ASSIGN_OR_RETURN(const std::vector<RenderedImage> tests, RenderedImages(manifests.tests));
  for (const RenderedImage& image : tests) {
    const absl::StatusOr<Reference> name = Reference::Parse(image.name);
    if (known.contains(image.name) || (name.ok() && known.contains(name->str()))) continue;
    const auto of_test = FindImageUsers(manifests.tests, {image.name}, /*is_new=*/false);
    if (!of_test.empty()) add(image.name, of_test.begin()->second);
  }
  return absl::OkStatus();
}

// The chart's defaults, and what Helm makes of them with the values of the release.
absl::Status BundleNamer::MergeValues(NamingInput& input) {
  const std::string scratch = planned_.chart_dir + ".values-probe";
  ASSIGN_OR_RETURN(input.default_values,
                   helm_->MergedValues(planned_.chart_dir, {}, scratch, Dependencies::kAll));
  absl::StatusOr<json> merged = helm_->MergedValues(planned_.chart_dir, planned_.values, scratch);
  if (!merged.ok()) {
    // The chart's own values could be read, and no template runs here: it is the flags.
    const bool given = absl::IsAborted(merged.status()) && !query_.values.empty();
    return given ? UsageError(merged.status()) : merged.status();
  }
  input.merged_values = *std::move(merged);
  if (!query_.relocation.empty()) RETURN_IF_ERROR(Relocate(input));
  planned_.merged_digest =
      Digest::Of(input.merged_values.dump(-1, ' ', false, json::error_handler_t::replace));
  return absl::OkStatus();
}

// What pods ask for, as Helm renders them and as admission rewrites them.
absl::Status BundleNamer::ReadManifests(const std::string& manifests, NamingInput& input) {
  ASSIGN_OR_RETURN(std::vector<RenderedImage> rendered, RenderedImages(manifests));
  if (query_.admit != nullptr && !planned_.release.name.empty()) {
    PodAdmission admission = query_.admit(planned_.release.ns, manifests);
    planned_.names.notes.insert(planned_.names.notes.end(), admission.notes.begin(),
                                admission.notes.end());
    planned_.denied = std::move(admission.denied);
    input.rewritten_names = ApplyAdmission(admission.images, rendered);
  }
  for (const RenderedImage& image : rendered) {
    const absl::StatusOr<Reference> name = Reference::Parse(image.name);
    if (name.ok()) {  // told where names are decided
      PodPulls& pulls = planned_.pulls[name->str()];
      pulls.policies.insert(image.policies.begin(), image.policies.end());
      pulls.spellings.insert(image.name);
    }
    const bool is_rewritten =
        std::any_of(input.rewritten_names.begin(), input.rewritten_names.end(),
                    [&](const RewrittenName& pair) { return pair.admitted == image.name; });
    if (!is_rewritten) input.rendered_names.push_back(image.name);
  }
  input.mentioned_names = MentionedNames(manifests);
  FindChanges(input.rendered_names);
  return absl::OkStatus();
}

absl::Status BundleNamer::Decide() {
  SplitManifests manifests;
  NamingInput input;
  input.images = bundle_.images.images;
  ASSIGN_OR_RETURN(std::vector<Hint> hints,
                   ParseHints(bundle_.hints, bundle_.name + ": hints.yaml"));
  if (helm_ != nullptr) {  // without values only the archive's own names are known
    ASSIGN_OR_RETURN(const std::string chart_yaml,
                     ReadFile(planned_.chart_dir + "/Chart.yaml", kMaxChartFileBytes));
    input.hints = ExpandAliases(std::move(hints), chart_yaml);
    RETURN_IF_ERROR(MergeValues(input));
    ASSIGN_OR_RETURN(manifests, Render());
    RETURN_IF_ERROR(ReadManifests(manifests.applied, input));
    // Pods of tests are pods, too.
    ASSIGN_OR_RETURN(planned_.pods,
                     FindRenderedPods(absl::StrCat(manifests.applied, "\n---\n", manifests.tests),
                                      planned_.release.ns));
  }
  std::vector<std::string> notes = std::move(planned_.names.notes);
  ASSIGN_OR_RETURN(planned_.names, DecideTargetNames(input));
  if (!query_.relocation.empty()) {
    const std::vector<std::string> elsewhere = NotRelocated(planned_.names, query_.relocation);
    notes.insert(notes.end(), elsewhere.begin(), elsewhere.end());
  }
  notes.insert(notes.end(), planned_.names.notes.begin(), planned_.names.notes.end());
  planned_.names.notes = std::move(notes);
  return FindUncovered(manifests);
}

}  // namespace

absl::Status DecideBundleNames(const Bundle& bundle, const ReleaseQuery& query, const Helm* helm,
                               const ValueArgs& asked_values, PlannedBundle& planned) {
  return BundleNamer(bundle, query, helm, asked_values, planned).Decide();
}

}  // namespace lighter
