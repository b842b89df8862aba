import { connect as connectNet } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLOSE, SUBPROTOCOL, decodeAgentMessage } from '@runner/protocol';
import { attachWebSocketServer } from '@runner/protocol/ws';
import { httpServer } from '../support/server.ts';

const UPGRADE =
  `GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
  `Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: ${SUBPROTOCOL}\r\n\r\n`;
const TEXT = 0x1;
const BINARY = 0x2;
const CLOSING = 0x8;

/** A frame as a client sends it; masked with zeros, which changes nothing. */
function frame(opcode: number, payload: Buffer, { final = true, masked = true } = {}): Buffer {
  const size = payload.length < 126 ? [payload.length] : payload.length < 65_536 ? [126] : [127];
  const length = payload.length < 126 ? Buffer.alloc(0) : payload.length < 65_536 ? Buffer.alloc(2) : Buffer.alloc(8);
  if (length.length === 2) length.writeUInt16BE(payload.length);
  if (length.length === 8) length.writeBigUInt64BE(BigInt(payload.length));
  const head = Buffer.from([(final ? 0x80 : 0) | opcode, (size[0] ?? 0) | (masked ? 0x80 : 0)]);
  return Buffer.concat([head, length, masked ? Buffer.alloc(4) : Buffer.alloc(0), payload]);
}

/** A bridge that reads frames and closes with the code of what is wrong; bytes go in behind the upgrade. */
async function bridge() {
  const running = await httpServer();
  const ends: number[] = [];
  attachWebSocketServer(running.server, {
    authenticate: () => Promise.resolve({ identity: 'anybody' }),
    accept: (socket) =>
      socket.listen({
        message: (text, bytes) => {
          const read = decodeAgentMessage(text, bytes);
          if (read.kind === 'problem') socket.close(read.close.code, read.reason);
        },
        closed: (code) => ends.push(code),
      }),
  });
  return { ...running, ends, [Symbol.asyncDispose]: running[Symbol.asyncDispose] };
}

/**
 * Sends these bytes behind an upgrade, then a close frame, then no more; returns the code of the server's close frame,
 * 1006 when there is none.
 */
function send(port: number, bytes: Buffer): Promise<number> {
  return new Promise((resolve) => {
    const all = Buffer.concat([Buffer.from(UPGRADE), bytes, frame(CLOSING, Buffer.from([0x03, 0xe8]))]);
    const client = connectNet(port, '127.0.0.1', () => client.end(all));
    let received = Buffer.alloc(0);
    client.on('error', () => undefined);
    client.on('data', (chunk) => (received = Buffer.concat([received, chunk])));
    client.once('close', () => {
      const body = received.subarray(received.indexOf('\r\n\r\n') + 4);
      resolve(body[0] === (0x80 | CLOSING) ? body.readUInt16BE(2) : 1006);
    });
  });
}

describe('bytes from a hostile client', () => {
  it.each([
    ['a binary frame', frame(BINARY, Buffer.from('{}')), CLOSE.badFrame.code],
    ['invalid UTF-8', frame(TEXT, Buffer.from([0xc3, 0x28])), CLOSE.badFrame.code],
    ['a frame that is not masked', frame(TEXT, Buffer.from('{}'), { masked: false }), CLOSE.badFrame.code],
    ['a frame of an unknown kind', frame(0x5, Buffer.alloc(0)), CLOSE.badFrame.code],
    ['a continuation of nothing', frame(0x0, Buffer.from('{}')), CLOSE.badFrame.code],
    ['a compressed frame', Buffer.from([0xc1, 0x80, 0, 0, 0, 0]), CLOSE.badFrame.code],
    ['more than 1 MiB', frame(TEXT, Buffer.alloc(1_048_577, 0x20)), CLOSE.tooLarge.code],
    [
      'more than 1 MiB in pieces',
      Buffer.concat([
        frame(TEXT, Buffer.alloc(600_000, 0x20), { final: false }),
        frame(0x0, Buffer.alloc(600_000, 0x20)),
      ]),
      CLOSE.tooLarge.code,
    ],
    [
      'a length beyond all memory',
      Buffer.from([0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
      CLOSE.tooLarge.code,
    ],
    ['a very deep text', frame(TEXT, Buffer.alloc(1_000_000, '[')), CLOSE.badFrame.code],
    ['a frame marked as required', frame(TEXT, Buffer.from('{"type":"x","required":true}')), CLOSE.unsupported.code],
  ])('end their own session with the right code: %s', async (_name, bytes, code) => {
    await using server = await bridge();
    expect(await send(server.port, bytes)).toBe(code);
    await expect.poll(() => server.ends).toEqual([code]);
  });

  it('never hurt the process or the next client, whatever they are', async () => {
    await using server = await bridge();
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.boolean(), async (bytes, framed) => {
        await send(server.port, framed ? frame(TEXT, Buffer.from(bytes)) : Buffer.from(bytes));
      }),
      { numRuns: 150 },
    );
    expect(await send(server.port, frame(TEXT, Buffer.from('{"type":"ping","n":1}')))).toBe(1000);
  });
});
