import type { ArgoCall } from '../argo-server.ts';

/** What a request asks for. */
export interface Asked {
  readonly call: ArgoCall;
  readonly namespace: string;
  readonly name: string;
  readonly query: URLSearchParams;
}

type Row = readonly [method: string, pattern: RegExp, call: ArgoCall];

const ROWS: readonly Row[] = [
  ['GET', /^\/api\/v1\/version$/, 'version'],
  ['GET', /^\/api\/v1\/workflow-events\/([^/]*)$/, 'watch'],
  ['POST', /^\/api\/v1\/workflows\/([^/]+)$/, 'create'],
  ['GET', /^\/api\/v1\/workflows\/([^/]*)$/, 'list'],
  ['GET', /^\/api\/v1\/workflows\/([^/]+)\/([^/]+)$/, 'get'],
  ['DELETE', /^\/api\/v1\/workflows\/([^/]+)\/([^/]+)$/, 'delete'],
  ['PUT', /^\/api\/v1\/workflows\/([^/]+)\/([^/]+)\/stop$/, 'stop'],
  ['PUT', /^\/api\/v1\/workflows\/([^/]+)\/([^/]+)\/terminate$/, 'terminate'],
  ['PUT', /^\/api\/v1\/workflows\/([^/]+)\/([^/]+)\/resume$/, 'resume'],
  ['GET', /^\/api\/v1\/workflows\/([^/]+)\/([^/]+)\/log$/, 'log'],
];

/** Undefined where Argo serves nothing. */
export function askedOf(method: string, url: string): Asked | undefined {
  const { pathname, searchParams } = new URL(url, 'http://127.0.0.1');
  for (const [wanted, pattern, call] of ROWS) {
    const match = wanted === method ? pattern.exec(pathname) : null;
    if (match === null) continue;
    const [namespace = '', name = ''] = match.slice(1).map((part) => decodeURIComponent(part));
    return { call, namespace, name, query: searchParams };
  }
  return undefined;
}
