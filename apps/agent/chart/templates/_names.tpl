{{/* Names, labels and the words the other templates share. Names and selectors are those of the chart this one replaces. */}}

{{/* At the head of every template: fills what was left empty. Values that are not merged with the chart's own, as
     `helm upgrade --reuse-values` of a former release gives them, are refused. */}}
{{- define "runner.ready" -}}
{{- if not (or (kindIs "map" .Values.rbac) (kindIs "map" .Values.proxy) (kindIs "map" .Values.privateCA)) -}}
{{- fail "\n\nThese values are those of a former chart alone, which is what --reuse-values gives. Use helm upgrade --reset-then-reuse-values, or give your values file with --values.\n" -}}
{{- end -}}
{{- include "runner.filled" (dict "tree" (.Files.Get "files/values.json" | fromJson) "values" .Values "all" false) -}}
{{- end -}}

{{/* Helm takes a key without a value (`extraEnvs:` and no more) out of the values. Each gets what stands for it in
     files/values.json: nothing, in its form; below a section without a value, the defaults. */}}
{{- define "runner.filled" -}}
{{- $values := .values -}}
{{- $all := .all -}}
{{- range $key, $known := .tree -}}
{{- $isNone := kindIs "invalid" (index $values $key) -}}
{{- if kindIs "map" $known -}}
{{- if $isNone -}}{{- $_ := set $values $key dict -}}{{- end -}}
{{- include "runner.filled" (dict "tree" $known "values" (index $values $key) "all" (or $all $isNone)) -}}
{{- else -}}
{{- $left := index $known (ternary 1 0 $all) -}}
{{- if or $isNone (and $left (kindIs "string" $left) (eq (toString (index $values $key)) "")) -}}
{{- $_ := set $values $key $left -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "runner.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "runner.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "runner.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{/* Where workloads are made. As with everything else, extraEnvs win: rights and accounts go where the agent will look. */}}
{{- define "runner.ingestionNamespace" -}}
{{- $said := include "runner.extra" (dict "root" . "name" "INGESTION_NAMESPACE") -}}
{{- default (default (include "runner.namespace" .) .Values.config.ingestionPods.namespace) $said -}}
{{- end -}}

{{- define "runner.selectorLabels" -}}
app.kubernetes.io/name: {{ include "runner.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "runner.labels" -}}
{{- $own := dict
  "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
  "app.kubernetes.io/name" (include "runner.name" .)
  "app.kubernetes.io/instance" .Release.Name
  "app.kubernetes.io/version" .Chart.AppVersion
  "app.kubernetes.io/managed-by" .Release.Service -}}
{{- include "runner.texts" (mergeOverwrite (deepCopy .Values.commonLabels) $own) -}}
{{- end -}}

{{/* `metadata` of an object: root, name, and optionally namespace, labels, annotations. */}}
{{- define "runner.metadata" -}}
{{- $annotations := mergeOverwrite (deepCopy .root.Values.commonAnnotations) (.annotations | default dict) -}}
name: {{ .name | quote }}
{{- if not .clusterWide }}
namespace: {{ default (include "runner.namespace" .root) .namespace | quote }}
{{- end }}
labels:
  {{- $labels := include "runner.labels" .root | fromYaml }}
  {{- include "runner.texts" (mergeOverwrite (deepCopy (.labels | default dict)) $labels) | nindent 2 }}
{{- with $annotations }}
annotations:
  {{- include "runner.texts" . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "runner.serviceAccountName" -}}
{{- if eq (include "runner.flag" .Values.serviceAccount.create) "true" -}}
{{- default (include "runner.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "runner.ingestionServiceAccountName" -}}
{{- $account := .Values.config.ingestionPods.serviceAccount -}}
{{- $made := eq (include "runner.flag" $account.create) "true" -}}
{{- default (ternary (printf "%s-ingestion" (include "runner.fullname" .)) "default" $made) $account.name -}}
{{- end -}}

{{- define "runner.helperServiceAccountName" -}}
{{- $account := .Values.ecrRegistryHelper.serviceAccount -}}
{{- $made := eq (include "runner.flag" $account.create) "true" -}}
{{- default (ternary (printf "%s-ecr" (include "runner.fullname" .)) "default" $made) $account.name -}}
{{- end -}}

{{/* Repository with digest or tag. */}}
{{- define "runner.image" -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository .tag -}}
{{- end -}}
{{- end -}}

{{- define "runner.ownImage" -}}
{{- $image := .Values.image -}}
{{- include "runner.image" (dict "repository" $image.repository "digest" $image.digest
  "tag" (default .Chart.AppVersion (include "runner.text" $image.tag))) -}}
{{- end -}}
