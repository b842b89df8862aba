{{/* What follows from the values: executor, addresses, and what is already in the cluster. */}}

{{/* Value of an environment variable in extraEnvs; nothing when it is not set there, or not as a text. */}}
{{- define "runner.extra" -}}
{{- $found := "" -}}
{{- $name := .name -}}
{{- range .root.Values.extraEnvs -}}
{{- if and (kindIs "map" .) (eq (toString .name) $name) -}}{{- $found = include "runner.text" .value -}}{{- end -}}
{{- end -}}
{{- $found -}}
{{- end -}}

{{/* `true` when extraEnvs sets it, in whatever way. */}}
{{- define "runner.isExtra" -}}
{{- $found := false -}}
{{- $name := .name -}}
{{- range .root.Values.extraEnvs -}}
{{- if and (kindIs "map" .) (eq (toString .name) $name) -}}{{- $found = true -}}{{- end -}}
{{- end -}}
{{- $found -}}
{{- end -}}

{{- define "runner.argoEndpoint" -}}
{{- $argo := .Values.config.argoWorkflows -}}
{{- if eq (include "runner.flag" .Values.installArgoWorkflows) "true" -}}
{{- $chart := .Values.argoWorkflows -}}
{{- $scheme := ternary "https" "http" (eq (dig "server" "secure" "" $chart | include "runner.flag") "true") -}}
{{- $name := default "argo-workflows" $chart.fullnameOverride -}}
{{- $port := dig "server" "servicePort" 2746 $chart | include "runner.text" -}}
{{- printf "%s://%s-server.%s.svc:%s" $scheme $name (default (include "runner.namespace" .) $chart.namespaceOverride) $port -}}
{{- else if contains "://" $argo.endpoint -}}
{{- $argo.endpoint -}}
{{- else if $argo.endpoint -}}
{{- printf "%s://%s" (ternary "https" "http" (not (empty $argo.certificatePath))) $argo.endpoint -}}
{{- end -}}
{{- end -}}

{{/* Port of `host:port`; nothing without one. */}}
{{- define "runner.portOf" -}}
{{- regexFind ":[0-9]+$" . | trimPrefix ":" -}}
{{- end -}}

{{/* Port at which a URL is reached. */}}
{{- define "runner.portOfUrl" -}}
{{- $host := regexReplaceAll "/.*$" (regexReplaceAll "^[a-z]+://" . "") "" -}}
{{- include "runner.portOf" $host | default (ternary "443" "80" (regexMatch "^(https|wss)://" .)) -}}
{{- end -}}

{{/* What the agent will choose: `simpleK8s` or `argo`. extraEnvs may say otherwise than the values. */}}
{{- define "runner.executor" -}}
{{- $extra := include "runner.extra" (dict "root" . "name" "EXECUTOR_TYPE") | lower -}}
{{- $chosen := default (lower (toString .Values.config.executorType)) $extra -}}
{{- if eq $chosen "argo" -}}argo
{{- else if eq $chosen "simplek8s" -}}simpleK8s
{{- else if or (include "runner.argoEndpoint" .) (include "runner.extra" (dict "root" . "name" "PIPELINE_SERVICE_CLIENT_ENDPOINT")) -}}argo
{{- else -}}simpleK8s
{{- end -}}
{{- end -}}

{{/* `server` or `crd`, with Argo. */}}
{{- define "runner.argoDoor" -}}
{{- if or (include "runner.argoEndpoint" .) (include "runner.extra" (dict "root" . "name" "PIPELINE_SERVICE_CLIENT_ENDPOINT")) -}}server{{- else -}}crd{{- end -}}
{{- end -}}

{{/* `projected`, `secret` or `own`: the token for Argo Server. Nothing without one. */}}
{{- define "runner.argoToken" -}}
{{- if and (eq (include "runner.executor" .) "argo") (eq (include "runner.argoDoor" .) "server") -}}
{{- if .Values.config.argoWorkflows.tokenSecret.name -}}own
{{- else if eq .Values.config.argoWorkflows.tokenSource "secret" -}}secret
{{- else -}}projected
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Whether the Secret with the long-lived token is rendered: when it is used, and when it stands already. */}}
{{- define "runner.keepsArgoSecret" -}}
{{- if eq (include "runner.argoToken" .) "secret" -}}true
{{- else if and (eq (include "runner.executor" .) "argo") (eq (include "runner.argoDoor" .) "server") -}}
{{- if lookup "v1" "Secret" (include "runner.namespace" .) "argowf-client-token" -}}true{{- end -}}
{{- end -}}
{{- end -}}

{{- define "runner.secretsManager" -}}
{{- $extra := include "runner.extra" (dict "root" . "name" "SECRETS_MANAGER") -}}
{{- default "kubernetes" (default .Values.config.secretsManager $extra) | lower -}}
{{- end -}}

{{- define "runner.keepsTokenSecret" -}}
{{- $said := include "runner.flag" .Values.config.ingestionPods.serviceAccount.tokenSecret -}}
{{- if $said -}}{{- if eq $said "true" -}}true{{- end -}}
{{- else if eq (include "runner.executor" .) "argo" -}}true
{{- end -}}
{{- end -}}

{{- define "runner.isInsecure" -}}
{{- if eq (include "runner.flag" .Values.config.useSecureProtocols) "false" -}}true{{- end -}}
{{- end -}}

