import type { EnvVariable, RunSpec } from '@runner/executor';
import { secretsManagerEnvironment, workloadEnvironment } from '@runner/executor';
import type { EnvVar } from '../objects.ts';
import { authorityEnvironment } from './certificate-authority.ts';
import type { ConfigDelivery, PodSettings } from './settings.ts';

/**
 * Kubernetes replaces `$(NAME)` in values and reads `$$` as one dollar sign; doubled, every dollar sign arrives as it was
 * written. Source: `expansion.Expand` of Kubernetes.
 */
export const literal = (value: string): string => value.replaceAll('$', '$$$$');

/**
 * Environment of the main container: the contract's, then the secrets manager's, then those that name the certificate
 * authorities, then extra variables; all literal.
 */
export function containerEnvironment(
  spec: RunSpec,
  settings: Pick<PodSettings, 'secretsManager' | 'extraEnvironment' | 'certificateAuthority'>,
  place: { readonly workloadName: string; readonly namespace: string },
  delivery: ConfigDelivery,
): EnvVar[] {
  const { secretsManager } = settings;
  const variables = workloadEnvironment({
    spec,
    ...place,
    ...(delivery.kind === 'inline' ? { config: delivery.text } : {}),
    ...(secretsManager === undefined ? {} : { secrets: secretsManagerEnvironment(secretsManager) }),
    extra: extraEnvironment(settings),
  }).map(({ name, value }): EnvVar => ({ name, value: literal(value) }));
  return delivery.kind === 'inline' ? variables : [configReference(delivery), ...variables];
}

/** What is laid over the environment of the contract; the settings' own last, so that it wins. */
export function extraEnvironment(
  settings: Pick<PodSettings, 'extraEnvironment' | 'certificateAuthority'>,
): readonly EnvVariable[] {
  return [...authorityEnvironment(settings.certificateAuthority), ...(settings.extraEnvironment ?? [])];
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
