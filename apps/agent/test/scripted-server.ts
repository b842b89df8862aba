import type { TestClock } from '@runner/core/testing';
import { CLOSE, decodeAgentMessage, encodeControlMessage } from '@runner/protocol';
import type { AgentMessage, ControlMessage, Role } from '@runner/protocol';
import type { Dial } from '@runner/protocol/client';
import { memoryWire } from '@runner/protocol/memory';
import type { MemoryWire } from '@runner/protocol/memory';

type Said<T extends AgentMessage['type']> = Extract<AgentMessage, { type: T }>;

/** The other end of the wire, word for word: a test says what the control plane says, and reads what the agent said. */
export interface ScriptedServer {
  readonly dial: Dial;
  /** Everything heard of all sessions, pings left out. */
  readonly heard: readonly AgentMessage[];
  /** All of one type. */
  all<T extends AgentMessage['type']>(type: T): readonly Said<T>[];
  /** The last of one type; throws when there was none. */
  last<T extends AgentMessage['type']>(type: T): Said<T>;
  welcome(options?: {
    readonly role?: Role;
    readonly epoch?: number;
    readonly controlPlaneId?: string;
    readonly reason?: string;
  }): void;
  say(message: ControlMessage): void;
  /** Ends the present session from this side. */
  hangUp(code?: number): void;
  /** Breaks the connection. */
  cut(): void;
  readonly connections: number;
  /** Why the last connection ended, as seen here. */
  readonly ended: { readonly code: number; readonly reason: string } | undefined;
}

export function scriptedServer(clock: TestClock): ScriptedServer {
  const heard: AgentMessage[] = [];
  let wire: MemoryWire | undefined;
  let connections = 0;
  let ended: { code: number; reason: string } | undefined;

  const say = (message: ControlMessage): void => wire?.server.send(encodeControlMessage(message).text);
  const hear = (text: string | undefined, bytes: number): void => {
    const decoded = decodeAgentMessage(text ?? '', bytes);
    if (decoded.kind !== 'ok') throw new Error(`the agent said something invalid: ${JSON.stringify(decoded)}`);
    if (decoded.message.type === 'ping') say({ type: 'pong', n: decoded.message.n });
    else if (decoded.message.type !== 'pong') heard.push(decoded.message);
  };
  const all = <T extends AgentMessage['type']>(type: T): readonly Said<T>[] =>
    heard.filter((message): message is Said<T> => message.type === type);

  return {
    dial: () => {
      connections += 1;
      wire = memoryWire({ clock });
      wire.server.listen({ message: hear, closed: (code, reason) => (ended = { code, reason }) });
      return Promise.resolve(wire.client);
    },
    heard,
    all,
    last: (type) => {
      const found = all(type).at(-1);
      if (found === undefined) throw new Error(`no ${type} was heard: ${heard.map((m) => m.type).join(', ')}`);
      return found;
    },
    welcome: ({ role = 'active', epoch = 1, controlPlaneId = 'control-plane-1', reason } = {}) =>
      say({
        type: 'welcome',
        controlPlaneId,
        sessionId: `session-${connections}`,
        epoch,
        role,
        ...(reason === undefined ? {} : { reason }),
        minor: 0,
        capabilities: [],
        timings: { heartbeatMs: 15_000, silenceMs: 40_000 },
      }),
    say,
    hangUp: (code = CLOSE.goingAway.code) => wire?.server.close(code, 'scripted'),
    cut: () => wire?.cut('both'),
    get connections() {
      return connections;
    },
    get ended() {
      return ended;
    },
  };
}
