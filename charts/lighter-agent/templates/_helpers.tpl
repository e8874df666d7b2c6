{{- define "lighter-agent.selectorLabels" -}}
app.kubernetes.io/name: lighter-agent
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "lighter-agent.labels" -}}
{{ include "lighter-agent.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}
