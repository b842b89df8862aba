import { Buffer } from 'node:buffer';
import type { Logger } from '@runner/core';
import { LOG_TAIL_BYTES, LOG_TAIL_LINES, MAIN_CONTAINER, logTail } from '@runner/executor';
import type { KubeApi } from '../api/kube-api.ts';

/** One more than is given, so that the first line may be cut. */
const LINES = LOG_TAIL_LINES + 1;
/** Read of a log at most, should its lines be endless. The API cuts the end then, so it is far more than is kept. */
const MOST_BYTES = 16 * 1_048_576;

export interface LogTailParts {
  readonly api: Pick<KubeApi, 'podLog'>;
  readonly namespace: string;
  readonly logger: Logger;
  /** Takes out of the output what is not the program's. Default: nothing. */
  readonly own?: (log: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;
}

const asItIs = (log: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> => log;

/** The redacted end of an ended program's output; undefined when there is none to be had. */
export async function readLogTail(parts: LogTailParts, pod: string, signal: AbortSignal): Promise<string | undefined> {
  const { api, namespace, logger, own = asItIs } = parts;
  try {
    const stream = await api.podLog(namespace, pod, {
      container: MAIN_CONTAINER,
      tailLines: LINES,
      limitBytes: MOST_BYTES,
      signal,
    });
    return stream === undefined ? undefined : await lastOf(own(stream));
  } catch (error) {
    if (signal.aborted) throw error;
    // A log that cannot be read takes nothing from the outcome.
    logger.debug('the end of a log could not be read', { pod, error });
    return undefined;
  }
}

async function lastOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const kept: Uint8Array[] = [];
  let size = 0;
  let lines = 0;
  let isCut = false;
  for await (const chunk of stream) {
    kept.push(chunk);
    size += chunk.length;
    for (const byte of chunk) if (byte === 10) lines += 1;
    for (let first = kept[0]; first !== undefined && size - first.length >= LOG_TAIL_BYTES; first = kept[0]) {
      kept.shift();
      size -= first.length;
      isCut = true;
    }
  }
  return logTail(Buffer.concat(kept), { atLineStart: !isCut && lines < LINES });
}
