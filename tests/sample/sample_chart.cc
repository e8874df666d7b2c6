#include "tests/sample/sample_chart.h"

#include "absl/strings/str_replace.h"

namespace lighter::sample {
namespace {

constexpr const char* kChartYaml = R"(apiVersion: v2
name: NAME
description: DESCRIPTION
type: application
version: VERSION
appVersion: "vVERSION"
)";

// All templates name images by this, as charts with a shared registry value do.
constexpr const char* kImageHelper = R"({{- define "image.name" -}}
{{ .root.Values.global.imageRegistry }}/{{ .image.repository }}:{{ .image.tag }}
{{- end -}}
)";

constexpr const char* kPlatformValues =
    R"(# Every image name is <global.imageRegistry>/<image.repository>:<image.tag>.
global:
  imageRegistry: REGISTRY

web:
  replicas: 2
  pullPolicy: IfNotPresent
  readiness: --check  # --fail: never ready
  nodeSelector: {}
  tolerations: []
  image:
    repository: quayside/web
    tag: vVERSION

# One on every node.
worker:
  image:
    repository: quayside/worker
    tag: vVERSION

# A Job before each upgrade, with the image of web; what it does: --sleep=SECONDS, or --fail.
migration:
  enabled: false
  does: --sleep=0

# Started by web when it needs one; named only in web's arguments.
helper:
  image:
    repository: quayside/helper
    tag: vVERSION
)";

constexpr const char* kPlatformHints = R"(---
# Which values make up each image's name.
- "{{ .global.imageRegistry }}/{{ .web.image.repository }}:{{ .web.image.tag }}"
- "{{ .global.imageRegistry }}/{{ .worker.image.repository }}:{{ .worker.image.tag }}"
- "{{ .global.imageRegistry }}/{{ .helper.image.repository }}:{{ .helper.image.tag }}"
)";

constexpr const char* kWeb = R"(apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}-web
  labels: {app: quayside-web, release: {{ .Release.Name }}}
spec:
  replicas: {{ .Values.web.replicas }}
  selector:
    matchLabels: {app: quayside-web, release: {{ .Release.Name }}}
  template:
    metadata:
      labels: {app: quayside-web, release: {{ .Release.Name }}}
    spec:
      terminationGracePeriodSeconds: 1
      nodeSelector: {{ toJson .Values.web.nodeSelector }}
      tolerations: {{ toJson .Values.web.tolerations }}
      containers:
        - name: web
          image: {{ include "image.name" (dict "root" . "image" .Values.web.image) }}
          imagePullPolicy: {{ .Values.web.pullPolicy }}
          command: ["/app"]
          args:
          - --helper-image={{ include "image.name" (dict "root" . "image" .Values.helper.image) }}
          readinessProbe:
            exec: {command: ["/app", "{{ .Values.web.readiness }}"]}
)";

constexpr const char* kMigration = R"({{- if .Values.migration.enabled }}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-migration
  annotations:
    helm.sh/hook: pre-upgrade
    helm.sh/hook-delete-policy: before-hook-creation
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 1
      containers:
        - name: migration
          image: {{ include "image.name" (dict "root" . "image" .Values.web.image) }}
          imagePullPolicy: IfNotPresent
          command: ["/app", "{{ .Values.migration.does }}"]
{{- end }}
)";

constexpr const char* kWorker = R"(apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: {{ .Release.Name }}-worker
  labels: {app: quayside-worker, release: {{ .Release.Name }}}
spec:
  selector:
    matchLabels: {app: quayside-worker, release: {{ .Release.Name }}}
  updateStrategy:
    rollingUpdate: {maxUnavailable: "50%"}
  template:
    metadata:
      labels: {app: quayside-worker, release: {{ .Release.Name }}}
    spec:
      terminationGracePeriodSeconds: 1
      tolerations:
        - operator: Exists
      containers:
        - name: worker
          image: {{ include "image.name" (dict "root" . "image" .Values.worker.image) }}
          imagePullPolicy: IfNotPresent
          command: ["/app"]
          readinessProbe:
            exec: {command: ["/app", "--check"]}
)";

constexpr const char* kAddonValues = R"(global:
  imageRegistry: REGISTRY

ADDON:
  image:
    repository: quayside/ADDON
    tag: vVERSION
)";

constexpr const char* kAddonHints =
    R"(- "{{ .global.imageRegistry }}/{{ .ADDON.image.repository }}:{{ .ADDON.image.tag }}")";

constexpr const char* kAddon = R"(apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}-ADDON
  labels: {app: quayside-ADDON, release: {{ .Release.Name }}}
spec:
  replicas: 1
  selector:
    matchLabels: {app: quayside-ADDON, release: {{ .Release.Name }}}
  template:
    metadata:
      labels: {app: quayside-ADDON, release: {{ .Release.Name }}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: ADDON
          image: {{ include "image.name" (dict "root" . "image" .Values.ADDON.image) }}
          imagePullPolicy: IfNotPresent
          command: ["/app"]
          readinessProbe:
            exec: {command: ["/app", "--check"]}
)";

std::string ChartYaml(const std::string& name, const char* description,
                      const std::string& version) {
  return absl::StrReplaceAll(kChartYaml,
                             {{"NAME", name}, {"DESCRIPTION", description}, {"VERSION", version}});
}

std::string Values(const std::string& text, const std::string& version) {
  return absl::StrReplaceAll(text, {{"REGISTRY", kRegistry}, {"VERSION", version}});
}

}  // namespace

Chart PlatformChart(const std::string& version) {
  return {.name = "quayside",
          .hints = kPlatformHints,
          .files = {{"Chart.yaml", ChartYaml("quayside", "A sample platform", version)},
                    {"templates/_image.tpl", kImageHelper},
                    {"templates/migration.yaml", kMigration},
                    {"templates/web.yaml", kWeb},
                    {"templates/worker.yaml", kWorker},
                    {"values.yaml", Values(kPlatformValues, version)}}};
}

Chart AddonChart(const std::string& name, const std::string& version) {
  const auto of = [&name](const char* text) {
    return absl::StrReplaceAll(text, {{"ADDON", name}});
  };
  const std::string chart = "quayside-" + name;
  return {.name = chart,
          .hints = of(kAddonHints),
          .files = {{"Chart.yaml", ChartYaml(chart, "A sample add-on", version)},
                    {"templates/_image.tpl", kImageHelper},
                    {"templates/" + name + ".yaml", of(kAddon)},
                    {"values.yaml", Values(of(kAddonValues), version)}}};
}

}  // namespace lighter::sample
