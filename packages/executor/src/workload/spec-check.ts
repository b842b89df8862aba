import { executorError } from '../errors.ts';
import type { RunSpec } from '../run-spec.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** True for text that names a run: names and paths are made of it, so it is checked before any use. */
export function isRunId(text: string): boolean {
  return UUID.test(text);
}

/**
 * Refuses a spec that no executor can carry out, whatever the place.
 * @throws invalid_spec
 */
export function checkSpec(spec: RunSpec): void {
  const fault = faultOf(spec);
  if (fault !== undefined) throw executorError('invalid_spec', `The run cannot be carried out: ${fault}.`);
}

function faultOf(spec: RunSpec): string | undefined {
  if (!isRunId(spec.runId)) return 'its runId is not a UUID';
  if (!Number.isFinite(spec.deadlineSeconds) || spec.deadlineSeconds <= 0)
    return 'its deadline is not a positive number';
  if (spec.owner.controlPlaneId === '' || spec.owner.agentId === '') return 'it has no owner';
  if (spec.pipelineType === '') return 'it has no pipeline type';
  // The kernel ends an environment string at a zero byte: the workload would see half of it.
  if ([spec.pipelineType, spec.name, spec.fqn].some((text) => text.includes('\0'))) return 'a name holds a zero byte';
  return undefined;
}
