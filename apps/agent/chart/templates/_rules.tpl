{{/* Rules of Roles, as the executor packages list their rights. A test compares the two. */}}

{{/* The runner's account, and the one of the pod of `helm test` where it has its own. */}}
{{- define "runner.subjects" -}}
- kind: ServiceAccount
  name: {{ include "runner.serviceAccountName" . | quote }}
  namespace: {{ include "runner.namespace" . | quote }}
{{- if eq (include "runner.flag" .Values.doctor.clusterRole.create) "true" }}
- kind: ServiceAccount
  name: {{ include "runner.fullname" . }}-doctor
  namespace: {{ include "runner.namespace" . | quote }}
{{- end }}
{{- end -}}

{{- define "runner.jobRules" -}}
{{- $delivery := include "runner.extra" (dict "root" . "name" "CONFIG_DELIVERY") | default .Values.config.ingestionPods.configDelivery | lower -}}
- apiGroups: [batch]
  resources: [jobs]
  verbs: [create, get, list, watch, patch, delete]
- apiGroups: ['']
  resources: [pods]
  verbs: [list, watch, delete]
- apiGroups: ['']
  resources: [pods/log]
  verbs: [get]
- apiGroups: ['']
  resources: [events]
  verbs: [list]
{{- if has $delivery (list "secret" "configmap") }}
- apiGroups: ['']
  resources: [{{ $delivery }}s]
  verbs: [create, get, list, delete]
{{- end }}
{{- end -}}

{{/* With Argo, over its server (which asks Kubernetes with the token of the caller) as over the Kubernetes API alone. */}}
{{- define "runner.argoRules" -}}
- apiGroups: [argoproj.io]
  resources: [workflows]
  verbs: [create, get, list, watch, patch, delete]
- apiGroups: ['']
  resources: [pods]
  verbs: [list, watch, patch]
- apiGroups: ['']
  resources: [pods/log]
  verbs: [get]
- apiGroups: ['']
  resources: [events]
  verbs: [list]
{{- end -}}
