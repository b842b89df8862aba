import type { Clock, Logger } from '@runner/core';
import { toRunnerError } from '@runner/core';
import { derivedId } from '../openmetadata/derived-id.ts';
import type { Trigger } from '../openmetadata/trigger.ts';
import type { Entity, Store } from '../store/ports.ts';
import type { Due } from './due.ts';

export interface FiringDeps {
  readonly store: Pick<Store, 'slots'>;
  readonly trigger: Pick<Trigger, 'triggerPipeline'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A slot that somebody took this long ago without a result was taken by a process that died. */
const RECOVER_AFTER_MS = 60_000;

/**
 * Deals with a slot that is due, unless another replica has. The run's id is derived from the slot, so that even firing
 * it twice makes one run.
 * @returns false when it has to be tried again
 */
export async function settleSlot(deps: FiringDeps, pipeline: Entity, { kind, slot }: Due): Promise<boolean> {
  const { slots } = deps.store;
  if (!(await slots.take(pipeline.id, slot))) {
    const last = await slots.last(pipeline.id);
    const unfinished = last?.slot === slot && last.fired === undefined && last.skipped === undefined;
    if (!unfinished) return true;
    if (deps.clock.now() - slot < RECOVER_AFTER_MS) return false;
  }
  if (kind === 'fire') return fire(deps, pipeline, slot);
  await slots.record(pipeline.id, slot, { skipped: 'missed: the control plane was away at that time' });
  return true;
}

async function fire(deps: FiringDeps, pipeline: Entity, slot: number): Promise<boolean> {
  const { store, trigger, logger } = deps;
  const runId = derivedId(pipeline.id, `slot ${slot}`);
  try {
    await trigger.triggerPipeline(pipeline.id, { trigger: 'schedule', createdBy: 'scheduler', slot, runId });
  } catch (thrown) {
    const error = toRunnerError(thrown);
    if (error.retryable) return false;
    if (error.code !== 'already_exists') {
      const skipped = skippedText(error.code, error.message, error.details['runId']);
      logger.warn('a scheduled run was skipped', { pipeline: pipeline.fqn, slot, reason: skipped });
      await store.slots.record(pipeline.id, slot, { skipped });
      return true;
    }
  }
  await store.slots.record(pipeline.id, slot, { fired: runId });
  return true;
}

function skippedText(code: string, message: string, runId: unknown): string {
  return typeof runId === 'string' ? `${code}: ${message} (${runId})` : `${code}: ${message}`;
}
