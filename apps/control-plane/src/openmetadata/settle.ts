import type { Clock, Logger } from '@runner/core';
import { isRunnerError, toRunnerError } from '@runner/core';
import { recordByExitStep, recordByMain } from '@runner/protocol/server';
import type { Entity, RunRow, StatusRow, Store } from '../store/ports.ts';
import { endedAutomation } from './automation-entity.ts';
import { derivedId } from './derived-id.ts';
import { endedStatus, workloadStatusOf } from './pipeline-status.ts';
import type { IncomingStatus } from './pipeline-status.ts';
import type { RemoteStatuses } from './remote-statuses.ts';
import { retryDueAt } from './retries.ts';
import { isTerminalPipelineState } from './states.ts';
import type { Trigger } from './trigger.ts';
import { ownServerOf } from './workflow-config.ts';

export interface SettleDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly trigger: Pick<Trigger, 'triggerPipeline'>;
  /** Servers that pipelines report to instead of this one. */
  readonly remote: RemoteStatuses;
}

/** Done, or when to look again (epoch milliseconds): a retry that is not due, a server that does not answer. */
export type Settled = 'done' | number;
const SOON_MS = 5_000;

/**
 * Does what remains after a run has ended: its status, its automation, its next attempt. Doing it twice, or on two
 * replicas at once, ends in the same.
 */
export async function settleRun(deps: SettleDeps, row: RunRow, signal: AbortSignal): Promise<Settled> {
  const { store } = deps;
  if (row.kind === 'automation') {
    await settleAutomation(deps, row);
    return 'done';
  }
  const pipeline = row.entityId === '' ? undefined : await store.entities.byId('ingestionPipeline', row.entityId);
  if (pipeline === undefined) return 'done';
  if (!(await settleStatus(deps, row, pipeline, signal))) return deps.clock.now() + SOON_MS;
  return settleRetry(deps, row, pipeline);
}

async function settleAutomation({ store, clock }: SettleDeps, row: RunRow): Promise<void> {
  const [newest] = await store.runs.ofEntity(row.entityId, 1);
  // Somebody has triggered it again: what it says now belongs to that run.
  if (newest !== undefined && newest.record.runId !== row.record.runId) return;
  try {
    await store.entities.update('automationWorkflow', row.entityId, ({ json }) => {
      const ended = endedAutomation(json, row.record, clock.now());
      return ended === undefined ? undefined : { json: ended, updatedBy: 'control-plane' };
    });
  } catch (error) {
    if (!isRunnerError(error, 'not_found')) throw error;
  }
}

async function settleStatus(deps: SettleDeps, row: RunRow, pipeline: Entity, signal: AbortSignal): Promise<boolean> {
  const { store, clock } = deps;
  const { runId } = row.record;
  const own = ownServerOf(pipeline.json);
  if (own !== undefined) {
    const standing = await store.statuses.get(pipeline.fqn, runId);
    const ending = endedStatus(standing, row.record, clock.now());
    const answer = await deps.remote.settle(own, { fqn: pipeline.fqn, runId, ending: ending?.status }, signal);
    if (answer.kind === 'later') return false;
    if (answer.kind === 'imported') {
      await store.statuses.update(pipeline.fqn, runId, () => ({ status: answer.status, writtenBy: 'main' }));
    }
  }
  const status = await store.statuses.update(pipeline.fqn, runId, (before) =>
    endedStatus(before, row.record, clock.now()),
  );
  if (status !== undefined) await followStatus(deps, row, status);
  return true;
}

/** A status that the workload wrote itself decides over the row too, even when writing both was interrupted. */
async function followStatus({ store, clock }: SettleDeps, row: RunRow, status: StatusRow): Promise<void> {
  const { writtenBy } = status;
  if (writtenBy === row.record.writtenBy || (writtenBy !== 'main' && writtenBy !== 'exitStep')) return;
  const said = workloadStatusOf(status.status as IncomingStatus, writtenBy);
  if (said === undefined || !isTerminalPipelineState(status.status['pipelineState'])) return;
  const record = writtenBy === 'main' ? recordByMain : recordByExitStep;
  await store.runs.update(row.record.runId, (current) => record(current.record, said, clock.now()));
}

async function settleRetry(deps: SettleDeps, row: RunRow, pipeline: Entity): Promise<Settled> {
  const { store, clock, logger, trigger } = deps;
  // The workload's own word may have made a success of it meanwhile.
  const current = (await store.runs.get(row.record.runId)) ?? row;
  const due = retryDueAt(current, pipeline.json);
  if (due === undefined) return 'done';
  if (due > clock.now()) return due;
  const { runId } = row.record;
  try {
    await trigger.triggerPipeline(pipeline.id, {
      trigger: 'retry',
      createdBy: row.createdBy,
      retryOf: runId,
      attempt: row.attempt + 1,
      runId: derivedId(runId, 'retry'),
      traceparent: row.start.traceparent,
    });
  } catch (thrown) {
    const error = toRunnerError(thrown);
    if (error.retryable) return clock.now() + SOON_MS;
    if (error.code !== 'already_exists') {
      logger.warn('a failed run gets no further attempt', { runId, code: error.code, reason: error.message });
    }
  }
  return 'done';
}
