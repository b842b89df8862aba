import type { TestClock } from '@runner/core/testing';
import { recordingLogger, testClock, testRandom } from '@runner/core/testing';
import type { AgentMessage, ControlMessage, Socket } from '@runner/protocol';
import { decodeAgentMessage, encodeControlMessage } from '@runner/protocol';
import type {
  AgentConnection,
  AgentHandlers,
  AgentLogStream,
  ConnectOptions,
  Level,
  SessionEnd,
  SessionInfo,
} from '@runner/protocol/client';
import { connect } from '@runner/protocol/client';
import type { MemoryWire } from '@runner/protocol/memory';
import { memoryWire } from '@runner/protocol/memory';
import { sampleHello, sampleWelcome } from '@runner/protocol/testing';

/** The other side of one connection, played by a test. */
export interface FakeControlPlane {
  readonly wire: MemoryWire;
  readonly heard: AgentMessage[];
  readonly endings: { readonly code: number; readonly reason: string }[];
  say(...messages: ControlMessage[]): void;
}

export interface Calls {
  readonly sessions: SessionInfo[];
  readonly ends: SessionEnd[];
  readonly starts: string[];
  readonly cancels: string[];
  readonly levels: Level[];
  readonly recorded: string[];
  readonly discarded: string[];
  readonly acknowledged: string[];
  readonly streams: AgentLogStream[];
}

export interface TestAgent {
  readonly connection: AgentConnection;
  readonly clock: TestClock;
  readonly logger: ReturnType<typeof recordingLogger>;
  readonly calls: Calls;
  /** One for each socket that was opened. */
  readonly planes: FakeControlPlane[];
  /** When each attempt was made, by the clock. */
  readonly dials: number[];
  /** What the next attempts fail with; a socket when there is none. */
  readonly failures: Error[];
  readonly ignored: string[];
  /** The latest connection. */
  plane(): FakeControlPlane;
}

/** An agent on sockets in memory and a clock that stands still. */
export function testAgent(overrides: Partial<ConnectOptions> & { readonly handlers?: AgentHandlers } = {}): TestAgent {
  const clock = testClock();
  const logger = recordingLogger();
  const calls: Calls = {
    sessions: [],
    ends: [],
    starts: [],
    cancels: [],
    levels: [],
    recorded: [],
    discarded: [],
    acknowledged: [],
    streams: [],
  };
  const planes: FakeControlPlane[] = [];
  const dials: number[] = [];
  const failures: Error[] = [];
  const ignored: string[] = [];
  const connection = connect({
    dial: () => {
      dials.push(clock.monotonic());
      const failure = failures.shift();
      if (failure !== undefined) return Promise.reject(failure);
      const plane = fakeControlPlane(memoryWire({ clock }));
      planes.push(plane);
      return Promise.resolve(plane.wire.client);
    },
    hello: () => sampleHello(),
    handlers: recordingHandlers(calls),
    clock,
    random: testRandom(),
    logger,
    observer: { ignored: (reason) => ignored.push(reason) },
    ...overrides,
  });
  const plane = (): FakeControlPlane => {
    const latest = planes.at(-1);
    if (latest === undefined) throw new Error('no connection yet');
    return latest;
  };
  return { connection, clock, logger, calls, planes, dials, failures, ignored, plane };
}

function fakeControlPlane(wire: MemoryWire): FakeControlPlane {
  const heard: AgentMessage[] = [];
  const endings: { code: number; reason: string }[] = [];
  listenTo(wire.server, heard, endings);
  return {
    wire,
    heard,
    endings,
    say: (...messages) => {
      for (const message of messages) wire.server.send(encodeControlMessage(message).text);
    },
  };
}

/** Remembers every valid frame of an agent. */
export function listenTo(socket: Socket, heard: AgentMessage[], endings: { code: number; reason: string }[]): void {
  socket.listen({
    message: (text, bytes) => {
      const read = decodeAgentMessage(text, bytes);
      if (read.kind !== 'ok') throw new Error(`the agent sent what is no frame: ${text?.slice(0, 200) ?? 'binary'}`);
      heard.push(read.message);
    },
    closed: (code, reason) => endings.push({ code, reason }),
  });
}

function recordingHandlers(calls: Calls): AgentHandlers {
  return {
    session: (info) => void calls.sessions.push(info),
    disconnected: (end) => void calls.ends.push(end),
    start: (run) => void calls.starts.push(run.runId),
    cancel: (runId) => void calls.cancels.push(runId),
    level: (level) => void calls.levels.push(level),
    endingAcknowledged: (runId) => void calls.acknowledged.push(runId),
    recorded: (runIds) => void calls.recorded.push(...runIds),
    discard: (runId) => void calls.discarded.push(runId),
    logStream: (stream) => void calls.streams.push(stream),
  };
}

/** Lets the agent dial and be welcomed. */
export async function welcome(
  agent: TestAgent,
  overrides: Parameters<typeof sampleWelcome>[0] = {},
): Promise<FakeControlPlane> {
  await agent.clock.settle();
  const plane = agent.plane();
  plane.say(sampleWelcome(overrides));
  await agent.clock.settle();
  return plane;
}
