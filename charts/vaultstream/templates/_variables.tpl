{{/* The variables of the operator. */}}
{{- define "vaultstream.variables" -}}
- name: VAULTSTREAM_OPERATOR_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
- name: VAULTSTREAM_OPERATOR_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- {name: VAULTSTREAM_WORKER_IMAGE, value: {{ include "vaultstream.image" (dict "root" . "image" .Values.workers.image) | quote }}}
{{- /* A variable's value may name others as $(NAME), and $$ stands for $. */}}
- {name: VAULTSTREAM_WORKER_PODS, value: {{ include "vaultstream.workerPods" . | replace "$(" "$$(" | quote }}}
- {name: VAULTSTREAM_LOG, value: {{ .Values.operator.log | quote }}}
- {name: VAULTSTREAM_LOG_JSON, value: {{ .Values.operator.logJson | quote }}}
- {name: VAULTSTREAM_LEASE_DURATION, value: {{ .Values.operator.leaseDuration | quote }}}
- {name: VAULTSTREAM_FINALIZER_TIMEOUT, value: {{ .Values.operator.finalizerTimeout | quote }}}
- {name: VAULTSTREAM_ACTIVE_JOBS, value: {{ .Values.limits.activeJobs | int | quote }}}
- {name: VAULTSTREAM_WORKERS, value: {{ .Values.limits.workers | int | quote }}}
{{- with .Values.anchors.allowedTsas }}
- {name: VAULTSTREAM_ALLOWED_TSAS, value: {{ join "," . | quote }}}
{{- end }}
{{- with .Values.limits.generatedRecords }}
- {name: VAULTSTREAM_GENERATED_RECORDS, value: {{ . | int64 | quote }}}
{{- end }}
{{- with .Values.limits.generatedBytes }}
- {name: VAULTSTREAM_GENERATED_BYTES, value: {{ . | int64 | quote }}}
{{- end }}
{{- with .Values.limits.tenant }}
- {name: VAULTSTREAM_TENANT_JOBS, value: {{ .jobs | int64 | quote }}}
- {name: VAULTSTREAM_TENANT_GENERATED_RECORDS, value: {{ .generatedRecords | int64 | quote }}}
- {name: VAULTSTREAM_TENANT_GENERATED_BYTES, value: {{ .generatedBytes | int64 | quote }}}
- {name: VAULTSTREAM_TENANT_KEYS, value: {{ .keys | int64 | quote }}}
- {name: VAULTSTREAM_TENANT_BATCHES, value: {{ .batches | int64 | quote }}}
{{- end }}
{{- if .Values.operator.allowOwner }}
- {name: VAULTSTREAM_ALLOW_OWNER, value: "true"}
{{- end }}
{{- with .Values.streams.replicas }}
- {name: VAULTSTREAM_NATS_REPLICAS, value: {{ . | int | quote }}}
{{- end }}
{{- with .Values.streams.maxBytes }}
- {name: VAULTSTREAM_NATS_MAX_BYTES, value: {{ . | int64 | quote }}}
{{- end }}
{{- with .Values.streams.maxAckPending }}
- {name: VAULTSTREAM_NATS_MAX_ACK_PENDING, value: {{ . | int64 | quote }}}
{{- end }}
{{- if empty .Values.operator.namespaces }}
- {name: VAULTSTREAM_METRICS_API_ADDRESS, value: "0.0.0.0:8443"}
- {name: VAULTSTREAM_METRICS_API_SERVICE, value: {{ include "vaultstream.name" (dict "root" . "name" "vaultstream-metrics-api") | quote }}}
- {name: VAULTSTREAM_REGISTER_METRICS_API, value: {{ eq .Values.metricsApi.register "auto" | quote }}}
{{- if include "vaultstream.certified" . }}
- {name: VAULTSTREAM_METRICS_API_CERTIFICATE_DIR, value: /etc/vaultstream/metrics-api}
{{- end }}
- {name: VAULTSTREAM_SCALING_ADDRESS, value: "0.0.0.0:8081"}
- {name: VAULTSTREAM_SCALING_URL, value: {{ printf "http://%s.%s.svc:8081" (include "vaultstream.name" (dict "root" . "name" "vaultstream-scaling")) .Release.Namespace | quote }}}
{{- else }}
- {name: VAULTSTREAM_NAMESPACES, value: {{ join "," .Values.operator.namespaces | quote }}}
{{- end }}
{{- with .Values.telemetry.otlpEndpoint }}
- {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ . | quote }}}
{{- end }}
{{- with .Values.keyService.kmsDirectory }}
- {name: VAULTSTREAM_WORKER_KMS_DIRECTORY, value: {{ . | quote }}}
{{- end }}
{{- with .Values.keyService.tokenAudience }}
- {name: VAULTSTREAM_WORKER_TOKEN_AUDIENCE, value: {{ . | quote }}}
{{- end }}
{{- if not (kindIs "invalid" .Values.telemetry.sampleRatio) }}
- {name: OTEL_TRACES_SAMPLER_ARG, value: {{ .Values.telemetry.sampleRatio | quote }}}
{{- end }}
# Otherwise glibc keeps an arena for each core, and unused memory in each.
- {name: MALLOC_ARENA_MAX, value: "2"}
{{- end }}
