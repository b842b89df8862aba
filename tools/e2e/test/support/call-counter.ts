import { once } from 'node:events';
import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

/** What a call is: its method, and its path and query as they stand in the request. */
export interface Call {
  readonly method: string;
  readonly url: string;
}

/** A door to the API server, or to an Argo Server, that counts who goes through it. Plain HTTP on this machine alone. */
export interface CallCounter extends AsyncDisposable {
  /** URL of the door. */
  readonly server: string;
  /** How many calls of this kind came. */
  count(kind: (call: Call) => boolean): number;
  /** How many calls of this kind were open at the same time, at most. */
  mostAtOnce(kind: (call: Call) => boolean): number;
}

interface Stay extends Call {
  readonly from: number;
  to: number;
}

/** @param ca PEM of the authority of `target`, where that is https */
export async function callCounter(target: string, ca?: string): Promise<CallCounter> {
  const stays: Stay[] = [];
  const carry = carrier(new URL(target), ca);
  const door = createServer((request, response) => {
    const { method = '', url = '' } = request;
    const stay: Stay = { method, url, from: performance.now(), to: Infinity };
    stays.push(stay);
    response.once('close', () => (stay.to = performance.now()));
    carry(request, response);
  });
  door.listen(0, '127.0.0.1');
  await once(door, 'listening');
  const address = door.address();
  return {
    server: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    count: (kind) => stays.filter(kind).length,
    mostAtOnce: (kind) => {
      const open = stays.filter(kind);
      return Math.max(0, ...open.map(({ from }) => open.filter((one) => one.from <= from && from < one.to).length));
    },
    [Symbol.asyncDispose]: async () => {
      door.closeAllConnections();
      door.close();
      await once(door, 'close');
    },
  };
}

/** Gives every request to the target and its answer back, piece by piece; when one side goes, so does the other. */
function carrier(target: URL, ca: string | undefined): RequestListener {
  const ask = target.protocol === 'https:' ? httpsRequest : httpRequest;
  return (request, response) => {
    const { method, url, headers } = request;
    const onward = ask({
      ...{ protocol: target.protocol, hostname: target.hostname, port: target.port, path: url, method },
      headers: { ...headers, host: target.host },
      ...(ca === undefined ? {} : { ca }),
    });
    onward.once('response', (answer: IncomingMessage) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      // A watch that has nothing to say yet is answered nevertheless.
      response.flushHeaders();
      answer.pipe(response);
      answer.on('error', () => response.destroy());
    });
    onward.on('error', () => response.destroy());
    response.once('close', () => onward.destroy());
    request.pipe(onward);
  };
}
