import type { Workflow } from '@runner/executor-argo';
import type { Bench, BenchContext } from '../bench.ts';
import type { BareCreator, BarePlace } from '../children/bare-creator.ts';
import type { WorkflowDispatcher, WorkflowPlace } from '../children/workflow-dispatcher.ts';
import type { Figure } from '../figure.ts';
import type { BenchArgo } from '../measure/argo.ts';
import { benchArgo, memoryArgo } from '../measure/argo.ts';
import type { Child } from '../measure/child.ts';
import { startChild } from '../measure/child.ts';
import { temporaryFolder } from '../measure/folder.ts';

const TRANSPORTS = ['server', 'crd'] as const;
type Transport = (typeof TRANSPORTS)[number];

/** What the client of the agent does at once. */
const AT_ONCE = 32;
/** Workflows of an instance that is not there: no controller touches them while others are made. */
const UNTOUCHED = { 'workflows.argoproj.io/controller-instanceid': 'bench' };
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
  context.note(`Workflows were made at ${place.what}; configs of 8 KiB, ${AT_ONCE} requests at once, no controller.`);
  const figures: Figure[] = [];
  for (const transport of TRANSPORTS) figures.push(await speedFigure(place, transport, context));
  return figures;
}

interface Sides {
  readonly dispatcher: Child<WorkflowDispatcher>;
  readonly bare: Child<BareCreator>;
}

async function speedFigure(place: BenchArgo, transport: Transport, context: BenchContext): Promise<Figure> {
  const { signal, quick } = context;
  const { namespace } = place;
  await using dispatcher = startChild<WorkflowDispatcher>('children/workflow-dispatcher.ts', signal);
  await using bare = startChild<BareCreator>('children/bare-creator.ts', signal);
  await dispatcher.ask('open', { place: placeOf(place, transport), namespace, labels: UNTOUCHED });
  await bare.ask('open', { place: barePlaceOf(place, transport), namespace, atOnce: AT_ONCE });
  await dispatcher.ask('dispatch', 20);
  const like = await dispatcher.ask('sample');
  await bare.ask('create', like, 20);
  await place.removeWorkflows();
  const rates = await rounds({ dispatcher, bare }, { place, like, transport }, context);
  return {
    what: `${transport}: dispatched, from the first start to the last answer`,
    value: Math.max(...rates.dispatched),
    bare: Math.max(...rates.bare),
    unit: 'Workflows/s',
    promised: { of: 'ratio', least: 0.9, tooSmall: quick },
  };
}

interface Round {
  readonly place: BenchArgo;
  readonly like: Workflow;
  readonly transport: Transport;
}

/** Both sides in turns, each on an empty namespace. */
async function rounds({ dispatcher, bare }: Sides, { place, like, transport }: Round, context: BenchContext) {
  const { quick, say } = context;
  const count = quick ? 60 : 300;
  const perSecond = (ms: number): number => count / (ms / 1_000);
  const rates = { dispatched: [] as number[], bare: [] as number[] };
  for (let round = 1; round <= (quick ? 2 : 6); round += 1) {
    rates.bare.push(perSecond(await bare.ask('create', like, count)));
    await place.removeWorkflows();
    rates.dispatched.push(perSecond(await dispatcher.ask('dispatch', count)));
    await place.removeWorkflows();
    const [own, other] = [rates.dispatched.at(-1) ?? 0, rates.bare.at(-1) ?? 0].map(Math.round);
    say(`${transport}, round ${round}, Workflows/s: ${other} bare, ${own} dispatched`);
  }
  return rates;
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
