import { isRunnerError } from '@runner/core';
import type { Caller, KubeObject, KubeRequest, ResourceType, WatchEvent } from '@runner/kube';
import { describeAbout, detailsOf, kubeError } from '@runner/kube';
import { failureError, failureOf, isEarlyEnd, isEnd, isRecord } from './refusal.ts';
import { OPEN_TIMEOUT_MS, sseData } from './sse.ts';

/** One watch. Ends when Argo says so, throws when it breaks; what Argo says of a stream's end is an error of its own kind. */
export async function* watchEvents<T extends KubeObject>(
  caller: Caller,
  request: KubeRequest,
  type: ResourceType<T>,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent<T>> {
  const chunks = await opened(caller, request, signal);
  if (chunks === undefined) return;
  for await (const texts of sseData(chunks)) {
    for (const text of texts) {
      const event = eventOf(request, type, text);
      if (event === 'end') return;
      if (event !== undefined) yield event;
    }
  }
}

/** Undefined when it was over before there was anything to say. */
async function opened(
  caller: Caller,
  request: KubeRequest,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  try {
    return await caller.open(request, signal, { repeat: false, timeoutMs: OPEN_TIMEOUT_MS });
  } catch (error) {
    if (isRunnerError(error) && isEarlyEnd(error)) return undefined;
    throw error;
  }
}

function eventOf<T extends KubeObject>(
  request: KubeRequest,
  type: ResourceType<T>,
  text: string,
): WatchEvent<T> | 'end' | undefined {
  const result = resultOf(request, text);
  if (result === 'end') return 'end';
  const { type: what, object } = result;
  if (!isRecord(object)) throw foreignLine(request);
  switch (what) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return { type: what, object: named(object as T, type) };
    case 'BOOKMARK':
      return { type: what, resourceVersion: (object as KubeObject).metadata?.resourceVersion ?? '' };
    default:
      return undefined;
  }
}

/** What a line of a stream brings. Throws the error that it is. */
export function resultOf(request: KubeRequest, text: string): Readonly<Record<string, unknown>> | 'end' {
  let line: unknown;
  try {
    line = JSON.parse(text);
  } catch {
    throw foreignLine(request);
  }
  if (!isRecord(line)) throw foreignLine(request);
  if (isRecord(line.result)) return line.result;
  const failure = failureOf(line);
  if (failure === undefined) throw foreignLine(request);
  if (isEnd(failure)) return 'end';
  throw failureError(request.about, failure);
}

/** Argo's answers do not say what they are. */
export function named<T extends KubeObject>(object: T, type: ResourceType<T>): T {
  return { ...object, apiVersion: type.apiVersion, kind: type.kind };
}

function foreignLine({ about }: KubeRequest): Error {
  return kubeError('kube_protocol', `${describeAbout(about)}: a line that is no event of Argo`, {
    hint: 'Check the endpoint; a proxy or a login page may answer there.',
    details: detailsOf(about),
  });
}
