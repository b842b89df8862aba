import { describe, expect, it } from 'vitest';
import { systemClock, systemRandom } from '@runner/core';
import type { AgentMessage, ControlMessage, Socket } from '@runner/protocol';
import { CLOSE, decodeAgentMessage, encodeControlMessage } from '@runner/protocol';
import type { AgentConnection, AgentHandlers, AgentLogStream, SessionEnd } from '@runner/protocol/client';
import { connect } from '@runner/protocol/client';
import { attachWebSocketServer, dialWebSocket } from '@runner/protocol/ws';
import {
  CONTROL_SAMPLES,
  sampleAbsent,
  sampleHello,
  samplePresent,
  sampleRunId,
  sampleStart,
  sampleWelcome,
} from '@runner/protocol/testing';
import { httpServer } from '../support/server.ts';

const NOTHING = (): undefined => undefined;

/** A control plane of a few lines: remembers what it hears, says what the test wants. */
class Plane {
  readonly heard: AgentMessage[] = [];
  readonly endings: number[] = [];
  readonly #socket: Socket;
  constructor(socket: Socket, answer: (message: AgentMessage, plane: Plane) => void) {
    this.#socket = socket;
    socket.listen({
      message: (text, bytes) => {
        const read = decodeAgentMessage(text, bytes);
        if (read.kind !== 'ok') throw new Error('no frame');
        this.heard.push(read.message);
        answer(read.message, this);
      },
      closed: (code) => this.endings.push(code),
    });
  }

  say(...messages: ControlMessage[]): void {
    for (const message of messages) this.#socket.send(encodeControlMessage(message).text);
  }

  close(code: number): void {
    this.#socket.close(code, 'because of a test');
  }
}

interface World extends AsyncDisposable {
  readonly planes: Plane[];
  readonly connection: AgentConnection;
}

async function world(
  handlers: Partial<AgentHandlers>,
  answer: (message: AgentMessage, plane: Plane) => void,
): Promise<World> {
  const server = await httpServer();
  const planes: Plane[] = [];
  attachWebSocketServer(server.server, {
    authenticate: () => Promise.resolve({ identity: 'anybody' }),
    accept: (socket) => planes.push(new Plane(socket, answer)),
  });
  const connection = connect({
    dial: dialWebSocket({ url: `ws://127.0.0.1:${server.port}`, token: () => 'token-of-a-test' }),
    hello: () => sampleHello(),
    handlers: {
      session: NOTHING,
      disconnected: NOTHING,
      start: NOTHING,
      cancel: NOTHING,
      level: NOTHING,
      endingAcknowledged: NOTHING,
      recorded: NOTHING,
      discard: NOTHING,
      logStream: NOTHING,
      ...handlers,
    },
    clock: systemClock({ keepAlive: true }),
    random: systemRandom(),
    reconnectFloorMs: 10,
    reconnectCapMs: 20,
  });
  return {
    planes,
    connection,
    [Symbol.asyncDispose]: async () => {
      await connection.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

const greet = (message: AgentMessage, plane: Plane): void => {
  if (message.type === 'hello') plane.say(sampleWelcome());
};

describe('an agent over a real socket', () => {
  it('is welcomed, answers a level, starts a run, and drains', async () => {
    await using it = await world(
      {
        level: ({ levelId, runs }) =>
          it.connection.link.report(
            levelId,
            runs.map(({ runId }) => sampleAbsent(runId)),
          ),
        start: ({ runId }) => {
          it.connection.link.accepted(runId, true, samplePresent({ runId }));
          it.connection.link.slots({ total: 10, free: 9, types: {} });
        },
      },
      (message, plane) => {
        greet(message, plane);
        const { 'level.begin': begin, 'level.page': page, 'level.end': end } = CONTROL_SAMPLES;
        if (message.type === 'hello') plane.say(begin, page, end);
        if (message.type === 'report.end')
          plane.say({ type: 'start', epoch: 1, run: sampleStart({ runId: sampleRunId(7) }) });
      },
    );
    await expect.poll(() => it.planes[0]?.heard.at(-1)?.type).toBe('slots');
    await it.connection.close();
    expect(it.planes[0]?.heard).toMatchObject([
      { type: 'hello' },
      { type: 'report.begin' },
      { type: 'report.page', observations: [sampleAbsent()] },
      { type: 'report.end', total: 1 },
      { type: 'accepted', runId: sampleRunId(7) },
      { type: 'slots', slots: { startsSeen: 1 } },
      { type: 'draining' },
    ]);
    await expect.poll(() => it.planes[0]?.endings).toEqual([1000]);
  });

  it('comes back after the other side has gone, and introduces itself anew', async () => {
    const ends: SessionEnd[] = [];
    await using it = await world({ disconnected: (end) => void ends.push(end) }, greet);
    await expect.poll(() => it.connection.state).toBe('open');
    it.planes[0]?.close(CLOSE.goingAway.code);
    await expect.poll(() => it.planes.length).toBe(2);
    await expect.poll(() => it.connection.state).toBe('open');
    expect(ends).toMatchObject([{ code: 1001, known: CLOSE.goingAway }]);
    expect(it.planes[1]?.heard[0]).toEqual(sampleHello());
  });

  it('sends a large log as fast as one reader takes it, while another reads nothing', async () => {
    const text = 'a line of a log that is of some length, as lines of logs are\n'.repeat(1_000);
    const chunks = 64;
    const write = async (stream: AgentLogStream): Promise<void> => {
      let at = 0;
      for (let n = 0; n < chunks && !stream.signal.aborted; n += 1) {
        await stream.chunk({ rawFrom: at, rawTo: at + text.length, data: text });
        at += text.length;
      }
      stream.end(at, 'complete');
    };
    const writing: Promise<void>[] = [];
    const received = { slow: 0, fast: 0 };
    await using it = await world({ logStream: (stream) => void writing.push(write(stream)) }, (message, plane) => {
      greet(message, plane);
      const open = { type: 'log.open', runId: sampleRunId(), fromByte: 0, follow: false, credit: 100_000 } as const;
      if (message.type === 'hello') plane.say({ ...open, streamId: 'slow' }, { ...open, streamId: 'fast' });
      if (message.type !== 'log.chunk') return;
      const bytes = Buffer.byteLength(message.data);
      received[message.streamId as 'slow' | 'fast'] += bytes;
      if (message.streamId === 'fast') plane.say({ type: 'log.credit', streamId: 'fast', bytes });
    });
    await expect
      .poll(() => it.planes[0]?.heard.at(-1), { timeout: 10_000 })
      .toMatchObject({
        type: 'log.end',
        streamId: 'fast',
        reason: 'complete',
        rawTo: chunks * text.length,
      });
    expect(received.fast).toBe(chunks * text.length);
    // Above zero it may send: the credit is overdrawn by less than one chunk.
    expect(received.slow).toBe(2 * text.length);
    await it.connection.close();
    await Promise.all(writing);
  });
});
