import type { CertificateAuthority, PodSettings } from '@runner/kube';
import { VARIABLES } from './catalogue.ts';
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
    ...certificateAuthority(reading, out),
    graceSeconds: values.INGESTION_POD_GRACE_SECONDS,
  };
}

function certificateAuthority(
  { values }: Reading<typeof VARIABLES>,
  out: Findings,
): { readonly certificateAuthority?: CertificateAuthority } {
  const { INGESTION_CA_CONFIGMAP: configMap, INGESTION_CA_SECRET: secret, INGESTION_CA_KEY: key } = values;
  if (configMap !== undefined && secret !== undefined) {
    out.problems.push({
      variable: 'INGESTION_CA_SECRET',
      read: secret,
      message: 'is set together with INGESTION_CA_CONFIGMAP',
      fix: 'keep the one that holds the certificate authorities',
    });
  }
  if (configMap !== undefined) return { certificateAuthority: { kind: 'configMap', name: configMap, key } };
  if (secret !== undefined) return { certificateAuthority: { kind: 'secret', name: secret, key } };
  if (key !== VARIABLES.INGESTION_CA_KEY.default) {
    out.warnings.push({
      variable: 'INGESTION_CA_KEY',
      read: key,
      message: 'has no effect: neither INGESTION_CA_CONFIGMAP nor INGESTION_CA_SECRET is set',
      fix: 'name the object that has this key',
    });
  }
  return {};
}
