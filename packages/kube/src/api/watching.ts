import { kubeError } from '../errors.ts';
import type { KubeObject } from '../objects.ts';
import type { Caller } from './caller.ts';
import { statusError } from './failures.ts';
import type { WatchEvent } from './kube-api.ts';
import { linesOf } from './lines.ts';
import type { About, KubeRequest } from './request.ts';
import { describeAbout, detailsOf } from './request.ts';
import { isRecord, parseJson, statusOf } from './status.ts';

/** Longest event, in bytes: etcd holds objects of 1.5 MiB, JSON makes them larger. */
const LONGEST_EVENT = 8 * 1024 * 1024;

/**
 * One watch. Failures that would have to be waited for are thrown: whoever watches has a back-off of its own, which must
 * hold for every connection that is made.
 */
export async function* watchEvents<T extends KubeObject>(
  caller: Caller,
  request: KubeRequest,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent<T>> {
  const chunks = await caller.open(request, signal, { repeat: false });
  for await (const line of linesOf(chunks, LONGEST_EVENT)) {
    const event = eventOf<T>(request.about, line);
    if (event !== undefined) yield event;
  }
}

/** Undefined for types of events that we do not know. Throws what an ERROR event says. */
export function eventOf<T extends KubeObject>(about: About, line: string): WatchEvent<T> | undefined {
  const event = parseJson(line);
  if (!isRecord(event) || typeof event.type !== 'string' || !isRecord(event.object)) {
    throw kubeError('kube_protocol', `${describeAbout(about)}: a line that is no watch event`, {
      hint: 'Check the address of the API server; a proxy may answer there.',
      details: detailsOf(about),
    });
  }
  const { type, object } = event;
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return { type, object: object as T };
    case 'BOOKMARK':
      return { type, resourceVersion: (object as KubeObject).metadata?.resourceVersion ?? '' };
    case 'ERROR': {
      const status = statusOf(object);
      if (status !== undefined) throw statusError(about, status.code ?? 500, status);
      throw kubeError('kube_server_error', `${describeAbout(about)}: an error without a status`, {
        details: detailsOf(about),
      });
    }
    default:
      return undefined;
  }
}
