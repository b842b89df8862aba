import type { Clock, Component, Logger } from '@runner/core';
import { abortError, isAbort } from '@runner/core';
import type { Trigger } from '../openmetadata/trigger.ts';
import type { Entity, Store } from '../store/ports.ts';
import { nextSlot } from './cron.ts';
import { dueSlot } from './due.ts';
import { activeSchedule } from './pipeline-schedule.ts';
import type { PipelineSchedule } from './pipeline-schedule.ts';
import { settleSlot } from './slot-firing.ts';

export interface SchedulerOptions {
  readonly store: Pick<Store, 'entities' | 'slots'>;
  readonly trigger: Pick<Trigger, 'triggerPipeline'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The longest time between two looks at the pipelines, so that a new schedule is noticed. Default 10 s. */
  readonly lookEveryMs?: number;
}

export interface Scheduler extends Component {
  /** One look, now. Resolves with the milliseconds until the next slot of any pipeline. */
  look(): Promise<number>;
}

/** What this process remembers of a schedule; every replica has its own, and `SlotStore.take` decides between them. */
interface Watched {
  readonly key: string;
  /** Slots up to here are done with. */
  since: number;
  /** The next slot; Infinity when there is none. */
  next: number;
}

const PAGE = 500;

/**
 * Triggers pipelines at their slots. Every replica runs it: whoever takes a slot fires it, and the run's id is derived
 * from the slot, so that even firing it twice makes one run.
 */
export function createScheduler(options: SchedulerOptions): Scheduler {
  const { store, clock, logger, lookEveryMs = 10_000 } = options;
  const stopping = new AbortController();
  let watched = new Map<string, Watched>();
  let loop: Promise<void> | undefined;

  /**
   * A schedule that is new to this process counts from the last change of its pipeline: what came due while this process
   * was away is dealt with, what lies before the pipeline was deployed or switched on is not.
   */
  const watchOf = (pipeline: Entity, schedule: PipelineSchedule, known: Watched | undefined): Watched => {
    const key = JSON.stringify(schedule);
    if (known?.key === key) return known;
    const since = Math.min(pipeline.updatedAt, clock.now());
    return { key, since, next: readable(logger, pipeline, () => nextSlot(schedule, since)) ?? Infinity };
  };

  const look = async (): Promise<number> => {
    const seen = new Map<string, Watched>();
    for (let after: string | undefined; !stopping.signal.aborted;) {
      const page = await store.entities.list({
        kind: 'ingestionPipeline',
        limit: PAGE,
        where: { deployed: 'true' },
        ...(after === undefined ? {} : { after }),
      });
      for (const pipeline of page.data) {
        const schedule = readable(logger, pipeline, () => activeSchedule(pipeline.json));
        if (schedule === undefined) continue;
        const watch = watchOf(pipeline, schedule, watched.get(pipeline.id));
        seen.set(pipeline.id, watch);
        if (watch.next <= clock.now()) await deal(pipeline, schedule, watch);
      }
      after = page.after;
      if (after === undefined) break;
    }
    watched = seen;
    const next = [...seen.values()].reduce((earliest, watch) => Math.min(earliest, watch.next), Infinity);
    return Math.max(0, next - clock.now());
  };

  const deal = async (pipeline: Entity, schedule: PipelineSchedule, watch: Watched): Promise<void> => {
    const now = clock.now();
    const due = dueSlot(schedule, watch.since, now);
    if (due !== undefined && !(await settleSlot(options, pipeline, due))) return;
    watch.since = Math.max(watch.since, due?.slot ?? 0);
    watch.next = nextSlot(schedule, now) ?? Infinity;
  };

  const run = async (): Promise<void> => {
    let failing = false;
    while (!stopping.signal.aborted) {
      let wait = lookEveryMs;
      try {
        wait = Math.min(lookEveryMs, await look());
        if (failing) logger.info('schedules are kept again');
        failing = false;
      } catch (error) {
        if (!failing) logger.error('schedules are not kept', { error });
        failing = true;
      }
      await clock.sleep(Math.max(50, wait), stopping.signal).catch((error: unknown) => {
        if (!isAbort(error)) throw error;
      });
    }
  };

  return {
    name: 'scheduler',
    start: () => {
      loop = run();
      return Promise.resolve();
    },
    stop: async () => {
      stopping.abort(abortError());
      await loop;
    },
    look,
  };
}

/** A schedule that cannot be read (it was stored by an older version) must not stop the others. */
function readable<T>(logger: Logger, pipeline: Entity, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    logger.debug('a schedule cannot be read', { pipeline: pipeline.fqn, error });
    return undefined;
  }
}
