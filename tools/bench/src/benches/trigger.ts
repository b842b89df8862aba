import { createAgent } from '@runner/agent/agent';
import type { Agent } from '@runner/agent/agent';
import type { Clock } from '@runner/core';
import { systemRandom } from '@runner/core';
import type { Executor } from '@runner/executor';
import { fakeExecutor } from '@runner/executor/testing';
import { dialWebSocket } from '@runner/protocol/ws';
import type { Bench, BenchContext } from '../bench.ts';
import type { Figure } from '../figure.ts';
import type { ControlPlane } from '../measure/control-plane.ts';
import { startControlPlane } from '../measure/control-plane.ts';
import { temporaryFolder } from '../measure/folder.ts';
import { percentile } from '../statistics.ts';

const RUNNER = 'trigger-bench';
const PIPELINES = 'services/ingestionPipelines';
/** Triggers that are not counted. */
const WARM_UP = 20;
const CONNECT_LOOK_MS = 20;
/** Between a run's start and the next trigger. */
const PAUSE_MS = 30;

/** From the first byte of the trigger's HTTP request to the executor of the agent. */
export const trigger: Bench = {
  name: 'trigger',
  title: 'HTTP trigger to executor, with PostgreSQL, beside a GET of the same pipeline',
  run: async (context) => {
    await using folder = await temporaryFolder();
    context.say('starting the control plane with its PostgreSQL');
    await using controlPlane = await startControlPlane(folder.path, context);
    const { token } = await controlPlane.call('POST', 'ingestionRunners', { name: RUNNER });
    const submissions = createSubmissions(context.clock);
    await using agent = startAgent({ url: controlPlane.url, token: String(token), submissions, clock: context.clock });
    await untilConnected(agent, context);
    const times = await timesOf(controlPlane, submissions, context);
    return figuresOf(times, context.quick);
  },
};

/** The executor in memory, and when which run got to it. */
function createSubmissions(clock: Clock) {
  const inner = fakeExecutor({ clock });
  const waiting = new Map<string, (at: number) => void>();
  const arrived = new Map<string, number>();
  const executor: Executor = {
    ...inner,
    submit: async (spec, signal) => {
      const at = clock.monotonic();
      arrived.set(spec.runId, at);
      waiting.get(spec.runId)?.(at);
      const result = await inner.submit(spec, signal);
      inner.place.succeed(spec.runId);
      return result;
    },
  };
  return {
    executor,
    /** When this run got to the executor, by the monotonic clock. */
    of: (runId: string): Promise<number> =>
      new Promise((resolve) => {
        const at = arrived.get(runId);
        if (at === undefined) waiting.set(runId, resolve);
        else resolve(at);
      }),
  };
}
type Submissions = ReturnType<typeof createSubmissions>;

function startAgent(parts: {
  readonly url: string;
  readonly token: string;
  readonly submissions: Submissions;
  readonly clock: Clock;
}): Agent {
  const agent = createAgent({
    agentId: RUNNER,
    version: '0.0.0',
    executor: parts.submissions.executor,
    secretsManager: 'file',
    dial: dialWebSocket({ url: parts.url.replace(/^http/, 'ws'), token: () => parts.token }),
    limits: { total: 1_000 },
    startDeadlineSeconds: () => Infinity,
    clock: parts.clock,
    random: systemRandom(),
  });
  agent.start();
  return agent;
}

async function untilConnected(agent: Agent, { clock, signal }: BenchContext): Promise<void> {
  while (agent.status().session?.role !== 'active') await clock.sleep(CONNECT_LOOK_MS, signal);
}

/** Milliseconds of each trigger that counts. */
async function timesOf(controlPlane: ControlPlane, submissions: Submissions, context: BenchContext) {
  const { clock, say, signal, quick } = context;
  const count = quick ? 50 : 300;
  say('making pipelines');
  const pipelines = await makePipelines(controlPlane, WARM_UP + count);
  say(`triggering ${count} of them, one after the other`);
  const handed: number[] = [];
  const answered: number[] = [];
  const reads: number[] = [];
  for (const id of pipelines) {
    const asked = clock.monotonic();
    await controlPlane.call('GET', `${PIPELINES}/${id}`);
    reads.push(clock.monotonic() - asked);
    const began = clock.monotonic();
    const { runId } = await controlPlane.call('POST', `${PIPELINES}/trigger/${id}`);
    answered.push(clock.monotonic() - began);
    handed.push((await submissions.of(String(runId))) - began);
    // What the ending of this run writes is no part of the next trigger.
    await clock.sleep(PAUSE_MS, signal);
  }
  return { handed: handed.slice(WARM_UP), answered: answered.slice(WARM_UP), reads: reads.slice(WARM_UP) };
}

async function makePipelines({ call }: ControlPlane, count: number): Promise<readonly string[]> {
  const service = await call('PUT', 'services/databaseServices', {
    name: 'bench_shop',
    serviceType: 'Postgres',
    connection: {
      config: {
        type: 'Postgres',
        scheme: 'postgresql+psycopg2',
        username: 'reader',
        authType: { password: 'secret:bench-password' },
        hostPort: '127.0.0.1:5432',
        database: 'shop',
      },
    },
    ingestionRunner: { type: 'ingestionRunner', name: RUNNER },
  });
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) {
    const { id } = await call('PUT', PIPELINES, {
      name: `pipeline_${n}`,
      pipelineType: 'metadata',
      service: { id: service['id'], type: 'databaseService' },
      sourceConfig: { config: { type: 'DatabaseMetadata' } },
      airflowConfig: {},
    });
    await call('POST', `${PIPELINES}/deploy/${String(id)}`);
    ids.push(String(id));
  }
  return ids;
}

function figuresOf(times: Awaited<ReturnType<typeof timesOf>>, quick: boolean): readonly Figure[] {
  const { handed, answered, reads } = times;
  const row = (what: string, values: readonly number[], share: number): Figure => ({
    what: `${what}, p${share * 100}`,
    value: percentile(values, share),
    bare: percentile(reads, share),
    unit: 'ms',
  });
  return [
    { ...row('trigger to executor', handed, 0.5), promised: { of: 'value', most: 10 } },
    { ...row('trigger to executor', handed, 0.99), promised: { of: 'value', most: 50, tooSmall: quick } },
    row('trigger to its HTTP answer', answered, 0.5),
    row('trigger to its HTTP answer', answered, 0.99),
  ];
}
