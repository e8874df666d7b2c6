#include "coordinator/cluster/pod_admission.h"

#include <algorithm>
#include <map>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/json.h"
#include "common/printable.h"
#include "common/status.h"
#include "coordinator/cluster/kubernetes_json.h"
#include "coordinator/cluster/pod_templates.h"

namespace lighter {

using nlohmann::json;

namespace {

// One object a line, so that what comes before a failure can be read.
constexpr char kLines[] = "jsonpath={@}{\"\\n\"}";
// Of one release; each pod that fails among the others is asked for once more, alone.
constexpr size_t kMaxPods = 500;
constexpr size_t kMaxAlone = 50;
constexpr char kProbe[] = "lighter-probe-";

std::vector<json> Objects(const std::string& lines) {
  std::vector<json> objects;
  for (const absl::string_view line : absl::StrSplit(lines, '\n', absl::SkipEmpty())) {
    absl::StatusOr<json> object = ParseJson(std::string_view(line.data(), line.size()), "kubectl");
    if (object.ok()) objects.push_back(*std::move(object));
  }
  return objects;
}

// The image of every container of a pod, by "LIST/NAME".
std::map<std::string, const json*> Containers(const json& pod) {
  std::map<std::string, const json*> containers;
  for (const char* list : {"initContainers", "containers"}) {
    for (const json& container : At(pod, {"spec", list})) {
      containers[absl::StrCat(list, "/", Text(container, {"name"}))] = &container;
    }
  }
  return containers;
}

class Admission {
 public:
  Admission(const Kubectl& kubectl, const std::string& ns) : kubectl_(kubectl), ns_(ns) {}

  PodAdmission Run(const std::string& manifests);

 private:
  // What the API server makes of `pods`; OK where it admits them all.
  KubectlAnswer Ask(const json& pods, const std::string& ns) const {
    const json list = {{"apiVersion", "v1"}, {"kind", "List"}, {"items", pods}};
    return kubectl_.RunAll(
        {"create", "--dry-run=server", "--validate=false", "-n", ns, "-f", "-", "-o", kLines},
        {.input = list.dump(-1, ' ', false, json::error_handler_t::replace)});
  }
  // The pods of the workloads in `manifests`, as kubectl reads these.
  void ReadTemplates(const std::string& manifests);
  void AskAlone(const TemplatePod& asked);
  void Judge(const TemplatePod& asked, const std::string& words);
  void Compare(const TemplatePod& asked, const json& admitted);
  void Note(std::string text) {
    auto& notes = result_.notes;
    if (std::find(notes.begin(), notes.end(), text) == notes.end()) notes.push_back(text);
  }

