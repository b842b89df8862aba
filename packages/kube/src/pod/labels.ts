import type { RunSpec } from '@runner/executor';
import { AGENT_LABEL, secretsManagerPodLabels, workloadLabels } from '@runner/executor';
import type { PodSettings } from './settings.ts';

const OUR_PREFIX = AGENT_LABEL.slice(0, AGENT_LABEL.indexOf('/') + 1);

/**
 * Labels and annotations that settings cannot have: an entry that ends in `/` stands for all keys of that prefix. Those of
 * Jobs are set by Kubernetes, which refuses a template that brings its own.
 */
export const RESERVED_LABELS: readonly string[] = [
  ...['name', 'component', 'managed-by', 'pipeline', 'pipeline-type', 'run-id', 'app-name'].map(
    (name) => `app.kubernetes.io/${name}`,
  ),
  OUR_PREFIX,
  'batch.kubernetes.io/',
  'job-name',
  'controller-uid',
  'omjob.pipelines.openmetadata.org/',
];
export const RESERVED_ANNOTATIONS: readonly string[] = [OUR_PREFIX, 'batch.kubernetes.io/'];

/** Labels of a pod: those of the settings, what the secrets manager asks for, and over them the contract's. */
export function podLabels(spec: RunSpec, settings: PodSettings): Readonly<Record<string, string>> {
  return {
    ...(settings.secretsManager === undefined ? {} : secretsManagerPodLabels(settings.secretsManager.provider)),
    ...withoutReserved(settings.labels, RESERVED_LABELS),
    ...workloadLabels(spec),
  };
}

/** Annotations of a pod: those of the settings. Undefined when there are none. */
export function podAnnotations(settings: PodSettings): Readonly<Record<string, string>> | undefined {
  const annotations = withoutReserved(settings.annotations, RESERVED_ANNOTATIONS);
  return Object.keys(annotations).length === 0 ? undefined : annotations;
}

function withoutReserved(
  entries: Readonly<Record<string, string>> | undefined,
  reserved: readonly string[],
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(entries ?? {}).filter(([key]) => !isReserved(key, reserved)));
}

const isReserved = (key: string, reserved: readonly string[]): boolean =>
  reserved.some((entry) => (entry.endsWith('/') ? key.startsWith(entry) : key === entry));
