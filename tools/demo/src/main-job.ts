import type { Clock } from '@runner/core';
import { isRunnerError } from '@runner/core';
import type { Client, Json } from './client.ts';
import { objectIn, textIn } from './client.ts';
import { SECRET_ID } from './database.ts';
import type { Screen } from './screen.ts';
import { RUNNER } from './services.ts';
import { seconds } from './table.ts';

export interface Pipeline {
  readonly id: string;
  readonly fqn: string;
}

export interface RunResult {
  readonly runId: string;
  /** OpenMetadata's word: success, partialSuccess or failed. */
  readonly state: string;
  readonly status: Json;
  readonly logTail: readonly string[];
  readonly durationMs: number;
}

const SERVICE = 'demo_shop';
const PIPELINES = 'services/ingestionPipelines';
const ENDED: ReadonlySet<string> = new Set(['success', 'partialSuccess', 'failed', 'stopped']);
const LOOK_EVERY_MS = 150;
const RUN_WITHIN_MS = 180_000;
/** The log of an ended run is complete soon after. */
const LOG_WITHIN_MS = 10_000;
const TAIL_LINES = 12;
const LONGEST_LINE = 2_000;

/** The database as a workload sees it. */
export interface Source {
  readonly hostPort: string;
  readonly user: string;
  readonly name: string;
}

/** The service, whose password is a reference, and its pipeline; made or brought up to date. */
export async function preparePipeline(client: Client, database: Source): Promise<Pipeline> {
  const service = await client.call('PUT', 'services/databaseServices', {
    name: SERVICE,
    serviceType: 'Postgres',
    description: 'The database of the demo: a small mail-order shop',
    connection: {
      config: {
        type: 'Postgres',
        scheme: 'postgresql+psycopg2',
        username: database.user,
        authType: { password: `secret:${SECRET_ID}` },
        hostPort: database.hostPort,
        database: database.name,
      },
    },
    ingestionRunner: { type: 'ingestionRunner', name: RUNNER },
  });
  const pipeline = await client.call('PUT', PIPELINES, {
    name: 'catalogue',
    pipelineType: 'metadata',
    service: { id: service['id'], type: 'databaseService' },
    sourceConfig: { config: { type: 'DatabaseMetadata' } },
    airflowConfig: {},
  });
  const id = String(pipeline['id']);
  await client.call('POST', `${PIPELINES}/deploy/${id}`);
  return { id, fqn: String(pipeline['fullyQualifiedName']) };
}

export interface RunParts {
  readonly client: Client;
  readonly screen: Screen;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Triggers the pipeline and stays with the run until it has ended. */
export async function runPipeline(pipeline: Pipeline, parts: RunParts): Promise<RunResult> {
  const { client, clock, screen } = parts;
  await endOpenRun(pipeline, parts);
  const began = clock.monotonic();
  const { runId } = await client.call('POST', `${PIPELINES}/trigger/${pipeline.id}`);
  const run = { pipeline, runId: String(runId) };
  screen.say(`Triggered run ${run.runId}`);
  const log = followLog(run, parts);
  try {
    const status = await watchStatus(run, { began, lastLine: log.lastLine }, parts);
    const durationMs = clock.monotonic() - began;
    const logTail = await log.tail(LOG_WITHIN_MS);
    return {
      runId: run.runId,
      state: textIn(status['pipelineState']) ?? 'without a state',
      status,
      logTail,
      durationMs,
    };
  } finally {
    await log.stop();
  }
}

/** A demo that was killed may have left a run open, which its executor has carried on. */
async function endOpenRun(pipeline: Pipeline, { client, clock, signal, screen }: RunParts): Promise<void> {
  const deadline = clock.monotonic() + RUN_WITHIN_MS;
  let told = false;
  while (clock.monotonic() < deadline) {
    const { runId } = await client.call('POST', `${PIPELINES}/kill/${pipeline.id}`);
    if (runId === undefined) return;
    if (!told) screen.say(`Ending run ${textIn(runId) ?? ''}, which the last demo left open`);
    told = true;
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
}

/** Ends what is still running, for the way out. Says nothing when nobody answers any more. */
export async function killRuns(pipeline: Pipeline, client: Client, clock: Clock): Promise<void> {
  const deadline = clock.monotonic() + LOG_WITHIN_MS;
  try {
    while (clock.monotonic() < deadline) {
      const { runId } = await client.call('POST', `${PIPELINES}/kill/${pipeline.id}`);
      if (runId === undefined) return;
      await clock.sleep(LOOK_EVERY_MS);
    }
  } catch (error) {
    if (!isRunnerError(error) && !(error instanceof TypeError)) throw error;
  }
}

interface Run {
  readonly pipeline: Pipeline;
  readonly runId: string;
}

interface Watched {
  readonly began: number;
  readonly lastLine: () => string;
}

async function watchStatus({ pipeline, runId }: Run, watched: Watched, parts: RunParts): Promise<Json> {
  const { client, clock, signal, screen } = parts;
  const watching = new AbortController();
  let progress = '';
  const follow = async (): Promise<void> => {
    const path = `${PIPELINES}/progress/${encodeURIComponent(pipeline.fqn)}/stream/${runId}`;
    for await (const update of client.events(path, watching.signal)) progress = progressText(update);
  };
  const following = follow();
  try {
    for (;;) {
      const path = `${PIPELINES}/${encodeURIComponent(pipeline.fqn)}/pipelineStatus/${runId}`;
      const status = await client.call('GET', path);
      const elapsed = clock.monotonic() - watched.began;
      const state = textIn(status['pipelineState']) ?? 'queued';
      screen.live([state, seconds(elapsed), progress, watched.lastLine()].filter((part) => part !== '').join('  '));
      if (ENDED.has(state)) return status;
      if (elapsed > RUN_WITHIN_MS) return { ...status, pipelineState: `still ${state}` };
      await clock.sleep(LOOK_EVERY_MS, signal);
    }
  } finally {
    watching.abort();
    await following;
  }
}

/** `12 of 17 tables, sales.orders`; pure. */
export function progressText(update: Json): string {
  const { total, processed } = objectIn(objectIn(update['progress'])['tables']);
  const entity = update['currentEntity'];
  const counted = typeof total === 'number' && typeof processed === 'number' ? `${processed} of ${total} tables` : '';
  return [counted, typeof entity === 'string' ? entity : ''].filter((part) => part !== '').join(', ');
}

/** Collects the log as it comes in. */
function followLog({ pipeline, runId }: Run, { client, clock }: RunParts) {
  const stopping = new AbortController();
  let text = '';
  const collect = async (): Promise<void> => {
    const path = `${PIPELINES}/logs/${encodeURIComponent(pipeline.fqn)}/stream/${runId}`;
    for await (const event of client.events(path, stopping.signal)) {
      if (typeof event['logs'] === 'string') text += event['logs'];
      if (event['eventType'] === 'complete') return;
    }
  };
  const collected = collect();
  return {
    /** The newest line without its time and level. */
    lastLine: (): string =>
      text
        .slice(-LONGEST_LINE)
        .trimEnd()
        .replace(/^[^]*\n/, '')
        .replace(/^\S+Z \w+ +/, ''),
    tail: async (withinMs: number): Promise<readonly string[]> => {
      const timer = clock.setTimer(withinMs, () => stopping.abort());
      await collected;
      timer.cancel();
      return text.trimEnd().split('\n').slice(-TAIL_LINES);
    },
    stop: async (): Promise<void> => {
      stopping.abort();
      await collected;
    },
  };
}
