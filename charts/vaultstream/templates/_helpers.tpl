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
app.kubernetes.io/name: {{ .component | replace "vaultstream" (.root.Values.nameOverride | default "vaultstream") }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{/* Labels of pods: nothing that changes with a release of the chart, for that would restart them. */}}
{{- define "vaultstream.podLabels" -}}
{{ include "vaultstream.selector" . }}
app.kubernetes.io/part-of: vaultstream
{{- end }}

{{/* The name of an object. Call with (dict "root" . "name" NAME). */}}
{{- define "vaultstream.name" -}}
{{- $prefix := .root.Values.fullnameOverride | default .root.Values.nameOverride | default "vaultstream" -}}
{{- .name | replace "vaultstream-" (printf "%s-" $prefix) -}}
{{- end }}

{{/* The name of the operator's Deployment. */}}
{{- define "vaultstream.operator" -}}
{{- include "vaultstream.name" (dict "root" . "name" "vaultstream-operator") -}}
{{- end }}

{{/* The operator's account. */}}
{{- define "vaultstream.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary (include "vaultstream.operator" .) "default") -}}
{{- end }}

{{/* The repository of an image of ours. Call with (dict "root" . "image" MAP). */}}
{{- define "vaultstream.repository" -}}
{{- with .root.Values.global.imageRegistry | default .image.registry | default .root.Values.image.registry }}{{ printf "%s/" (trimSuffix "/" .) }}{{ end }}
{{- .image.repository -}}
{{- end }}

{{/* An image of ours. Call with (dict "root" . "image" MAP). */}}
{{- define "vaultstream.image" -}}
{{- $repository := include "vaultstream.repository" . -}}
{{- if .image.digest -}}
{{ printf "%s@%s" $repository .image.digest }}
{{- else -}}
{{ printf "%s:%s" $repository (.image.tag | default .root.Values.image.tag | default .root.Chart.AppVersion) }}
{{- end -}}
{{- end }}

{{/* An image of another maker. Call with (dict "root" . "image" NAME). */}}
{{- define "vaultstream.foreignImage" -}}
{{- with .root.Values.global.imageRegistry }}{{ printf "%s/" (trimSuffix "/" .) }}{{ end }}{{ .image -}}
{{- end }}

{{/* What a pod says about who it is to its node. Call with (dict "root" . "context" MAP). */}}
{{- define "vaultstream.podSecurity" -}}
{{- $adapt := ((.root.Values.global.compatibility).openshift).adaptSecurityContext | default "auto" -}}
{{- if or (eq $adapt "force") (and (eq $adapt "auto") (.root.Capabilities.APIVersions.Has "security.openshift.io/v1")) -}}
{{ omit .context "runAsUser" "runAsGroup" "fsGroup" | toYaml }}
{{- else -}}
{{ toYaml .context }}
{{- end -}}
{{- end }}

{{/* Secrets of registries, from lists of names and of maps with a name. */}}
{{- define "vaultstream.pullSecrets" -}}
{{- $names := list -}}
{{- range . }}{{ $names = append $names (kindIs "string" . | ternary . (kindIs "map" . | ternary . dict).name) }}{{ end -}}
{{- range uniq $names }}
- name: {{ . }}
{{- end }}
{{- end }}

{{/* What pods with an image of ours have in common: who they are to their node, how it gets the image, and which node that may be. */}}
{{- define "vaultstream.pod" -}}
securityContext: {{- include "vaultstream.podSecurity" (dict "root" . "context" .Values.podSecurityContext) | nindent 2 }}
{{- with concat (.Values.global.imagePullSecrets | default list) .Values.imagePullSecrets }}
imagePullSecrets: {{- include "vaultstream.pullSecrets" . | trim | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "vaultstream.containerSecurity" -}}
{{ toYaml .Values.securityContext }}
{{- end }}

{{/* The Secret with the operator's connection. */}}
{{- define "vaultstream.connection" -}}
{{- .Values.dev.enabled | ternary "vaultstream-operator-connection" .Values.connection.existingSecret -}}
{{- end }}

{{/* "true" where the operator serves the metrics API as a Service. */}}
{{- define "vaultstream.serves" -}}
{{- if and (empty .Values.operator.namespaces) (ne .Values.metricsApi.register "never") -}}true{{- end -}}
{{- end }}

{{/* "true" where cert-manager makes the certificate of the metrics API. */}}
{{- define "vaultstream.certified" -}}
{{- if and (empty .Values.operator.namespaces) .Values.metricsApi.certManager.enabled -}}true{{- end -}}
{{- end }}

{{/* Labels of an object for Prometheus or Grafana. Call with (dict "root" . "labels" MAP). */}}
{{- define "vaultstream.labelsWith" -}}
{{- $own := include "vaultstream.labels" (dict "root" .root "component" "vaultstream-operator") | fromYaml -}}
{{ merge $own (.labels | default dict) | toYaml }}
{{- end }}

{{/* An object of files/permissions.yaml, under the names of this release. Call with (dict "root" . "object" MAP "namespace" NAME); the latter may be absent. */}}
{{- define "vaultstream.granted" -}}
{{- $root := .root -}}
{{- $object := deepCopy .object -}}
{{- $account := include "vaultstream.serviceAccountName" $root -}}
{{- $is := eq $object.kind "ServiceAccount" -}}
{{- $_ := set $object.metadata "name" ($is | ternary $account (include "vaultstream.name" (dict "root" $root "name" $object.metadata.name))) -}}
{{- with .namespace }}{{ $_ := set $object.metadata "namespace" . }}{{ end -}}
{{- with $object.roleRef }}{{ $_ := set . "name" (include "vaultstream.name" (dict "root" $root "name" .name)) }}{{ end -}}
{{- range $object.subjects }}
{{- if eq .name "vaultstream-operator" }}{{ $_ := set . "name" $account }}{{ end -}}
{{- end }}
{{- range $object.rules }}
{{- /* Its own Deployment. The Lease keeps its name, so that no two lead while a release gets another one. */}}
{{- if and .resourceNames (has "deployments/scale" .resources) }}{{ $_ := set . "resourceNames" (list (include "vaultstream.operator" $root)) }}{{ end -}}
{{- end }}
{{- $labels := include "vaultstream.labels" (dict "root" $root "component" "vaultstream-operator") | fromYaml -}}
{{- $_ := set $object.metadata "labels" (merge $labels ($object.metadata.labels | default dict)) -}}
{{ toYaml $object }}
{{- end }}

{{/* What a scrape has besides where and how often. */}}
{{- define "vaultstream.scrape" -}}
{{- $scrape := dict -}}
{{- range $field := list "scrapeTimeout" "relabelings" "metricRelabelings" }}
{{- with get $ $field }}{{ $_ := set $scrape $field . }}{{ end -}}
{{- end }}
{{- with $scrape }}{{ toYaml . }}{{ end -}}
{{- end }}
