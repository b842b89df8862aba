import type { Observation, RunSpec } from '@runner/executor';
import type { Dispatcher } from '@runner/dispatch';
import type { Said } from '@runner/dispatch/testing';
import { spec } from './agent.ts';

export interface Row {
  readonly spec: RunSpec;
  want: 'run' | 'cancel';
  accepted: boolean;
  /** How the run ended, as far as the control plane was told. */
  end: string | undefined;
}

/**
 * As much of a control plane as dispatch can notice: it holds rows, sends starts within the advertised slots, states
 * levels and believes what it is told. What is said while nobody listens is lost.
 */
export interface ControlPlane {
  readonly rows: ReadonlyMap<string, Row>;
  trigger(runId: string, pipelineType: string): void;
  cancel(runId: string): void;
  /** Connects this agent; nobody else is heard from then on. */
  connect(dispatcher: Dispatcher): void;
  disconnect(): void;
  hear(from: Dispatcher | undefined, said: Said): void;
  /** Sends starts of open rows that were never accepted, as many as there are free slots. */
  offer(): void;
  /** One level and its report. */
  exchange(): Promise<void>;
}

export function controlPlane(): ControlPlane {
  const rows = new Map<string, Row>();
  let connected: Dispatcher | undefined;

  const see = (observation: Observation): void => {
    const row = rows.get(observation.runId);
    if (row === undefined) return;
    if (observation.presence === 'absent' && row.accepted) row.end ??= 'lost';
    if (observation.presence !== 'present') return;
    if (observation.outcome !== undefined) row.end = observation.outcome.result;
    // A live workload under a row that was cancelled is ended in place.
    else if (row.want === 'cancel' && observation.phase !== 'ending') connected?.cancel(observation.runId, undefined);
  };

  return {
    rows,
    trigger: (runId, pipelineType) => {
      if (!rows.has(runId)) {
        rows.set(runId, { spec: spec(runId, { pipelineType }), want: 'run', accepted: false, end: undefined });
      }
    },
    cancel: (runId) => {
      const row = rows.get(runId);
      if (row === undefined) return;
      row.want = 'cancel';
      connected?.cancel(runId, 'by a user');
    },
    connect: (dispatcher) => {
      connected = dispatcher;
    },
    disconnect: () => {
      connected = undefined;
    },
    hear: (from, said) => {
      if (from === undefined || from !== connected) return;
      const row = rows.get(said.runId);
      if (row === undefined) return;
      if (said.kind === 'accepted') row.accepted = true;
      if (said.kind === 'accepted' || said.kind === 'observed') see(said.observation);
      if (said.kind === 'cancelled') row.end ??= 'cancelled';
      if (said.kind === 'refused') row.end ??= 'refused';
    },
    offer: () => {
      if (connected === undefined) return;
      for (const row of rows.values()) {
        if (row.end !== undefined || row.accepted || row.want === 'cancel') continue;
        if (connected.slots().free > 0) connected.start(row.spec);
      }
    },
    exchange: async () => {
      const peer = connected;
      if (peer === undefined) return;
      const open = [...rows.values()].filter(({ end }) => end === undefined);
      const report = await peer.level(
        open.map((row) => ({ runId: row.spec.runId, want: row.want, accepted: row.accepted })),
      );
      if (peer !== connected) return;
      for (const observation of report) see(observation);
      peer.recorded([...rows.values()].filter(({ end }) => end !== undefined).map((row) => row.spec.runId));
    },
  };
}
