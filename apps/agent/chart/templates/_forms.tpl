{{/* Values that may be written in more than one form, brought into one. */}}

{{/* `true`, `false` or nothing, of a boolean or a text. */}}
{{- define "runner.flag" -}}
{{- if not (kindIs "invalid" .) -}}
{{- $text := lower (trim (toString .)) -}}
{{- if has $text (list "true" "yes" "on" "1") -}}true{{- else if has $text (list "false" "no" "off" "0") -}}false{{- else -}}{{ $text }}{{- end -}}
{{- end -}}
{{- end -}}

{{/* A number as people write it (YAML numbers come as floats), or a text. */}}
{{- define "runner.text" -}}
{{- if kindIs "float64" . -}}
{{- if eq (floor .) . -}}{{ printf "%.0f" . }}{{- else -}}{{ . }}{{- end -}}
{{- else if not (kindIs "invalid" .) -}}
{{- toString . -}}
{{- end -}}
{{- end -}}

{{/* A map of texts, as labels, annotations and node selectors are, of one whose values people wrote as numbers or flags. */}}
{{- define "runner.texts" -}}
{{- $texts := dict -}}
{{- range $key, $value := . -}}{{- $_ := set $texts $key (include "runner.text" $value) -}}{{- end -}}
{{- toYaml $texts -}}
{{- end -}}

{{/* Names, as JSON list: of a name, names joined by commas, a list of names, or a list of objects with `name`. */}}
{{- define "runner.names" -}}
{{- $names := list -}}
{{- if kindIs "string" . -}}
{{- range splitList "," . -}}
{{- with trim . }}{{- $names = append $names . -}}{{- end -}}
{{- end -}}
{{- else if kindIs "slice" . -}}
{{- range . -}}
{{- $name := ternary (get (ternary . dict (kindIs "map" .)) "name") . (kindIs "map" .) -}}
{{- range splitList "," (include "runner.text" $name) }}{{- with trim . }}{{- $names = append $names . -}}{{- end -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson (uniq $names) -}}
{{- end -}}

{{/* Names as `imagePullSecrets` of a pod; nothing when there are none. */}}
{{- define "runner.pullSecrets" -}}
{{- $names := include "runner.names" . | fromJsonArray -}}
{{- with $names }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Text, or a map as JSON. */}}
{{- define "runner.json" -}}
{{- if kindIs "map" . -}}{{- if . -}}{{ toJson . }}{{- end -}}{{- else -}}{{ include "runner.text" . }}{{- end -}}
{{- end -}}

{{/* Text, or a map as YAML. */}}
{{- define "runner.yaml" -}}
{{- if kindIs "map" . -}}{{ toYaml . }}{{- else -}}{{ . }}{{- end -}}
{{- end -}}

{{/* Environment of workloads as a JSON list of `NAME:value`; a text stays one entry. */}}
{{- define "runner.workloadEntries" -}}
{{- $entries := list -}}
{{- if kindIs "string" . -}}
{{- $text := trim . -}}
{{- if and (hasPrefix "[" $text) (hasSuffix "]" $text) -}}{{- $text = trimSuffix "]" (trimPrefix "[" $text) -}}{{- end -}}
{{- with $text }}{{- $entries = append $entries . -}}{{- end -}}
{{- else if kindIs "map" . -}}
{{- range $name, $value := . }}{{- $entries = append $entries (printf "%s:%s" $name (include "runner.text" $value)) -}}{{- end -}}
{{- else if kindIs "slice" . -}}
{{- range . -}}
{{- if kindIs "map" . -}}
{{- if and (hasKey . "name") (hasKey . "value") -}}
{{- $entries = append $entries (printf "%s:%s" .name (include "runner.text" .value)) -}}
{{- else -}}
{{- range $name, $value := . }}{{- $entries = append $entries (printf "%s:%s" $name (include "runner.text" $value)) -}}{{- end -}}
{{- end -}}
{{- else -}}
{{- $entries = append $entries (toString .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $entries -}}
{{- end -}}
