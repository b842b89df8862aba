import type { Diagnosis, Executor, Observation } from '@runner/executor';
import type { RegistryStatus } from './status.ts';

/** Codes of diagnoses that a pull secret which is missing or has expired leads to. */
const OF_PULL_SECRETS: ReadonlySet<string> = new Set(['image_unauthorized', 'pull_secret_missing']);
const RENEW = 'kubectl create job --from=cronjob/ecr-registry-helper manual';

/**
 * A diagnosis of an image that may not be pulled, with what the registry helper said of the pull secret, when that explains
 * it. Waiting helps then: the helper makes the secret, and the kubelet tries again.
 */
export function explainPull(diagnosis: Diagnosis, status: RegistryStatus | undefined, now: number): Diagnosis {
  const trouble = OF_PULL_SECRETS.has(diagnosis.code) ? troubleOf(status, now) : undefined;
  if (trouble === undefined) return diagnosis;
  return {
    ...diagnosis,
    message: `${diagnosis.message.replace(/\.?$/, '.')} ${trouble}`,
    hint: [status?.hint, `When that is mended: ${RENEW}.`, diagnosis.hint].filter(Boolean).join(' '),
  };
}

function troubleOf(status: RegistryStatus | undefined, now: number): string | undefined {
  if (status === undefined) return undefined;
  const { expiresAt, outcome, message } = status;
  const said = outcome === 'written' ? '' : ` The registry helper says: ${message}.`;
  if (expiresAt !== undefined && expiresAt <= now) return `The pull secret expired at ${timeOf(expiresAt)}.${said}`;
  return outcome === 'written' ? undefined : `The pull secret was not renewed.${said}`;
}

const timeOf = (at: number): string => new Date(at).toISOString();

/** The same executor, whose observations say what is known of the pull secret. */
export function tellingPullSecret(
  executor: Executor,
  { status, now }: { readonly status: () => RegistryStatus | undefined; readonly now: () => number },
): Executor {
  const told = (observation: Observation): Observation => {
    if (observation.presence !== 'present') return observation;
    const { diagnosis, outcome } = observation;
    const explained = (each: Diagnosis): Diagnosis => explainPull(each, status(), now());
    return {
      ...observation,
      ...(diagnosis === undefined ? {} : { diagnosis: explained(diagnosis) }),
      ...(outcome?.diagnosis === undefined ? {} : { outcome: { ...outcome, diagnosis: explained(outcome.diagnosis) } }),
    };
  };
  return {
    ...executor,
    observe: async (runId, signal) => told(await executor.observe(runId, signal)),
    watch: (owner, onObservation, signal) => executor.watch(owner, (seen) => onObservation(told(seen)), signal),
  };
}
