import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Job } from '@runner/kube';
import { JOBS } from '@runner/kube';
import { RUN_ID_LABEL } from '@runner/executor';
import type { Bench, BenchContext } from '../bench.ts';
import type { JobWatcher } from '../children/job-watcher.ts';
import type { RunServer } from '../children/run-server.ts';
import type { Figure } from '../figure.ts';
import { agentProgram, startJobAgentProcess } from '../measure/agent-process.ts';
import { bundle } from '../measure/bundle.ts';
import { startChild } from '../measure/child.ts';
import { temporaryFolder } from '../measure/folder.ts';
import type { BenchKubernetes } from '../measure/kubernetes.ts';
import { benchKubernetes, memoryKubernetes } from '../measure/kubernetes.ts';
import { residentBytes } from '../measure/memory.ts';
import { median } from '../statistics.ts';
import { configOf, runIdOf } from './frames.ts';

const MEBIBYTE = 1_048_576;
const AGENT = 'memory-agent';
const OWNER = { controlPlaneId: 'bench', agentId: AGENT };
const LIVE = 1_000;
/** Logs that the executor follows at once. */
const FOLLOWED = 100;

/** What Jobs take of the agent's memory. */
export const jobsMemory: Bench = {
  name: 'jobs-memory',
  title: 'Memory of the agent with Jobs',
  run: async (context) => {
    await using folder = await temporaryFolder();
    const watched = await watchFigures(folder.path, context);
    return [...watched, ...(await agentFigures(folder.path, context))];
  },
};

/** A cache of many Jobs, and nothing else of the agent. */
async function watchFigures(folder: string, context: BenchContext): Promise<readonly Figure[]> {
  const { signal, quick, say } = context;
  const count = quick ? 1_000 : 10_000;
  await using kubernetes = await benchKubernetes(folder, context);
  context.note(`Jobs for list and watch were made at ${kubernetes.what}; suspended, configs of 8 KiB inline.`);
  const place = join(folder, 'watcher');
  await mkdir(place);
  await bundle({ 'job-watcher': 'tools/bench/src/children/job-watcher.ts' }, place);
  await using watcher = startChild<JobWatcher>(join(place, 'job-watcher.js'), signal);
  const { kubeconfig, namespace } = kubernetes;
  await watcher.ask('open', { kubeconfig, namespace, owner: OWNER });
  const before = await watcher.ask('collectedMemory');
  say(`making ${count} suspended Jobs`);
  await makeSuspended(kubernetes, await watcher.ask('job', testConfig()), count, signal);
  await watcher.ask('watch', count);
  const after = await watcher.ask('collectedMemory');
  say('removing them');
  await kubernetes.removeJobs();
  const objects = count.toLocaleString('en-US');
  const promised = { of: 'value', most: 60, tooSmall: quick } as const;
  return [
    {
      what: `list and watch of ${objects} Jobs: resident`,
      value: (after.rss - before.rss) / MEBIBYTE,
      unit: 'MiB',
      promised,
    },
    {
      what: `list and watch of ${objects} Jobs: heap`,
      value: (after.heapUsed - before.heapUsed) / MEBIBYTE,
      unit: 'MiB',
    },
  ];
}

const CONFIG_BYTES = 8_192;
const testConfig = () => configOf(CONFIG_BYTES);
const AT_ONCE = 32;

async function makeSuspended(
  { api, namespace }: BenchKubernetes,
  like: Job,
  count: number,
  signal: AbortSignal,
): Promise<void> {
  let made = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (made < count) {
        made += 1;
        await api.create(JOBS, namespace, suspended(like, made), { signal });
      }
    }),
  );
}

/** The Job of another run, suspended: such Jobs get no pods, from whatever server. */
function suspended(like: Job, number: number): Job {
  const runId = like.metadata?.labels?.[RUN_ID_LABEL] ?? '';
  const other = JSON.parse(JSON.stringify(like).replaceAll(runId, runIdOf(number))) as Job;
  if (other.spec === undefined) return other;
  return {
    ...other,
    metadata: { ...other.metadata, name: `suspended-${number}` },
    spec: { ...other.spec, suspend: true },
  };
}

async function agentFigures(folder: string, context: BenchContext): Promise<readonly Figure[]> {
  const { signal, say, clock, quick } = context;
  await using kubernetes = await memoryKubernetes(folder, context);
  context.note('The whole agent was measured against the API server in memory, whose pods run and write.');
  await using server = startChild<RunServer>('children/run-server.ts', signal);
  const program = await agentProgram(folder);
  const url = await server.ask('listen');
  await using agent = startJobAgentProcess({ program, url, agentId: AGENT, folder, kubeconfig: kubernetes.kubeconfig });
  await agent.unlessEnded(server.ask('untilActive', AGENT));
  const idle = await settled(agent.pid, context);
  await kubernetes.server.ask('runPods');
  await server.ask('followLogs', AGENT);
  const live = quick ? FOLLOWED : LIVE;
  say(`${live} runs as Jobs`);
  await server.ask('untilAccepted', AGENT, live);
  await kubernetes.server.ask('untilBegun', live);
  await server.ask('untilHeard', FOLLOWED);
  await clock.sleep(quick ? 1_000 : 10_000, signal);
  const busy = await settled(agent.pid, context);
  return [
    {
      what: 'idle, bundled, Jobs over a kubeconfig: resident',
      value: idle / MEBIBYTE,
      unit: 'MiB',
      promised: { of: 'value', most: 110 },
    },
    {
      what: `${live.toLocaleString('en-US')} live Jobs, ${FOLLOWED} of them followed: resident`,
      value: busy / MEBIBYTE,
      unit: 'MiB',
      promised: { of: 'value', most: 180, tooSmall: quick },
    },
  ];
}

async function settled(pid: number, { clock, signal, quick }: BenchContext): Promise<number> {
  const seen: number[] = [];
  for (let look = 0; look < 5; look += 1) {
    await clock.sleep(quick ? 500 : 3_000, signal);
    seen.push(await residentBytes(pid));
  }
  return median(seen);
}
