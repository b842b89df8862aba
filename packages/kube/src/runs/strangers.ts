import type { RunSpec } from '@runner/executor';
import { executorError, ownerLabels } from '@runner/executor';
import type { KubeObject } from '../objects.ts';
import { ANNOTATIONS, runIdOf } from './annotations.ts';

/** A workload of this name that is not of this run, or that belongs to somebody else, is left alone (`invalid_spec`). */
export function refuseStranger(object: KubeObject, spec: RunSpec, kind: string): void {
  const labels = object.metadata?.labels ?? {};
  const isRun = runIdOf(object)?.toLowerCase() === spec.runId.toLowerCase();
  const isOwn = Object.entries(ownerLabels(spec.owner)).every(([key, value]) => labels[key] === value);
  if (isRun && isOwn) return;
  throw executorError(
    'invalid_spec',
    `A ${kind} named ${object.metadata?.name ?? ''} stands already and is ${isRun ? "another runner's" : 'not of this run'}.`,
    { hint: 'Runners that share a namespace need agent ids of their own, and leave the work of others alone.' },
  );
}

/** Names the attempt to create it. The answer of a create may get lost, and its repetition finds what it made. */
export const submissionOf = (object: KubeObject): string | undefined =>
  object.metadata?.annotations?.[ANNOTATIONS.submission];