  const Kubectl& kubectl_;
  const std::string& ns_;
  std::map<std::string, TemplatePod> pods_;  // by the name that each is asked for under
  PodAdmission result_;
};

void Admission::ReadTemplates(const std::string& manifests) {
  if (manifests.find("ontainers:") == std::string::npos) return;
  // What kubectl cannot read (kinds that the cluster does not know yet) it passes over.
  const KubectlAnswer read = kubectl_.RunAll(
      {"create", "--dry-run=client", "--validate=false", "-n", ns_, "-f", "-", "-o", kLines},
      {.input = manifests});
  for (const json& object : Objects(read.out)) {
    std::optional<TemplatePod> pod = PodOfTemplate(object);
    if (!pod.has_value()) continue;
    if (pods_.size() == kMaxPods) {
      Note(absl::StrCat("N-POD-ADMISSION: admission was asked about the first ", kMaxPods,
                        " workloads only"));
      return;
    }
    const std::string name = absl::StrCat(kProbe, pods_.size());
    pod->pod["metadata"]["name"] = name;
    pods_.emplace(name, *std::move(pod));
  }
}

// The chart brings these itself, mostly: a pod that is asked for now must do without.
bool RemoveWhatMayNotBeThereYet(const std::string& words, json& pod) {
  const bool is_absent =
      absl::StrContains(words, "serviceaccount") || absl::StrContains(words, "PriorityClass") ||
      absl::StrContains(words, "RuntimeClass") || absl::StrContains(words, "runtimeclass");
  if (!is_absent) return false;
  for (const char* key :
       {"serviceAccountName", "serviceAccount", "priorityClassName", "runtimeClassName"}) {
    pod["spec"].erase(key);
  }
  return true;
}

void Admission::AskAlone(const TemplatePod& asked) {
  json pod = asked.pod;
  KubectlAnswer answer = Ask(json::array({pod}), ns_);
  if (!answer.status.ok() && RemoveWhatMayNotBeThereYet(Message(answer.status), pod)) {
    answer = Ask(json::array({pod}), ns_);
  }
  if (!answer.status.ok()) return Judge(asked, Message(answer.status));
  for (const json& admitted : Objects(answer.out)) Compare(asked, admitted);
}

// Of a pod that was not admitted: only what would keep a controller from making it, too, denies it.
void Admission::Judge(const TemplatePod& asked, const std::string& words) {
  const std::string said = OneLine(words);
  if (absl::StrContains(words, "cannot create resource \"pods\"")) {
    return Note(absl::StrCat("N-POD-ADMISSION: what admission makes of pods in namespace ", ns_,
                             " is not known: ", said));
  }
  const bool is_denied =
      absl::StrContains(words, "denied the request") ||
      absl::StrContains(words, "denied request") ||
      absl::StrContains(words, "violates PodSecurity") ||
      (absl::StrContains(words, "is forbidden") && !absl::StrContains(words, "exceeded quota"));
  if (is_denied) {
    result_.denied.push_back({asked.owner, said});
  } else {
    Note(absl::StrCat("N-POD-ADMISSION: what admission makes of the pods of ", asked.owner,
                      " is not known: ", said));
  }
}

void Admission::Compare(const TemplatePod& asked, const json& admitted) {
  const auto before = Containers(asked.pod);
  for (const auto& [key, container] : Containers(admitted)) {
    const std::string name = Text(*container, {"image"});
    const auto it = before.find(key);
    AdmittedImage image = {.asked = it == before.end() ? "" : Text(*it->second, {"image"}),
                           .admitted = name,
                           .policy = PullPolicyOf(Text(*container, {"imagePullPolicy"}), name)};
    if (image.asked.empty()) {
      Note(absl::StrCat("admission adds container ", OneLine(Text(*container, {"name"})),
                        " with image ", OneLine(name), " to the pods of ", asked.owner));
    }
    result_.images.push_back(std::move(image));
  }
}

PodAdmission Admission::Run(const std::string& manifests) {
  ReadTemplates(manifests);
  if (pods_.empty()) return std::move(result_);
  json all = json::array();
  for (const auto& [name, pod] : pods_) all.push_back(pod.pod);
  const KubectlAnswer answer = Ask(all, ns_);
  if (absl::StrContains(Message(answer.status), "namespaces \"")) {
    Note(absl::StrCat("N-POD-ADMISSION: what admission makes of pods in namespace ", ns_,
                      " is not known before it is there"));
    return std::move(result_);
  }
  std::map<std::string, TemplatePod> left = pods_;
  for (const json& admitted : Objects(answer.out)) {
    const auto it = left.find(Text(admitted, {"metadata", "name"}));
    if (it == left.end()) continue;
    Compare(it->second, admitted);
    left.erase(it);
  }
  size_t alone = 0;
  for (const auto& [name, pod] : left) {
    if (++alone > kMaxAlone) {
      Note("N-POD-ADMISSION: too many pods are not admitted to ask why");
      break;
    }
    AskAlone(pod);
  }
  return std::move(result_);
}

}  // namespace

PodAdmission AdmitPods(const Kubectl& kubectl, const std::string& ns,
                       const std::string& manifests) {
  return Admission(kubectl, ns).Run(manifests);
}

}  // namespace lighter
