import { RunnerError, isAbort } from '@runner/core';

export interface Json {
  readonly [key: string]: unknown;
}

/** The REST API of the control plane, as far as the demo uses it. */
export interface Client {
  readonly url: string;
  /** The same for the way out: its calls go through although the demo was told to stop. */
  readonly unstoppable: Client;
  /** Resolves with the parsed answer. Anything but 2xx is `demo_refused` with the server's own words. */
  call(method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown): Promise<Json>;
  /** Server-sent events, each parsed, until the server ends the stream or the signal is aborted. */
  events(path: string, signal: AbortSignal): AsyncIterable<Json>;
}

const TIMEOUT_MS = 30_000;

export function objectIn(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

export function textIn(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** @param stopping aborts every call */
export function createClient(url: string, token: string, stopping?: AbortSignal): Client {
  const headers = { authorization: `Bearer ${token}` };
  const also = stopping === undefined ? [] : [stopping];
  return {
    url,
    get unstoppable() {
      return createClient(url, token);
    },
    call: async (method, path, body) => {
      const response = await fetch(`${url}/api/v1/${path}`, {
        method,
        headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.any([...also, AbortSignal.timeout(TIMEOUT_MS)]),
      });
      const answer = objectIn(parsed(await response.text()));
      if (response.ok) return answer;
      throw new RunnerError('demo_refused', `${method} ${path} was answered ${response.status}: ${wordsOf(answer)}`, {
        details: { status: response.status, answer },
        ...(typeof answer['hint'] === 'string' ? { hint: answer['hint'] } : {}),
      });
    },
    events: async function* (path, signal) {
      try {
        const response = await fetch(`${url}/api/v1/${path}`, {
          headers: { ...headers, accept: 'text/event-stream' },
          signal: AbortSignal.any([...also, signal]),
        });
        if (!response.ok || response.body === null) return;
        yield* parsedEvents(response.body);
      } catch (error) {
        // Streams are for the eye; what counts is asked for by calls.
        if (!isAbort(error) && !(error instanceof TypeError)) throw error;
      }
    },
  };
}

function wordsOf(answer: Json): string {
  return textIn(answer['message']) ?? textIn(answer['reason']) ?? 'no reason was given';
}

function parsed(text: string): unknown {
  try {
    return text === '' ? {} : JSON.parse(text);
  } catch {
    return {};
  }
}

/** Each event of ours is one `data:` line of JSON; comments keep the connection alive. */
export async function* parsedEvents(body: AsyncIterable<Uint8Array>): AsyncIterable<Json> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('data: ')) yield objectIn(parsed(line.slice('data: '.length)));
    }
  }
}
