import type { Clock } from '@runner/core';
import { RunnerError, abortError } from '@runner/core';
import type {
  Diagnosis,
  EndIntent,
  Executor,
  Observation,
  Outcome,
  PresentObservation,
  RunSpec,
  WorkloadPhase,
} from '@runner/executor';

interface Workload {
  readonly runId: string;
  readonly uid: string;
  readonly pipelineType: string;
  readonly controlPlaneId: string;
  phase: WorkloadPhase;
  startedAt?: number;
  endedAt?: number;
  outcome?: Outcome;
  diagnosis?: Diagnosis;
  suspended?: boolean;
  lingers?: true;
}

export interface Change {
  readonly phase?: WorkloadPhase;
  readonly outcome?: Outcome;
  readonly diagnosis?: Diagnosis | undefined;
  readonly suspended?: boolean;
  readonly lingers?: true;
}

/** The place where workloads stand, and an Executor over it whose every call a test can hold, fail or make stale. */
export interface Workloads {
  readonly executor: Executor;
  /** How many workloads were created for a run; more than one is a doubled execution. */
  created(runId: string): number;
  /** The most workloads that were not ended at any one time. */
  readonly peak: number;
  readonly calls: readonly string[];
  readonly intents: readonly (EndIntent & { readonly runId: string })[];
  get(runId: string): Workload | undefined;
  /** A workload that somebody else made (an earlier process, a restored store). */
  place(runId: string, change?: Change & { pipelineType?: string; controlPlaneId?: string }): void;
  /** The workload changes; watchers are told unless `quiet`. */
  change(runId: string, change: Change, quiet?: boolean): void;
  run(runId: string): void;
  finish(runId: string, result?: Outcome['result']): void;
  /** Somebody else removes the object; watchers are not told. */
  remove(runId: string): void;
  /** The next calls of this operation fail with these, in order. */
  fail(operation: Operation, ...errors: unknown[]): void;
  /** Forgets failures that were not used up. */
  healed(): void;
  /** Workloads that were created by a submit whose caller had given it up. */
  readonly late: number;
  /** Calls of this operation wait until `release`; a held submit that is aborted may still create (`late`). */
  hold(operation: Operation): void;
  release(operation: Operation): void;
  /** Lists are fresh unless set to false. */
  fresh: boolean;
  /** What it takes to prove that a run is absent. A fresh list unless set. */
  proves: 'with a fresh list' | 'by itself' | 'not yet';
  /** Whether lists carry the log tails of failures. */
  listsTails: boolean;
  /** Ends at once (true, the default) or stays `ending` until the test says so. */
  endsAtOnce: boolean;
  /** Breaks every watch with this error. */
  breakWatches(error: unknown): void;
  readonly watchers: number;
}

export type Operation = 'submit' | 'end' | 'observe' | 'list' | 'discard';

