import { AGENT_LABEL } from '@runner/executor';
import type { Bench, BenchContext } from '../bench.ts';
import type { BareCreator, BarePlace } from '../children/bare-creator.ts';
import type { WorkflowDispatcher, WorkflowPlace } from '../children/workflow-dispatcher.ts';
import type { Figure } from '../figure.ts';
import type { BenchArgo } from '../measure/argo.ts';
import { benchArgo, memoryArgo } from '../measure/argo.ts';
import { startChild } from '../measure/child.ts';
import { temporaryFolder } from '../measure/folder.ts';
import type { Round } from '../measure/rounds.ts';
import { inTurns, middleCpu, middleRound, perSecond } from '../measure/rounds.ts';

const TRANSPORTS = ['server', 'crd'] as const;
type Transport = (typeof TRANSPORTS)[number];

/** What the client of the agent does at once. */
const AT_ONCE = 32;
/** Workflows of an instance that is not there: no controller touches them while others are made, where the label stays. */
const UNTOUCHED = { 'workflows.argoproj.io/controller-instanceid': 'bench' };
/** Whose the Workflows of the bare loop are said to be. */
const WATCHED = { [AGENT_LABEL]: 'bare-with-watches' };
const UNWATCHED = { [AGENT_LABEL]: 'bare-alone' };
const WARM_UP = 100;
const REST_MS = 500;
const KIB = 1_024;

/** Workflows: how fast they are made over either transport, what runs cost, and what watching them takes. */
export const argo: Bench = {
  name: 'argo',
  title: 'Runs as Workflows, beside a bare loop that creates the same Workflows over the same transport',
  run: async (context) => {
    await using folder = await temporaryFolder();
    return [
      ...(await speedFigures(folder.path, context)),
      ...(await costFigures('server', folder.path, context)),
      ...(await costFigures('crd', folder.path, context)),
    ];
  },
};

const placeOf = ({ kubeconfig, endpoint, token }: BenchArgo, transport: Transport): WorkflowPlace =>
  transport === 'crd' ? { kubeconfig } : { endpoint, token };

const barePlaceOf = ({ kubeconfig, endpoint, token }: BenchArgo, transport: Transport): BarePlace =>
  transport === 'crd' ? { kubeconfig, collection: 'argoproj.io/v1alpha1/workflows' } : { endpoint, token };

async function speedFigures(folder: string, context: BenchContext): Promise<readonly Figure[]> {
  await using place = await benchArgo(folder, context);
  const { note } = context;
  note(
    `Workflows were made at ${place.what}; configs of 8 KiB, ${AT_ONCE} requests at once. Nobody makes pods of them.`,
  );
  note('Rates are those of the round whose ratio is in the middle; processor time is that of the process that starts.');
  const figures: Figure[] = [];
  for (const transport of TRANSPORTS) {
    const rounds = await race(place, transport, context);
    // Nobody watches any more.
    await place.removeWorkflows();
    figures.push(...figuresOf(transport, rounds, context.quick));
  }
  return figures;
}

/** A bare loop; the same while somebody has the watches of an executor open; dispatcher and executor. */
type Side = 'bare' | 'watched' | 'dispatched';

/**
 * Workflows of the bare loop are nobody's that watches, or those of its own watch. They are removed after each round; those
 * of the dispatcher stay until it is gone, for it would look at what becomes of them.
 */
