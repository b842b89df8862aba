import { Buffer } from 'node:buffer';
import type { Clock, RunnerError } from '@runner/core';
import { executorError } from '../errors.ts';
import type { EndIntent, ExecutorScope, ListResult, LogChunk, LogGap } from '../executor.ts';
import type { AbsentObservation, Diagnosis, Outcome, PresentObservation } from '../observation.ts';
import type { RunSpec, WorkloadOwner } from '../run-spec.ts';
import type { FakeWorkload } from './fake-workload.ts';
import { endedBy, failure, observationOf } from './fake-workload.ts';
import type { ChangeListener, FakeTimings, FakeWorkloads } from './fake-workloads.ts';
import { fakeWorkloads } from './fake-workloads.ts';

export interface FakePlaceOptions extends FakeTimings {
  readonly clock: Clock;
  readonly scope?: ExecutorScope;
}

/** Faults of the next submits, one of them a call, in the order they were asked for. */
export type SubmitFault =
  /** Nothing is created and the call fails. Default error: retryable `executor_waiting`. */
  | { readonly kind: 'error'; readonly error?: RunnerError }
  /** The workload is created, but the call fails as if the answer was lost. */
  | { readonly kind: 'reply_lost' }
  /** The call fails, and the workload is created `afterMs` later all the same. */
  | { readonly kind: 'late'; readonly afterMs: number };

/**
 * Where the workloads of `fakeExecutor` stand: what a cluster or a folder is to a real one. Everything happens by method
 * call or by the given clock.
 */
export interface FakePlace {
  readonly clock: Clock;
  readonly scope: ExecutorScope;

  /** How often the program of a run began to execute. More than one is a broken invariant, unless it was removed in between. */
  executions(runId: string): number;
  /** The runIds of all workloads there are, in order of creation. */
  runIds(): readonly string[];
  owner(runId: string): WorkloadOwner | undefined;
  look(runId: string): PresentObservation | AbsentObservation;

  /** The program begins. No-op unless pending. */
  start(runId: string): void;
  print(runId: string, output: string | Uint8Array): void;
  /** The program ends by itself with exit code 0; even while it is being ended, then it was first. */
  succeed(runId: string): void;
  /** The program ends by itself with an error. */
  fail(runId: string, outcome?: Partial<Omit<Outcome, 'result'>>): void;
  /** A workload that was asked to end is gone now. No-op unless it was asked. */
  stop(runId: string): void;
  /** It waits for a reason, or (undefined) no longer. */
  wait(runId: string, diagnosis: Diagnosis | undefined, suspended?: boolean): void;
  /** Somebody else deletes the workload by hand, living or not. */
  remove(runId: string): void;
  /** Output before this raw byte is gone (rotation). */
  forgetOutput(runId: string, beforeByte: number): void;

  /** Nothing can be asked: calls fail with `executor_unavailable`, observations are `unknown`. */
  away: boolean;
  /** Changes reach no watch; only its next re-list finds them. */
  deaf: boolean;
  failSubmit(...faults: readonly SubmitFault[]): void;
  /** Lists show the place as it is now, and say that they are not fresh, until `thawLists`. */
  freezeLists(): void;
  thawLists(): void;

  /** What an executor does to the place. Not for tests. */
  readonly port: FakePlacePort;
}

interface FakePlacePort {
  nextSubmitFault(): SubmitFault | undefined;
  create(spec: RunSpec): boolean;
  end(runId: string, intent: EndIntent): void;
  discard(runId: string): void;
  list(owner: WorkloadOwner): ListResult;
  /** Output from this raw byte on, as far as there is any. */
  output(runId: string, fromByte: number): LogChunk | LogGap | undefined;
  /** Called after each change. Returns the function that ends it. */
  onChange(listener: ChangeListener): () => void;
}

const CHUNK = 65_536;

