#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "fail.h"

static _Noreturn void FailToWrite(const char* path, size_t size, int error) {
  const char* way_out = "its folder must be a writable emptyDir";
  if (error == ENOSPC || error == EDQUOT) {
    way_out = "free space on the node's disk, or raise the emptyDir's sizeLimit";
  }
  unlink(path);
  Fail(kExitWrite, "cannot write %s (%zu bytes): %s; %s", path, size, strerror(error), way_out);
}

void WriteProgram(const char* path, const char* data, size_t size) {
  char partial[PATH_MAX];
  if (snprintf(partial, sizeof partial, "%s.partial", path) >= (int)sizeof partial) {
    Fail(kExitWrite, "cannot write to --out: the path is longer than %d bytes", PATH_MAX);
  }
  unlink(path);
  unlink(partial);
  const int fd = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0500);
  if (fd < 0) FailToWrite(partial, size, errno);
  for (size_t done = 0; done < size;) {
    const ssize_t wrote = write(fd, data + done, size - done);
    if (wrote < 0) FailToWrite(partial, size, errno);
    done += (size_t)wrote;
  }
  if (close(fd) != 0 || rename(partial, path) != 0) FailToWrite(partial, size, errno);
}

static const char* WhyNotStarted(const char* path, int error) {
  struct statvfs mount;
  switch (error) {
    case EACCES:
    case EPERM:
      return statvfs(path, &mount) == 0 && (mount.f_flag & ST_NOEXEC) != 0
                 ? "it is on a noexec mount; the kubelet's folder must allow programs"
                 : "a noexec mount or a security module (SELinux, AppArmor) forbids it; the node's "
                   "audit log names the rule";
    case ENOEXEC:
      return "it is no program for this machine; install the agent of its architecture";
    case ENOENT:
      return "it wants a loader that this image has not; only a static agent (a release build) "
             "can be installed";
    default:
      return "the node's kernel log may say why";
  }
}

void BecomeProgram(const char* path, char** argv) {
  execv(path, argv);
  const int error = errno;
  struct utsname machine = {0};
  uname(&machine);
  Fail(kExitStart, "cannot start %s on this node (%s): %s; %s", path, machine.machine,
       strerror(error), WhyNotStarted(path, error));
}
