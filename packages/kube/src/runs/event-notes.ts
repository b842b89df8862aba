import type { KubeEvent } from '../objects.ts';

/** Events that were read of workloads that wait, by run. */
export interface EventNotes {
  get(runId: string): readonly KubeEvent[] | undefined;
  set(runId: string, events: readonly KubeEvent[]): void;
  delete(runId: string): void;
}

export function eventNotes(): EventNotes {
  return new Map<string, readonly KubeEvent[]>();
}
