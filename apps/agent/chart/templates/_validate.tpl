{{/* What is wrong with the values, all of it at once, each with its fix. Types and forms are the schema's business. Every
     check answers a JSON list of sentences. */}}

{{- define "runner.validate" -}}
{{- $known := .Files.Get "files/values.json" | fromJson -}}
{{- $problems := include "runner.unknownKeys" (dict "root" . "known" $known "tree" $known "values" .Values "path" "") | fromJsonArray -}}
{{- range (list "runner.placeholderProblems" "runner.tokenProblems" "runner.serverProblems" "runner.imageProblems" "runner.environmentProblems" "runner.jsonProblems" "runner.quantityProblems" "runner.nameProblems" "runner.overrideProblems" "runner.argoProblems" "runner.choiceProblems" "runner.exclusiveProblems" "runner.twinProblems") -}}
{{- $problems = concat $problems (include . $ | fromJsonArray) -}}
{{- end -}}
{{- if $problems -}}
{{- fail (printf "\n\nThese values cannot work:\n- %s\n" (join "\n- " $problems)) -}}
{{- end -}}
{{- end -}}

{{- define "runner.unknownKeys" -}}
{{- $problems := list -}}
{{- range $key, $value := .values -}}
{{- $path := ternary $key (printf "%s.%s" $.path $key) (eq $.path "") -}}
{{- $tree := get $.tree $key -}}
{{- if and (eq $.path "") (eq $key "global") -}}
{{- else if not (hasKey $.tree $key) -}}
{{- $problems = append $problems (include "runner.unknownKey" (dict "known" $.known "tree" $.tree "path" $.path "key" $key)) -}}
{{- else if and (kindIs "map" $tree) (kindIs "map" $value) -}}
{{- $problems = concat $problems (include "runner.unknownKeys" (dict "root" $.root "known" $.known "tree" $tree "values" $value "path" $path) | fromJsonArray) -}}
{{- end -}}
{{- end -}}
{{- toJson $problems -}}
{{- end -}}

{{/* One unknown key: what older charts called so, the same key elsewhere, or the most alike beside it. */}}
{{- define "runner.unknownKey" -}}
{{- $path := ternary .key (printf "%s.%s" .path .key) (eq .path "") -}}
{{- $old := dict
  "config.serverUrl" "config.serverHost (the host alone; config.useSecureProtocols says how)"
  "config.serverHostApiUrl" "config.serverHost (the host alone)"
  "baseImage" "config.ingestionPods.repository and config.ingestionPods.tag"
  "config.baseImage" "config.ingestionPods.repository and config.ingestionPods.tag"
  "config.ingestionPods.customerToleration" "config.ingestionPods.additionalPipelineConfigs, with tolerations by pipeline type"
  "config.customerToleration" "config.ingestionPods.additionalPipelineConfigs, with tolerations by pipeline type"
  "config.argoWorkflows.enabled" "installArgoWorkflows, or config.argoWorkflows.endpoint"
  "config.ingestionPods.pullPolicy" "config.ingestionPods.imagePullPolicy"
  "config.ingestionPods.annotations" "config.ingestionPods.podAnnotations, or config.ingestionPods.serviceAccount.annotations"
  "config.ingestionPods.labels" "config.ingestionPods.podLabels" -}}
{{- range (list "tolerations" "nodeSelector" "affinity" "priorityClassName") -}}
{{- $_ := set $old (printf "config.ingestionPods.%s" .) (printf "config.ingestionPods.additionalPipelineConfigs, with %s by pipeline type" .) -}}
{{- end -}}
{{- $nearest := get $old $path -}}
{{- $beside := include "runner.alike" (dict "tree" .tree "path" .path "key" .key) -}}
{{- $elsewhere := include "runner.elsewhere" (dict "tree" .known "path" "" "key" .key) | trim | splitList " " | first -}}
{{- if not $nearest -}}
{{- $nearest = ternary $beside (default $beside $elsewhere) (eq (lower $beside) (lower $path)) -}}
{{- end -}}
{{- if $nearest -}}
{{- printf "unknown key %s: did you mean %s?" $path $nearest -}}
{{- else -}}
{{- printf "unknown key %s; known there: %s" $path (join ", " (keys .tree | sortAlpha)) -}}
{{- end -}}
{{- end -}}

