{{/* What is wrong with the values about workloads; see runner.validate. */}}

{{- define "runner.environmentProblems" -}}
{{- $problems := list -}}
{{- range $index, $entry := .Values.extraEnvs -}}
{{- if not (and (kindIs "map" $entry) (get (ternary $entry dict (kindIs "map" $entry)) "name")) -}}
{{- $problems = append $problems (printf "extraEnvs[%d] is no variable: write name: and value: (or valueFrom:)" $index) -}}
{{- end -}}
{{- end -}}
{{- if and (kindIs "string" .Values.config.ingestionPods.extraEnvs) .Values.config.ingestionPods.extraEnvs (contains ":" (join "," (include "runner.names" .Values.proxy.noProxy | fromJsonArray))) -}}
{{- $problems = append $problems "proxy.noProxy has ports, and config.ingestionPods.extraEnvs is one text: a comma and a port would be read as the next variable; write config.ingestionPods.extraEnvs as a list" -}}
{{- end -}}
{{- $given := .Values.config.ingestionPods.extraEnvs -}}
{{- if kindIs "slice" $given -}}
{{- range $index, $entry := $given -}}
{{- $problems = concat $problems (include "runner.entryProblems" (dict "where" (printf "config.ingestionPods.extraEnvs[%d]" $index) "entry" $entry "form" (list $entry)) | fromJsonArray) -}}
{{- end -}}
{{- else -}}
{{- $problems = concat $problems (include "runner.entryProblems" (dict "where" "config.ingestionPods.extraEnvs" "entry" $given "form" $given) | fromJsonArray) -}}
{{- end -}}
{{- toJson $problems -}}
{{- end -}}

{{/* What is wrong with one entry of the variables of workloads. Values may be secret and are not repeated. */}}
{{- define "runner.entryProblems" -}}
{{- $problems := list -}}
{{- $plain := true -}}
{{- if kindIs "map" .entry -}}
{{- range $_, $value := .entry -}}{{- if or (kindIs "map" $value) (kindIs "slice" $value) -}}{{- $plain = false -}}{{- end -}}{{- end -}}
{{- end -}}
{{- if not $plain -}}
{{- $problems = append $problems (printf "%s: the variables of workloads take values, no valueFrom; what is secret is read by the workload, as a secret: reference of its connection" .where) -}}
{{- else -}}
{{- range (include "runner.workloadEntries" .form | fromJsonArray) -}}
{{- if not (regexMatch "^\\s*[A-Za-z_][A-Za-z0-9_]*\\s*:" .) -}}
{{- $problems = append $problems (printf "%s is not of the form NAME:value, with letters, digits and underscores in the name" $.where) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $problems -}}
{{- end -}}

{{/* JSON by pipeline type, wherever it was written. */}}
{{- define "runner.jsonProblems" -}}
{{- $problems := list -}}
{{- $texts := dict "config.ingestionPods.additionalPipelineConfigs" (include "runner.json" .Values.config.ingestionPods.additionalPipelineConfigs) -}}
{{- range (list "SIMPLEK8S_PIPELINE_TYPE_CONFIGS" "ARGO_PIPELINE_TYPE_CONFIGS") -}}
{{- $_ := set $texts (printf "extraEnvs %s" .) (include "runner.extra" (dict "root" $ "name" .)) -}}
{{- end -}}
{{- range $path, $text := $texts -}}
{{- if trim $text -}}
{{- $parsed := ternary (dict "Error" "it is null") (fromJson $text) (eq (trim $text) "null") -}}
{{- if hasKey $parsed "Error" -}}
{{- $problems = append $problems (printf "%s is not a JSON object by pipeline type, such as {\"profiler\": {\"nodeSelector\": {\"disk\": \"ssd\"}}}: %s" $path (toString $parsed.Error)) -}}
{{- else -}}
{{- range $type, $settings := $parsed -}}
{{- if not (kindIs "map" $settings) -}}
{{- $problems = append $problems (printf "%s: %s is not an object with tolerations, affinity, nodeSelector, priorityClassName or resources" $path $type) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $problems -}}
{{- end -}}

