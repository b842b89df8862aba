import type { IncomingMessage } from 'node:http';
import type { Clock } from '@runner/core';
import type { HttpAnswer } from './dial-errors.ts';

const MAX_BODY_BYTES = 4_096;
const MAX_MESSAGE_LENGTH = 300;
const BODY_TIMEOUT_MS = 1_000;

/** What a server said instead of opening a WebSocket: the status, and the sentence if it sent one in our form. */
export async function readAnswer(response: IncomingMessage, clock: Clock): Promise<HttpAnswer> {
  const status = response.statusCode ?? 0;
  const body = parse(await readBody(response, clock));
  return {
    status,
    ...(/^[a-z][a-z0-9_]{0,63}$/.test(body.code) ? { code: body.code } : {}),
    ...(body.message === '' ? {} : { message: body.message.slice(0, MAX_MESSAGE_LENGTH) }),
  };
}

/** The beginning of the body. An answer that breaks off or never ends is read as far as it came: it is only a hint. */
function readBody(response: IncomingMessage, clock: Clock): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const finish = (): void => {
      timer.cancel();
      response.destroy();
      resolve(Buffer.concat(chunks).toString('utf8', 0, MAX_BODY_BYTES));
    };
    const timer = clock.setTimer(BODY_TIMEOUT_MS, finish);
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > MAX_BODY_BYTES) finish();
    });
    response.once('end', finish);
    response.once('error', finish);
    response.once('close', finish);
  });
}

function parse(text: string): { code: string; message: string } {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    // Not in our form: a page of a proxy, or of another product.
    body = undefined;
  }
  const { code, message } = (typeof body === 'object' && body !== null ? body : {}) as {
    code?: unknown;
    message?: unknown;
  };
  return { code: textOf(code), message: textOf(message).replace(/\p{Cc}+/gu, ' ') };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
