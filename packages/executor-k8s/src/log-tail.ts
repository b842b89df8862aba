import { Buffer } from 'node:buffer';
import { LOG_TAIL_BYTES, LOG_TAIL_LINES, MAIN_CONTAINER, logTail } from '@runner/executor';
import type { Pod } from '@runner/kube';
import type { K8sParts } from './parts.ts';
import { mainStatus } from './sight.ts';

/** One more than is given, so that the first line may be cut. */
const LINES = LOG_TAIL_LINES + 1;
/** Read of a log at most, should its lines be endless. The API cuts the end then, so it is far more than is kept. */
const MOST_BYTES = 16 * 1_048_576;

/** The redacted end of an ended program's output; undefined when there is none to be had. */
export async function readLogTail(parts: K8sParts, pod: Pod, signal: AbortSignal): Promise<string | undefined> {
  const name = pod.metadata?.name;
  if (name === undefined || mainStatus(pod)?.state?.terminated === undefined) return undefined;
  try {
    const stream = await parts.api.podLog(parts.namespace, name, {
      container: MAIN_CONTAINER,
      tailLines: LINES,
      limitBytes: MOST_BYTES,
      signal,
    });
    return stream === undefined ? undefined : await lastOf(stream);
  } catch (error) {
    if (signal.aborted) throw error;
    // A log that cannot be read takes nothing from the outcome.
    parts.logger.debug('the end of a log could not be read', { pod: name, error });
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