export function fakePlace(options: FakePlaceOptions): FakePlace {
  const { clock } = options;
  const workloads = fakeWorkloads(clock, options);
  const submitFaults: SubmitFault[] = [];
  let frozen: readonly FakeWorkload[] | undefined;
  const place: FakePlace = {
    clock,
    scope: options.scope ?? { id: 'fake-scope', description: 'a place in memory' },
    away: false,
    deaf: false,
    executions: (runId) => workloads.executions(runId),
    runIds: () => [...workloads.all.keys()],
    owner: (runId) => workloads.all.get(runId)?.spec.owner,
    look: (runId) => {
      const workload = workloads.all.get(runId);
      const observedAt = clock.now();
      return workload === undefined ? { presence: 'absent', runId, observedAt } : observationOf(workload, observedAt);
    },
    ...actions(workloads),
    failSubmit: (...faults) => void submitFaults.push(...faults),
    freezeLists: () => {
      frozen = [...workloads.all.values()].map((workload) => ({ ...workload }));
    },
    thawLists: () => {
      frozen = undefined;
    },
    port: {
      nextSubmitFault: () => submitFaults.shift(),
      create: (spec) => workloads.create(spec),
      end: (runId, intent) => whenPresent(workloads, runId, (workload) => workloads.end(workload, intent)),
      discard: (runId) => whenPresent(workloads, runId, (workload) => workloads.vanish(workload)),
      list: (owner) => ({
        observations: [...(frozen ?? workloads.all.values())]
          .filter(({ spec }) => isSameOwner(spec.owner, owner))
          .map((workload) => observationOf(workload, clock.now())),
        fresh: frozen === undefined,
      }),
      output: (runId, fromByte) => outputOf(workloads.all.get(runId), fromByte),
      onChange: (listener) => workloads.onChange(listener),
    },
  };
  return place;
}

type Actions = Pick<FakePlace, 'start' | 'print' | 'succeed' | 'fail' | 'stop' | 'wait' | 'remove' | 'forgetOutput'>;

/** What tests do to one workload. Naming one that does not exist is a mistake of the test, and said so. */
function actions(workloads: FakeWorkloads): Actions {
  const on = (runId: string, act: (workload: FakeWorkload) => void): void => {
    if (!workloads.all.has(runId)) throw executorError('invalid_spec', `There is no workload of run ${runId}.`);
    whenPresent(workloads, runId, act);
  };
  return {
    start: (runId) => on(runId, (workload) => workloads.begin(workload)),
    print: (runId, output) =>
      on(runId, (workload) => {
        workload.output = Buffer.concat([workload.output, Buffer.from(output as Uint8Array)]);
        workloads.changed(workload);
      }),
    succeed: (runId) => on(runId, (workload) => workloads.finish(workload, { result: 'succeeded', exitCode: 0 })),
    fail: (runId, outcome = {}) => on(runId, (workload) => workloads.finish(workload, failure(workload, outcome))),
    stop: (runId) =>
      on(runId, (workload) => {
        if (workload.intent !== undefined) workloads.finish(workload, endedBy(workload.intent));
      }),
    wait: (runId, diagnosis, suspended = false) =>
      on(runId, (workload) => {
        if (diagnosis === undefined) delete workload.diagnosis;
        else workload.diagnosis = diagnosis;
        workload.suspended = suspended;
        workloads.changed(workload);
      }),
    remove: (runId) => on(runId, (workload) => workloads.vanish(workload)),
    forgetOutput: (runId, beforeByte) =>
      on(runId, (workload) => {
        workload.output = workload.output.subarray(Math.max(0, beforeByte - workload.outputFrom));
        workload.outputFrom = Math.max(workload.outputFrom, beforeByte);
      }),
  };
}

function whenPresent(workloads: FakeWorkloads, runId: string, act: (workload: FakeWorkload) => void): void {
  const workload = workloads.all.get(runId);
  if (workload !== undefined) act(workload);
}

function outputOf(workload: FakeWorkload | undefined, fromByte: number): LogChunk | LogGap | undefined {
  if (workload === undefined) return undefined;
  const { output, outputFrom } = workload;
  if (fromByte < outputFrom) return { gap: true, fromByte, toByte: outputFrom };
  const bytes = output.subarray(fromByte - outputFrom, fromByte - outputFrom + CHUNK);
  return bytes.length === 0 ? undefined : { fromByte, bytes };
}

/** True when both name the same agent of the same control plane. */
export function isSameOwner(one: WorkloadOwner, other: WorkloadOwner): boolean {
  return one.controlPlaneId === other.controlPlaneId && one.agentId === other.agentId;
}
