{{- define "plane.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "plane.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains (include "plane.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "plane.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "plane.selectorLabels" -}}
app.kubernetes.io/name: {{ include "plane.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "plane.metadata" -}}
name: {{ include "plane.fullname" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- $own := dict "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_") "app.kubernetes.io/version" .Chart.AppVersion "app.kubernetes.io/managed-by" .Release.Service }}
  {{- toYaml (mergeOverwrite (deepCopy .Values.commonLabels) $own (include "plane.selectorLabels" . | fromYaml)) | nindent 2 }}
{{- end -}}

{{- define "plane.serviceAccountName" -}}
{{- default (ternary (include "plane.fullname" .) "default" (eq (toString .Values.serviceAccount.create) "true")) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "plane.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}{{ printf "%s@%s" $image.repository $image.digest }}{{- else -}}{{ printf "%s:%s" $image.repository (toString $image.tag | default .Chart.AppVersion) }}{{- end -}}
{{- end -}}

{{/* Each name once; extraEnvs win. */}}
{{- define "plane.environment" -}}
{{- $names := dict -}}
{{- $extra := list -}}
{{- range reverse .Values.extraEnvs -}}
{{- if not (hasKey $names .name) -}}{{- $_ := set $names .name true -}}{{- $extra = prepend $extra . -}}{{- end -}}
{{- end -}}
{{- $own := list
  (dict "name" "HOST" "value" "0.0.0.0")
  (dict "name" "PORT" "value" "8585")
  (dict "name" "DATA_DIR" "value" "/data")
  (dict "name" "DATABASE_URL" "valueFrom" (dict "secretKeyRef" (dict "name" .Values.database.existingSecret "key" .Values.database.key)))
  (dict "name" "PUBLIC_URL" "value" .Values.publicUrl) -}}
{{- with toString .Values.openMetadataVersion -}}
{{- $own = append $own (dict "name" "OPENMETADATA_VERSION" "value" .) -}}
{{- end -}}
{{- $kept := list -}}
{{- range $own -}}{{- if not (hasKey $names .name) -}}{{- $kept = append $kept . -}}{{- end -}}{{- end -}}
{{- toYaml (concat $kept $extra) -}}
{{- end -}}

{{- define "plane.validate" -}}
{{- $problems := list -}}
{{- $names := list -}}
{{- range $index, $entry := .Values.extraEnvs }}
{{- if and (kindIs "map" $entry) (get (ternary $entry dict (kindIs "map" $entry)) "name") -}}
{{- $names = append $names $entry.name -}}
{{- else -}}
{{- $problems = append $problems (printf "extraEnvs[%d] is no variable: write name: and value: (or valueFrom:)" $index) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.image.digest (not (regexMatch "^sha256:[0-9a-f]{64}$" .Values.image.digest)) -}}
{{- $problems = append $problems (printf "image.digest is %q: write sha256: and 64 hexadecimal digits" .Values.image.digest) -}}
{{- end -}}
{{- if not (or .Values.database.existingSecret (has "DATABASE_URL" $names)) -}}
{{- $problems = append $problems "the database is missing: set database.existingSecret to a Secret with the URL of your PostgreSQL under the key DATABASE_URL" -}}
{{- end -}}
{{- if and (not (regexMatch "^https?://[^/?#@]+(/[^?#]*)?$" .Values.publicUrl)) (not (has "PUBLIC_URL" $names)) -}}
{{- $problems = append $problems (printf "publicUrl is %q: set it to the URL under which agents and workloads reach the control plane, such as https://runner.example.com" .Values.publicUrl) -}}
{{- end -}}
{{- if $problems -}}
{{- fail (printf "\n\nThese values cannot work:\n- %s\n" (join "\n- " $problems)) -}}
{{- end -}}
{{- end -}}
