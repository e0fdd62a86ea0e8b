{{/* Earlier names of values, and those they stand for. */}}
{{- define "vaultstream.aliases" -}}
- {group: images, key: registry, new: image.registry}
- {group: images, key: operator, new: image.repository}
- {group: images, key: worker, new: workers.image.repository}
- {group: images, key: cli, new: test.image.repository}
- {group: images, key: tag, new: image.tag}
- {group: images, key: pullPolicy, new: image.pullPolicy}
- {group: images, key: pullSecrets, new: imagePullSecrets}
- {group: operator, key: replicas, new: replicaCount}
- {group: operator, key: resources, new: resources}
- {group: operator, key: podLabels, new: podLabels}
- {group: operator, key: podAnnotations, new: podAnnotations}
- {group: operator, key: nodeSelector, new: nodeSelector}
- {group: operator, key: tolerations, new: tolerations}
- {group: operator, key: affinity, new: affinity}
- {group: operator, key: priorityClassName, new: priorityClassName}
{{- end }}

{{/* Makes .Values what the templates read. Every template begins with it. */}}
{{- define "vaultstream.init" -}}
{{- if not (hasKey .Values "usedAliases") }}
{{- $values := .Values }}
{{- $defaults := .Files.Get "files/defaults.yaml" | fromYaml }}
{{- /* With --reuse-values, the values of an earlier chart lack what is new. */}}
{{- range $name, $value := $defaults }}
{{- if not (hasKey $values $name) }}
{{- $_ := set $values $name $value }}
{{- end }}
{{- end }}
{{- range list "dev.podSecurityContext" "dev.monitoring" "test.image" "metricsApi.certManager" }}
{{- $group := splitList "." . | first }}
{{- $key := splitList "." . | last }}
{{- $held := deepCopy (get $values $group) }}
{{- if not (hasKey $held $key) }}
{{- $_ := set $held $key (get (get $defaults $group) $key) }}
{{- $_ := set $values $group $held }}
{{- end }}
{{- end }}
{{- $used := list }}
{{- range include "vaultstream.aliases" . | fromYamlArray }}
{{- $alias := printf "%s.%s" .group .key }}
{{- $old := get (get $values .group) .key }}
{{- if and $old (eq .key "pullSecrets") }}
{{- $named := list }}
{{- range $old }}{{ $named = append $named (dict "name" .) }}{{ end }}
{{- $old = $named }}
{{- end }}
{{- $path := splitList "." .new }}
{{- $now := $values }}
{{- $default := $defaults }}
{{- range $path }}
{{- $now = get $now . }}
{{- $default = get $default . }}
{{- end }}
{{- if and $old (ne (toJson $old) (toJson $default)) }}
{{- if and (ne (toJson $now) (toJson $default)) (ne (toJson $now) (toJson $old)) }}
{{- fail (printf "%s and its alias %s have different values: remove %s" .new $alias $alias) }}
{{- end }}
{{- $used = append $used (printf "%s is an alias of %s" $alias .new) }}
{{- $holder := $values }}
{{- range initial $path }}
{{- $held := deepCopy (get $holder .) }}
{{- $_ := set $holder . $held }}
{{- $holder = $held }}
{{- end }}
{{- $_ := set $holder (last $path) (kindIs "map" $old | ternary (mergeOverwrite (deepCopy (kindIs "map" $now | ternary $now dict)) (kindIs "map" $old | ternary $old dict)) $old) }}
{{- end }}
{{- end }}
{{- $_ := set $values "usedAliases" $used }}
{{- end }}
{{- end }}