async function race(place: BenchArgo, transport: Transport, context: BenchContext): Promise<readonly Round<Side>[]> {
  const { signal, quick, say, clock } = context;
  const { namespace } = place;
  await using dispatcher = startChild<WorkflowDispatcher>('children/workflow-dispatcher.ts', signal);
  await using bare = startChild<BareCreator>('children/bare-creator.ts', signal);
  // Argo Server takes the label of another instance away.
  const held = transport === 'server';
  await dispatcher.ask('open', { place: placeOf(place, transport), namespace, labels: UNTOUCHED, held });
  await bare.ask('open', { place: barePlaceOf(place, transport), namespace, atOnce: AT_ONCE });
  await dispatcher.ask('dispatch', WARM_UP);
  const like = await dispatcher.ask('sample');
  await bare.ask('watch', WATCHED);
  await bare.ask('create', like, WARM_UP, WATCHED);
  const count = quick ? 60 : 300;
  return await inTurns<Side>({
    rounds: quick ? 3 : 7,
    sides: {
      bare: () => bare.ask('create', like, count, UNWATCHED),
      watched: () => bare.ask('create', like, count, WATCHED),
      dispatched: () => dispatcher.ask('dispatch', count),
    },
    after: async () => {
      await place.removeWorkflows(`${AGENT_LABEL} in (${WATCHED[AGENT_LABEL]},${UNWATCHED[AGENT_LABEL]})`);
      await clock.sleep(REST_MS, signal);
    },
    say: (text) => say(`${transport}, ${text}`),
  });
}

function figuresOf(transport: Transport, rounds: readonly Round<Side>[], quick: boolean): readonly Figure[] {
  const judged = middleRound(rounds, 'dispatched', 'bare');
  const watched = middleRound(rounds, 'watched', 'bare');
  const unit = 'Workflows/s';
  return [
    {
      what: `${transport}: dispatched, from the first start to the last answer`,
      value: perSecond(judged.dispatched),
      bare: perSecond(judged.bare),
      unit,
      promised: { of: 'ratio', least: 0.9, tooSmall: quick },
    },
    {
      what: `${transport}: the bare loop with the watches of an executor open`,
      value: perSecond(watched.watched),
      bare: perSecond(watched.bare),
      unit,
    },
    {
      what: `${transport}: processor time of a start`,
      value: middleCpu(rounds.map(({ dispatched }) => dispatched)),
      bare: middleCpu(rounds.map(({ bare }) => bare)),
      unit: 'ms',
    },
  ];
}

/** Counted where every request is seen and programs run: in memory. */
async function costFigures(transport: Transport, folder: string, context: BenchContext): Promise<readonly Figure[]> {
  const { signal, quick, say } = context;
  const runs = quick ? 20 : 1_000;
  await using place = await memoryArgo(folder, context);
  await using dispatcher = startChild<WorkflowDispatcher>('children/workflow-dispatcher.ts', signal);
  const { server, namespace } = place;
  await server.ask('runWorkflows');
  await dispatcher.ask('open', { place: placeOf(place, transport), namespace });
  // Whatever is asked once is asked by then.
  await dispatcher.ask('dispatch', 1);
  await server.ask('untilBegun', 1);
  const before = await dispatcher.ask('collectedMemory');
  const at = transport === 'crd' ? 'kubernetes' : 'argo';
  await server.ask('calls', at);
  await dispatcher.ask('dispatch', runs);
  await server.ask('untilBegun', 1 + runs);
  const watches = await server.ask('openWatches');
  const after = await dispatcher.ask('collectedMemory');
  await server.ask('endAll');
  await dispatcher.ask('untilEnded', 1 + runs);
  const { changes, reads } = await server.ask('calls', at);
  say(`${transport}: ${runs} runs, ${changes} changes and ${reads} reads, watches ${JSON.stringify(watches)}`);
  if (transport === 'server')
    context.note('Calls, watches and memory are those at the Argo in memory, which runs programs.');
  return [
    {
      what: `${transport}: changing calls of a healthy run`,
      value: changes / runs,
      unit: 'calls',
      // The one that ran before ends as well.
      promised: { of: 'value', most: 1 },
    },
    { what: `${transport}: other calls of it`, value: reads / runs, unit: 'calls' },
    {
      what: `${transport}: watches with ${runs} runs${transport === 'crd' ? ', one of them of pods' : ''}`,
      value: watches[at],
      unit: 'watches',
      promised: { of: 'value', most: transport === 'crd' ? 2 : 1 },
    },
    {
      what: `${transport}: heap of a run that runs`,
      value: (after.heapUsed - before.heapUsed) / runs / KIB,
      unit: 'KiB',
    },
  ];
}
