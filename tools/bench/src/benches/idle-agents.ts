import type { Bench, BenchContext } from '../bench.ts';
import type { IdleClients } from '../children/idle-clients.ts';
import type { IdleServer } from '../children/idle-server.ts';
import type { Figure } from '../figure.ts';
import type { Child } from '../measure/child.ts';
import { startChild } from '../measure/child.ts';
import type { OwnMemory } from '../measure/memory.ts';
import { openFileLimit } from '../measure/open-files.ts';

/** How many agents the promises speak of. */
const PROMISED_AGENTS = 10_000;
/** Sockets of one client process, so that the clients are not what is slow. */
const SOCKETS_OF_ONE = 5_000;
/** Files a process has open besides its sockets, generously. */
const OTHER_FILES = 100;

interface Step {
  readonly agents: number;
  /** How long the processor is watched. Levels come once a minute, so the last one is longer than that. */
  readonly watchMs: number;
}

const QUICK: readonly Step[] = [
  { agents: 100, watchMs: 2_000 },
  { agents: 500, watchMs: 4_000 },
];
const FULL: readonly Step[] = [
  { agents: 100, watchMs: 15_000 },
  { agents: 1_000, watchMs: 20_000 },
  { agents: 3_000, watchMs: 20_000 },
  { agents: PROMISED_AGENTS, watchMs: 75_000 },
];

/** What connected agents cost a control plane that has nothing to tell them. */
export const idleAgents: Bench = {
  name: 'idle-agents',
  title: 'Idle agents in one process beside idle sockets of a bare ws server',
  run: async (context) => {
    const steps = await possible(context.quick ? QUICK : FULL, context);
    const bare = await curve('bare', steps, context);
    const ours = await curve('bridge', steps, context);
    return ours.flatMap((point, at) => figuresOf(point, bare[at]));
  },
};

/** Leaves out what this machine does not allow, and says so. */
async function possible(steps: readonly Step[], { note }: BenchContext): Promise<readonly Step[]> {
  const limit = await openFileLimit();
  const fitting = steps.filter(({ agents }) => agents + OTHER_FILES <= limit);
  if (fitting.length < steps.length) {
    const most = steps.at(-1)?.agents ?? 0;
    note(`A process may have ${limit} files open here (ulimit -n): ${most} agents need ${most + OTHER_FILES}.`);
  }
  return fitting;
}

interface Point {
  readonly agents: number;
  /** Bytes more than without any agent, for each of them, after a forced collection. */
  readonly collected: OwnMemory;
  /** The same as it stood, without a collection. */
  readonly standing: OwnMemory;
  /** Share of one core, in percent. */
  readonly processor: number;
}

async function curve(
  kind: 'bridge' | 'bare',
  steps: readonly Step[],
  context: BenchContext,
): Promise<readonly Point[]> {
  const { signal, clock, say } = context;
  await using server = startChild<IdleServer>('children/idle-server.ts', signal);
  await using clients = new AsyncDisposableStack();
  const url = await server.ask('listen', kind);
  const empty = await server.ask('collectedMemory');
  const points: Point[] = [];
  let open = 0;
  for (const { agents, watchMs } of steps) {
    say(`${agents} agents, ${kind}`);
    while (open < agents) {
      const more = Math.min(agents - open, SOCKETS_OF_ONE);
      await clients
        .use(startChild<IdleClients>('children/idle-clients.ts', signal))
        .ask('connect', { url, kind, more });
      open += more;
    }
    // Idle sockets use none; nothing is to be learned from watching them.
    const processor = await processorShare(server, kind === 'bare' ? watchMs / 10 : watchMs, context);
    const standing = eachOf(await server.ask('memory'), empty, agents);
    const collected = eachOf(await server.ask('collectedMemory'), empty, agents);
    const connected = await server.ask('connected');
    if (connected !== agents) throw new Error(`${connected} of ${agents} agents are connected`);
    points.push({ agents, collected, standing, processor });
    await clock.sleep(0, signal);
  }
  return points;
}

async function processorShare(server: Child<IdleServer>, watchMs: number, { clock, signal }: BenchContext) {
  const before = await server.ask('processorMs');
  const began = clock.monotonic();
  await clock.sleep(watchMs, signal);
  const used = (await server.ask('processorMs')) - before;
  return (100 * used) / (clock.monotonic() - began);
}

function eachOf(memory: OwnMemory, empty: OwnMemory, agents: number): OwnMemory {
  return { rss: (memory.rss - empty.rss) / agents, heapUsed: (memory.heapUsed - empty.heapUsed) / agents };
}

function figuresOf({ agents, collected, standing, processor }: Point, bare: Point | undefined): readonly Figure[] {
  const of = `${agents.toLocaleString('en-US')} agents`;
  const tooSmall = agents < PROMISED_AGENTS;
  const kib = (bytes: number): number => bytes / 1_024;
  const over = collected.rss - (bare?.collected.rss ?? 0);
  return [
    memoryFigure(`${of}: resident memory of each`, collected.rss, bare?.collected.rss),
    {
      what: `${of}: of that over bare`,
      value: kib(over),
      unit: 'KiB',
      promised: { of: 'value', most: 30, tooSmall },
    },
    memoryFigure(`${of}: the same before a collection`, standing.rss, bare?.standing.rss),
    memoryFigure(`${of}: heap of each`, collected.heapUsed, bare?.collected.heapUsed),
    { what: `${of}: share of a core`, value: processor, unit: '%', promised: { of: 'value', most: 50, tooSmall } },
  ];
}

function memoryFigure(what: string, bytes: number, bare: number | undefined): Figure {
  return { what, value: bytes / 1_024, unit: 'KiB', ...(bare === undefined ? {} : { bare: bare / 1_024 }) };
}