{{/* The key of a tree that is most alike; nothing when none is. Counted are pairs of letters that both have. */}}
{{- define "runner.alike" -}}
{{- $key := lower .key -}}
{{- $best := 45 -}}
{{- $found := "" -}}
{{- range $name, $_ := .tree -}}
{{- $other := lower $name -}}
{{- $common := 0 -}}
{{- range untilStep 0 (int (sub (len $key) 1)) 1 -}}
{{- if contains (substr . (int (add . 2)) $key) $other -}}{{- $common = add $common 1 -}}{{- end -}}
{{- end -}}
{{- $score := div (mul 200 $common) (max 1 (sub (add (len $key) (len $other)) 2)) -}}
{{- if gt (int $score) $best -}}{{- $best = int $score -}}{{- $found = $name -}}{{- end -}}
{{- end -}}
{{- if $found -}}{{- ternary $found (printf "%s.%s" .path $found) (eq .path "") -}}{{- end -}}
{{- end -}}

{{/* Where else a key of this name stands; several are separated by spaces. */}}
{{- define "runner.elsewhere" -}}
{{- range $name, $below := .tree -}}
{{- $path := ternary $name (printf "%s.%s" $.path $name) (eq $.path "") -}}
{{- if eq (lower $name) (lower $.key) }} {{ $path }}{{- end -}}
{{- if kindIs "map" $below -}}{{- include "runner.elsewhere" (dict "tree" $below "path" $path "key" $.key) -}}{{- end -}}
{{- end -}}
{{- end -}}

{{/* What nobody has put a value in the place of. A file that is only rendered may have such; one that is installed may not. Only
     of a cluster Helm knows the kinds. */}}
{{- define "runner.placeholderProblems" -}}
{{- $problems := list -}}
{{- $keys := .Values.ecrRegistryHelper.collateCredentials.values -}}
{{- $pods := .Values.config.ingestionPods -}}
{{- $texts := dict "config.authToken" .Values.config.authToken "config.serverHost" .Values.config.serverHost -}}
{{- if include "runner.helperEnabled" . -}}
{{- $_ := set $texts "ecrRegistryHelper.collateCredentials.values.accessKeyId" $keys.accessKeyId -}}
{{- $_ := set $texts "ecrRegistryHelper.collateCredentials.values.secretAccessKey" $keys.secretAccessKey -}}
{{- end -}}
{{- range $name, $value := $pods.serviceAccount.annotations -}}
{{- $_ := set $texts (printf "config.ingestionPods.serviceAccount.annotations, %s," $name) (include "runner.text" $value) -}}
{{- end -}}
{{- if .Capabilities.APIVersions.Has "v1/Pod" -}}
{{- range $path, $text := $texts -}}
{{- if include "runner.isPlaceholder" $text -}}
{{- $problems = append $problems (printf "%s still has a placeholder: put your own value in its place" $path) -}}
{{- end -}}
{{- end -}}
{{- if contains "AZURE_KEY_VAULT_NAME:<" (include "runner.workloadVariables" .) -}}
{{- $problems = append $problems "AZURE_KEY_VAULT_NAME in config.ingestionPods.extraEnvs still has a placeholder: put the name of your vault in its place" -}}
{{- end -}}
{{- end -}}
{{- toJson $problems -}}
{{- end -}}

{{- define "runner.isPlaceholder" -}}
{{- if regexMatch "<[^<>]*[A-Za-z][^<>]*>" . -}}true{{- end -}}
{{- end -}}

{{- define "runner.tokenProblems" -}}
{{- $problems := list -}}
{{- $extra := or (eq (include "runner.isExtra" (dict "root" . "name" "AUTH_TOKEN")) "true") (eq (include "runner.isExtra" (dict "root" . "name" "AUTH_TOKEN_FILE")) "true") -}}
{{- $secret := .Values.config.authTokenSecret.name -}}
{{- if and .Values.config.authToken $secret -}}
{{- $problems = append $problems "config.authToken and config.authTokenSecret.name are both set: keep one of them" -}}
{{- else if not (or .Values.config.authToken $secret $extra .Values.envFrom) -}}
{{- $problems = append $problems "the token of the bot is missing: set config.authToken to the JWT of the bot, or config.authTokenSecret.name (and .key) to a Secret that holds it" -}}
{{- end -}}
{{- if and (regexMatch "\\s" (trim .Values.config.authToken)) (not (include "runner.isPlaceholder" .Values.config.authToken)) -}}
{{- $problems = append $problems "config.authToken is no token: put the JWT of the bot in its place, as a whole, without the word Bearer" -}}
{{- end -}}
{{- toJson $problems -}}
{{- end -}}

