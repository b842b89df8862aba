import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';

/** A message of a WebSocket, as it went over the wire. */
export interface RecordedFrame {
  readonly from: 'agent' | 'server';
  readonly text: string;
}

/** Stands between the control plane and everybody else, and writes everything down. */
export interface RecordingProxy extends AsyncDisposable {
  readonly url: string;
  frames(): readonly RecordedFrame[];
  /** Requests and answers of REST, head and body, without the header that carries tokens. */
  requests(): readonly string[];
}

interface Exchange {
  readonly sent: Buffer[];
  readonly received: Buffer[];
}

/** @param target where it leads to; asked at each connection */
export async function recordingProxy(target: () => URL): Promise<RecordingProxy> {
  const exchanges: Exchange[] = [];
  const open = new Set<Socket>();
  const server = createServer((inner) => {
    const { hostname, port } = target();
    const outer = connect(Number(port), hostname);
    const exchange: Exchange = { sent: [], received: [] };
    exchanges.push(exchange);
    for (const [from, to, record] of [
      [inner, outer, exchange.sent],
      [outer, inner, exchange.received],
    ] as const) {
      open.add(from);
      from.on('data', (chunk: Buffer) => record.push(chunk)).on('error', () => to.destroy());
      from.once('close', () => open.delete(from));
      from.pipe(to);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const parsed = (): readonly { sent: Buffer; received: Buffer; isSocket: boolean }[] =>
    exchanges.map(({ sent, received }) => {
      const whole = Buffer.concat(sent);
      return { sent: whole, received: Buffer.concat(received), isSocket: /^upgrade: websocket/im.test(headOf(whole)) };
    });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    frames: () =>
      parsed()
        .filter(({ isSocket }) => isSocket)
        .flatMap(({ sent, received }) => [
          ...messagesIn(sent).map((text) => ({ from: 'agent' as const, text })),
          ...messagesIn(received).map((text) => ({ from: 'server' as const, text })),
        ]),
    requests: () =>
      parsed()
        .filter(({ isSocket }) => !isSocket)
        .flatMap(({ sent, received }) => [sent, received].map(withoutToken)),
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

const HEAD_END = '\r\n\r\n';

function headOf(bytes: Buffer): string {
  return bytes.subarray(0, Math.max(bytes.indexOf(HEAD_END), 0)).toString('latin1');
}

function withoutToken(bytes: Buffer): string {
  return bytes.toString('utf8').replaceAll(/^authorization: .*$/gim, 'authorization: (left out)');
}

/** The messages behind the head of an upgraded connection. Compression is off in this protocol. */
function messagesIn(bytes: Buffer): readonly string[] {
  const texts: string[] = [];
  let rest = bytes.subarray(bytes.indexOf(HEAD_END) + HEAD_END.length);
  let parts: Buffer[] = [];
  for (let frame = readFrame(rest); frame !== undefined; frame = readFrame(rest)) {
    rest = rest.subarray(frame.length);
    if (frame.opcode > 2) {
      // A close has a reason in words.
      texts.push(frame.payload.toString('utf8'));
      continue;
    }
    parts.push(frame.payload);
    if (!frame.isLast) continue;
    texts.push(Buffer.concat(parts).toString('utf8'));
    parts = [];
  }
  return texts;
}

/** One frame of RFC 6455; undefined when it is not there as a whole. */
function readFrame(bytes: Buffer) {
  if (bytes.length < 2) return undefined;
  const [first, second] = [bytes.readUInt8(0), bytes.readUInt8(1)];
  const short = second & 0x7f;
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  const maskBytes = second & 0x80 ? 4 : 0;
  const begin = 2 + lengthBytes + maskBytes;
  if (bytes.length < begin) return undefined;
  const size = lengthBytes === 0 ? short : bytes.readUIntBE(lengthBytes === 2 ? 2 : 4, lengthBytes === 2 ? 2 : 6);
  if (bytes.length < begin + size) return undefined;
  const mask = bytes.subarray(2 + lengthBytes, begin);
  const payload = Buffer.from(bytes.subarray(begin, begin + size));
  if (maskBytes > 0) payload.forEach((byte, at) => (payload[at] = byte ^ mask.readUInt8(at % 4)));
  return { opcode: first & 0x0f, isLast: (first & 0x80) !== 0, payload, length: begin + size };
}
