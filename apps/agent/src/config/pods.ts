import type { PodSettings } from '@runner/kube';
import type { VARIABLES } from './catalogue.ts';
import type { Findings } from './finding.ts';
import type { Reading } from './read.ts';
import { schedulingSettings } from './scheduling.ts';
import type { SecretsConfig } from './secrets.ts';

/** What the pods of workloads get, from the variables of the ingestion workloads. */
export function podSettings(
  reading: Reading<typeof VARIABLES>,
  executor: 'simpleK8s' | 'argo',
  secrets: SecretsConfig,
  out: Findings,
): PodSettings {
  const { values } = reading;
  const automount = values.INGESTION_AUTOMOUNT_SA_TOKEN;
  return {
    image: {
      image: values.INGESTION_IMAGE ?? '',
      pullPolicy: values.INGESTION_IMAGE_PULL_POLICY,
      pullSecrets: values.INGESTION_IMAGE_PULL_SECRETS,
      ...(values.DYNAMIC_INGESTION_VERSION_ENABLED ? { dynamicTag: values.DYNAMIC_INGESTION_VERSION_TEMPLATE } : {}),
    },
    serviceAccountName: values.INGESTION_SERVICE_ACCOUNT_NAME,
    ...(automount === undefined ? {} : { automountServiceAccountToken: automount }),
    openShift: values.INGESTION_OPENSHIFT_MODE,
    labels: values.INGESTION_POD_LABELS,
    annotations: values.INGESTION_POD_ANNOTATIONS,
    scheduling: schedulingSettings(reading, executor, out),
    secretsManager: secrets.workloads,
    config: { disableVersionValidation: values.INGESTION_DISABLE_VERSION_VALIDATION },
    extraEnvironment: values.INGESTION_EXTRA_ENVS,
    graceSeconds: values.INGESTION_POD_GRACE_SECONDS,
  };
}
