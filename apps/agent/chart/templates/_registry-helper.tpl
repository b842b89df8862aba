{{/* Spec of a Job of the registry helper, for the CronJob and for the hook. */}}
{{- define "runner.helperJob" -}}
{{- $helper := .Values.ecrRegistryHelper -}}
ttlSecondsAfterFinished: {{ int $helper.ttlSecondsAfterFinished }}
backoffLimit: {{ int $helper.backoffLimit }}
activeDeadlineSeconds: 240
template:
  metadata:
    labels:
      {{- toYaml (mergeOverwrite (deepCopy .Values.commonLabels) (dict "app.kubernetes.io/component" "registry-helper")) | nindent 6 }}
  spec:
    restartPolicy: Never
    serviceAccountName: {{ include "runner.helperServiceAccountName" . }}
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
