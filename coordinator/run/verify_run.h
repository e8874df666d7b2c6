// `lighter verify`: proof of what releases ask for, at any time and without their packages.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/helm/helm.h"
#include "coordinator/plan/cluster_nodes.h"
#include "coordinator/verify/release_proof.h"
#include "coordinator/verify/wanted_names.h"

namespace lighter {

struct VerifyOptions {
  KubectlOptions kubectl;
  HelmOptions helm;
  std::string tls_dir;  // of the coordinator; empty: the authority that `agent install` made
  std::string release;  // empty: every release that lighter brought
  std::string ns;       // empty: any
  int revision = 0;     // of `release`; 0: the current one
  std::vector<std::string> allow_pull;  // names that nodes can pull from elsewhere
};

// A revision of a release, and whether its pods would start.
struct VerifiedRelease {
  Release release;          // as it is now
  StoredRevision revision;  // without its manifests
  WantedNames wanted;
  ReleaseProof proof;
  // Pods of the release that are not ready; none where the revision is not the current one.
  absl::StatusOr<std::vector<PodState>> unready = std::vector<PodState>();
};

struct VerifyReport {
  std::vector<VerifiedRelease> releases;
  NodeSelection nodes;             // with their answers
  std::vector<std::string> notes;  // for people

  size_t asked_nodes() const;  // that answered
  bool proven() const;         // every node answered, and every release is proven
};

// Thread-compatible. Read-only, but for the certificates of agents that wait for one.
class Verifier {
 public:
  explicit Verifier(VerifyOptions options)
      : options_(std::move(options)), nodes_(options_.kubectl, options_.tls_dir) {}

  // Finds helm, the releases, the way to the agents and the desired list. Goes first.
  absl::Status Open();

  // The release of the options. NotFound where there is none; FailedPrecondition where several
  // namespaces have one of that name.
  absl::StatusOr<Release> FindRelease() const;

  // `revision` of `release` on all nodes as they are now; `is_strict`: see ProofQuery.
  absl::StatusOr<VerifyReport> VerifyOne(const Release& release, int revision, bool is_strict);

  // What the options ask for.
  absl::StatusOr<VerifyReport> Verify();

  const Helm& helm() const { return *helm_; }
  const ClusterNodes& nodes() const { return nodes_; }

 private:
  struct Subject {
    Release release;
    int revision = 0;
  };

  absl::StatusOr<std::vector<Subject>> Subjects(VerifyReport& report) const;
  absl::StatusOr<VerifiedRelease> Look(const Subject& subject) const;
  absl::StatusOr<std::vector<std::string>> AllowedNames(const VerifyReport& report) const;
  absl::Status Prove(const std::vector<Subject>& subjects, bool is_strict, VerifyReport& report);
  void FindUnready(VerifiedRelease& verified) const;

  const VerifyOptions options_;
  ClusterNodes nodes_;
  std::optional<Helm> helm_;
  std::vector<Release> releases_;
  v1::Desired list_;
  std::string list_problem_;  // why the list that is there does not count
};

}  // namespace lighter
