import { Buffer } from 'node:buffer';
import type { RunSpec } from '@runner/executor';
import { workloadLabels } from '@runner/executor';
import type { ConfigDelivery, ConfigMap, Job, KubeSecret, Meta } from '@runner/kube';
import { CONFIG_LABEL } from './annotations.ts';

/** Data key of the config in its Secret or ConfigMap. */
const CONFIG_KEY = 'config';

/** Name of the object that holds the config of a Job. */
const configName = (jobName: string): string => `${jobName}-config`;

/** How a run's config is delivered. */
export function deliveryOf(kind: ConfigDelivery['kind'], text: string, jobName: string): ConfigDelivery {
  return kind === 'inline' ? { kind, text } : { kind, name: configName(jobName), key: CONFIG_KEY };
}

/** The Secret of a Job. It goes when the Job goes. */
export function configSecret(spec: RunSpec, job: Job, text: string): KubeSecret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: configMeta(spec, job),
    type: 'Opaque',
    data: { [CONFIG_KEY]: Buffer.from(text).toString('base64') },
  };
}

/** The ConfigMap of a Job. It goes when the Job goes. */
export function configMap(spec: RunSpec, job: Job, text: string): ConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: configMeta(spec, job), data: { [CONFIG_KEY]: text } };
}

function configMeta(spec: RunSpec, { metadata: job = {} }: Job): Meta {
  const { name = '', uid = '', namespace } = job;
  return {
    name: configName(name),
    ...(namespace === undefined ? {} : { namespace }),
    labels: { ...workloadLabels(spec), [CONFIG_LABEL]: 'true' },
    // Not blocking: clusters that guard owner references ask for a right on the Job's finalizers that the agent has not.
    ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name, uid, controller: true }],
  };
}
