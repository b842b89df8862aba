import type { Clock } from '@runner/core';
import { RunnerError } from '@runner/core';
import type { RunStart } from '../messages.ts';
import type { AgentBook, Bus, BusEvent, ClaimAnswer, InstanceClaim, RunBook, RunRecord } from './ports.ts';
import { concernsAgent, holdsScope } from './run-states.ts';
import { requestCancel } from './run-writes.ts';

/** A RunBook in memory, and the two things its owner does with it. What it holds is gone with the process. */
export interface MemoryRunBook extends RunBook {
  /**
   * A new run for this agent; tell the bridge by `nudge(agentId)`.
   * @throws RunnerError `already_exists` when the runId was used before
   */
  submit(start: RunStart, agentId: string): RunRecord;
  /** The run shall end; tell the bridge by `nudge`. Undefined: there is no such run. */
  cancel(runId: string): RunRecord | undefined;
  /** Forgets a run. */
  remove(runId: string): void;
  /** Every row there is. */
  all(): readonly RunRecord[];
}

/** Runs in memory: for examples, tests, and services that hand out work which may be lost with the process. */
export function createMemoryRunBook(options: { readonly clock: Clock }): MemoryRunBook {
  const { clock } = options;
  const rows = new Map<string, RunRecord>();
  const starts = new Map<string, RunStart>();
  const update = (runId: string, change: (row: RunRecord | undefined) => RunRecord | undefined) => {
    const before = rows.get(runId);
    const after = change(before) ?? before;
    if (after !== undefined) rows.set(runId, after);
    return { before, after };
  };
  return {
    open: (agentId) =>
      answer(() => [...rows.values()].filter((row) => row.agentId === agentId && concernsAgent(row, clock.now()))),
    get: (runId) => answer(() => rows.get(runId)),
    update: (runId, change) => answer(() => update(runId, change)),
    start: (runId) => answer(() => starts.get(runId)),
    submit: (start, agentId) => {
      if (rows.has(start.runId)) throw new RunnerError('already_exists', `there is a run ${start.runId} already`);
      const row = newRow(start, agentId, clock.now());
      rows.set(start.runId, row);
      starts.set(start.runId, start);
      return row;
    },
    cancel: (runId) => update(runId, (row) => (row === undefined ? undefined : requestCancel(row, clock.now()))).after,
    remove: (runId) => {
      rows.delete(runId);
      starts.delete(runId);
    },
    all: () => [...rows.values()],
  };
}

function newRow(start: RunStart, agentId: string, queuedAt: number): RunRecord {
  const { runId, priority, pipelineType, deadlineSeconds } = start;
  return {
    runId,
    agentId,
    state: 'queued',
    want: 'run',
    offered: false,
    accepted: false,
    writtenBy: 'controlPlane',
    priority,
    pipelineType,
    queuedAt,
    deadlineSeconds,
  };
}

export interface MemoryAgentBook extends AgentBook {
  /** The admin's `release-scope`: a rival of another scope need not wait for the open runs of the old one. */
  releaseScope(agentId: string): void;
}

interface Holder {
  readonly epoch: number;
  readonly instanceId: string;
  readonly sessionId: string;
  readonly scopeId: string | undefined;
  readonly leaseUntil: number;
  readonly held: boolean;
}

/** Who is active, in memory: for one process. `runs` says which runs still bind an agent to its scope. */
export function createMemoryAgentBook(options: {
  readonly clock: Clock;
  readonly runs: Pick<MemoryRunBook, 'all'>;
}): MemoryAgentBook {
  const { clock, runs } = options;
  const holders = new Map<string, Holder>();
  const isHeld = (holder: Holder): boolean => holder.held && clock.monotonic() < holder.leaseUntil;
  const isBound = (agentId: string, scopeId: string): boolean =>
    runs.all().some((row) => row.agentId === agentId && holdsScope(row, scopeId));

  const claim = (asked: InstanceClaim, leaseMs: number): ClaimAnswer => {
    const holder = holders.get(asked.agentId);
    const refusal = holder === undefined ? undefined : refuse(holder, asked);
    if (refusal !== undefined) return refusal;
    const again = holder?.held === true && holder.sessionId === asked.sessionId;
    const epoch = again ? holder.epoch : (holder?.epoch ?? 0) + 1;
    const { instanceId, sessionId, scopeId } = asked;
    const leaseUntil = clock.monotonic() + leaseMs;
    holders.set(asked.agentId, { epoch, instanceId, sessionId, scopeId, leaseUntil, held: true });
    return { role: 'active', epoch };
  };
  const refuse = (holder: Holder, asked: InstanceClaim): ClaimAnswer | undefined => {
    const { epoch, scopeId } = holder;
    const elsewhere = scopeId !== undefined && scopeId !== asked.scopeId;
    if (isHeld(holder) && holder.instanceId !== asked.instanceId) {
      const retryInMs = holder.leaseUntil - clock.monotonic();
      return elsewhere
        ? { role: 'blocked', epoch, retryInMs, reason: 'another instance is active in another scope' }
        : { role: 'standby', epoch, retryInMs, reason: 'another instance is active' };
    }
    if (!elsewhere || !isBound(asked.agentId, scopeId)) return undefined;
    return { role: 'blocked', epoch, reason: 'runs of this agent are open in another scope' };
  };
  const renew = (asked: InstanceClaim, leaseMs: number): boolean => {
    const holder = holders.get(asked.agentId);
    if (holder?.held !== true || holder.sessionId !== asked.sessionId) return false;
    holders.set(asked.agentId, { ...holder, leaseUntil: clock.monotonic() + leaseMs });
    return true;
  };
  return {
    claim: (asked, leaseMs) => answer(() => claim(asked, leaseMs)),
    renew: (asked, leaseMs) => answer(() => renew(asked, leaseMs)),
    renewMany: (claims, leaseMs) =>
      answer(() => new Set(claims.filter((one) => renew(one, leaseMs)).map((one) => one.sessionId))),
    release: (asked) =>
      answer(() => {
        const holder = holders.get(asked.agentId);
        if (holder?.sessionId === asked.sessionId) holders.set(asked.agentId, { ...holder, held: false });
      }),
    releaseScope: (agentId) => {
      const holder = holders.get(agentId);
      if (holder !== undefined) holders.set(agentId, { ...holder, scopeId: undefined });
    },
  };
}

export interface MemoryBus extends Bus {
  /** Tells every listener that it may have missed something, as a broken connection to a real bus would. */
  gap(): void;
}

/** A bus between bridges of one process. Delivers to everybody, the sender included, a moment later. */
export function createMemoryBus(): MemoryBus {
  const listeners = new Set<{ readonly event: (event: BusEvent) => void; readonly gap: () => void }>();
  return {
    publish: (event) =>
      answer(() => {
        for (const listener of listeners) queueMicrotask(() => listeners.has(listener) && listener.event(event));
      }),
    subscribe: (event, gap) => {
      const listener = { event, gap };
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    gap: () => {
      for (const listener of listeners) listener.gap();
    },
  };
}

/** A promise of what a function gives or throws. */
function answer<T>(make: () => T): Promise<T> {
  return new Promise((resolve) => resolve(make()));
}
