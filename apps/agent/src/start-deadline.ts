import type { AgentConfig } from './config.ts';

/** Seconds that a run of a pipeline type may wait for its start. */
export function startDeadlineOf({ startDeadline }: AgentConfig): (pipelineType: string) => number {
  const { seconds, types } = startDeadline;
  return (pipelineType) => (Object.hasOwn(types, pipelineType) ? types[pipelineType] : undefined) ?? seconds;
}
