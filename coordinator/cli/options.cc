#include "coordinator/cli/options.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "common/file.h"
#include "common/limits.h"
#include "common/status.h"
#include "common/usage_error.h"
#include "coordinator/cli/release_options.h"
#include "coordinator/cluster/kubernetes_json.h"
#include "coordinator/naming/load_image.h"
#include "coordinator/plan/plan_file.h"

namespace lighter {
namespace {

constexpr char kTools[] = "Tools and access";
constexpr char kNames[] = "Names of images";
constexpr char kValues[] = "Values, as helm takes them";

void AppendFlags(ValueArgs& args, const char* flag, const std::vector<std::string>& values) {
  for (const std::string& value : values) {
    args.push_back(flag);
    args.push_back(value);
  }
}

// Where --config says that the images go.
absl::Status ReadConfig(const std::string& path, PlanOptions& options) {
  ASSIGN_OR_RETURN(const std::string yaml, ReadFile(path, 2 * kMiB));
  ASSIGN_OR_RETURN(LoadImageConfig config, ParseLoadImageConfig(yaml, path));
  options.query.relocation = std::move(config.relocation);
  options.notes.push_back(absl::StrCat(
      "images go where ", path, " says; nothing is pushed to any registry or chart repository",
      config.ignored.empty() ? "" : ", so these keys of it are not used: ",
      absl::StrJoin(config.ignored, ", ")));
  return absl::OkStatus();
}

// Each use of the flag takes one value and adds it, as helm's own flags do.
CLI::Option* AddRepeated(CLI::App& command, const std::string& name,
                         std::vector<std::string>& values, const std::string& help) {
  return command.add_option(name, values, help)->expected(1)->take_all()->group(kValues);
}

std::string RegistryOf(const std::string& flag) { return flag == "local" ? kNodeRegistry : flag; }

std::string CheckRegistry(const std::string& flag) {
  return Message(CheckRelocation({.registry = RegistryOf(flag), .repository = ""}));
}

std::string CheckRepository(const std::string& flag) {
  return Message(CheckRelocation({.registry = kNodeRegistry, .repository = flag}));
}

}  // namespace

void AddKubectlFlags(CLI::App& command, CommonFlags& flags) {
  command.add_option("--kubeconfig", flags.kubeconfig, "Path of the kubeconfig")->group(kTools);
  command.add_option("--context,--kube-context", flags.context, "Context of the kubeconfig")
      ->group(kTools);
  command.add_option("--kubectl", flags.kubectl, "kubectl")
      ->envname("LIGHTER_KUBECTL")
      ->group(kTools);
}

void AddHelmFlag(CLI::App& command, CommonFlags& flags) {
  command.add_option("--helm", flags.helm, "helm 3 or 4")->envname("LIGHTER_HELM")->group(kTools);
}

void AddTlsDirFlag(CLI::App& command, CommonFlags& flags) {
  command
      .add_option(
          "--tls-dir", flags.tls_dir,
          "Folder with ca.crt, tls.crt and tls.key of the coordinator, for agents that were "
          "not brought by `lighter agent install`")
      ->envname("LIGHTER_TLS_DIR")
      ->group(kTools);
}

CLI::Option* AddPackageArgument(CLI::App& command, CommonFlags& flags) {
  return command
      .add_option("PACKAGE", flags.package,
                  "The package: an outer tar of bundles, one bundle, or a folder of them; a folder "
                  "with a chart and its images; for load and export also images alone")
      ->required();
}

void AddOutputFlag(CLI::App& command, CommonFlags& flags) {
  command.add_option("-o,--output", flags.output, "Result on stdout as text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
}

void AddProgressFlag(CLI::App& command, CommonFlags& flags) {
  command.add_option("--progress", flags.progress, "On stderr: auto, tty, plain, json or none")
      ->envname("LIGHTER_PROGRESS")
      ->check(CLI::IsMember({"auto", "tty", "plain", "json", "none"}))
      ->capture_default_str();
}

void AddReleaseFlags(CLI::App& command, CommonFlags& flags) {
  command.add_option("-n,--namespace", flags.ns, "Only releases of this namespace");
  command
      .add_option("--allow-pull", flags.allow_pull,
                  "Go on although kubelets will pull NAME: a registry that they reach has it; may "
                  "be repeated")
      ->expected(1)
      ->take_all();
  AddKubectlFlags(command, flags);
  AddHelmFlag(command, flags);
  AddTlsDirFlag(command, flags);
}

void AddWaitFlags(CLI::App& command, std::string& timeout, bool& no_wait) {
  command.add_option("--timeout", timeout, "How long Helm waits for the pods, like 90s or 5m")
      ->check(CheckDuration)
      ->capture_default_str();
  command.add_flag("--no-wait", no_wait, "Do not wait for the pods to be ready");
}

void AddClusterFlags(CLI::App& command, CommonFlags& flags) {
  command.add_option("RELEASE", flags.release,
                     "Only this release (default: all of the package's charts)");
  AddReleaseFlags(command, flags);
  command
      .add_option("--allow-missing", flags.allow_missing,
                  "Go on although no image of the package covers NAME; may be repeated")
      ->expected(1)
      ->take_all();
  command
      .add_option("--allow-denied", flags.allow_denied,
                  "Go on although admission would deny the pods of WORKLOAD, like "
                  "Deployment/web; may be repeated")
      ->expected(1)
      ->take_all();
  command
      .add_option("--allow-registry", flags.allow_registry,
                  "Go on although images of a release that runs will come from this REGISTRY, and "
                  "come from another one now; may be repeated")
      ->expected(1)
      ->take_all();
  AddRepeated(command, "-f,--values", flags.values_files, "Values file; may be repeated");
  AddRepeated(command, "--set", flags.set, "key=value; may be repeated");
  AddRepeated(command, "--set-string", flags.set_string, "key=value, always text; may be repeated");
  AddRepeated(command, "--set-file", flags.set_file, "key=path of a file with the value");
  AddRepeated(command, "--set-json", flags.set_json, "key=JSON value");
  CLI::Option* registry =
      command
          .add_option("--registry", flags.registry,
                      "Have the pods ask for the images of this registry: sets the chart's values "
                      "by its hints. \"local\" is each node's own, the agent")
          ->check(CheckRegistry)
          ->group(kNames);
  command
      .add_option("--repository", flags.repository,
                  "With --registry: instead of all but the last part of each image's path")
      ->check(CheckRepository)
      ->needs(registry)
      ->group(kNames);
  command
      .add_option("--config", flags.config,
                  "In place of --registry and --repository: charts-syncer's load-image.yaml. Of it "
                  "only where images go is used; nothing is pushed")
      ->excludes(registry)
      ->group(kNames);
}

std::string CheckDuration(const std::string& text) {
  absl::Duration duration;
  const bool read = absl::ParseDuration(text, &duration);
  // Helm cannot read what is much longer, nor "inf".
  if (read && duration >= absl::Seconds(1) && duration <= absl::Hours(365 * 24)) return "";
  return "\"" + text + "\" is not a duration from a second to a year, like 90s or 5m";
}

KubectlOptions ToKubectlOptions(const CommonFlags& flags) {
  return {.binary = flags.kubectl, .kubeconfig = flags.kubeconfig, .context = flags.context};
}

HelmOptions ToHelmOptions(const CommonFlags& flags) {
  return {.binary = flags.helm, .kubeconfig = flags.kubeconfig, .context = flags.context};
}

VerifyOptions ToVerifyOptions(const CommonFlags& flags) {
  return {.kubectl = ToKubectlOptions(flags),
          .helm = ToHelmOptions(flags),
          .tls_dir = flags.tls_dir,
          .release = flags.release,
          .ns = flags.ns,
          .allow_pull = flags.allow_pull};
}

CLI::Option* AddPlaceFlag(CLI::App& command, CommonFlags& flags) {
  return command
      .add_option("--place", flags.place,
                  "Which nodes an image goes to, instead of those where its pods can run: "
                  "IMAGE=SELECTOR, where IMAGE is a name or the end of one, with * and ?, and "
                  "SELECTOR a label selector (gpu=true, '!node-role.kubernetes.io/control-plane'), "
                  "node:NAME,NAME or all. \"all\" alone: every image to every node. May be "
                  "repeated; the last that means an image counts")
      ->expected(1)
      ->take_all()
      ->check([](const std::string& text) { return Message(ParsePlaceRule(text).status()); });
}

void AddInstallFlag(CLI::App& command, CommonFlags& flags) {
  command
      .add_flag("--install", flags.install,
                "Install what has no release in the cluster, into the namespace of -n: as RELEASE, "
                "or under the chart's name")
      ->needs("--namespace");
}

void AddPlanFileFlag(CLI::App& command, CommonFlags& flags) {
  CLI::Option* package = command.get_option("PACKAGE");
  package->required(false);
  CLI::Option* plan = command.add_option("--plan", flags.plan_file,
                                         "Do what this file of `lighter plan --out` says, if all "
                                         "of it still holds; PACKAGE only where "
                                         "the package lies elsewhere now");
  for (CLI::Option* option : command.get_options()) {
    const bool is_excluded = option->get_group() == kValues || option->get_group() == kNames;
    if (is_excluded) plan->excludes(option);
  }
  for (const char* name : {"RELEASE", "--namespace", "--allow-missing", "--allow-registry",
                           "--allow-denied", "--allow-pull", "--place"}) {
    plan->excludes(name);
  }
  for (const char* name :
       {"--install", "--allow-unproven", "--version", "--chart", "--order", "--crds"}) {
    if (CLI::Option* option = command.get_option_no_throw(name)) plan->excludes(option);
  }
}

void AddSkipChecksumFlag(CLI::App& command, CommonFlags& flags) {
  command.add_flag("--skip-checksum", flags.skip_checksum,
                   "Do not verify the checksum file beside the package");
}

absl::StatusOr<PlanOptions> ToPlanOptions(const CommonFlags& flags) {
  if (flags.package.empty() && flags.plan_file.empty()) {
    return UsageError(
        absl::InvalidArgumentError("PACKAGE is required, or --plan with the file of a plan"));
  }
  PlanOptions options;
  options.query.relocation = {.registry = RegistryOf(flags.registry),
                              .repository = flags.repository};
  if (!flags.config.empty()) RETURN_IF_ERROR(UsageError(ReadConfig(flags.config, options)));
  options.package = flags.package;
  options.query.release = flags.release;
  options.query.ns = flags.ns;
  AppendFlags(options.query.values, "-f", flags.values_files);
  AppendFlags(options.query.values, "--set-json", flags.set_json);
  AppendFlags(options.query.values, "--set", flags.set);
  AppendFlags(options.query.values, "--set-string", flags.set_string);
  AppendFlags(options.query.values, "--set-file", flags.set_file);
  options.helm = ToHelmOptions(flags);
  options.kubectl = ToKubectlOptions(flags);
  options.tls_dir = flags.tls_dir;
  options.query.allow_missing = flags.allow_missing;
  options.query.allow_registries = flags.allow_registry;
  options.allow_denied = flags.allow_denied;
  options.allow_pull = flags.allow_pull;
  options.place = flags.place;
  RETURN_IF_ERROR(ApplyReleaseChoice(flags, options));
  options.query.install = flags.install;
  options.skip_checksum = flags.skip_checksum;
  if (!flags.plan_file.empty()) RETURN_IF_ERROR(ReadPlanFile(flags.plan_file, options));
  return options;
}

}  // namespace lighter
