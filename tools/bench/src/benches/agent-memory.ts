import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench, BenchContext } from '../bench.ts';
import type { FakeAgent } from '../children/fake-agent.ts';
import type { RunServer } from '../children/run-server.ts';
import type { Figure } from '../figure.ts';
import { agentProgram, startAgentProcess } from '../measure/agent-process.ts';
import { bundle } from '../measure/bundle.ts';
import type { Child } from '../measure/child.ts';
import { startChild } from '../measure/child.ts';
import { temporaryFolder } from '../measure/folder.ts';
import { residentBytes } from '../measure/memory.ts';
import { median } from '../statistics.ts';

const MEBIBYTE = 1_048_576;
const ACTIVE_RUNS = 1_000;
const BATCH = 500;
/** Longer than the run server takes from one level to the next, jitter included. */
const LEVEL_WITHIN_MS = 13_000;
/**
 * The heap of a process moves a little between two forced collections. Nothing can be remembered of a run in less than
 * its id takes, which is some 80 bytes.
 */
const LEAST_LEAK_BYTES = 50;
/** Batches before the heap is looked at: whatever is made once is made by then. */
const WARM_UP_BATCHES = 4;

/** What the agent needs of memory: at rest, with many runs, and after many runs. */
export const agentMemory: Bench = {
  name: 'agent-memory',
  title: 'Memory of the agent',
  run: async (context) => {
    await using folder = await temporaryFolder();
    const idle = await idleAgent(folder.path, context);
    const runs = await agentWithRuns(folder.path, context);
    return [
      {
        what: 'idle, bundled, local executor: resident',
        value: idle / MEBIBYTE,
        unit: 'MiB',
        promised: { of: 'value', most: 90 },
      },
      ...activeFigures(idle, runs.active),
      growthFigure(runs.growth),
    ];
  },
};

/** Resident bytes of the real agent once it is connected and at rest. */
async function idleAgent(folder: string, context: BenchContext): Promise<number> {
  const { signal, clock, say, quick } = context;
  await using server = startChild<RunServer>('children/run-server.ts', signal);
  const url = await server.ask('listen');
  const place = join(folder, 'idle');
  await mkdir(place);
  const agentId = 'idle-agent';
  await using agent = startAgentProcess({ program: await agentProgram(folder), url, agentId, folder: place });
  await agent.unlessEnded(server.ask('untilActive', agentId));
  say('the real agent is connected');
  const seen: number[] = [];
  for (let look = 0; look < 5; look += 1) {
    await clock.sleep(quick ? 1_000 : 6_000, signal);
    seen.push(await residentBytes(agent.pid));
  }
  return median(seen);
}

interface Active {
  readonly runs: number;
  /** Resident bytes with no run and with all of them, as they stood. */
  readonly none: number;
  readonly all: number;
}

interface Growth {
  readonly runs: number;
  /** Heap after a forced collection, before the runs and after them. */
  readonly before: number;
  readonly after: number;
  /** Bytes of a run that the executor in memory keeps of it, which is no part of the agent. */
  readonly keptByExecutor: number;
}

async function agentWithRuns(folder: string, context: BenchContext): Promise<{ active: Active; growth: Growth }> {
  const { signal, clock, quick } = context;
  await bundle({ 'fake-agent': 'tools/bench/src/children/fake-agent.ts' }, folder);
  await using server = startChild<RunServer>('children/run-server.ts', signal);
  await using agent = startChild<FakeAgent>(join(folder, 'fake-agent.js'), signal);
  const agentId = 'busy-agent';
  await agent.ask('connect', { url: await server.ask('listen'), agentId });
  await server.ask('untilActive', agentId);
  await clock.sleep(1_000, signal);
  const none = await residentBytes(agent.pid);
  await server.ask('untilAccepted', agentId, ACTIVE_RUNS);
  await clock.sleep(quick ? 1_000 : 10_000, signal);
  const all = await residentBytes(agent.pid);
  await agent.ask('endRuns');
  const growth = await growthOver(quick ? 1_000 : 10_000, { server, agent, agentId }, context);
  return { active: { runs: ACTIVE_RUNS, none, all }, growth };
}

interface Parts {
  readonly server: Child<RunServer>;
  readonly agent: Child<FakeAgent>;
  readonly agentId: string;
}

async function growthOver(runs: number, { server, agent, agentId }: Parts, context: BenchContext): Promise<Growth> {
  const { say, clock, signal, quick } = context;
  const settled = async () => {
    // What is remembered of a run that is over ends with the next level.
    await clock.sleep(quick ? 0 : LEVEL_WITHIN_MS, signal);
    return agent.ask('collectedMemory');
  };
  for (let batch = 0; batch < WARM_UP_BATCHES; batch += 1) await server.ask('untilForgotten', agentId, BATCH);
  const before = await settled();
  for (let done = 0; done < runs; done += BATCH) {
    await server.ask('untilForgotten', agentId, BATCH);
    if ((done + BATCH) % 2_500 === 0) say(`${done + BATCH} runs have ended`);
  }
  const after = await settled();
  const keptByExecutor = await agent.ask('keptByExecutor', runs);
  return { runs, before: before.heapUsed, after: after.heapUsed, keptByExecutor };
}

function activeFigures(idle: number, { runs, none, all }: Active): readonly Figure[] {
  const count = runs.toLocaleString('en-US');
  const promised = { of: 'value', most: 160 } as const;
  return [
    { what: `${count} active runs, executor in memory: resident`, value: all / MEBIBYTE, unit: 'MiB', promised },
    { what: 'the idle one and what these runs added', value: (idle + all - none) / MEBIBYTE, unit: 'MiB', promised },
  ];
}

function growthFigure({ runs, before, after, keptByExecutor }: Growth): Figure {
  return {
    what: `heap growth for each of ${runs.toLocaleString('en-US')} runs`,
    value: (after - before) / runs - keptByExecutor,
    unit: 'bytes',
    promised: { of: 'value', most: LEAST_LEAK_BYTES, tooSmall: runs < 10_000 },
  };
}
