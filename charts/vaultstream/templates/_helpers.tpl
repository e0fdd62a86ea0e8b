{{/* Labels of every object. Call with (dict "root" . "component" NAME). */}}
{{- define "vaultstream.labels" -}}
{{ include "vaultstream.selector" . }}
app.kubernetes.io/part-of: vaultstream
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{/* Labels that choose the pods of a component; they never change. */}}
{{- define "vaultstream.selector" -}}
app.kubernetes.io/name: {{ .component }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{/* Labels of pods: nothing that changes with a release of the chart, for that would restart them. */}}
{{- define "vaultstream.podLabels" -}}
{{ include "vaultstream.selector" . }}
app.kubernetes.io/part-of: vaultstream
{{- end }}

{{/* The repository of an image of ours. Call with (dict "root" . "name" NAME). */}}
{{- define "vaultstream.repository" -}}
{{- with .root.Values.images.registry }}{{ printf "%s/" (trimSuffix "/" .) }}{{ end }}{{ .name -}}
{{- end }}

{{/* An image of ours. Call with (dict "root" . "name" NAME). */}}
{{- define "vaultstream.image" -}}
{{ printf "%s:%s" (include "vaultstream.repository" .) (.root.Values.images.tag | default .root.Chart.AppVersion) }}
{{- end }}

{{/* What every pod of ours says about who it is to its node. */}}
{{- define "vaultstream.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* The same of pods with an image of ours, and how their node gets it. */}}
{{- define "vaultstream.pod" -}}
securityContext: {{- include "vaultstream.podSecurity" . | nindent 2 }}
{{- with .Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "vaultstream.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* The Secret with the operator's connection. */}}
{{- define "vaultstream.connection" -}}
{{- .Values.dev.enabled | ternary "vaultstream-operator-connection" .Values.connection.existingSecret -}}
{{- end }}

{{/* "true" where external.metrics.k8s.io is ours to register: it is absent, or this release owns it. */}}
{{- define "vaultstream.registers" -}}
{{- if and (empty .Values.operator.namespaces) (ne .Values.metricsApi.register "never") -}}
{{- $there := lookup "apiregistration.k8s.io/v1" "APIService" "" "v1beta1.external.metrics.k8s.io" -}}
{{- $owner := dig "metadata" "annotations" "meta.helm.sh/release-name" "" $there -}}
{{- $place := dig "metadata" "annotations" "meta.helm.sh/release-namespace" "" $there -}}
{{- $ours := and (eq $owner .Release.Name) (eq $place .Release.Namespace) -}}
{{- if or (eq .Values.metricsApi.register "always") (empty $there) $ours -}}true{{- end -}}
{{- end -}}
{{- end }}
