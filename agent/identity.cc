#include "agent/identity.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/limits.h"
#include "common/pki.h"
#include "common/status.h"
#include "common/tls.h"
#include "common/x509.h"

namespace lighter {
namespace {

constexpr char kKeyFile[] = "tls.key";
constexpr std::string_view kTempSuffix = ".XXXXXX";  // as WriteFileAtomic makes it

struct FolderEntries {
  std::vector<std::string> ours;
  std::vector<std::string> torn;     // of ours, left by a writer that was killed
  std::vector<std::string> foreign;  // not made here
};

bool IsTorn(const std::string& name, std::string_view file) {
  return name.size() == file.size() + kTempSuffix.size() && name.starts_with(file) &&
         name[file.size()] == '.';
}

absl::StatusOr<FolderEntries> List(const std::string& folder) {
  FolderEntries entries;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    std::string name = it->path().filename().string();
    bool ours = false;
    bool torn = false;
    for (const char* const file : {kKeyFile, kCertificateFile, kCaFile, kDesiredFile}) {
      ours = ours || name == file;
      torn = torn || IsTorn(name, file);
    }
    (ours ? entries.ours : torn ? entries.torn : entries.foreign).push_back(std::move(name));
  }
  if (error) return ErrnoStatus(error.value(), "list " + folder);
  return entries;
}

// Keeps other writers out as long as it is open; the kernel ends it even after kill -9.
absl::StatusOr<UniqueFd> Lock(const std::string& folder) {
  UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.ok()) return ErrnoStatus(errno, "open " + folder);
  while (::flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return ErrnoStatus(errno, "lock " + folder);
  }
  return fd;
}

absl::Status Remove(const std::string& folder, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const std::string path = folder + "/" + name;
    if (::unlink(path.c_str()) != 0) return ErrnoStatus(errno, "remove " + path);
  }
  return absl::OkStatus();
}

// The folder, made and locked, with nothing in it but what is ours.
absl::StatusOr<UniqueFd> OpenFolder(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return ErrnoStatus(errno, "make folder " + folder);
  }
  ASSIGN_OR_RETURN(UniqueFd lock, Lock(folder));
  ASSIGN_OR_RETURN(const FolderEntries entries, List(folder));
  if (!entries.foreign.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(folder, " holds ", entries.foreign.front(),
                     ", which is not the agent's; --state-dir needs a folder of its own"));
  }
  RETURN_IF_ERROR(Remove(folder, entries.torn));
  if (::fchmod(lock.get(), 0700) != 0) return ErrnoStatus(errno, "chmod " + folder);
  return lock;
}

// The key in `folder`, which the caller has locked.
absl::StatusOr<std::string> FindOrMakeKey(const std::string& folder, const LogLine& log) {
  const std::string path = folder + "/" + kKeyFile;
  absl::StatusOr<std::string> key = ReadFile(path, kMaxPemBytes);
  if (key.ok()) {
    const absl::Status damage = CheckKey(*key, path);
    if (damage.ok()) return key;
    log(Message(damage) + "; it is replaced, this node needs a new certificate");
  } else if (!absl::IsNotFound(key.status())) {
    return key.status();
  } else {
    log("makes this node's key, " + path);
  }
  ASSIGN_OR_RETURN(key, MakeKey());
  RETURN_IF_ERROR(WriteFileAtomic(path, *key, 0600));
  return key;
}

absl::StatusOr<TlsFiles> ParseOffer(const std::string& pem) {
  const BioPtr bio = ReadBio(pem);
  const CertificatePtr certificate = NextCertificate(bio.get());
  const CertificatePtr ca = NextCertificate(bio.get());
  if (ca == nullptr || NextCertificate(bio.get()) != nullptr) {
    return absl::InvalidArgumentError("not two PEM certificates, this node's and then its CA's");
  }
  TlsFiles files;
  ASSIGN_OR_RETURN(files.certificate, ToPem(certificate.get()));
  ASSIGN_OR_RETURN(files.ca, ToPem(ca.get()));
  return files;
}

}  // namespace

absl::Status PrepareIdentity(const std::string& folder, const LogLine& log) {
  ASSIGN_OR_RETURN(const UniqueFd lock, OpenFolder(folder));
  return FindOrMakeKey(folder, log).status();
}

absl::StatusOr<std::string> CertificateRequest(const std::string& folder, const LogLine& log) {
  ASSIGN_OR_RETURN(const UniqueFd lock, OpenFolder(folder));
  ASSIGN_OR_RETURN(const std::string key, FindOrMakeKey(folder, log));
  return MakeRequest(key);
}

absl::StatusOr<absl::Time> AcceptCertificate(const std::string& folder, const std::string& node,
                                             const std::string& pem, const LogLine& log,
                                             absl::Time now) {
  ASSIGN_OR_RETURN(TlsFiles files, ParseOffer(pem));
  ASSIGN_OR_RETURN(const UniqueFd lock, OpenFolder(folder));
  ASSIGN_OR_RETURN(files.key, FindOrMakeKey(folder, log));
  RETURN_IF_ERROR(CheckTlsFiles(files, AgentTlsNames(node), "", now));
  // The certificate comes last: between the two the old one fits no CA and is not used.
  RETURN_IF_ERROR(WriteFileAtomic(folder + "/" + kCaFile, files.ca, 0600));
  RETURN_IF_ERROR(WriteFileAtomic(folder + "/" + kCertificateFile, files.certificate, 0600));
  return NotAfter(files.certificate);
}

absl::Status WriteStateFile(const std::string& folder, const std::string& name,
                            const std::string& bytes) {
  // Else a file that is half made would keep RemoveIdentity from removing the folder.
  ASSIGN_OR_RETURN(const UniqueFd lock, Lock(folder));
  return WriteFileAtomic(folder + "/" + name, bytes, 0600);
}

absl::Status RemoveIdentity(const std::string& folder) {
  const absl::StatusOr<UniqueFd> lock = Lock(folder);
  if (absl::IsNotFound(lock.status())) return absl::OkStatus();
  RETURN_IF_ERROR(lock.status());
  ASSIGN_OR_RETURN(const FolderEntries entries, List(folder));
  RETURN_IF_ERROR(Remove(folder, entries.ours));
  RETURN_IF_ERROR(Remove(folder, entries.torn));
  if (::rmdir(folder.c_str()) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, "the agent's files are gone; remove " + folder);
}

}  // namespace lighter