{{/* Secret of the release or of the user with the bot's token; nothing when it comes by extraEnvs or envFrom. */}}
{{- define "runner.tokenSecret" -}}
{{- if .Values.config.authToken -}}{{ include "runner.fullname" . }}-auth
{{- else -}}{{ .Values.config.authTokenSecret.name }}
{{- end -}}
{{- end -}}

{{- define "runner.tokenKey" -}}
{{- if .Values.config.authToken -}}token{{- else -}}{{ default "token" .Values.config.authTokenSecret.key }}{{- end -}}
{{- end -}}

{{/* Whether pods of the runner carry the bot's token as a file. */}}
{{- define "runner.mountsToken" -}}
{{- $said := or (eq (include "runner.isExtra" (dict "root" . "name" "AUTH_TOKEN")) "true") (eq (include "runner.isExtra" (dict "root" . "name" "AUTH_TOKEN_FILE")) "true") -}}
{{- if and (include "runner.tokenSecret" .) (not $said) -}}true{{- end -}}
{{- end -}}

{{- define "runner.mountsArgoToken" -}}
{{- $said := or (eq (include "runner.isExtra" (dict "root" . "name" "ARGO_TOKEN")) "true") (eq (include "runner.isExtra" (dict "root" . "name" "ARGO_TOKEN_FILE")) "true") -}}
{{- if and (include "runner.argoToken" .) (not $said) -}}true{{- end -}}
{{- end -}}

{{- define "runner.privateCA" -}}
{{- if or .Values.privateCA.configMap .Values.privateCA.secret -}}true{{- end -}}
{{- end -}}

{{/* Whether workloads are given the authorities too. */}}
{{- define "runner.workloadCA" -}}
{{- if and (include "runner.privateCA" .) (eq (include "runner.flag" .Values.privateCA.workloads) "true") -}}true{{- end -}}
{{- end -}}

{{- define "runner.helperEnabled" -}}
{{- if eq (include "runner.flag" .Values.ecrRegistryHelper.enabled) "true" -}}true{{- end -}}
{{- end -}}

{{/* Namespaces that get the pull secret, as JSON list. */}}
{{- define "runner.pullSecretNamespaces" -}}
{{- $more := include "runner.names" .Values.ecrRegistryHelper.namespaces | fromJsonArray -}}
{{- toJson (uniq (concat (list (include "runner.namespace" .) (include "runner.ingestionNamespace" .)) $more)) -}}
{{- end -}}

{{/* Name of the ConfigMap with the expiry of the pull secret. */}}
{{- define "runner.statusConfigMap" -}}
{{- printf "%s-pull-secret-status" (include "runner.fullname" . | trunc 44 | trimSuffix "-") -}}
{{- end -}}

{{/* Host of the registry that the pull secret is for. Nothing where keys come from a Secret of yours, which may name the
     account: the helper then makes it of that account, or takes the one that the keys belong to. */}}
{{- define "runner.helperRegistry" -}}
{{- $helper := .Values.ecrRegistryHelper -}}
{{- if $helper.registry -}}
{{- $helper.registry -}}
{{- else if and (eq $helper.type "ecr") $helper.collateCredentials.secretRef -}}
{{- else if eq $helper.type "ecr" -}}
{{- printf "%s.dkr.ecr.%s.amazonaws.com%s" (include "runner.text" $helper.collateCredentials.values.account) $helper.region (ternary ".cn" "" (hasPrefix "cn-" $helper.region)) -}}
{{- else -}}
{{- splitList "/" .Values.config.ingestionPods.repository | first -}}
{{- end -}}
{{- end -}}

{{/* The registry of the workloads' image where the pull secret they are given is a login for another; nothing otherwise. */}}
{{- define "runner.registryWithoutLogin" -}}
{{- $registry := include "runner.helperRegistry" . | lower | trimPrefix "https://" | trimPrefix "http://" | trimSuffix "/" -}}
{{- $image := splitList "/" .Values.config.ingestionPods.repository | first -}}
{{- $given := has .Values.ecrRegistryHelper.secretName (include "runner.names" .Values.config.ingestionPods.imagePullSecrets | fromJsonArray) -}}
{{- if and (include "runner.helperEnabled" .) $given $registry (ne $registry (lower $image)) -}}{{- $image -}}{{- end -}}
{{- end -}}

{{/* Whether the helper runs once at install and upgrade. */}}
{{- define "runner.helperHook" -}}
{{- if and (include "runner.helperEnabled" .) (ne (include "runner.flag" .Values.ecrRegistryHelper.hook) "false") -}}true{{- end -}}
{{- end -}}

{{/* Whether the values say as whom the helper asks the registry. EKS Pod Identity needs no word of them. */}}
{{- define "runner.helperHasIdentity" -}}
{{- $helper := .Values.ecrRegistryHelper -}}
{{- if or $helper.collateCredentials.secretRef $helper.collateCredentials.values.accessKeyId $helper.serviceAccount.annotations -}}true{{- end -}}
{{- end -}}

{{- define "runner.seesNodes" -}}
{{- $said := include "runner.flag" .Values.checks.nodes -}}
{{- $wide := or (eq (include "runner.flag" .Values.rbac.nodes) "true") (eq (include "runner.flag" .Values.installArgoWorkflows) "true") (eq (include "runner.flag" .Values.doctor.clusterRole.create) "true") -}}
{{- if or (eq $said "true") (and (ne $said "false") $wide) -}}true{{- end -}}
{{- end -}}
