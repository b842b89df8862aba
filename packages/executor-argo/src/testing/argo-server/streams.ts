import type { TestApiServer } from '@runner/kube/testing';
import { PODS } from '@runner/kube';
import type { Pod } from '@runner/kube';
import { WORKFLOWS } from '../../workflow/objects.ts';
import type { Backend } from './backend.ts';
import type { EventStream } from './event-stream.ts';
import { collectionPath, isOver } from './workflow-calls.ts';
import type { Json } from './words.ts';
import { asArgoWrites, failureOf, isJson } from './words.ts';

const WATCH_OPTIONS = ['labelSelector', 'fieldSelector', 'resourceVersion', 'timeoutSeconds', 'allowWatchBookmarks'];
const LOG_OPTIONS = ['tailLines', 'limitBytes', 'follow'];

/** Opens the watch behind; failures before the first event are the answer. */
export async function watchBehind(
  backend: Backend,
  namespace: string,
  query: URLSearchParams,
  signal: AbortSignal,
): Promise<AsyncIterable<string>> {
  return backend.lines(
    `${collectionPath(namespace)}?watch=true&${passed(query, 'listOptions', WATCH_OPTIONS)}`,
    signal,
  );
}

export async function pipeWatch(lines: AsyncIterable<string>, stream: EventStream): Promise<void> {
  for await (const line of lines) {
    const { type, object } = JSON.parse(line) as { readonly type: string; readonly object: Json };
    if (type === 'ERROR') {
      stream.fail(failureOf(Number(object['code']), String(object['message'])));
      return;
    }
    stream.send({ result: { type, object: asArgoWrites(object) } });
  }
  stream.finish();
}

/** What a log is asked for. */
export interface LogWish {
  readonly namespace: string;
  readonly workflow: string;
  readonly pod: string;
  readonly query: URLSearchParams;
}

/**
 * Argo reads the log of a pod once it is there and has begun, and tells nobody when that fails. A followed log stays open
 * until the Workflow is over.
 */
export async function pipeLog(api: TestApiServer, backend: Backend, wish: LogWish, stream: EventStream): Promise<void> {
  const follow = wish.query.get('logOptions.follow') === 'true';
  const over = follow ? workflowOver(api, wish, stream.signal) : Promise.resolve();
  const begun = await podBegun(api, wish, follow ? over : undefined);
  if (begun) await pipePod(backend, wish, stream).catch(() => undefined);
  await over;
  stream.end();
}

async function pipePod(backend: Backend, wish: LogWish, stream: EventStream): Promise<void> {
  const { namespace, pod, query } = wish;
  const stamped = query.get('logOptions.timestamps') === 'true';
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}/log?timestamps=true&${logQuery(query)}`;
  for await (const line of await backend.lines(path, stream.signal)) {
    const whole = line.replace(/\r$/, '');
    const content = stamped ? whole : whole.slice(whole.indexOf(' ') + 1);
    stream.send({ result: { ...(content === '' ? {} : { content }), podName: pod } });
  }
}

function logQuery(query: URLSearchParams): string {
  const asked = new URLSearchParams(passed(query, 'logOptions', LOG_OPTIONS));
  asked.set('container', query.get('logOptions.container') ?? 'main');
  const since = query.get('logOptions.sinceTime.Time');
  if (since !== null) asked.set('sinceTime', since);
  return String(asked);
}

function passed(query: URLSearchParams, prefix: string, names: readonly string[]): string {
  const out = new URLSearchParams();
  for (const name of names) {
    const value = query.get(`${prefix}.${name}`);
    if (value !== null) out.set(name, value);
  }
  return String(out);
}

/** Whether the pod is there and past Pending; waits for that while the log is followed. */
async function podBegun(api: TestApiServer, { namespace, pod }: LogWish, over?: Promise<void>): Promise<boolean> {
  const begun = (): boolean => {
    const phase = api.object<Pod>(PODS, namespace, pod)?.status?.phase;
    return phase !== undefined && phase !== 'Pending';
  };
  if (begun()) return true;
  if (over === undefined) return false;
  let stop = (): void => undefined;
  const seen = new Promise<void>((resolve) => {
    stop = api.onChange(() => {
      if (begun()) resolve();
    });
  });
  await Promise.race([seen, over]);
  stop();
  return begun();
}

async function workflowOver(api: TestApiServer, { namespace, workflow }: LogWish, signal: AbortSignal): Promise<void> {
  const over = (): boolean => {
    const object = api.object(WORKFLOWS, namespace, workflow);
    return object === undefined || (isJson(object) && isOver(object));
  };
  if (over()) return;
  let stop = (): void => undefined;
  await new Promise<void>((resolve) => {
    stop = api.onChange(() => {
      if (over()) resolve();
    });
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  stop();
}
