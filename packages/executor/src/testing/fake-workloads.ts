import { Buffer } from 'node:buffer';
import type { Clock } from '@runner/core';
import type { EndIntent } from '../executor.ts';
import type { Outcome } from '../observation.ts';
import type { RunSpec, WorkloadOwner } from '../run-spec.ts';
import type { FakeWorkload } from './fake-workload.ts';
import { DEADLINE_OUTCOME, endedBy } from './fake-workload.ts';

export interface FakeTimings {
  /** Milliseconds from the creation of a workload until its program runs. Default 0; `Infinity`: not before `start`. */
  readonly startDelayMs?: number;
  /** Milliseconds from an end intent until the workload is verified gone. Default 0; `Infinity`: not before `stop`. */
  readonly endDelayMs?: number;
  /** Milliseconds after which an ended workload vanishes. Default: never. */
  readonly ttlMs?: number;
}

export type ChangeListener = (runId: string, owner: WorkloadOwner) => void;

/** The life of the workloads of a fake place: created, begun, asked to end, finished, vanished. */
export interface FakeWorkloads {
  readonly all: ReadonlyMap<string, FakeWorkload>;
  executions(runId: string): number;
  create(spec: RunSpec): boolean;
  begin(workload: FakeWorkload): void;
  end(workload: FakeWorkload, intent: EndIntent): void;
  finish(workload: FakeWorkload, outcome: Outcome): void;
  vanish(workload: FakeWorkload): void;
  changed(workload: FakeWorkload): void;
  onChange(listener: ChangeListener): () => void;
}

export function fakeWorkloads(clock: Clock, timings: FakeTimings): FakeWorkloads {
  const { startDelayMs = 0, endDelayMs = 0, ttlMs = Infinity } = timings;
  const all = new Map<string, FakeWorkload>();
  const executed = new Map<string, number>();
  const listeners = new Set<ChangeListener>();
  let created = 0;

  const after = (workload: FakeWorkload, ms: number, then: () => void): void => {
    if (ms <= 0) then();
    else if (Number.isFinite(ms)) workload.timers.push(clock.setTimer(ms, then));
  };
  const cancelTimers = (workload: FakeWorkload): void => {
    for (const timer of workload.timers.splice(0)) timer.cancel();
  };
  const changed = ({ spec }: FakeWorkload): void => {
    for (const listener of listeners) listener(spec.runId, spec.owner);
  };
  const vanish = (workload: FakeWorkload): void => {
    if (all.get(workload.spec.runId) !== workload) return;
    cancelTimers(workload);
    all.delete(workload.spec.runId);
    changed(workload);
  };
  const finish = (workload: FakeWorkload, outcome: Outcome): void => {
    if (workload.phase === 'ended') return;
    cancelTimers(workload);
    // A clock that stepped back must not end a run before it began.
    workload.endedAt = Math.max(clock.now(), workload.startedAt ?? 0);
    workload.phase = 'ended';
    workload.outcome = outcome;
    changed(workload);
    after(workload, ttlMs, () => vanish(workload));
  };
  const begin = (workload: FakeWorkload): void => {
    if (workload.phase !== 'pending') return;
    const { runId, deadlineSeconds } = workload.spec;
    workload.phase = 'running';
    workload.startedAt = clock.now();
    delete workload.diagnosis;
    delete workload.suspended;
    executed.set(runId, (executed.get(runId) ?? 0) + 1);
    changed(workload);
    after(workload, deadlineSeconds * 1_000, () => finish(workload, DEADLINE_OUTCOME));
  };
  const create = (spec: RunSpec): boolean => {
    if (all.has(spec.runId)) return false;
    created += 1;
    const uid = `fake-${created}`;
    const workload: FakeWorkload = { spec, uid, phase: 'pending', output: Buffer.alloc(0), outputFrom: 0, timers: [] };
    all.set(spec.runId, workload);
    changed(workload);
    after(workload, startDelayMs, () => begin(workload));
    return true;
  };
  const end = (workload: FakeWorkload, intent: EndIntent): void => {
    if (workload.phase === 'ended' || workload.intent !== undefined) return;
    cancelTimers(workload);
    workload.intent = intent;
    workload.phase = 'ending';
    changed(workload);
    after(workload, endDelayMs, () => finish(workload, endedBy(intent)));
  };

  return {
    all,
    executions: (runId) => executed.get(runId) ?? 0,
    create,
    begin,
    end,
    finish,
    vanish,
    changed,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
