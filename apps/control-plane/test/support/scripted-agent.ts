import { randomUUID } from 'node:crypto';
import { CAPABILITIES } from '@runner/protocol';
import type { AgentConnection, AgentLogStream, SecretsChecked, SessionEnd } from '@runner/protocol/client';
import { connect } from '@runner/protocol/client';
import type { RunStart } from '@runner/protocol/server';
import type { WireObservation } from '@runner/protocol';
import { dialWebSocket } from '@runner/protocol/ws';
import { clock, random } from './postgres.ts';

const NEWLINE = 0x0a;

/** The log of one workload, as a file that grows. */
export class GrowingLog {
  #bytes = Buffer.alloc(0);
  #done = false;
  readonly #readers = new Set<() => void>();

  add(text: string): void {
    this.#bytes = Buffer.concat([this.#bytes, Buffer.from(text)]);
    this.#wake();
  }

  finish(): void {
    this.#done = true;
    this.#wake();
  }

  /** Serves a stream as an agent does: at most 16 KiB at once, whole lines where they fit, beginning at the start of a line. */
  async serve(stream: AgentLogStream): Promise<void> {
    let from = stream.fromByte === 0 ? 0 : this.#bytes.lastIndexOf(NEWLINE, stream.fromByte - 1) + 1;
    const over = (): boolean => stream.signal.aborted;
    while (!over()) {
      const end = this.#bytes.lastIndexOf(NEWLINE) + 1;
      while (from < end && !over()) {
        const to = this.#frameEnd(from, Math.min(end, from + 16_384));
        const continued = this.#bytes[to - 1] !== NEWLINE;
        await stream.chunk({ rawFrom: from, rawTo: to, data: this.#bytes.subarray(from, to).toString(), continued });
        from = to;
      }
      if (this.#done && from >= this.#bytes.length) {
        stream.end(from, 'complete');
        return;
      }
      await new Promise<void>((resolve) => {
        this.#readers.add(resolve);
        stream.signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }

  /** The last line end up to `limit`; within a longer line the last whole character. */
  #frameEnd(from: number, limit: number): number {
    const line = this.#bytes.lastIndexOf(NEWLINE, limit - 1) + 1;
    if (line > from) return line;
    let end = limit;
    while (end < this.#bytes.length && (this.#bytes[end]! & 0b1100_0000) === 0b1000_0000) end -= 1;
    return end;
  }

  #wake(): void {
    for (const reader of this.#readers) reader();
    this.#readers.clear();
  }
}

export interface ScriptedAgentOptions {
  readonly url: string;
  readonly token: string;
  readonly agentId: string;
  readonly scopeId?: string;
  readonly instanceId?: string;
  readonly slots?: number;
  /** How it answers checks of references. Default: it cannot. */
  readonly checkSecrets?: (references: readonly string[]) => SecretsChecked;
}

/** An agent over real sockets whose workloads are objects in memory. Accepts every start. */
export interface ScriptedAgent extends AsyncDisposable {
  readonly connection: AgentConnection;
  readonly started: RunStart[];
  readonly ends: SessionEnd[];
  readonly streams: { readonly runId: string; readonly fromByte: number }[];
  log(runId: string): GrowingLog;
  /** The workload has ended well. */
  succeed(runId: string): void;
}

export function scriptedAgent(options: ScriptedAgentOptions): ScriptedAgent {
  const { agentId, slots = 10 } = options;
  const logs = new Map<string, GrowingLog>();
  const ended = new Set<string>();
  const started: RunStart[] = [];
  const ends: SessionEnd[] = [];
  const streams: { runId: string; fromByte: number }[] = [];
  const log = (runId: string): GrowingLog => {
    const known = logs.get(runId) ?? new GrowingLog();
    logs.set(runId, known);
    return known;
  };
  const observe = (runId: string): WireObservation => {
    const workload = { kind: 'process', name: `run-${runId.slice(0, 8)}`, uid: runId };
    const seen = { presence: 'present', runId, observedAt: Date.now(), workload, pipelineType: 'metadata' } as const;
    if (!ended.has(runId)) return { ...seen, phase: 'running', startedAt: Date.now() };
    return { ...seen, phase: 'ended', outcome: { result: 'succeeded', exitCode: 0 }, endedAt: Date.now() };
  };
  const instanceId = options.instanceId ?? randomUUID();
  const free = () => ({ total: slots, free: slots - (logs.size - ended.size), types: {} });
  const connection: AgentConnection = connect({
    dial: dialWebSocket({ url: options.url.replace(/^http/, 'ws'), token: () => options.token }),
    hello: () => ({
      agentId,
      instanceId,
      scope: { id: options.scopeId ?? 'scope-1', description: 'a test' },
      agentVersion: '0.1.0',
      executor: 'local',
      secretsManager: 'file',
      capabilities: options.checkSecrets === undefined ? [] : [CAPABILITIES.checkSecrets],
      slots: free(),
    }),
    handlers: {
      session: () => undefined,
      disconnected: (end) => ends.push(end),
      start: (run) => {
        const created = !logs.has(run.runId);
        if (created) started.push(run);
        log(run.runId);
        connection.link.accepted(run.runId, created, observe(run.runId));
        connection.link.slots(free());
      },
      cancel: (runId) => connection.link.cancelled(runId),
      level: (level) => {
        const known = level.runs.map(({ runId }) =>
          logs.has(runId) ? observe(runId) : { presence: 'absent' as const, runId, observedAt: Date.now() },
        );
        connection.link.report(level.levelId, known);
      },
      endingAcknowledged: () => undefined,
      recorded: () => undefined,
      discard: () => undefined,
      checkSecrets: ({ checkId, references }) =>
        connection.link.secretsChecked(checkId, options.checkSecrets?.(references) ?? { results: [] }),
      logStream: (stream) => {
        streams.push({ runId: stream.runId, fromByte: stream.fromByte });
        const known = logs.get(stream.runId);
        if (known === undefined) stream.end(stream.fromByte, 'not_found');
        else void known.serve(stream);
      },
    },
    clock,
    random,
    reconnectFloorMs: 50,
    reconnectCapMs: 200,
  });
  return {
    connection,
    started,
    ends,
    streams,
    log,
    succeed: (runId) => {
      log(runId).finish();
      ended.add(runId);
      connection.link.observed(observe(runId));
    },
    [Symbol.asyncDispose]: () => connection.close(AbortSignal.timeout(1_000)),
  };
}
