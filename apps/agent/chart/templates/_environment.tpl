{{/* Environment of the runner's container. Each name is rendered once: a name that stands twice loses both entries when
     the Deployment is patched. What extraEnvs sets wins. */}}

{{- define "runner.environment" -}}
{{- $doubled := include "runner.doubledNames" . | fromJsonArray -}}
{{- $kept := list -}}
{{- range (include "runner.allVariables" . | fromYamlArray) -}}
{{- if not (and (hasKey . "value") (has .name $doubled)) -}}{{- $kept = append $kept . -}}{{- end -}}
{{- end -}}
{{- toYaml $kept -}}
{{- end -}}

{{/* Names that stand twice in the Deployment as it is in the cluster, which the former chart made of extraEnvs. A patch that
     takes one of two away takes both; for the one upgrade that does, these come from a Secret instead. */}}
{{- define "runner.doubledNames" -}}
{{- $seen := dict -}}
{{- $doubled := list -}}
{{- range (dig "spec" "template" "spec" "containers" list (lookup "apps/v1" "Deployment" (include "runner.namespace" .) (include "runner.fullname" .) | default dict)) -}}
{{- if eq .name $.Chart.Name -}}
{{- range (get . "env" | default list) -}}
{{- if hasKey $seen .name -}}{{- $doubled = append $doubled .name -}}{{- end -}}
{{- $_ := set $seen .name true -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson (uniq $doubled) -}}
{{- end -}}

{{/* Variables by name that this upgrade gives through a Secret, as YAML; nothing at other times. */}}
{{- define "runner.doubledVariables" -}}
{{- $doubled := include "runner.doubledNames" . | fromJsonArray -}}
{{- $found := dict -}}
{{- range (include "runner.allVariables" . | fromYamlArray) -}}
{{- if and (hasKey . "value") (has .name $doubled) -}}{{- $_ := set $found .name .value -}}{{- end -}}
{{- end -}}
{{- if $found -}}{{- toYaml $found -}}{{- end -}}
{{- end -}}

{{/* Those that no Secret can give, and that need the same upgrade once more; as JSON list. */}}
{{- define "runner.lostVariables" -}}
{{- $doubled := include "runner.doubledNames" . | fromJsonArray -}}
{{- $lost := list -}}
{{- range (include "runner.allVariables" . | fromYamlArray) -}}
{{- if and (not (hasKey . "value")) (has .name $doubled) -}}{{- $lost = append $lost .name -}}{{- end -}}
{{- end -}}
{{- toJson $lost -}}
{{- end -}}

