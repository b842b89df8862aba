import { PassThrough } from 'node:stream';
import type { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock, Logger } from '@runner/core';
import { isAbort } from '@runner/core';

export interface ServerEvent {
  /** For `Last-Event-ID`. */
  readonly id?: string;
  readonly data: unknown;
}

export interface SseOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** A comment is sent this often, so that proxies keep the connection. */
  readonly heartbeatMs?: number;
  /** What to send when something fails after the stream began. */
  readonly onFailure: () => unknown;
}

/**
 * Sends events until there are no more or the reader leaves. The signal is aborted when the reader left; a slow reader
 * slows only itself, since the source is asked for the next event when the last one was taken.
 */
export function sendEvents(
  request: FastifyRequest,
  reply: FastifyReply,
  options: SseOptions,
  source: (signal: AbortSignal) => AsyncIterable<ServerEvent>,
): FastifyReply {
  const { clock, logger, heartbeatMs = 15_000, onFailure } = options;
  const gone = new AbortController();
  const stream = new PassThrough();
  stream.on('close', () => gone.abort());
  request.raw.on('close', () => {
    if (request.raw.destroyed && !request.raw.complete) gone.abort();
  });

  const beat = async (): Promise<void> => {
    while (!gone.signal.aborted) {
      await clock.sleep(heartbeatMs, gone.signal);
      if (!stream.writableNeedDrain) stream.write(':\n\n');
    }
  };
  const pump = async (): Promise<void> => {
    try {
      for await (const event of source(gone.signal)) {
        if (gone.signal.aborted) break;
        if (!stream.write(encode(event))) await drained(stream, gone.signal);
      }
    } catch (error) {
      if (!isAbort(error) && !gone.signal.aborted) {
        logger.warn('an event stream failed', { route: request.routeOptions.url ?? '', error });
        stream.write(encode({ data: onFailure() }));
      }
    } finally {
      stream.end();
    }
  };
  void Promise.allSettled([pump().then(() => gone.abort()), beat()]);
  return reply
    .type('text/event-stream')
    .header('cache-control', 'no-store')
    .header('x-accel-buffering', 'no')
    .send(stream satisfies Readable);
}

/** JSON has no raw line breaks, so one `data:` line holds an event. */
function encode({ id, data }: ServerEvent): string {
  return `${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
}

async function drained(stream: PassThrough, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      stream.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    stream.on('drain', done);
    signal.addEventListener('abort', done, { once: true });
  });
}