{{- define "runner.serverProblems" -}}
{{- $problems := list -}}
{{- $host := .Values.config.serverHost -}}
{{- $said := or (eq (include "runner.isExtra" (dict "root" . "name" "SERVER_URL")) "true") .Values.envFrom -}}
{{- if not $said -}}
{{- if include "runner.isPlaceholder" $host -}}
{{- else if or (eq $host "") (eq $host "my-cluster.getcollate.io") -}}
{{- $problems = append $problems (printf "config.serverHost is %q: set it to the host of your control plane, such as runner.example.com" $host) -}}
{{- else if or (contains "://" $host) (contains "/" $host) -}}
{{- $bare := regexReplaceAll "[/?#].*$" (regexReplaceAll "^[A-Za-z]*:?//" $host "") "" -}}
{{- $problems = append $problems (printf "config.serverHost is %q: it takes the host alone, without scheme or path; write %q%s" $host $bare (ternary " and config.useSecureProtocols: false" "" (regexMatch "^(ws|http)://" $host))) -}}
{{- else if not (regexMatch "^([A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?)*|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?$" $host) -}}
{{- $problems = append $problems (printf "config.serverHost is %q: this is no host name, with or without a port" $host) -}}
{{- else if not (regexMatch "^([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])?$" (include "runner.portOf" $host)) -}}
{{- $problems = append $problems (printf "config.serverHost is %q: there is no such port" $host) -}}
{{- end -}}
{{- end -}}
{{- $id := include "runner.text" .Values.config.agentId | trim -}}
{{- if or (eq $id "") (gt (len $id) 256) -}}
{{- $problems = append $problems (ternary "config.agentId is empty: give the runner a name of its own" "config.agentId has more than 256 characters: shorten it" (eq $id "")) -}}
{{- end -}}
{{- toJson $problems -}}
{{- end -}}

{{- define "runner.imageProblems" -}}
{{- $problems := list -}}
{{- if regexMatch "^118146679784\\.dkr\\.ecr\\..*hybrid-ingestion-(runner|agent)" .Values.image.repository -}}
{{- $problems = append $problems (printf "image.repository is %q, which is the image of another product: remove image.repository and image.tag from your values (the image of this chart is public), or name your copy of it" .Values.image.repository) -}}
{{- end -}}
{{- range $path, $digest := dict "image.digest" .Values.image.digest "config.ingestionPods.digest" .Values.config.ingestionPods.digest -}}
{{- if and $digest (not (regexMatch "^sha256:[0-9a-f]{64}$" $digest)) -}}
{{- $problems = append $problems (printf "%s is %q: write sha256: and 64 hexadecimal digits" $path $digest) -}}
{{- end -}}
{{- end -}}
{{- toJson $problems -}}
{{- end -}}

{{- define "runner.argoProblems" -}}
{{- $problems := list -}}
{{- $argo := .Values.config.argoWorkflows -}}
{{- $endpoint := include "runner.argoEndpoint" . -}}
{{- if and $endpoint (not (regexMatch "^https?://([A-Za-z0-9][A-Za-z0-9._-]*|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?(/[^\\s?#]*)?$" $endpoint)) -}}
{{- $problems = append $problems (printf "config.argoWorkflows.endpoint is %q: write host and port of Argo Server, such as argo-server.argo:2746 or https://argo.example.com" $argo.endpoint) -}}
{{- end -}}
{{- if and $argo.certificatePath (not (hasPrefix "/" $argo.certificatePath)) -}}
{{- $problems = append $problems (printf "config.argoWorkflows.certificatePath is %q: write the whole path of the file in the container, beginning with /" $argo.certificatePath) -}}
{{- end -}}
{{- toJson $problems -}}
{{- end -}}

