import { z } from 'zod';
import { pipelineStateOf } from '../openmetadata/states.ts';
import type { RunRow } from '../store/ports.ts';
import { jsonObjectSchema } from './schemas.ts';

const diagnosisSchema = z
  .object({
    category: z.string().describe('scheduling, image, quota, secret, out_of_memory, …'),
    code: z.string().describe('stable, more exact than the category: image_not_found'),
    message: z.string().describe('what is wrong, as a sentence'),
    hint: z.string().optional().describe('what to do about it'),
    permanent: z.boolean().describe('waiting cannot help'),
  })
  .meta({ id: 'Diagnosis' });

export const runSchema = z
  .looseObject({
    runId: z.string(),
    kind: z.enum(['pipeline', 'automation', 'application']),
    entityId: z.string(),
    entityFqn: z.string(),
    runner: z.string().describe('name of the ingestion runner'),
    state: z.string().describe('queued, accepted, pending, running, cancelling, or how it ended'),
    pipelineState: z.string().describe('the same in OpenMetadata’s words'),
    want: z.enum(['run', 'cancel']),
    writtenBy: z.string().describe('who said so: main, exitStep, runner, controlPlane'),
    reason: z.string().optional().describe('more exact than the state, such as runner_unavailable'),
    diagnosis: diagnosisSchema.optional().describe('why it waits, or why it ended as it did'),
    outcome: jsonObjectSchema.optional(),
    trigger: z.string(),
    createdBy: z.string(),
    attempt: z.number(),
    retryOf: z.string().optional(),
    slot: z.number().optional().describe('the scheduled instant'),
    queuedAt: z.number(),
  })
  .meta({ id: 'Run' });
export type Run = z.infer<typeof runSchema>;

/** Everything but what the workload gets: that holds its token. */
export function shown(row: RunRow): Run {
  const { record } = row;
  return {
    runId: record.runId,
    kind: row.kind,
    entityId: row.entityId,
    entityFqn: row.entityFqn,
    runner: record.agentId,
    state: record.state,
    pipelineState: pipelineStateOf(record),
    want: record.want,
    writtenBy: record.writtenBy,
    pipelineType: record.pipelineType,
    priority: record.priority,
    deadlineSeconds: record.deadlineSeconds,
    trigger: row.trigger,
    createdBy: row.createdBy,
    attempt: row.attempt,
    queuedAt: record.queuedAt,
    ...present({
      reason: record.reason,
      diagnosis: record.diagnosis,
      outcome: record.outcome,
      workload: record.workload,
      retryOf: row.retryOf,
      slot: row.slot,
      acceptedAt: record.acceptedAt,
      startedAt: record.startedAt,
      endedAt: record.endedAt,
    }),
  };
}

function present(fields: Readonly<Record<string, unknown>>): Record<string, never> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Record<string, never>;
}
