#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/file_write.h"
#include "common/printable.h"
#include "common/status.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/options.h"
#include "coordinator/cli/output.h"
#include "coordinator/plan/describe.h"
#include "coordinator/progress/render.h"
#include "coordinator/run/await_checksums.h"
#include "coordinator/transfer/docker_archive.h"

namespace lighter {
namespace {

struct ExportFlags : CommonFlags {
  std::string file;
};

// Writes to stdout, or beside `path` until it is whole.
absl::StatusOr<uint64_t> WriteArchive(const LoadWork& work, const std::string& path) {
  uint64_t written = 0;
  const auto sink_to = [&written](int fd, const std::string& name) {
    return [&written, fd, name](std::string_view bytes) {
      written += bytes.size();
      return WriteAll(fd, bytes, name);
    };
  };
  if (path == "-") {
    RETURN_IF_ERROR(WriteDockerArchive(work, sink_to(STDOUT_FILENO, "stdout")));
    return written;
  }
  const std::string partial = path + ".partial";
  const UniqueFd fd(::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd.ok()) return ErrnoStatus(errno, "create " + partial);
  auto remove_partial = absl::MakeCleanup([&partial] { ::unlink(partial.c_str()); });
  RETURN_IF_ERROR(WriteDockerArchive(work, sink_to(fd.get(), partial)));
  RETURN_IF_ERROR(PublishFile(fd, partial, path));
  std::move(remove_partial).Cancel();
  return written;
}

absl::StatusOr<int> RunExport(const ExportFlags& flags) {
  if (flags.file == "-" && ::isatty(STDOUT_FILENO) != 0) {
    return absl::InvalidArgumentError("an archive is nothing for a terminal: name a file with -o");
  }
  ASSIGN_OR_RETURN(const ProgressMode progress, ParseProgressMode(flags.progress));
  ASSIGN_OR_RETURN(const RunFolder folder, RunFolder::Temporary());
  ASSIGN_OR_RETURN(PlanOptions options, ToPlanOptions(flags));
  options.query.without_release = true;
  options.query.with_cluster = !flags.release.empty() || !flags.ns.empty();
  options.asks_nodes = false;
  PlanMaker maker(std::move(options), folder);
  ASSIGN_OR_RETURN(const Plan plan, maker.Make());
  RETURN_IF_ERROR(CheckLoad(plan));
  RETURN_IF_ERROR(AwaitChecksums(ChecksumVerifier(plan.checksums), progress));
  for (const std::string& note : plan.notes) PrintText(stderr, "note: " + OneLine(note) + "\n");
  for (const std::string& name : UnwritableNames(plan.work)) {
    PrintText(stderr, absl::StrCat("note: ", OneLine(name),
                                   " is not in the archive: the format has no names by digest\n"));
  }
  ASSIGN_OR_RETURN(const uint64_t bytes, WriteArchive(plan.work, flags.file));
  std::string text =
      absl::StrCat(flags.file == "-" ? "stdout" : flags.file, ": ",
                   Count(plan.work.images.size(), "image"), ", ", FormatBytes(bytes), "\n");
  for (const v1::Image& image : plan.work.images) {
    for (const std::string& name : image.names()) absl::StrAppend(&text, "  ", name, "\n");
  }
  PrintText(flags.file == "-" ? stderr : stdout, text);
  return kExitOk;
}

}  // namespace

void AddExportCommand(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "export", "Write the images under their target names into one archive, for other tools");
  command->footer(
      "A docker-archive, for `docker load`, `ctr -n k8s.io images import`, `skopeo copy\n"
      "docker-archive:` and the images folder of k3s and RKE2. No agent is needed. With RELEASE or "
      "-n\n"
      "the cluster is asked for the values of the releases; else the chart's own count, and those "
      "given.\n"
      "\n"
      "Examples:\n"
      "  lighter export platform_v1.2.tar --registry 10.16.10.111 -o images.tar\n"
      "  lighter export platform_v1.2.tar hydra -o - | ssh node5 ctr -n k8s.io images import -\n");
  auto flags = std::make_shared<ExportFlags>();
  AddPackageArgument(*command, *flags);
  AddClusterFlags(*command, *flags);
  command
      ->add_option("-o,--output-file", flags->file,
                   "The archive; written beside it until it is whole. - is stdout")
      ->required();
  AddSkipChecksumFlag(*command, *flags);
  AddProgressFlag(*command, *flags);
  command->callback([flags, &exit_code] {
    const absl::StatusOr<int> code = RunExport(*flags);
    exit_code = code.ok() ? *code : ReportError(code.status());
  });
}

}  // namespace lighter
