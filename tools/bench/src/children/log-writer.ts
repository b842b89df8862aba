import { systemClock, systemRandom } from '@runner/core';
import type { AgentLogStream } from '@runner/protocol/client';
import { connect } from '@runner/protocol/client';
import { LIMITS } from '@runner/protocol';
import { dialWebSocket } from '@runner/protocol/ws';
import { WebSocket } from 'ws';
import { logText, runIdOf } from '../benches/frames.ts';
import { serve } from '../measure/questions.ts';

/** Writes logs: as an agent, and as a bare WebSocket. */
export interface LogWriter {
  /** Connects as an agent whose every log is so long. */
  agent(options: { readonly url: string; readonly agentId: string; readonly bytes: number }): Promise<void>;
  /** Connects, waits for `go`, sends as many bytes in text frames of the same payload, and ends. */
  bare(options: { readonly url: string; readonly bytes: number }): Promise<void>;
}

const CHUNK = LIMITS.logDataBytes;
/** A bare sender lets as much wait in the socket as the agent does. */
const HIGH_WATER_BYTES = 262_144;

serve<LogWriter>({
  agent: ({ url, agentId, bytes }) => {
    const clock = systemClock({ keepAlive: true });
    return new Promise((resolve) => {
      connect({
        dial: dialWebSocket({ url, token: () => 'bench' }),
        hello: () => ({
          agentId,
          instanceId: runIdOf(2),
          scope: { id: 'bench', description: 'a bench' },
          agentVersion: '0.0.0',
          executor: 'none',
          secretsManager: 'none',
          capabilities: [],
          slots: { total: 1, free: 1, types: {} },
        }),
        handlers: {
          session: () => resolve(),
          disconnected: () => undefined,
          start: () => undefined,
          cancel: () => undefined,
          level: () => undefined,
          endingAcknowledged: () => undefined,
          recorded: () => undefined,
          discard: () => undefined,
          logStream: (stream) => void write(stream, bytes),
        },
        clock,
        random: systemRandom(),
      });
    });
  },
  bare: ({ url, bytes }) =>
    new Promise((resolve, reject) => {
      const ws = new WebSocket(url, { perMessageDeflate: false });
      ws.once('error', reject);
      ws.once('close', () => resolve());
      ws.once('message', () => void flood(ws, bytes));
    }),
});

async function write(stream: AgentLogStream, bytes: number): Promise<void> {
  const data = logText(CHUNK);
  for (let at = 0; at < bytes; at += CHUNK) await stream.chunk({ rawFrom: at, rawTo: at + CHUNK, data });
  stream.end(bytes, 'complete');
}

async function flood(ws: WebSocket, bytes: number): Promise<void> {
  const data = logText(CHUNK);
  for (let at = 0; at < bytes; at += CHUNK) {
    const left = new Promise<void>((resolve) => ws.send(data, () => resolve()));
    if (ws.bufferedAmount > HIGH_WATER_BYTES) await left;
  }
}
