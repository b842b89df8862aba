import type { TestApiServer, TestRight } from '../../src/testing/index.ts';

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
  readonly text: string;
}

/** Speaks to a server in plain HTTP, as no client of ours does. */
export interface Speaker {
  readonly ask: (method: string, path: string, body?: unknown, contentType?: string) => Promise<Reply>;
  /** Lines of a watch as they come. Ends with the connection; a cut rejects. */
  readonly watch: (path: string, signal: AbortSignal) => AsyncGenerator<WatchLine>;
}

export interface WatchLine {
  readonly type: string;
  readonly object: {
    readonly metadata: { readonly name?: string; readonly resourceVersion: string };
    readonly code?: number;
    readonly message?: string;
    readonly reason?: string;
  };
}

export const JOBS_PATH = '/apis/batch/v1/namespaces/default/jobs';
export const CONFIG_MAPS_PATH = '/api/v1/namespaces/default/configmaps';
export const PODS_PATH = '/api/v1/namespaces/default/pods';
export const MERGE_PATCH = 'application/merge-patch+json';

export function speaker(server: TestApiServer, rights?: readonly TestRight[]): Speaker {
  const authorization = `Bearer ${server.token(rights)}`;
  return {
    async ask(method, path, body, contentType = 'application/json') {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      const response = await fetch(server.url + path, {
        method,
        headers: { authorization, ...(body === undefined ? {} : { 'content-type': contentType }) },
        ...(body === undefined ? {} : { body: text }),
      });
      const answer = await response.text();
      const isJson = response.headers.get('content-type')?.includes('json') === true && !path.includes('watch=');
      return {
        status: response.status,
        headers: response.headers,
        text: answer,
        body: isJson ? (JSON.parse(answer) as unknown) : undefined,
      };
    },
    async *watch(path, signal) {
      const response = await fetch(server.url + path, { headers: { authorization }, signal });
      let rest = '';
      const decoder = new TextDecoder();
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        rest += decoder.decode(chunk, { stream: true });
        const lines = rest.split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) yield JSON.parse(line) as WatchLine;
      }
    },
  };
}

/** A Job with one container; `spec` and `pod` are merged in. */
export function job(name: string, spec: object = {}, pod: object = {}, metadata: object = {}): object {
  const containers = [{ name: 'main', image: 'registry.test/ingestion:1' }];
  return {
    metadata: { name, ...metadata },
    spec: { backoffLimit: 0, ...spec, template: { spec: { restartPolicy: 'Never', containers, ...pod } } },
  };
}

/** Waits until `look` gives something; fails after `timeoutMs`. */
export async function until<T>(what: string, look: () => T | undefined, timeoutMs = 5000): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Takes so many of what comes. */
export async function take<T>(source: AsyncIterable<T>, count: number): Promise<readonly T[]> {
  const taken: T[] = [];
  for await (const item of source) {
    taken.push(item);
    if (taken.length >= count) break;
  }
  return taken;
}

/** What to look at in an answer. */
export function field(value: unknown, ...path: readonly (string | number)[]): unknown {
  let here: unknown = value;
  for (const step of path) {
    here = typeof here === 'object' && here !== null ? (here as Record<string | number, unknown>)[step] : undefined;
  }
  return here;
}
