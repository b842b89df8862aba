import type { TestApiServer } from '@runner/kube/testing';
import type { Json } from './words.ts';
import { ArgoFailure, failureOf, isJson } from './words.ts';

/** Calls to the API server with the token of the call, which is what Argo Server does in client mode. */
export interface Backend {
  json(method: string, path: string, body?: unknown): Promise<Json>;
  /** Lines of a stream, without their ends. */
  lines(path: string, signal: AbortSignal): Promise<AsyncIterable<string>>;
}

const NO_TOKEN = 'token not valid. see https://argo-workflows.readthedocs.io/en/latest/faq/';

export function backendFor(api: TestApiServer, authorization: string | undefined): Backend {
  if (authorization?.startsWith('Bearer ') !== true) throw new ArgoFailure(16, NO_TOKEN);
  const ask = async (method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> => {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const answer = await fetch(api.url + path, {
      method,
      headers: { authorization, ...(body === undefined ? {} : { 'content-type': type }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
    if (answer.ok) return answer;
    const said: unknown = await answer.json().catch(() => undefined);
    throw failureOf(answer.status, isJson(said) && typeof said['message'] === 'string' ? said['message'] : '');
  };
  return {
    json: async (method, path, body) => (await (await ask(method, path, body)).json()) as Json,
    lines: async (path, signal) => linesOf(await ask('GET', path, undefined, signal)),
  };
}

async function* linesOf(answer: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8');
  let rest = '';
  if (answer.body === null) return;
  for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}
