{{/* What the pods of runner, registry helper and `helm test` have in common. */}}

{{/* Security context of a pod: fits the restricted level. OpenShift assigns user, group and profile itself. */}}
{{- define "runner.podSecurity" -}}
{{- $own := dict "runAsNonRoot" true "runAsUser" 1000 "runAsGroup" 1000 "fsGroup" 1000
  "seccompProfile" (dict "type" "RuntimeDefault") -}}
{{- $merged := mergeOverwrite $own (deepCopy .Values.podSecurityContext) -}}
{{- if eq (include "runner.flag" .Values.openshift.enabled) "true" -}}
{{- $merged = omit $merged "runAsUser" "runAsGroup" "fsGroup" "seccompProfile" -}}
{{- end -}}
{{- toYaml $merged -}}
{{- end -}}

{{- define "runner.containerSecurity" -}}
{{- $own := dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true "runAsNonRoot" true
  "capabilities" (dict "drop" (list "ALL")) -}}
{{- $merged := mergeOverwrite $own (deepCopy .Values.securityContext) -}}
{{- if eq (include "runner.flag" .Values.openshift.enabled) "true" -}}
{{- $merged = omit $merged "runAsUser" "runAsGroup" "seccompProfile" -}}
{{- end -}}
{{- toYaml $merged -}}
{{- end -}}

{{- define "runner.placement" -}}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- include "runner.texts" . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- end -}}

{{- define "runner.caVolume" -}}
{{- with .Values.privateCA.configMap }}
- name: private-ca
  configMap:
    name: {{ . | quote }}
{{- end }}
{{- if and .Values.privateCA.secret (not .Values.privateCA.configMap) }}
- name: private-ca
  secret:
    secretName: {{ .Values.privateCA.secret | quote }}
{{- end }}
{{- end -}}

{{- define "runner.caMount" -}}
{{- if include "runner.privateCA" . }}
- name: private-ca
  mountPath: /var/run/hybrid-runner/ca
  readOnly: true
{{- end }}
{{- end -}}

{{/* Volumes of a pod that works as the runner. Tokens are files, so that new ones are used without a restart. */}}
{{- define "runner.volumes" -}}
{{- $given := list -}}
{{- range .Values.volumes -}}{{- $given = append $given (toString .name) -}}{{- end -}}
{{- if not (has "tmp" $given) -}}
- name: tmp
  emptyDir:
    sizeLimit: 64Mi
{{- end }}
{{- if include "runner.mountsToken" . }}
- name: auth
  secret:
    secretName: {{ include "runner.tokenSecret" . | quote }}
{{- end }}
{{- if include "runner.mountsArgoToken" . }}
{{- $source := include "runner.argoToken" . }}
- name: argo-token
  {{- if eq $source "projected" }}
  projected:
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: 3600
  {{- else }}
  secret:
    secretName: {{ ternary .Values.config.argoWorkflows.tokenSecret.name "argowf-client-token" (eq $source "own") | quote }}
    items:
      - key: {{ ternary (default "token" .Values.config.argoWorkflows.tokenSecret.key) "token" (eq $source "own") | quote }}
        path: token
  {{- end }}
{{- end }}
{{- if eq (include "runner.flag" .Values.config.ingestionPods.customConfig.enabled) "true" }}
- name: custom-config
  configMap:
    name: {{ include "runner.fullname" . }}-ingestion-config
{{- end }}
{{- include "runner.caVolume" . }}
{{- with .Values.volumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "runner.mounts" -}}
{{- $given := list -}}
{{- range .Values.volumeMounts -}}{{- $given = append $given (toString .mountPath | trimSuffix "/") -}}{{- end -}}
{{- if not (has "/tmp" $given) -}}
- name: tmp
  mountPath: /tmp
{{- end }}
{{- if include "runner.mountsToken" . }}
- name: auth
  mountPath: /var/run/hybrid-runner/auth
  readOnly: true
{{- end }}
{{- if include "runner.mountsArgoToken" . }}
- name: argo-token
  mountPath: /var/run/hybrid-runner/argo
  readOnly: true
{{- end }}
{{- if eq (include "runner.flag" .Values.config.ingestionPods.customConfig.enabled) "true" }}
- name: custom-config
  mountPath: /custom-config
  readOnly: true
{{- end }}
{{- include "runner.caMount" . }}
{{- with .Values.volumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Port at which the runner listens, which extraEnvs may change: root, name of the variable, default. */}}
{{- define "runner.port" -}}
{{- $said := include "runner.extra" (dict "root" .root "name" .name) | int -}}
{{- ternary .default $said (eq $said 0) -}}
{{- end -}}

{{/* A probe of the values, or one that asks for a path: probe, path, seconds between, failures. */}}
{{- define "runner.probe" -}}
{{- if index . 0 -}}
{{- toYaml (index . 0) -}}
{{- else -}}
httpGet:
  path: {{ index . 1 }}
  port: app
periodSeconds: {{ index . 2 }}
timeoutSeconds: 3
failureThreshold: {{ index . 3 }}
{{- end -}}
{{- end -}}
