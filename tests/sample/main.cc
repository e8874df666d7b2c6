// lighter-sample: writes packages of the sample platform, for the demo, tests and benchmarks.
#include <CLI/CLI.hpp>
#include <iostream>

#include "common/file.h"
#include "common/limits.h"
#include "common/status.h"
#include "tests/sample/sample_package.h"

namespace {

#if defined(__aarch64__)
constexpr const char* kArchitecture = "arm64";
#else
constexpr const char* kArchitecture = "amd64";
#endif

absl::Status WritePackage(lighter::sample::PackageOptions options, const std::string& app_path,
                          const std::string& out) {
  ASSIGN_OR_RETURN(options.app, lighter::ReadFile(app_path, lighter::kGiB));
  const lighter::support::Rope package = lighter::sample::MakePackage(options);
  RETURN_IF_ERROR(package.WriteTo(out));
  std::cout << out << ": version " << options.version << ", " << package.size() << " bytes\n";
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App cli("Writes sample packages.", "lighter-sample");
  cli.require_subcommand(1);
  CLI::App* package = cli.add_subcommand("package", "Write a package of the platform quayside");
  lighter::sample::PackageOptions options;
  options.architecture = kArchitecture;
  std::string app;
  std::string out;
  package->add_option("--version", options.version, "1, or 2, which changes 5 % of the bytes")
      ->check(CLI::Range(1, 99))
      ->required();
  package->add_option("--out", out, "The file to write")->required();
  package->add_option("--app", app, "The static program for the containers (lighter-sample-app)")
      ->check(CLI::ExistingFile)
      ->required();
  package->add_option("--size-mib", options.size_mib, "Stored size of the layers, about")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  package->add_option("--arch", options.architecture, "Architecture in the image configs")
      ->capture_default_str();
  package
      ->add_option("--addon", options.addons, "Add a bundle, e.g. quayside-beacon; may be repeated")
      ->expected(1)
      ->take_all()
      ->check(CLI::IsMember({"beacon", "ferry"}));
  CLI11_PARSE(cli, argc, argv);
  const absl::Status status = WritePackage(options, app, out);
  if (status.ok()) return 0;
  std::cerr << "lighter-sample: " << lighter::Message(status) << "\n";
  return 1;
}
