import { randomUUID } from 'node:crypto';
import type { AgentMessage, ControlMessage } from '@runner/protocol';
import { SUBPROTOCOL } from '@runner/protocol';
import { WebSocket } from 'ws';
import { serve } from '../measure/questions.ts';

/** Many agents that run nothing, each no more than a socket that says what the protocol asks for. */
export interface IdleClients {
  /** Opens that many more; resolves once all are welcomed (by a bare server: open). */
  connect(options: { readonly url: string; readonly kind: 'bridge' | 'bare'; readonly more: number }): Promise<void>;
}

const AT_ONCE = 64;
/** ± 20 %, as the protocol says. */
const JITTER = 0.2;

serve<IdleClients>({
  connect: async ({ url, kind, more }) => {
    let left = more;
    const connectSome = async (): Promise<void> => {
      for (; left > 0;) {
        left -= 1;
        await open(url, kind);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, connectSome));
  },
});

function open(url: string, kind: 'bridge' | 'bare'): Promise<void> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(url, SUBPROTOCOL, {
      perMessageDeflate: false,
      headers: { authorization: 'Bearer bench' },
    });
    ws.once('error', reject);
    ws.once('close', (code) => reject(new Error(`the server closed an idle socket with ${code}`)));
    ws.once('open', () => {
      ws.send(hello());
      if (kind === 'bare') resolve();
    });
    if (kind === 'bridge')
      ws.on('message', (data: Buffer) => answer(ws, JSON.parse(data.toString()) as ControlMessage, resolve));
  });
}

/** The least an agent does: pings of its own, pongs, an empty report to each level. */
function answer(ws: WebSocket, message: ControlMessage, welcomed: () => void): void {
  const say = (answered: AgentMessage): void => ws.send(JSON.stringify(answered));
  if (message.type === 'welcome') {
    keepPinging(ws, message.timings.heartbeatMs, 0);
    welcomed();
  } else if (message.type === 'ping') {
    say({ type: 'pong', n: message.n });
  } else if (message.type === 'level.end') {
    const { epoch, levelId } = message;
    say({ type: 'report.begin', epoch, levelId });
    say({ type: 'report.end', epoch, levelId, total: 0 });
  }
}

function keepPinging(ws: WebSocket, heartbeatMs: number, n: number): void {
  setTimeout(
    () => {
      ws.send(JSON.stringify({ type: 'ping', n } satisfies AgentMessage));
      keepPinging(ws, heartbeatMs, n + 1);
    },
    heartbeatMs * (1 - JITTER + Math.random() * 2 * JITTER),
  );
}

function hello(): string {
  return JSON.stringify({
    type: 'hello',
    minor: 0,
    agentId: randomUUID(),
    instanceId: randomUUID(),
    scope: { id: 'bench', description: 'a bench' },
    agentVersion: '0.0.0',
    executor: 'none',
    secretsManager: 'none',
    capabilities: [],
    slots: { total: 10, free: 10, types: {}, startsSeen: 0 },
  } satisfies AgentMessage);
}
