{{/* The account of workers' pods; empty for that of their namespace. */}}
{{- define "vaultstream.workerAccount" -}}
{{- with .Values.workers.serviceAccount }}{{ .name | default (.create | ternary "vaultstream-worker" "") }}{{ end -}}
{{- end }}

{{/* The namespaces of jobs that the chart knows, as JSON. */}}
{{- define "vaultstream.jobNamespaces" -}}
{{- .Values.operator.namespaces | default (concat (list .Release.Namespace) (ternary .Values.dev.jobNamespaces list .Values.dev.enabled)) | toJson -}}
{{- end }}

{{/* What all workers get, for the operator, as JSON. */}}
{{- define "vaultstream.workerPods" -}}
{{- $workers := .Values.workers -}}
{{- $security := include "vaultstream.podSecurity" (dict "root" . "context" $workers.podSecurityContext) | fromYaml -}}
{{- $pods := dict "imagePullPolicy" ($workers.image.pullPolicy | default .Values.image.pullPolicy) "podSecurityContext" $security "securityContext" $workers.securityContext -}}
{{- with include "vaultstream.workerAccount" . }}{{ $_ := set $pods "serviceAccountName" . }}{{ end -}}
{{- range $field, $value := dict "env" $workers.extraEnv "volumes" $workers.extraVolumes "volumeMounts" $workers.extraVolumeMounts }}
{{- if $value }}{{ $_ := set $pods $field $value }}{{ end -}}
{{- end }}
{{- $defaults := deepCopy $workers.defaults -}}
{{- with concat (.Values.global.imagePullSecrets | default list) ($defaults.imagePullSecrets | default list) }}
{{- $_ := set $defaults "imagePullSecrets" (include "vaultstream.pullSecrets" . | fromYamlArray) -}}
{{- end }}
{{- with $defaults }}{{ $_ := set $pods "defaults" . }}{{ end -}}
{{- toJson $pods -}}
{{- end }}

{{/* The beginning of a CEL expression that is true of one extra volume of workers: its name and what it shows. */}}
{{- define "vaultstream.volumeRule" -}}
{{- $where := dict "secret" "secretName" "configMap" "name" "csi" "driver" "persistentVolumeClaim" "claimName" "hostPath" "path" "emptyDir" "" -}}
{{- $volume := . -}}
{{- $kind := first (without (keys .) "name") | default "emptyDir" -}}
{{- if not (hasKey $where $kind) -}}
{{- fail (printf "workers.extraVolumes: the admission policy knows no volume of the kind %s, as %s is: set admissionPolicy.enabled=false" $kind .name) -}}
{{- end -}}
(volume.name == {{ toJson .name }} && has(volume.{{ $kind }})
{{- with get $where $kind }} && volume.{{ $kind }}.?{{ . }}.orValue('') == {{ get (get $volume $kind) . | toString | toJson }}{{ end -}}
{{- if and (eq $kind "csi") (get $volume.csi "volumeAttributes") -}}
{{- range $key, $value := $volume.csi.volumeAttributes }} && volume.csi.?volumeAttributes[?{{ toJson $key }}].orValue('') == {{ toString $value | toJson }}{{ end -}}
{{- end -}}
)
{{- end }}

{{/* The same of one extra variable. */}}
{{- define "vaultstream.variableRule" -}}
(variable.name == {{ toJson .name }}
{{- if .valueFrom -}}
{{- range $kind := list "secretKeyRef" "configMapKeyRef" "fieldRef" "resourceFieldRef" -}}
{{- with get $.valueFrom $kind -}}
{{- range $field, $value := pick . "name" "key" "fieldPath" "resource" }} && variable.?valueFrom.?{{ $kind }}.?{{ $field }}.orValue('') == {{ toString $value | toJson }}{{ end -}}
{{- end -}}
{{- end -}}
{{- else }} && variable.?value.orValue('') == {{ .value | default "" | toString | toJson }}
{{- end -}}
)
{{- end }}