{{- define "runner.choiceProblems" -}}
{{- $problems := list -}}
{{- $executor := include "runner.executor" . -}}
{{- if and (eq (lower (toString .Values.config.executorType)) "simplek8s") (include "runner.argoEndpoint" .) -}}
{{- $problems = append $problems "config.executorType is simpleK8s, and Argo is installed or its endpoint is named: drop one of the two" -}}
{{- end -}}
{{- if and .Values.privateCA.configMap .Values.privateCA.secret -}}
{{- $problems = append $problems "privateCA.configMap and privateCA.secret are both set: keep one of them" -}}
{{- end -}}
{{- if and (eq (include "runner.secretsManager" .) "managed-azure-kv") (not (contains "AZURE_KEY_VAULT_NAME" (include "runner.workloadVariables" .))) (not .Values.envFrom) -}}
{{- if not (contains "AZURE_KEY_VAULT_NAME" (toJson .Values.extraEnvs)) -}}
{{- $problems = append $problems "config.secretsManager is managed-azure-kv, and no vault is named: add AZURE_KEY_VAULT_NAME:<name> to config.ingestionPods.extraEnvs" -}}
{{- end -}}
{{- end -}}
{{- $values := .Values.ecrRegistryHelper.collateCredentials.values -}}
{{- if and (include "runner.helperEnabled" .) (not .Values.ecrRegistryHelper.collateCredentials.secretRef) (ne (empty $values.accessKeyId) (empty $values.secretAccessKey)) -}}
{{- $problems = append $problems "ecrRegistryHelper.collateCredentials.values has one of accessKeyId and secretAccessKey: set both, or none with IRSA or Pod Identity" -}}
{{- end -}}
{{- toJson $problems -}}
{{- end -}}

{{- define "runner.exclusiveProblems" -}}
{{- $problems := list -}}
{{- range $index, $volume := .Values.volumes -}}
{{- if has (toString $volume.name) (list "auth" "argo-token" "custom-config" "private-ca") -}}
{{- $problems = append $problems (printf "volumes[%d] is named %s, as a volume of the chart is: give it another name" $index $volume.name) -}}
{{- end -}}
{{- end -}}
{{- $budget := .Values.podDisruptionBudget -}}
{{- if and (eq (include "runner.flag" $budget.enabled) "true") (ne (include "runner.text" $budget.minAvailable) "") (ne (include "runner.text" $budget.maxUnavailable) "") -}}
{{- $problems = append $problems "podDisruptionBudget.minAvailable and podDisruptionBudget.maxUnavailable are both set: keep one and set the other to null" -}}
{{- end -}}
{{- if and (eq (include "runner.flag" $budget.enabled) "true") (eq (include "runner.text" $budget.minAvailable) "") (eq (include "runner.text" $budget.maxUnavailable) "") -}}
{{- $problems = append $problems "podDisruptionBudget is enabled and says nothing: set maxUnavailable or minAvailable" -}}
{{- end -}}
{{- toJson $problems -}}
{{- end -}}

{{/* Another release in this namespace whose runner has the same name: the two would be active and standby of each other. */}}
{{- define "runner.twinProblems" -}}
{{- $problems := list -}}
{{- $id := default (include "runner.text" .Values.config.agentId) (include "runner.extra" (dict "root" . "name" "AGENT_ID")) -}}
{{- $found := lookup "apps/v1" "Deployment" (include "runner.namespace" .) "" -}}
{{- range (get ($found | default dict) "items" | default list) -}}
{{- $release := dig "metadata" "annotations" "meta.helm.sh/release-name" "" . -}}
{{- if and $release (ne $release $.Release.Name) -}}
{{- range (dig "spec" "template" "spec" "containers" list .) -}}
{{- if eq .name $.Chart.Name -}}
{{- range (get . "env" | default list) -}}
{{- if and (eq .name "AGENT_ID") (eq (toString (get . "value")) $id) -}}
{{- $problems = append $problems (printf "release %q in namespace %s has a runner named %q already: give this one another config.agentId, or upgrade that release (more replicas: replicaCount)" $release (include "runner.namespace" $) $id) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $problems -}}
{{- end -}}
