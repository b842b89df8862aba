import type { Clock, Logger } from '@runner/core';
import { messageOf } from '@runner/core';
import type { Api } from './api.ts';
import { objectIn } from './input.ts';
import type { PipelineStatus, StepSummary } from './status.ts';

/** What this run tells the server. */
export interface Report {
  running(): Promise<void>;
  /** How far it is; at most one call in 200 ms, and a failing one changes nothing. */
  progress(update: ProgressUpdate): Promise<void>;
  end(
    state: Exclude<PipelineStatus['pipelineState'], 'running'>,
    steps: readonly StepSummary[],
    metadata?: Readonly<Record<string, unknown>>,
  ): Promise<void>;
}

interface ProgressUpdate {
  readonly updateType: 'DISCOVERY' | 'PROCESSING' | 'STEP_COMPLETE' | 'PIPELINE_COMPLETE' | 'ERROR';
  readonly stepName: string;
  readonly total: number;
  readonly processed: number;
  readonly currentEntity?: string;
  readonly message?: string;
}

const BETWEEN_UPDATES_MS = 200;
/** The last word matters most, so more is done to get it across. */
const LAST_ATTEMPTS = 6;

export function createReport(
  api: Api,
  run: { readonly fqn: string; readonly runId: string },
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): Report {
  const base = 'services/ingestionPipelines';
  const fqn = encodeURIComponent(run.fqn);
  let startDate = clock.now();
  let lastUpdate = Number.NEGATIVE_INFINITY;
  const put = (status: Omit<PipelineStatus, 'runId' | 'startDate' | 'timestamp'>, attempts: number): Promise<unknown> =>
    api.call('PUT', `${base}/${fqn}/pipelineStatus`, {
      attempts,
      body: { runId: run.runId, startDate, timestamp: startDate, ...status } satisfies PipelineStatus,
    });

  return {
    running: async () => {
      const stored = objectIn(await api.call('GET', `${base}/${fqn}/pipelineStatus/${run.runId}`, { optional: true }));
      // A PUT replaces the whole row, so the start that was recorded is said again.
      if (typeof stored['startDate'] === 'number') startDate = stored['startDate'];
      await put({ pipelineState: 'running' }, 3);
    },
    progress: async ({ stepName, total, processed, ...update }) => {
      const isLast = update.updateType === 'PIPELINE_COMPLETE' || update.updateType === 'ERROR';
      if (!isLast && clock.monotonic() - lastUpdate < BETWEEN_UPDATES_MS) return;
      lastUpdate = clock.monotonic();
      const body = {
        runId: run.runId,
        timestamp: clock.now(),
        stepName,
        progress: { tables: { total, processed } },
        ...update,
      };
      await api
        .call('PUT', `${base}/progress/${fqn}/${run.runId}`, { body, attempts: 1 })
        .catch((error: unknown) => logger.debug('the progress was not taken', { error: messageOf(error) }));
    },
    end: async (pipelineState, steps, metadata) => {
      await put(
        { pipelineState, endDate: clock.now(), status: steps, ...(metadata === undefined ? {} : { metadata }) },
        LAST_ATTEMPTS,
      );
    },
  };
}
