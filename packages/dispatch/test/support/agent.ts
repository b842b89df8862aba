import type { TestClock } from '@runner/core/testing';
import { recordingLogger, testClock, testRandom } from '@runner/core/testing';
import type { RunSpec } from '@runner/executor';
import type { DispatchObserver, Dispatcher, DispatcherOptions } from '@runner/dispatch';
import { createDispatcher } from '@runner/dispatch';
import type { RecordingReporter } from '@runner/dispatch/testing';
import { recordingReporter } from '@runner/dispatch/testing';
import type { Workloads } from './workloads.ts';
import { workloads } from './workloads.ts';

export interface Agent extends AsyncDisposable {
  readonly clock: TestClock;
  readonly world: Workloads;
  readonly reporter: RecordingReporter;
  readonly logger: ReturnType<typeof recordingLogger>;
  readonly dispatcher: Dispatcher;
  /** Calls of the observer, as `name` or `name:detail`. */
  readonly events: readonly string[];
  /** Lets everything run that does not wait for time or for the test. */
  settle(): Promise<void>;
  /** Starts a run and lets everything settle. */
  start(runId: string, spec?: Partial<RunSpec>): Promise<void>;
}

/** A dispatcher over fake workloads, active for control plane `cp-1` unless told otherwise. */
export function agent(
  options: Omit<Partial<DispatcherOptions>, 'clock' | 'reporter'> & {
    readonly reporter?: RecordingReporter;
    readonly clock?: TestClock;
    readonly world?: Workloads;
    readonly epoch?: number | 'standby' | 'none';
  } = {},
): Agent {
  const clock = options.clock ?? testClock();
  const world = options.world ?? workloads(clock);
  const reporter = options.reporter ?? recordingReporter();
  const logger = recordingLogger();
  const events: string[] = [];
  const { epoch = 1, ...rest } = options;
  const dispatcher = createDispatcher({
    executor: world.executor,
    agentId: 'agent',
    limits: { total: 10 },
    reporter,
    random: testRandom(),
    logger,
    startDeadlineSeconds: () => Number.POSITIVE_INFINITY,
    ...rest,
    clock,
    observer: options.observer ?? recordingObserver(events),
  });
  if (epoch === 'standby') dispatcher.standby({ controlPlaneId: 'cp-1' }, 'a rival is active');
  else if (epoch !== 'none') dispatcher.activate({ controlPlaneId: 'cp-1', epoch });
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 5; turn += 1) await clock.settle();
  };
  return {
    clock,
    world,
    settle,
    reporter,
    logger,
    dispatcher,
    events,
    start: async (runId, overrides = {}) => {
      dispatcher.start(spec(runId, overrides));
      await settle();
    },
    [Symbol.asyncDispose]: () => dispatcher.close(),
  };
}

export function spec(runId: string, overrides: Partial<RunSpec> = {}): RunSpec {
  return {
    runId,
    owner: { controlPlaneId: 'cp-1', agentId: 'agent' },
    kind: 'pipeline',
    pipelineType: 'metadata',
    name: 'orders',
    fqn: 'shop.orders',
    config: { marker: `config of ${runId}` },
    deadlineSeconds: 3600,
    ...overrides,
  };
}

function recordingObserver(events: string[]): DispatchObserver {
  return {
    received: ({ joined }) => events.push(joined ? 'received:joined' : 'received'),
    accepted: ({ created, seconds }) => events.push(`accepted:${created ? 'created' : 'adopted'}:${seconds}`),
    started: ({ seconds }) => events.push(`started:${seconds}`),
    finished: ({ result, seconds }) => events.push(`finished:${result}:${seconds ?? '?'}`),
    reported: ({ seconds }) => events.push(`reported:${seconds}`),
    refused: (code) => events.push(`refused:${code}`),
    waiting: (code) => events.push(`waiting:${code}`),
    cancelled: () => events.push('cancelled'),
    ending: (reason) => events.push(`ending:${reason}`),
    executorCall: (operation, _seconds, ok) => events.push(`call:${operation}:${ok ? 'ok' : 'failed'}`),
    impossible: (event) => events.push(`impossible:${event}`),
  };
}
