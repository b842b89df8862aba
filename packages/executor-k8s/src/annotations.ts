import type { ContainerStatus, Job } from '@runner/kube';
import { ANNOTATIONS, parsedObject } from '@runner/kube/runs';

/** What only Jobs have, beside the annotations of all runs. */
const PREFIX = 'hybrid-ingestion-runner/';

/** How the main program ended when others kept its pod; JSON of the API's `ContainerStateTerminated`. */
export const MAIN_END_ANNOTATION = `${PREFIX}main-end`;

/** Marks config objects, beside the labels of their run. */
export const CONFIG_LABEL = `${PREFIX}config`;

/** How the container `main` ended. */
export type MainEnd = NonNullable<NonNullable<ContainerStatus['state']>['terminated']>;

/** The object that holds the config of a Job, where it is one of its own. */
export function configObjectOf(job: Job): { readonly kind: 'secret' | 'configMap'; readonly name: string } | undefined {
  const [kind, name] = job.metadata?.annotations?.[ANNOTATIONS.config]?.split('/') ?? [];
  return (kind === 'secret' || kind === 'configMap') && name !== undefined ? { kind, name } : undefined;
}

/** What is written of how `main` ended: all but its message, which is the program's own. */
export function mainEndText({ exitCode, signal, reason, startedAt, finishedAt }: MainEnd): string {
  return JSON.stringify({ exitCode, signal, reason, startedAt, finishedAt });
}

/** How `main` ended, where it was written down because the Job was ended for its other containers. */
export function mainEndOf(job: Job | undefined): MainEnd | undefined {
  const text = job?.metadata?.annotations?.[MAIN_END_ANNOTATION];
  if (text === undefined) return undefined;
  const { exitCode, signal, reason, startedAt, finishedAt } = parsedObject(text);
  if (typeof exitCode !== 'number') return undefined;
  return {
    exitCode,
    ...(typeof signal === 'number' ? { signal } : {}),
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(typeof startedAt === 'string' ? { startedAt } : {}),
    ...(typeof finishedAt === 'string' ? { finishedAt } : {}),
  };
}