export function workloads(clock: Clock): Workloads {
  const place = new Map<string, Workload>();
  const creations = new Map<string, number>();
  const failures = new Map<Operation, unknown[]>();
  const held = new Map<Operation, (() => void)[]>();
  const watchers = new Map<(seen: Observation) => void, { owner: string; reject: (error: unknown) => void }>();
  const calls: string[] = [];
  const intents: (EndIntent & { runId: string })[] = [];
  let uids = 0;
  let peak = 0;
  let late = 0;

  const seen = (workload: Workload): PresentObservation => {
    const { runId, pipelineType, uid, phase, startedAt, endedAt, outcome, diagnosis, suspended, lingers } = workload;
    return {
      ...{ runId, pipelineType, phase },
      ...(startedAt === undefined ? {} : { startedAt }),
      ...(endedAt === undefined ? {} : { endedAt }),
      ...(outcome === undefined ? {} : { outcome }),
      ...(diagnosis === undefined ? {} : { diagnosis }),
      ...(suspended === undefined ? {} : { suspended }),
      ...(lingers === undefined ? {} : { lingers }),
      presence: 'present',
      observedAt: clock.now(),
      workload: { kind: 'fake', name: `run-${workload.runId}`, uid },
    };
  };
  const listed = (workload: Workload): PresentObservation => {
    const { outcome, ...rest } = seen(workload);
    if (outcome === undefined || world.listsTails) return seen(workload);
    return { ...rest, outcome: { result: outcome.result } };
  };
  const tell = (workload: Workload): void => {
    for (const [watcher, { owner }] of watchers) if (owner === workload.controlPlaneId) watcher(seen(workload));
  };
  const absent = (runId: string): Observation => {
    const base = { runId, observedAt: clock.now() };
    if (world.proves === 'not yet') return { ...base, presence: 'unknown', reason: 'an old list', unproven: true };
    return { ...base, presence: 'absent', ...(world.proves === 'by itself' ? { proven: true } : {}) };
  };
  const gate = async (operation: Operation, what: string): Promise<void> => {
    calls.push(`${operation} ${what}`);
    const waiting = held.get(operation);
    if (waiting !== undefined) await new Promise<void>((resolve) => waiting.push(resolve));
    const failure = failures.get(operation)?.shift();
    if (failure !== undefined) throw failure as Error;
  };
  const alter = (workload: Workload, { phase, outcome, ...rest }: Change): void => {
    Object.assign(workload, rest);
    if (phase !== undefined) workload.phase = phase;
    if (phase === 'running') workload.startedAt = clock.now();
    if (phase !== 'ended') return;
    workload.endedAt = clock.now();
    workload.outcome = outcome ?? { result: 'succeeded' };
  };
  const create = (runId: string, pipelineType: string, controlPlaneId: string): Workload => {
    uids += 1;
    const workload: Workload = { runId, uid: `uid-${uids}`, pipelineType, controlPlaneId, phase: 'pending' };
    place.set(runId, workload);
    creations.set(runId, (creations.get(runId) ?? 0) + 1);
    return workload;
  };
  const countPeak = (): void => {
    peak = Math.max(peak, [...place.values()].filter(({ phase }) => phase !== 'ended').length);
  };

  const executor: Executor = {
    kind: 'fake',
    scope: () => Promise.resolve({ id: 'scope', description: 'a fake' }),
    preflight: () => Promise.resolve([]),
    submit: async (spec: RunSpec, signal) => {
      await gate('submit', spec.runId);
      const standing = place.get(spec.runId);
      const workload = standing ?? create(spec.runId, spec.pipelineType, spec.owner.controlPlaneId);
      if (standing === undefined && signal.aborted) late += 1;
      countPeak();
      if (standing === undefined) tell(workload);
      return { created: standing === undefined, observation: seen(workload) };
    },
    end: async (runId, intent) => {
      await gate('end', runId);
      intents.push({ runId, ...intent });
      const workload = place.get(runId);
      if (workload === undefined) return absent(runId);
      if (workload.phase !== 'ended') {
        alter(workload, world.endsAtOnce ? { phase: 'ended', outcome: { result: 'cancelled' } } : { phase: 'ending' });
        tell(workload);
      }
      return seen(workload);
    },
    observe: async (runId) => {
      await gate('observe', runId);
      const workload = place.get(runId);
      return workload === undefined ? absent(runId) : seen(workload);
    },
    list: async (owner) => {
      const { fresh } = world;
      const all = [...place.values()]
        .filter(({ controlPlaneId }) => controlPlaneId === owner.controlPlaneId)
        .map(listed);
      await gate('list', owner.agentId);
      return { observations: all, fresh };
    },
    watch: (owner, onObservation, signal) =>
      new Promise<void>((resolve, reject) => {
        if (signal.aborted) {
          resolve();
          return;
        }
        watchers.set(onObservation, { owner: owner.controlPlaneId, reject });
        signal.addEventListener('abort', () => {
          watchers.delete(onObservation);
          reject(abortError(signal));
        });
        for (const workload of place.values()) {
          if (workload.controlPlaneId === owner.controlPlaneId) onObservation(seen(workload));
        }
      }),
    logs: async function* () {
      yield* [];
      await Promise.resolve();
    },
    discard: async (runId) => {
      await gate('discard', runId);
      const workload = place.get(runId);
      if (workload !== undefined && workload.phase !== 'ended') throw new RunnerError('still_live', 'it lives');
      place.delete(runId);
    },
    close: () => Promise.resolve(),
  };

  const world: Workloads = {
    executor,
    created: (runId) => creations.get(runId) ?? 0,
    get peak() {
      return peak;
    },
    calls,
    intents,
    get: (runId) => place.get(runId),
    place: (runId, { pipelineType = 'metadata', controlPlaneId = 'cp-1', ...change } = {}) => {
      const workload = create(runId, pipelineType, controlPlaneId);
      alter(workload, change);
      countPeak();
      tell(workload);
    },
    change: (runId, change, quiet = false) => {
      const workload = place.get(runId);
      if (workload === undefined) throw new Error(`there is no workload of ${runId}`);
      alter(workload, change);
      if (!quiet) tell(workload);
    },
    run: (runId) => world.change(runId, { phase: 'running' }),
    finish: (runId, result = 'succeeded') => world.change(runId, { phase: 'ended', outcome: { result } }),
    remove: (runId) => {
      place.delete(runId);
    },
    fail: (operation, ...errors) => {
      failures.set(operation, [...(failures.get(operation) ?? []), ...errors]);
    },
    healed: () => failures.clear(),
    get late() {
      return late;
    },
    hold: (operation) => {
      if (!held.has(operation)) held.set(operation, []);
    },
    release: (operation) => {
      const waiting = held.get(operation) ?? [];
      held.delete(operation);
      for (const go of waiting) go();
    },
    fresh: true,
    proves: 'with a fresh list',
    listsTails: true,
    endsAtOnce: true,
    breakWatches: (error) => {
      const broken = [...watchers.values()];
      watchers.clear();
      for (const { reject } of broken) reject(error);
    },
    get watchers() {
      return watchers.size;
    },
  };
  return world;
}
