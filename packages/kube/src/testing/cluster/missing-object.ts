import type { Pod } from '../../objects.ts';
import { CONFIG_MAPS, SECRETS } from '../../objects.ts';
import type { PodTrouble } from '../cluster.ts';
import type { TestApiServer } from '../api-server.ts';

type Waiting = Extract<PodTrouble, { kind: 'waiting' }>;

/**
 * What the kubelet says of a pod whose environment refers to a Secret or ConfigMap, or to a key of one, that is not there:
 * it does not create the container and looks again until it is. References that are optional keep nothing back.
 */
export function missingObject(pod: Pod, server: TestApiServer): Waiting | undefined {
  const namespace = pod.metadata?.namespace ?? '';
  for (const { env = [] } of pod.spec?.containers ?? []) {
    for (const { valueFrom } of env) {
      const kind = valueFrom?.secretKeyRef === undefined ? 'ConfigMap' : 'Secret';
      const { name = '', key = '', optional } = valueFrom?.secretKeyRef ?? valueFrom?.configMapKeyRef ?? {};
      if (name === '' || optional === true) continue;
      const object = server.object(kind === 'Secret' ? SECRETS : CONFIG_MAPS, namespace, name);
      if (object === undefined) return waiting(`${kind.toLowerCase()} "${name}" not found`);
      if (object.data?.[key] === undefined) return waiting(`couldn't find key ${key} in ${kind} ${namespace}/${name}`);
    }
  }
  return undefined;
}

const waiting = (message: string): Waiting => ({ kind: 'waiting', reason: 'CreateContainerConfigError', message });