{{- define "runner.environmentSources" -}}
{{- $sources := .Values.envFrom | default list -}}
{{- if include "runner.doubledVariables" . -}}
{{- $sources = append $sources (dict "secretRef" (dict "name" (printf "%s-env" (include "runner.fullname" .)))) -}}
{{- end -}}
{{- with $sources }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "runner.allVariables" -}}
{{- $own := list -}}
{{- range (list "runner.identityEnvironment" "runner.networkEnvironment" "runner.proxyEnvironment" "runner.executorEnvironment" "runner.workloadEnvironment" "runner.argoEnvironment" "runner.secretsEnvironment") -}}
{{- $own = concat $own (include . $ | fromYamlArray) -}}
{{- end -}}
{{- $extra := list -}}
{{- $names := dict -}}
{{- range reverse .Values.extraEnvs -}}
{{- if kindIs "map" . -}}
{{- if not (hasKey $names (toString .name)) -}}
{{- $_ := set $names (toString .name) true -}}
{{- $extra = prepend $extra (hasKey . "value" | ternary (merge (dict "value" (include "runner.text" .value)) .) .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $kept := list -}}
{{- range $own -}}
{{- if not (hasKey $names .name) -}}{{- $kept = append $kept . -}}{{- end -}}
{{- end -}}
{{- toYaml (concat $kept $extra) -}}
{{- end -}}

{{/* One variable; nothing when it has no value. */}}
{{- define "runner.variable" -}}
{{- $value := include "runner.text" (index . 1) -}}
{{- if $value }}
- name: {{ index . 0 }}
  value: {{ $value | quote }}
{{- end }}
{{- end -}}

{{- define "runner.identityEnvironment" -}}
{{- include "runner.variable" (list "AGENT_ID" .Values.config.agentId) }}
{{- if include "runner.mountsToken" . }}
- name: AUTH_TOKEN_FILE
  value: /var/run/hybrid-runner/auth/{{ include "runner.tokenKey" . }}
{{- end }}
{{- end -}}

{{- define "runner.networkEnvironment" -}}
{{- $insecure := include "runner.isInsecure" . -}}
- name: SERVER_URL
  value: {{ printf "%s://%s" (ternary "ws" "wss" (eq $insecure "true")) .Values.config.serverHost | quote }}
- name: SERVER_HOST_API_URL
  value: {{ printf "%s://%s/api" (ternary "http" "https" (eq $insecure "true")) .Values.config.serverHost | quote }}
{{- if $insecure }}
- name: ALLOW_INSECURE_TRANSPORT
  value: 'true'
{{- end }}
{{- if ne (include "runner.text" .Values.config.reconnectDelaySeconds) "0" }}
{{- include "runner.variable" (list "RECONNECT_DELAY_SECONDS" .Values.config.reconnectDelaySeconds) }}
{{- end }}
{{- end -}}

{{/* Proxy and private certificate authorities, for the runner and for the registry helper. */}}
{{- define "runner.proxyEnvironment" -}}
{{- $proxy := .Values.proxy -}}
{{- if $proxy.existingSecret }}
{{- range (list "HTTPS_PROXY" "HTTP_PROXY") }}
- name: {{ . }}
  valueFrom:
    secretKeyRef:
      name: {{ $proxy.existingSecret | quote }}
      key: {{ . }}
      optional: true
{{- end }}
{{- else }}
{{- include "runner.variable" (list "HTTPS_PROXY" $proxy.httpsProxy) }}
{{- include "runner.variable" (list "HTTP_PROXY" $proxy.httpProxy) }}
{{- end }}
{{- if or $proxy.existingSecret $proxy.httpsProxy $proxy.httpProxy }}
{{- include "runner.variable" (list "NO_PROXY" (include "runner.noProxy" .)) }}
{{- end }}
{{- if include "runner.privateCA" . }}
- name: NODE_EXTRA_CA_CERTS
  value: /var/run/hybrid-runner/ca/{{ default "ca.crt" .Values.privateCA.key }}
{{- end }}
{{- end -}}

{{/* Hosts that are reached directly: the API server by whatever address a pod is told, and what gives pods their identity in
     a cloud. */}}
{{- define "runner.noProxy" -}}
{{- $own := list "localhost" "127.0.0.1" "::1" ".svc" ".cluster.local" "$(KUBERNETES_SERVICE_HOST)" "169.254.169.254" "169.254.170.23" "metadata.google.internal" -}}
{{- join "," (uniq (concat (include "runner.names" .Values.proxy.noProxy | fromJsonArray) $own)) -}}
{{- end -}}

{{- define "runner.executorEnvironment" -}}
{{- $executor := include "runner.executor" . -}}
{{- if or (eq $executor "simpleK8s") .Values.config.executorType }}
- name: EXECUTOR_TYPE
  value: {{ $executor }}
{{- end }}
- name: {{ ternary "ARGO_PIPELINE_TYPE_CONFIGS" "SIMPLEK8S_PIPELINE_TYPE_CONFIGS" (eq $executor "argo") }}
  value: {{ include "runner.json" .Values.config.ingestionPods.additionalPipelineConfigs | quote }}
{{- end -}}

{{- define "runner.workloadEnvironment" -}}
{{- $pods := .Values.config.ingestionPods -}}
- name: INGESTION_NAMESPACE
  value: {{ include "runner.ingestionNamespace" . | quote }}
- name: INGESTION_SERVICE_ACCOUNT_NAME
  value: {{ include "runner.ingestionServiceAccountName" . | quote }}
- name: INGESTION_IMAGE
  value: {{ include "runner.image" (dict "repository" $pods.repository "digest" $pods.digest "tag" (include "runner.text" $pods.tag)) | quote }}
{{- include "runner.variable" (list "INGESTION_IMAGE_PULL_POLICY" $pods.imagePullPolicy) }}
{{- include "runner.variable" (list "INGESTION_IMAGE_PULL_SECRETS" (join "," (include "runner.names" $pods.imagePullSecrets | fromJsonArray))) }}
{{- include "runner.variable" (list "DYNAMIC_INGESTION_VERSION_ENABLED" (include "runner.flag" .Values.config.dynamicIngestionVersionEnabled)) }}
{{- include "runner.variable" (list "INGESTION_DISABLE_VERSION_VALIDATION" (include "runner.flag" $pods.disableVersionValidation)) }}
{{- $automount := default (include "runner.flag" $pods.autoMountSAToken) (include "runner.flag" $pods.automountSAToken) }}
{{- include "runner.variable" (list "INGESTION_AUTOMOUNT_SA_TOKEN" $automount) }}
{{- include "runner.variable" (list "INGESTION_EXTRA_ENVS" (include "runner.workloadVariables" .)) }}
{{- if include "runner.workloadCA" . }}
{{- include "runner.variable" (list "INGESTION_CA_CONFIGMAP" .Values.privateCA.configMap) }}
{{- include "runner.variable" (list "INGESTION_CA_SECRET" .Values.privateCA.secret) }}
{{- include "runner.variable" (list "INGESTION_CA_KEY" .Values.privateCA.key) }}
{{- end }}
{{- include "runner.variable" (list "INGESTION_POD_LABELS" (include "runner.workloadLabels" .)) }}
{{- with $pods.podAnnotations }}
{{- include "runner.variable" (list "INGESTION_POD_ANNOTATIONS" (include "runner.texts" . | fromYaml | toJson)) }}
{{- end }}
{{- if eq (include "runner.flag" .Values.openshift.enabled) "true" }}
- name: INGESTION_OPENSHIFT_MODE
  value: 'true'
{{- end }}
{{- if and (eq (include "runner.executor" .) "simpleK8s") (ne $pods.configDelivery "auto") }}
{{- include "runner.variable" (list "CONFIG_DELIVERY" $pods.configDelivery) }}
{{- end }}
{{- include "runner.resourceEnvironment" (list "INGESTION" $pods.resources) }}
{{- include "runner.resourceEnvironment" (list "INGESTION_AUTOMATION_WORKFLOW" $pods.automationResources) }}
{{- end -}}

{{- define "runner.resourceEnvironment" -}}
{{- $prefix := index . 0 -}}
{{- $resources := index . 1 | default dict -}}
{{- range $kind, $word := dict "limits" "LIMIT" "requests" "REQUEST" }}
{{- $amounts := get $resources $kind | default dict }}
{{- include "runner.variable" (list (printf "%s_CPU_%s" $prefix $word) (get $amounts "cpu")) }}
{{- include "runner.variable" (list (printf "%s_MEMORY_%s" $prefix $word) (get $amounts "memory")) }}
{{- end }}
{{- end -}}

{{/* Labels of the pods of workloads, as JSON. Those meant for the controller of Argo count for every executor. */}}
{{- define "runner.workloadLabels" -}}
{{- $defaults := dig "controller" "workflowDefaults" "spec" "podMetadata" "labels" dict .Values.argoWorkflows -}}
{{- $labels := dict -}}
{{- range $name, $value := merge (deepCopy .Values.config.ingestionPods.podLabels) ($defaults | default dict) -}}
{{- $_ := set $labels $name (include "runner.text" $value) -}}
{{- end -}}
{{- if $labels -}}{{ toJson $labels }}{{- end -}}
{{- end -}}

{{/* Variables of the workloads: `[NAME:value,NAME:value]`, or a JSON list of the same where a value has commas or ends in a blank. */}}
{{- define "runner.workloadVariables" -}}
{{- $entries := include "runner.workloadEntries" .Values.config.ingestionPods.extraEnvs | fromJsonArray -}}
{{- $given := len $entries -}}
{{- if eq (include "runner.flag" .Values.proxy.workloads) "true" -}}
{{- with .Values.proxy.httpsProxy }}{{- $entries = append $entries (printf "HTTPS_PROXY:%s" .) -}}{{- end -}}
{{- with .Values.proxy.httpProxy }}{{- $entries = append $entries (printf "HTTP_PROXY:%s" .) -}}{{- end -}}
{{- if or .Values.proxy.httpsProxy .Values.proxy.httpProxy -}}
{{- $entries = append $entries (printf "NO_PROXY:%s" (include "runner.noProxy" .)) -}}
{{- end -}}
{{- end -}}
{{- $asText := kindIs "string" .Values.config.ingestionPods.extraEnvs -}}
{{- $commas := false -}}
{{- range $entries }}{{- if regexMatch ",|\\s$" . }}{{- $commas = true -}}{{- end -}}{{- end -}}
{{- if and $commas (not (and $asText (gt $given 0))) -}}
{{- toJson $entries -}}
{{- else if $entries -}}
{{- printf "[%s]" (join "," $entries) -}}
{{- end -}}
{{- end -}}

{{- define "runner.argoEnvironment" -}}
{{- $argo := .Values.config.argoWorkflows -}}
{{- if eq (include "runner.executor" .) "argo" }}
{{- include "runner.variable" (list "PIPELINE_SERVICE_CLIENT_ENDPOINT" (include "runner.argoEndpoint" .)) }}
{{- if include "runner.mountsArgoToken" . }}
- name: ARGO_TOKEN_FILE
  value: /var/run/hybrid-runner/argo/token
{{- end }}
{{- include "runner.variable" (list "ARGO_SECONDS_AFTER_COMPLETION_TTL" $argo.secondsAfterCompletionTTL) }}
{{- include "runner.variable" (list "ARGO_SERVER_CERTIFICATE_PATH" $argo.certificatePath) }}
{{- include "runner.variable" (list "ARGO_TEST_CONNECTION_BACKOFF_TIME" (default $argo.backOffTime $argo.backoffTime)) }}
{{- end }}
{{- if eq (include "runner.flag" .Values.config.ingestionPods.customConfig.enabled) "true" }}
- name: ARGO_INGESTION_CONTAINER_SPEC_FILE_PATH
  value: /custom-config/container-params.yaml
- name: ARGO_INGESTION_WORKFLOW_SPEC_FILE_PATH
  value: /custom-config/workflow-params.yaml
{{- end }}
{{- end -}}

{{- define "runner.secretsEnvironment" -}}
{{- include "runner.variable" (list "SECRETS_MANAGER" .Values.config.secretsManager) }}
{{- $check := .Values.config.secretsCheck }}
{{- if eq (include "runner.flag" $check.enabled) "true" }}
{{- include "runner.variable" (list "SECRETS_PREFLIGHT_IMAGE" (default (include "runner.ownImage" .) $check.image)) }}
{{- include "runner.variable" (list "SECRETS_PREFLIGHT_REF" $check.reference) }}
{{- end }}
{{- if include "runner.helperEnabled" . }}
- name: PULL_SECRET_STATUS_CONFIGMAP
  value: {{ include "runner.statusConfigMap" . }}
{{- end }}
{{- end -}}
