import type { RunSpec } from '@runner/executor';
import { secretsManagerEnvironment, workloadEnvironment } from '@runner/executor';
import type { EnvVar } from '../objects.ts';
import type { ConfigDelivery, PodSettings } from './settings.ts';

/**
 * Kubernetes replaces `$(NAME)` in values and reads `$$` as one dollar sign; doubled, every dollar sign arrives as it was
 * written. Source: `expansion.Expand` of Kubernetes.
 */
export const literal = (value: string): string => value.replaceAll('$', '$$$$');

/** Environment of the main container: the contract's, then the secrets manager's, then extra variables; all literal. */
export function containerEnvironment(
  spec: RunSpec,
  settings: Pick<PodSettings, 'secretsManager' | 'extraEnvironment'>,
  place: { readonly workloadName: string; readonly namespace: string },
  delivery: ConfigDelivery,
): EnvVar[] {
  const { secretsManager, extraEnvironment } = settings;
  const variables = workloadEnvironment({
    spec,
    ...place,
    ...(delivery.kind === 'inline' ? { config: delivery.text } : {}),
    ...(secretsManager === undefined ? {} : { secrets: secretsManagerEnvironment(secretsManager) }),
    ...(extraEnvironment === undefined ? {} : { extra: extraEnvironment }),
  }).map(({ name, value }): EnvVar => ({ name, value: literal(value) }));
  return delivery.kind === 'inline' ? variables : [configReference(delivery), ...variables];
}

function configReference(delivery: Exclude<ConfigDelivery, { readonly kind: 'inline' }>): EnvVar {
  const { kind, name, key } = delivery;
  // A workload without its config must not start: the reference is not optional.
  const reference = { name, key, optional: false };
  return {
    name: 'config',
    valueFrom: kind === 'secret' ? { secretKeyRef: reference } : { configMapKeyRef: reference },
  };
}
