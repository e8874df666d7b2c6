#include "coordinator/run/verify_run.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/reference.h"
#include "common/status.h"
#include "common/usage_error.h"
#include "coordinator/cluster/admitted_pulls.h"
#include "coordinator/desired/desired_map.h"
#include "coordinator/desired/merge.h"
#include "coordinator/plan/inventory.h"
#include "coordinator/process/stop_signal.h"

namespace lighter {
namespace {

// What admission makes of the pods of a namespace; see AdmissionMakesPodsPull.
void MakeAllPull(WantedNames& wanted) {
  for (auto& [name, use] : wanted.uses) {
    if (!use.pods.spellings.empty()) use.pods.policies = {PullPolicy::kAlways};
  }
}

}  // namespace

size_t VerifyReport::asked_nodes() const {
  return static_cast<size_t>(std::count_if(nodes.nodes.begin(), nodes.nodes.end(),
                                           [](const NodePlan& node) { return node.status.ok(); }));
}

bool VerifyReport::proven() const {
  return asked_nodes() == nodes.nodes.size() &&
         std::all_of(releases.begin(), releases.end(),
                     [](const VerifiedRelease& release) { return release.proof.proven(); });
}

absl::Status Verifier::Open() {
  ASSIGN_OR_RETURN(helm_, Helm::Find(options_.helm));
  RETURN_IF_ERROR(nodes_.Open());
  ASSIGN_OR_RETURN(releases_, helm_->List());
  if (nodes_.authority() == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(DesiredMap map, ReadDesiredMap(nodes_.cluster().kubectl(), *nodes_.authority()));
  list_ = std::move(map.list);
  list_problem_ = std::move(map.problem);
  return absl::OkStatus();
}

absl::StatusOr<Release> Verifier::FindRelease() const {
  std::vector<Release> found;
  std::vector<std::string> namespaces;
  for (const Release& release : releases_) {
    if (release.name != options_.release) continue;
    if (!options_.ns.empty() && release.ns != options_.ns) continue;
    found.push_back(release);
    namespaces.push_back(release.ns);
  }
  if (found.size() == 1) return found[0];
  const std::string in = options_.ns.empty() ? "" : " in namespace " + options_.ns;
  if (found.empty()) {
    return absl::NotFoundError(absl::StrCat("no release named ", options_.release, in,
                                            "; `helm list -A` shows what is installed"));
  }
  return absl::FailedPreconditionError(absl::StrCat(
      options_.release, " is a release in several namespaces: ", absl::StrJoin(namespaces, ", "),
      "; name the one with -n NAMESPACE"));
}

// Every release that the list has an entry for, in order of their names.
absl::StatusOr<std::vector<Verifier::Subject>> Verifier::Subjects(VerifyReport& report) const {
  if (!options_.release.empty()) {
    ASSIGN_OR_RETURN(const Release release, FindRelease());
    return std::vector<Subject>{
        {release, options_.revision == 0 ? release.revision : options_.revision}};
  }
  if (nodes_.authority() == nullptr) {
    return UsageError(absl::InvalidArgumentError(
        "name a RELEASE: with certificates of your own there is no desired list that tells which "
        "releases lighter brought"));
  }
  std::set<std::string> unmet;
  for (const v1::DesiredRelease& entry : list_.releases()) unmet.insert(entry.name());
  std::vector<Subject> subjects;
  for (const Release& release : releases_) {
    const bool is_in = options_.ns.empty() || release.ns == options_.ns;
    for (const v1::DesiredRelease& entry : list_.releases()) {
      const bool is_its_own = entry.name() == EntryName(release.ns, release.name);
      if (!is_its_own && ChartVersionOf(release, entry.name()).empty()) continue;
      unmet.erase(entry.name());
      if (is_in) subjects.push_back({release, release.revision});
      break;
    }
  }
  if (!unmet.empty() && options_.ns.empty()) {
    report.notes.push_back(absl::StrCat("loaded, and not in `helm list -A`, so not looked at: ",
                                        absl::StrJoin(unmet, ", ")));
  }
  if (!subjects.empty()) return subjects;
  return absl::NotFoundError(
      absl::StrCat("there is nothing to verify: ",
                   list_problem_.empty()
                       ? absl::StrCat("lighter brought no release that is installed",
                                      options_.ns.empty() ? "" : " in namespace " + options_.ns)
                       : "the cluster's desired list does not count: " + list_problem_,
                   "; a release is verified by name all the same: `lighter verify RELEASE`"));
}

absl::StatusOr<VerifiedRelease> Verifier::Look(const Subject& subject) const {
  VerifiedRelease verified;
  verified.release = subject.release;
  const Release& release = subject.release;
  const std::string what = absl::StrCat("revision ", subject.revision, " of release ", release.name,
                                        " (namespace ", release.ns, ")");
  absl::StatusOr<StoredRevision> stored = helm_->Stored(release, subject.revision);
  RETURN_IF_ERROR(Annotate(stored.status(), what));
  absl::StatusOr<WantedNames> wanted = FindWantedNames(release, *stored, list_);
  RETURN_IF_ERROR(Annotate(wanted.status(), what));
  stored->manifests.clear();
  verified.revision = *std::move(stored);
  verified.wanted = *std::move(wanted);
  return verified;
}

// A name that nobody asks for is a slip, and would go unnoticed.
absl::StatusOr<std::vector<std::string>> Verifier::AllowedNames(const VerifyReport& report) const {
  std::vector<std::string> allowed;
  for (const std::string& text : options_.allow_pull) {
    const absl::StatusOr<Reference> name = Reference::Parse(text);
    const bool is_wanted =
        name.ok() && std::any_of(report.releases.begin(), report.releases.end(),
                                 [&](const VerifiedRelease& release) {
                                   return release.wanted.uses.contains(name->str());
                                 });
    if (!is_wanted) {
      return UsageError(absl::InvalidArgumentError(
          absl::StrCat("--allow-pull ", text, ": no image of the release has that name")));
    }
    allowed.push_back(name->str());
  }
  return allowed;
}

void Verifier::FindUnready(VerifiedRelease& verified) const {
  if (verified.revision.revision != verified.release.revision) return;
  verified.unready = nodes_.cluster().Pods(verified.release.ns, verified.release.name);
  if (!verified.unready.ok()) return;
  std::erase_if(*verified.unready,
                [](const PodState& pod) { return pod.ready || pod.phase == "Succeeded"; });
}

absl::Status Verifier::Prove(const std::vector<Subject>& subjects, bool is_strict,
                             VerifyReport& report) {
  std::set<std::string> names;
  std::map<std::string, bool> pulls_in;  // by namespace
  for (const Subject& subject : subjects) {
    ASSIGN_OR_RETURN(VerifiedRelease verified, Look(subject));
    const auto [pulls, is_new] = pulls_in.try_emplace(subject.release.ns, false);
    if (is_new) {
      pulls->second = AdmissionMakesPodsPull(nodes_.cluster().kubectl(), subject.release.ns);
    }
    if (pulls->second) MakeAllPull(verified.wanted);
    for (const auto& [name, use] : verified.wanted.uses) names.insert(name);
    report.releases.push_back(std::move(verified));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> allowed, AllowedNames(report));
  ASSIGN_OR_RETURN(report.nodes, nodes_.Select(/*architecture=*/""));
  AskNames({names.begin(), names.end()}, report.nodes.nodes);
  if (StopRequested()) {
    return absl::CancelledError("stopped on request, before all nodes had answered");
  }
  const auto& kubelets = nodes_.Kubelets(report.nodes.nodes);
  for (VerifiedRelease& verified : report.releases) {
    PlaceNames(report.nodes, verified.wanted);
    const StoredRevision& revision = verified.revision;
    verified.proof = JudgeRelease(verified.wanted, report.nodes.nodes, kubelets,
                                  {.chart = absl::StrCat(revision.chart, " ", revision.version),
                                   .allowed = allowed,
                                   .is_strict = is_strict});
    FindUnready(verified);
    for (const std::string& note : verified.wanted.notes) {
      report.notes.push_back(absl::StrCat("release ", verified.release.name, ": ", note));
    }
  }
  if (!list_problem_.empty()) {
    report.notes.push_back(absl::StrCat(
        "the cluster's desired list does not count, so nothing tells which image a name must be: ",
        list_problem_));
  }
  return absl::OkStatus();
}

absl::StatusOr<VerifyReport> Verifier::VerifyOne(const Release& release, int revision,
                                                 bool is_strict) {
  VerifyReport report;
  RETURN_IF_ERROR(Prove({{release, revision}}, is_strict, report));
  return report;
}

absl::StatusOr<VerifyReport> Verifier::Verify() {
  VerifyReport report;
  ASSIGN_OR_RETURN(const std::vector<Subject> subjects, Subjects(report));
  RETURN_IF_ERROR(Prove(subjects, /*is_strict=*/false, report));
  return report;
}

}  // namespace lighter
