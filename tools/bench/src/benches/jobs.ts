import type { Job } from '@runner/kube';
import type { Bench, BenchContext } from '../bench.ts';
import type { BareCreator } from '../children/bare-creator.ts';
import type { JobAgent, JobTimes } from '../children/job-agent.ts';
import type { JobDispatcher } from '../children/job-dispatcher.ts';
import type { RunServer } from '../children/run-server.ts';
import type { Figure } from '../figure.ts';
import type { Child } from '../measure/child.ts';
import { startChild } from '../measure/child.ts';
import { temporaryFolder } from '../measure/folder.ts';
import type { BenchKubernetes } from '../measure/kubernetes.ts';
import { benchKubernetes, memoryKubernetes } from '../measure/kubernetes.ts';
import { inTurns, middleCpu, middleRound, perSecond } from '../measure/rounds.ts';
import { percentile } from '../statistics.ts';

const AGENT = 'job-agent';
/** What the client of the agent does at once. */
const AT_ONCE = 32;

/** Jobs: how fast they are made, what the agent needs for it, and which requests a run costs. */
export const jobs: Bench = {
  name: 'jobs',
  title: 'Runs as Jobs, beside a bare loop that creates the same Jobs',
  run: async (context) => {
    await using folder = await temporaryFolder();
    const speed = await speedFigures(folder.path, context);
    return [...speed, ...(await callFigures(folder.path, context))];
  },
};

interface Parts {
  readonly kubernetes: BenchKubernetes;
  readonly server: Child<RunServer>;
  readonly agent: Child<JobAgent>;
}

async function speedFigures(folder: string, context: BenchContext): Promise<readonly Figure[]> {
  const { signal, quick } = context;
  await using kubernetes = await benchKubernetes(folder, context);
  context.note(`Jobs were made at ${kubernetes.what}; configs of 8 KiB, inline, ${AT_ONCE} requests at once.`);
  const { own, sample } = await pacedAgent(kubernetes, context);
  await using dispatcher = startChild<JobDispatcher>('children/job-dispatcher.ts', signal);
  await using bare = startChild<BareCreator>('children/bare-creator.ts', signal);
  const { kubeconfig, namespace } = kubernetes;
  await dispatcher.ask('open', { kubeconfig, namespace });
  await bare.ask('open', { place: { kubeconfig, collection: 'batch/v1/jobs' }, namespace, atOnce: AT_ONCE });
  const rounds = await race({ kubernetes, dispatcher, bare }, sample, context);
  return [...speedFiguresOf(rounds, quick), ...ownTimeFigures(own, quick)];
}

/** The whole agent, one run after the other; it is gone before anything else is measured. */
async function pacedAgent(kubernetes: BenchKubernetes, context: BenchContext) {
  await using server = startChild<RunServer>('children/run-server.ts', context.signal);
  await using agent = startChild<JobAgent>('children/job-agent.ts', context.signal);
  const parts = { kubernetes, server, agent };
  await connect(parts, 'inline');
  const own = await pacedTimes(parts, context.quick ? 30 : 300);
  return { own, sample: await agent.ask('sample') };
}

async function connect({ kubernetes, server, agent }: Parts, delivery: 'inline' | 'secret'): Promise<void> {
  const { kubeconfig, namespace } = kubernetes;
  await agent.ask('connect', { url: await server.ask('listen'), agentId: AGENT, kubeconfig, namespace, delivery });
  await server.ask('untilActive', AGENT);
}

/** One run after the other, so that none waits for the one before. */
async function pacedTimes({ kubernetes, server, agent }: Parts, count: number): Promise<readonly JobTimes[]> {
  const warmUp = 20;
  for (let n = 0; n < warmUp; n += 1) await server.ask('untilAccepted', AGENT, 1);
  await agent.ask('times');
  for (let n = 0; n < count; n += 1) await server.ask('untilAccepted', AGENT, 1);
  const times = await agent.ask('times');
  await kubernetes.removeJobs();
  return times;
}

interface Sides {
  readonly kubernetes: BenchKubernetes;
  readonly dispatcher: Child<JobDispatcher>;
  readonly bare: Child<BareCreator>;
}

