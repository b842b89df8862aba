import type { Clock, Component, LogContext, Logger } from '@runner/core';
import { abortError, isAbort, isRunnerError } from '@runner/core';
import type { EntityKind, RunRow, Store } from '../store/ports.ts';
import { purgeDeleted } from './deletion.ts';
import { createRemoteStatuses } from './remote-statuses.ts';
import type { RemoteStatuses } from './remote-statuses.ts';
import { onTime } from './run-clocks.ts';
import { settleRun } from './settle.ts';
import type { SettleDeps, Settled } from './settle.ts';
import { traceIdOf } from './trace-context.ts';
import type { Trigger } from './trigger.ts';

export interface EndingsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly trigger: Pick<Trigger, 'triggerPipeline'>;
  readonly config: {
    /** How long a run that was never offered waits for its runner. */
    readonly runnerUnavailableSeconds: number;
  };
  readonly remote?: RemoteStatuses;
  /** How often ended runs are looked for. Default 1 s. */
  readonly settleEveryMs?: number;
  /** How often the clocks of open runs are read. Default 15 s. */
  readonly clocksEveryMs?: number;
}

export interface Endings extends Component {
  /** One look at ended runs, now. */
  settle(signal?: AbortSignal): Promise<void>;
  /** One look at the clocks of open runs, and at deletions that waited for runs to end. */
  tick(): Promise<void>;
}

interface Waiting {
  readonly until: number;
  readonly ending: string;
  /** It was said already that this one cannot be settled. */
  readonly failing: boolean;
}

const PAGE = 200;
const PURGED_KINDS: readonly EntityKind[] = ['ingestionPipeline', 'automationWorkflow', 'app'];

/**
 * Completes what workloads leave undone: terminal statuses, answers of automations, further attempts, runs that nobody
 * answers for, entities that were deleted while they ran. Every replica does all of it; each step may be done twice.
 */
export function createEndings(options: EndingsOptions): Endings {
  const { store, clock, logger } = options;
  const remote = options.remote ?? createRemoteStatuses({ clock, logger });
  const deps: SettleDeps = { store, clock, logger, trigger: options.trigger, remote };
  const stopping = new AbortController();
  let waiting: ReadonlyMap<string, Waiting> = new Map();
  let loops: Promise<unknown> | undefined;

  const settle = async (signal: AbortSignal = stopping.signal): Promise<void> => {
    const stillWaiting = new Map<string, Waiting>();
    for (let after: string | undefined; !signal.aborted;) {
      const page = await store.runs.unsettled(PAGE, after);
      for (const row of page) {
        const { runId, state } = row.record;
        const known = waiting.get(runId);
        if (known?.ending !== endingOf(row)) logger.info('a run has ended', aboutEnding(row));
        const patient = known !== undefined && known.until > clock.now() && known.ending === endingOf(row);
        const settled = patient ? known.until : await settleOne(row, known?.failing === true, signal);
        if (settled === 'done') await store.runs.markSettled(runId, state);
        else if (settled === 'failed') stillWaiting.set(runId, { until: 0, ending: endingOf(row), failing: true });
        else stillWaiting.set(runId, { until: settled, ending: endingOf(row), failing: false });
      }
      after = page.at(-1)?.record.runId;
      if (page.length < PAGE) break;
    }
    waiting = stillWaiting;
  };

  /** One bad row must not keep the others from being settled; it is looked at again with the next round. */
  const settleOne = async (row: RunRow, known: boolean, signal: AbortSignal): Promise<Settled | 'failed'> => {
    try {
      return await settleRun(deps, row, signal);
    } catch (error) {
      if (isRunnerError(error, 'store_unavailable')) throw error;
      if (!known) logger.error('an ended run could not be settled', { runId: row.record.runId, error });
      return 'failed';
    }
  };

  const readClocks = async (): Promise<void> => {
    const runners = new Map((await store.runners.list()).map((runner) => [runner.name, runner]));
    const settings = { runnerUnavailableMs: options.config.runnerUnavailableSeconds * 1000 };
    for (let after: string | undefined; !stopping.signal.aborted;) {
      const page = await store.runs.open(PAGE, after);
      for (const row of page) {
        const runner = runners.get(row.record.agentId);
        if (onTime(row, runner, clock.now(), settings) === undefined) continue;
        await store.runs.update(row.record.runId, (current) => onTime(current, runner, clock.now(), settings));
      }
      after = page.at(-1)?.record.runId;
      if (page.length < PAGE) return;
    }
  };

  const tick = async (): Promise<void> => {
    await readClocks();
    for (const kind of PURGED_KINDS) await purgeDeleted(store, kind);
  };

  return {
    name: 'endings',
    start: () => {
      loops = Promise.all([
        every(options.settleEveryMs ?? 1_000, settle, 'ended runs are not settled'),
        every(options.clocksEveryMs ?? 15_000, tick, 'the clocks of open runs are not read'),
      ]);
      return Promise.resolve();
    },
    stop: async () => {
      stopping.abort(abortError());
      await loops;
    },
    settle,
    tick,
  };

  /** Says once per outage that it does not work, and once that it works again. */
  async function every(ms: number, work: () => Promise<void>, complaint: string): Promise<void> {
    let failing = false;
    while (!stopping.signal.aborted) {
      try {
        await work();
        if (failing) logger.info('it works again', { what: complaint });
        failing = false;
      } catch (error) {
        if (!failing) logger.error(complaint, { error });
        failing = true;
      }
      await clock.sleep(ms, stopping.signal).catch((error: unknown) => {
        if (!isAbort(error)) throw error;
      });
    }
  }
}

/** Said once by each replica that sees it, and again when the ending is corrected. */
function aboutEnding({ record, entityFqn, start }: RunRow): LogContext {
  const { runId, state, reason, diagnosis } = record;
  const traceId = traceIdOf(start.traceparent);
  return { runId, pipeline: entityFqn, traceId, state, reason, diagnosis: diagnosis?.code };
}

/** What a settlement depends on: when it changes, waiting is over. */
function endingOf({ record }: RunRow): string {
  return JSON.stringify([record.state, record.writtenBy, record.endedAt, record.want]);
}
