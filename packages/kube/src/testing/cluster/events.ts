import type { Clock, Random } from '@runner/core';
import type { KubeEvent, KubeObject } from '../../objects.ts';
import { EVENTS } from '../../objects.ts';
import type { TestApiServer } from '../api-server.ts';
import { timestamp } from '../server/stored.ts';

export interface Happening {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** `job-controller`, `default-scheduler`, `kubelet`. */
  readonly from: string;
  readonly fieldPath?: string;
}

/** Writes events; one that is repeated is counted up. */
export class EventRecorder {
  readonly #server: TestApiServer;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #names = new Map<string, string>();

  constructor(server: TestApiServer, clock: Clock, random: Random) {
    this.#server = server;
    this.#clock = clock;
    this.#random = random;
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
    const eventName = `${name}.${this.#random.uuid().replaceAll('-', '').slice(0, 16)}`;
    this.#names.set(key, eventName);
    this.#server.put(EVENTS, {
      metadata: { name: eventName, namespace },
      involvedObject: {
        kind: about.kind ?? '',
        namespace,
        name,
        uid,
        apiVersion: about.apiVersion ?? 'v1',
        resourceVersion,
        ...(happening.fieldPath === undefined ? {} : { fieldPath: happening.fieldPath }),
      },
      ...this.#source(happening, now),
      type: happening.type,
      reason: happening.reason,
      message: happening.message,
    } as KubeEvent);
  }

  /** The scheduler speaks the newer event API, whose events have no first and last time. */
  #source(happening: Happening, now: string): Partial<Record<string, unknown>> {
    const { from } = happening;
    if (from === 'default-scheduler') {
      const eventTime = `${now.slice(0, 19)}.000000Z`;
      return {
        action: 'Scheduling',
        eventTime,
        firstTimestamp: null,
        lastTimestamp: null,
        reportingComponent: from,
        reportingInstance: `${from}-test`,
        source: {},
      };
    }
    const host = from === 'kubelet' ? { host: 'test-node' } : {};
    return {
      eventTime: null,
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
      reportingComponent: from,
      reportingInstance: from === 'kubelet' ? 'test-node' : '',
      source: { component: from, ...host },
    };
  }
}
