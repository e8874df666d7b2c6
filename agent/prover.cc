#include "agent/prover.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/status.h"

namespace lighter {
namespace {

constexpr absl::Duration kProofTimeout = absl::Seconds(30);
constexpr absl::Duration kPollInterval = absl::Milliseconds(50);

absl::StatusOr<bool> IsUnpacked(const Containerd& containerd, const std::string& snapshotter,
                                const CheckedImage& image) {
  if (!image.top_chain_id().has_value()) return true;
  return containerd.HasSnapshot(snapshotter, *image.top_chain_id());
}

absl::StatusOr<NameProof> Look(const Containerd& containerd, const CheckedImage& image,
                               bool unpacked, const std::string& name) {
  NameProof proof;
  ASSIGN_OR_RETURN(const std::optional<ImageRecord> record, containerd.FindImage(name));
  if (!record.has_value()) return proof;
  proof.current = record->target.digest.str();
  if (record->target.digest != image.target.digest) return proof;
  ASSIGN_OR_RETURN(proof.config_digest, containerd.CriImageId(name));
  proof.proven = unpacked && proof.config_digest == image.config.digest.str();
  return proof;
}

}  // namespace

absl::StatusOr<std::vector<NameProof>> LookAtNames(const Containerd& containerd,
                                                   const std::string& snapshotter,
                                                   const CheckedImage& image) {
  ASSIGN_OR_RETURN(const bool unpacked, IsUnpacked(containerd, snapshotter, image));
  std::vector<NameProof> proofs;
  for (const Reference& name : image.names) {
    ASSIGN_OR_RETURN(NameProof proof, Look(containerd, image, unpacked, name.str()));
    proofs.push_back(std::move(proof));
  }
  return proofs;
}

absl::StatusOr<NameProof> AwaitProof(const Containerd& containerd, const std::string& snapshotter,
                                     const CheckedImage& image, const std::string& name) {
  ASSIGN_OR_RETURN(const bool unpacked, IsUnpacked(containerd, snapshotter, image));
  if (!unpacked) {
    return absl::FailedPreconditionError(absl::StrCat(
        name, " is not proven: snapshot ", image.top_chain_id()->str(), " is not committed"));
  }
  const absl::Time give_up = absl::Now() + kProofTimeout;
  while (true) {
    absl::StatusOr<NameProof> proof = Look(containerd, image, unpacked, name);
    if (proof.ok() && proof->proven) return proof;
    if (absl::IsCancelled(proof.status())) return proof;
    if (absl::Now() > give_up) {
      RETURN_IF_ERROR(Annotate(proof.status(), name + " is not proven"));
      const auto shown = [](const std::string& s) { return s.empty() ? "nothing" : s; };
      return absl::FailedPreconditionError(
          absl::StrCat(name, " is not proven: it points to ", shown(proof->current), " instead of ",
                       image.target.digest.str(), " and CRI answers ", shown(proof->config_digest),
                       " instead of ", image.config.digest.str()));
    }
    absl::SleepFor(kPollInterval);
  }
}

}  // namespace lighter
