{{/* What Prometheus and Grafana get, by the operator of Prometheus or by servers of the release's own. */}}

{{/* The alerts with the limits of monitoring.rules. */}}
{{- define "vaultstream.alerts" -}}
{{- $rules := .Values.monitoring.rules }}
{{- $alerts := .Files.Get "files/alerts.yaml" }}
{{- range $limit, $value := dict "job_lag_seconds) > 60" $rules.lagSeconds "backlog_age_seconds > 30" $rules.figuresSeconds "errors_total[5m])) > 0.1" $rules.reconcileErrors "leases_lost_total[10m])) > 5" $rules.leasesLost }}
{{- if not (contains $limit $alerts) }}{{ fail (printf "no alert has the limit %s" $limit) }}{{ end }}
{{- if not (kindIs "invalid" $value) }}
{{- $alerts = $alerts | replace $limit (printf "%s %v" (regexReplaceAll " [0-9.]+$" $limit "") $value) }}
{{- end }}
{{- end }}
{{- $alerts = $alerts | replace "checkpoint_age_seconds) > 3 *" (printf "checkpoint_age_seconds) > %v *" $rules.lateCheckpoints) }}
{{- $groups := list }}
{{- range (fromYaml $alerts).groups }}
{{- $kept := list }}
{{- range .rules }}
{{- if not (has .alert ($rules.disabled | default list)) }}
{{- $rule := . }}
{{- with get ($rules.overrides | default dict) .alert }}
{{- if .for }}{{ $_ := set $rule "for" .for }}{{ end }}
{{- if .severity }}{{ $_ := set $rule.labels "severity" .severity }}{{ end }}
{{- end }}
{{- with $rules.runbookUrl }}
{{- $_ := set $rule.annotations "runbook_url" (printf "%s#%s" . ($rule.alert | lower)) }}
{{- end }}
{{- $kept = append $kept $rule }}
{{- end }}
{{- end }}
{{- if $kept }}{{ $groups = append $groups (dict "name" .name "rules" $kept) }}{{ end }}
{{- end -}}
groups: {{- concat $groups ($rules.extraGroups | default list) | toYaml | nindent 2 }}
{{- end }}

{{/* The dashboard, whose links lead to where docs/operations.md is. */}}
{{- define "vaultstream.dashboard" -}}
{{- $runbooks := .Values.monitoring.rules.runbookUrl | default "docs/operations.md" | toJson -}}
{{- .Files.Get "files/dashboard.json" | replace "\"docs/operations.md\"" $runbooks -}}
{{- end }}

{{/* Who may read the metrics, as peers of a NetworkPolicy. Empty: everybody. */}}
{{- define "vaultstream.metricsFrom" -}}
{{- $from := .Values.networkPolicy.metricsFrom | default list -}}
{{- if and $from .Values.dev.enabled .Values.dev.monitoring.enabled -}}
{{- $home := dict "matchLabels" (dict "kubernetes.io/metadata.name" .Release.Namespace) -}}
{{- $prometheus := include "vaultstream.selector" (dict "root" . "component" "vaultstream-dev-prometheus") | fromYaml -}}
{{- $from = append $from (dict "namespaceSelector" $home "podSelector" (dict "matchLabels" $prometheus)) -}}
{{- end -}}
{{- with $from }}{{ toYaml . }}{{ end -}}
{{- end }}

{{/* The configuration of the release's own Prometheus: it finds and labels what ServiceMonitor and PodMonitor describe. */}}
{{- define "vaultstream.prometheus" -}}
{{- $operator := include "vaultstream.selector" (dict "root" . "component" "vaultstream-operator") | fromYaml -}}
{{- $selector := list -}}
{{- range $name, $value := $operator }}{{ $selector = append $selector (printf "%s=%s" $name $value) }}{{ end -}}
global: {scrape_interval: 5s, evaluation_interval: 5s}
rule_files: [/etc/prometheus/alerts.yml]
scrape_configs:
  - job_name: vaultstream-operator
    # The namespace of a job is that of the job, not of the operator that tells of it.
    honor_labels: true
    kubernetes_sd_configs:
      - role: pod
        namespaces: {names: [{{ .Release.Namespace }}]}
        selectors: [{role: pod, label: {{ join "," $selector | quote }}}]
    relabel_configs: &labels
      - {source_labels: [__meta_kubernetes_pod_phase], regex: Failed|Succeeded, action: drop}
      - {source_labels: [__meta_kubernetes_pod_container_port_name], regex: http, action: keep}
      - {source_labels: [__meta_kubernetes_namespace], target_label: namespace}
      - {source_labels: [__meta_kubernetes_pod_name], target_label: pod}
      - {source_labels: [__meta_kubernetes_pod_container_name], target_label: container}
      - {source_labels: [__meta_kubernetes_pod_label_vaultstream_dev_job], target_label: signingjob}
  # In whatever namespace their SigningJob is.
  - job_name: vaultstream-workers
    kubernetes_sd_configs:
      - role: pod
        {{- with .Values.operator.namespaces }}
        namespaces: {names: {{ toJson . }}}
        {{- end }}
        selectors: [{role: pod, label: app.kubernetes.io/name=vaultstream-worker}]
    relabel_configs: *labels
{{- end }}
