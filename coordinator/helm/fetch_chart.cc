// Helm::FetchChart: a chart that is not the package's own.
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "coordinator/helm/helm.h"

namespace lighter {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> PullCommand(const ChartSource& source, const std::string& folder) {
  std::vector<std::string> args = {"pull", source.reference, "-d", folder};
  const auto add = [&args](const char* flag, const std::string& value) {
    if (!value.empty()) args.insert(args.end(), {flag, value});
  };
  add("--version", source.version);
  add("--repo", source.repo);
  add("--ca-file", source.ca_file);
  if (source.plain_http) args.push_back("--plain-http");
  return args;
}

}  // namespace

absl::StatusOr<std::string> Helm::FetchChart(const ChartSource& source,
                                             const std::string& folder) const {
  std::error_code error;
  if (fs::is_regular_file(source.reference, error)) return source.reference;
  const bool is_folder = fs::is_directory(source.reference, error);
  fs::create_directories(folder, error);
  if (error) return ErrnoStatus(error.value(), "create " + folder);
  const std::vector<std::string> args =
      is_folder ? std::vector<std::string>{"package", source.reference, "-d", folder}
                : PullCommand(source, folder);
  RETURN_IF_ERROR(
      Annotate(Run(args, /*with_cluster=*/false).status(), "--chart " + source.reference));
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".tgz") return entry.path().string();
  }
  return absl::NotFoundError(
      absl::StrCat("--chart ", source.reference, ": helm ", args[0], " left no chart in ", folder));
}

}  // namespace lighter
