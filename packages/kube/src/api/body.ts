import type { IncomingMessage } from 'node:http';
import { kubeError } from '../errors.ts';
import { ConnectionFailure } from './transport.ts';

/**
 * The whole body as text. Rejects with a `ConnectionFailure` when it is cut, with the signal's reason, or with
 * `kube_protocol` as soon as it is longer than `limit` bytes.
 */
export function readBody(stream: IncomingMessage, limit: number, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    stream.on('data', (chunk: Buffer) => {
      length += chunk.length;
      chunks.push(chunk);
      if (length <= limit) return;
      reject(tooLong(limit));
      stream.destroy();
    });
    stream.on('end', () => {
      if (stream.complete) resolve(Buffer.concat(chunks, length).toString('utf8'));
      else reject(cut(signal));
    });
    stream.on('error', (error) => reject(cut(signal, error)));
    stream.on('close', () => reject(cut(signal)));
  });
}

/** The beginning of a body, for messages: at most `limit` bytes, and whatever came when it was cut. */
export async function readStart(stream: IncomingMessage, limit: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= limit) break;
    }
  } catch {
    // The status is known; a cut text only makes the message shorter.
  }
  return Buffer.concat(chunks).subarray(0, limit).toString('utf8');
}

/** Raw chunks of a stream that is open. Throws what ended it too early; leaving the loop closes the connection. */
export async function* chunksOf(stream: IncomingMessage, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    // A stream that was cut before anybody read it ends without a word.
    yield* stream as AsyncIterable<Uint8Array>;
    if (signal.aborted || !stream.complete) throw cut(signal);
  } catch (error) {
    throw error instanceof ConnectionFailure ? error : cut(signal, error);
  } finally {
    stream.destroy();
  }
}

function cut(signal: AbortSignal, error?: unknown): Error {
  if (signal.aborted) return signal.reason as Error;
  const cause = error instanceof Error ? error : new Error('the connection was closed before the end of the answer');
  return new ConnectionFailure(cause, false);
}

function tooLong(limit: number): Error {
  return kubeError('kube_protocol', `the answer is longer than ${limit} bytes`, {
    hint: 'For lists, ask for smaller pages; otherwise check that the server is a Kubernetes API.',
  });
}
