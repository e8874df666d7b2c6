#include "agent/desired/held_file.h"

#include <unistd.h>

#include <cerrno>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/desired/desired_image.h"
#include "agent/prover.h"
#include "common/file.h"
#include "common/status.h"

namespace lighter {
namespace {

absl::Status ProveAll(const Containerd& containerd, const v1::Desired& desired,
                      const std::vector<ImageRecord>& records) {
  std::map<std::string, std::string> present;  // name -> manifest digest
  for (const ImageRecord& record : records) present[record.name] = record.target.digest.str();
  ASSIGN_OR_RETURN(const std::string snapshotter, containerd.Snapshotter());
  for (const v1::DesiredImage& image : ImagesOf(desired)) {
    for (const std::string& name : image.names()) {
      if (present[name] == image.manifest_digest()) continue;
      return absl::FailedPreconditionError(
          absl::StrCat(name,
                       " is another image here than the desired list wants; `lighter load` "
                       "of its package moves the name"));
    }
    ASSIGN_OR_RETURN(const CheckedImage checked, StoredImage(containerd, image));
    ASSIGN_OR_RETURN(const std::vector<NameProof> proofs,
                     LookAtNames(containerd, snapshotter, checked));
    for (size_t i = 0; i < proofs.size(); ++i) {
      if (proofs[i].proven) continue;
      return absl::FailedPreconditionError(
          absl::StrCat(checked.names[i].str(), " is here and cannot be proven"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

HeldFile::HeldFile(std::string path, const DesiredList* list)
    : path_(std::move(path)), list_(list) {
  Withdraw().IgnoreError();  // tried again by whoever comes next
}

absl::Status HeldFile::Withdraw() {
  confirmed_.reset();
  if (path_.empty() || !written_) return absl::OkStatus();
  if (::unlink(path_.c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, "remove " + path_);
  }
  written_ = false;
  return absl::OkStatus();
}

absl::Status HeldFile::Confirm(const Containerd& containerd,
                               const std::shared_ptr<const v1::Desired>& desired,
                               const std::vector<ImageRecord>& records) {
  if (path_.empty()) return absl::OkStatus();
  const absl::Status mounted = list_->CheckMounted();
  if (mounted.ok() && confirmed_ == desired) return absl::OkStatus();
  RETURN_IF_ERROR(Withdraw());
  RETURN_IF_ERROR(mounted);
  if (desired != nullptr) RETURN_IF_ERROR(ProveAll(containerd, *desired, records));
  const uint64_t number = desired == nullptr ? 0 : desired->generation();
  RETURN_IF_ERROR(WriteFileAtomic(path_, absl::StrCat(number, "\n"), 0644));
  written_ = true;
  confirmed_ = desired;
  return absl::OkStatus();
}

}  // namespace lighter