{{- define "runner.quantityProblems" -}}
{{- $problems := list -}}
{{- $quantity := "^\\+?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?$" -}}
{{- $all := dict "resources" .Values.resources "config.ingestionPods.resources" .Values.config.ingestionPods.resources "config.ingestionPods.automationResources" .Values.config.ingestionPods.automationResources "ecrRegistryHelper.resources" .Values.ecrRegistryHelper.resources -}}
{{- range $path, $resources := $all -}}
{{- range $kind := list "requests" "limits" -}}
{{- range $name, $amount := (get ($resources | default dict) $kind | default dict) -}}
{{- $text := include "runner.text" $amount -}}
{{- if and (ne $text "") (not (regexMatch $quantity $text)) -}}
{{- $problems = append $problems (printf "%s.%s.%s is %q: this is no quantity; write 500m or 1 for CPU, 512Mi or 4Gi for memory" $path $kind $name $text) -}}
{{- else if and (eq $name "memory") (regexMatch "m$" $text) -}}
{{- $problems = append $problems (printf "%s.%s.%s is %q, which is thousandths of a byte: write %si" $path $kind $name $text (upper $text)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $name, $least := (get ($resources | default dict) "requests" | default dict) -}}
{{- $most := get (get $resources "limits" | default dict) $name -}}
{{- $amounts := list (include "runner.text" $least) (include "runner.text" $most) -}}
{{- if and (regexMatch $quantity (first $amounts)) (regexMatch $quantity (last $amounts)) -}}
{{- if gt (include "runner.amount" $least | float64) (include "runner.amount" $most | float64) -}}
{{- $problems = append $problems (printf "%s.requests.%s is %s, more than its limit of %s: raise the limit or lower the request" $path $name (first $amounts) (last $amounts)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $problems -}}
{{- end -}}

{{/* A quantity as a number of whole units. */}}
{{- define "runner.amount" -}}
{{- $text := include "runner.text" . -}}
{{- $units := dict "n" 0.000000001 "u" 0.000001 "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 "Pi" 1125899906842624.0 "Ei" 1152921504606846976.0 -}}
{{- $unit := regexFind "[A-Za-z]+$" $text -}}
{{- mulf (trimSuffix $unit $text | float64) (get $units $unit | default 1.0) -}}
{{- end -}}

{{/* Names of objects, wherever a list of them stands. */}}
{{- define "runner.nameProblems" -}}
{{- $problems := list -}}
{{- $pods := .Values.config.ingestionPods -}}
{{- range $path, $value := dict "imagePullSecrets" .Values.imagePullSecrets "config.ingestionPods.imagePullSecrets" $pods.imagePullSecrets "config.ingestionPods.secretNames" $pods.secretNames "ecrRegistryHelper.namespaces" .Values.ecrRegistryHelper.namespaces -}}
{{- if kindIs "slice" $value -}}
{{- range $index, $entry := $value -}}
{{- if and (kindIs "map" $entry) (not (hasKey (ternary $entry dict (kindIs "map" $entry)) "name")) -}}
{{- $problems = append $problems (printf "%s[%d] has no name: write a name, or name: and a name" $path $index) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range (include "runner.names" $value | fromJsonArray) -}}
{{- if not (regexMatch "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$" .) -}}
{{- $problems = append $problems (printf "%s: %q is no name of an object: use lower-case letters, digits, dashes and dots" $path .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $problems -}}
{{- end -}}

{{/* The two texts that are merged into Workflows. */}}
{{- define "runner.overrideProblems" -}}
{{- $problems := list -}}
{{- $custom := .Values.config.ingestionPods.customConfig -}}
{{- if eq (include "runner.flag" $custom.enabled) "true" -}}
{{- range $name, $value := pick $custom "containerParams" "workflowParams" -}}
{{- $parsed := include "runner.yaml" $value | fromYaml -}}
{{- if hasKey $parsed "Error" -}}
{{- $problems = append $problems (printf "config.ingestionPods.customConfig.%s is not YAML of fields, such as env: or podSpecPatch: (%s)" $name (toString $parsed.Error)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $problems -}}
{{- end -}}
