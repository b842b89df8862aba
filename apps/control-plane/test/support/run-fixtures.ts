import { randomUUID } from 'node:crypto';
import type { RunRecord } from '@runner/protocol/server';
import type { NewRun } from '../../src/store/ports.ts';

/** A run as a trigger makes it; fields of the record and of the row can be overridden. */
export function newRun(overrides: Partial<Omit<NewRun, 'record'>> & { record?: Partial<RunRecord> } = {}): NewRun {
  const { record: part, ...row } = overrides;
  const runId = part?.runId ?? randomUUID();
  const record: RunRecord = {
    runId,
    agentId: 'runner-a',
    state: 'queued',
    want: 'run',
    offered: false,
    accepted: false,
    writtenBy: 'controlPlane',
    priority: 0,
    pipelineType: 'metadata',
    queuedAt: Date.UTC(2026, 0, 1),
    deadlineSeconds: 7_200,
    ...part,
  };
  return {
    record,
    kind: 'pipeline',
    entityId: randomUUID(),
    entityFqn: 'warehouse.metadata',
    start: {
      runId,
      kind: 'pipeline',
      pipelineType: record.pipelineType,
      name: 'metadata',
      fqn: 'warehouse.metadata',
      config: { note: 'what the workload gets' },
      deadlineSeconds: record.deadlineSeconds,
      priority: record.priority,
    },
    trigger: 'manual',
    attempt: 1,
    createdBy: 'admin',
    runTokenId: randomUUID(),
    exitTokenId: randomUUID(),
    concurrency: 1,
    ...row,
  };
}
