import type { Clock } from '@runner/core';
import type { KubeObject } from '../../objects.ts';
import { EVENTS } from '../../objects.ts';
import type { TestApiServer } from '../api-server.ts';
import { timestamp } from '../server/stored.ts';
import { NODE } from './pod-status.ts';

export interface Happening {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** `job-controller`, `default-scheduler`, … Default `kubelet`. */
  readonly from?: string;
  readonly fieldPath?: string;
}

/** Writes events; one that is repeated is counted up. */
export class EventRecorder {
  readonly #server: TestApiServer;
  readonly #clock: Clock;
  readonly #names = new Map<string, string>();
  #written = 0n;

  constructor(server: TestApiServer, clock: Clock) {
    this.#server = server;
    this.#clock = clock;
  }

  record(about: KubeObject, happening: Happening): void {
    const { name = '', namespace = 'default', uid = '', resourceVersion = '' } = about.metadata ?? {};
    const key = `${uid}/${happening.reason}/${happening.message}`;
    const known = this.#names.get(key);
    const before = known === undefined ? undefined : this.#server.object(EVENTS, namespace, known);
    const now = timestamp(this.#clock.now());
    if (before !== undefined) {
      this.#server.put(EVENTS, { ...before, count: (before.count ?? 1) + 1, lastTimestamp: now });
      return;
    }
    const eventName = `${name}.${this.#suffix()}`;
    this.#names.set(key, eventName);
    const { apiVersion = 'v1', kind = '' } = about;
    const { fieldPath } = happening;
    this.#server.put(EVENTS, {
      metadata: { name: eventName, namespace },
      involvedObject: {
        ...{ kind, namespace, name, uid, apiVersion, resourceVersion },
        ...(fieldPath === undefined ? {} : { fieldPath }),
      },
      ...origin(happening.from ?? 'kubelet', now),
      type: happening.type,
      reason: happening.reason,
      message: happening.message,
    });
  }

  /** Hexadecimal nanoseconds, as in real names: events of an object sort by their time. */
  #suffix(): string {
    this.#written += 1n;
    return (BigInt(Math.floor(this.#clock.now())) * 1_000_000n + this.#written).toString(16);
  }
}

/** The scheduler speaks the newer event API, whose events have no first and last time. */
function origin(from: string, now: string): Readonly<Record<string, unknown>> {
  if (from === 'default-scheduler') {
    return {
      ...{ action: 'Scheduling', eventTime: `${now.slice(0, 19)}.000000Z`, firstTimestamp: null, lastTimestamp: null },
      ...{ reportingComponent: from, reportingInstance: `${from}-test`, source: {} },
    };
  }
  const onNode = from === 'kubelet';
  return {
    ...{ eventTime: null, firstTimestamp: now, lastTimestamp: now, count: 1 },
    ...{ reportingComponent: from, reportingInstance: onNode ? NODE : '' },
    source: { component: from, ...(onNode ? { host: NODE } : {}) },
  };
}