/** Both sides in turns, each on an empty namespace. */
async function race({ kubernetes, dispatcher, bare }: Sides, like: Job, context: BenchContext) {
  const { quick, say } = context;
  const count = quick ? 100 : 500;
  return await inTurns<'bare' | 'dispatched'>({
    rounds: quick ? 2 : 6,
    sides: { bare: () => bare.ask('create', like, count), dispatched: () => dispatcher.ask('dispatch', count) },
    after: () => kubernetes.removeJobs(),
    say,
  });
}

function speedFiguresOf(rounds: Awaited<ReturnType<typeof race>>, quick: boolean): readonly Figure[] {
  const { dispatched, bare } = middleRound(rounds, 'dispatched', 'bare');
  return [
    {
      what: 'dispatched, from the first start to the last answer',
      value: perSecond(dispatched),
      bare: perSecond(bare),
      unit: 'Jobs/s',
      promised: { of: 'ratio', least: 0.9, tooSmall: quick },
    },
    {
      what: 'processor time of a start',
      value: middleCpu(rounds.map((round) => round.dispatched)),
      bare: middleCpu(rounds.map((round) => round.bare)),
      unit: 'ms',
    },
  ];
}

function ownTimeFigures(times: readonly JobTimes[], quick: boolean): readonly Figure[] {
  const own = times.map(({ received, create }) => create - received);
  const answers = times.map(({ create, created }) => created - create);
  return [
    {
      what: 'from the frame to the request, p50',
      value: percentile(own, 0.5),
      unit: 'ms',
      promised: { of: 'value', most: 5 },
    },
    {
      what: 'from the frame to the request, p99',
      value: percentile(own, 0.99),
      unit: 'ms',
      promised: { of: 'value', most: 50, tooSmall: quick },
    },
    { what: 'answer of the API server, p50', value: percentile(answers, 0.5), unit: 'ms' },
  ];
}

/** Counted where every request is seen and programs run: in memory. */
async function callFigures(folder: string, context: BenchContext): Promise<readonly Figure[]> {
  context.note('Requests were counted at the API server in memory, whose pods run: one log is followed for each run.');
  const inline = await requestsOfRuns('inline', folder, context);
  const secret = await requestsOfRuns('secret', folder, context);
  return [
    {
      what: 'requests of a run, config inline',
      value: inline.each,
      unit: 'calls',
      promised: { of: 'value', most: 2 },
    },
    {
      what: 'requests of a run, config in a Secret',
      value: secret.each,
      unit: 'calls',
      promised: { of: 'value', most: 3 },
    },
    {
      what: `watches with ${inline.runs} runs`,
      value: inline.watches,
      unit: 'watches',
      promised: { of: 'value', most: 2 },
    },
  ];
}

async function requestsOfRuns(delivery: 'inline' | 'secret', folder: string, context: BenchContext) {
  const { signal, quick } = context;
  const runs = quick ? 20 : 90;
  await using kubernetes = await memoryKubernetes(folder, context);
  await using server = startChild<RunServer>('children/run-server.ts', signal);
  await using agent = startChild<JobAgent>('children/job-agent.ts', signal);
  const pods = kubernetes.server;
  await pods.ask('runPods');
  await server.ask('followLogs', AGENT);
  await connect({ kubernetes, server, agent }, delivery);
  // Whatever is asked once, such as a right, is asked by then.
  await server.ask('untilAccepted', AGENT, 1);
  await server.ask('untilHeard', 1);
  await pods.ask('calls');
  await server.ask('untilAccepted', AGENT, runs);
  await server.ask('untilHeard', 1 + runs);
  const watches = await pods.ask('openWatches');
  await pods.ask('endAll');
  await server.ask('untilAllEnded');
  const calls = await pods.ask('calls');
  const asked = Object.entries(calls).filter(([name]) => !name.startsWith('watch '));
  context.say(`${runs} runs, ${delivery}: ${JSON.stringify(calls)}`);
  return { runs, watches, each: asked.reduce((sum, [, count]) => sum + count, 0) / runs };
}
