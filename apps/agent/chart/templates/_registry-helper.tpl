{{/* Spec of a Job of the registry helper: root, and `hook` for the one of an install, which fails no release. */}}
{{- define "runner.helperJob" -}}
{{- $hook := .hook -}}
{{- with .root -}}
{{- $helper := .Values.ecrRegistryHelper -}}
ttlSecondsAfterFinished: {{ int $helper.ttlSecondsAfterFinished }}
backoffLimit: {{ int $helper.backoffLimit }}
activeDeadlineSeconds: 240
template:
  metadata:
    labels:
      {{- $labels := mergeOverwrite (deepCopy .Values.commonLabels) (dict "app.kubernetes.io/component" "registry-helper") }}
      {{- if eq $helper.type "acr" }}{{- $_ := set $labels "azure.workload.identity/use" "true" }}{{- end }}
      {{- include "runner.texts" $labels | nindent 6 }}
  spec:
    restartPolicy: Never
    serviceAccountName: {{ include "runner.helperServiceAccountName" . | quote }}
    {{- include "runner.pullSecrets" .Values.imagePullSecrets | nindent 4 }}
    securityContext:
      {{- include "runner.podSecurity" . | nindent 6 }}
    {{- include "runner.placement" . | nindent 4 }}
    containers:
      - name: ecr-registry-helper
        image: {{ include "runner.ownImage" . | quote }}
        imagePullPolicy: {{ .Values.image.pullPolicy }}
        args: [registry-helper]
        securityContext:
          {{- include "runner.containerSecurity" . | nindent 10 }}
        envFrom:
          - configMapRef:
              name: {{ include "runner.fullname" . }}-config
          - secretRef:
              name: {{ $helper.collateCredentials.secretRef | default (printf "%s-secrets" (include "runner.fullname" .)) }}
              optional: true
        {{- $environment := include "runner.proxyEnvironment" . | fromYamlArray }}
        {{- if $hook }}{{- $environment = append $environment (dict "name" "REGISTRY_HELPER_HOOK" "value" "true") }}{{- end }}
        {{- with $environment }}
        env:
          {{- toYaml . | nindent 10 }}
        {{- end }}
        resources:
          {{- toYaml $helper.resources | nindent 10 }}
        volumeMounts:
          - name: tmp
            mountPath: /tmp
          {{- include "runner.caMount" . | nindent 10 }}
    volumes:
      - name: tmp
        emptyDir:
          sizeLimit: 64Mi
      {{- include "runner.caVolume" . | nindent 6 }}
{{- end -}}
{{- end -}}

{{/* Tokens of other registries than ECR do not live as long as its schedule. */}}
{{- define "runner.helperSchedule" -}}
{{- $helper := .Values.ecrRegistryHelper -}}
{{- $short := dict "acr" "0 * * * *" "gar" "0/20 * * * *" -}}
{{- if eq $helper.schedule "0 0/6 * * *" -}}{{ get $short $helper.type | default $helper.schedule }}{{- else -}}{{ $helper.schedule }}{{- end -}}
{{- end -}}
