import type { Clock, Timer } from '@runner/core';
import type { Pod } from '../../objects.ts';
import { PODS } from '../../objects.ts';
import type { TestApiServer } from '../api-server.ts';
import { timestamp } from '../server/stored.ts';
import type { TestLog } from '../server/test-log.ts';
import type { EventRecorder, Happening } from './events.ts';

export interface PodHandleOptions {
  readonly server: TestApiServer;
  readonly clock: Clock;
  readonly events: EventRecorder;
}

/** One pod as those who play with it reach it, and their timers. */
export class PodHandle {
  readonly namespace: string;
  readonly name: string;
  readonly #options: PodHandleOptions;
  readonly #timers = new Set<Timer>();

  constructor(options: PodHandleOptions, namespace: string, name: string) {
    this.#options = options;
    this.namespace = namespace;
    this.name = name;
  }

  get pod(): Pod | undefined {
    return this.#options.server.object(PODS, this.namespace, this.name);
  }

  get log(): TestLog {
    return this.#options.server.log(this.namespace, this.name, this.pod?.spec?.containers[0]?.name ?? 'main');
  }

  get now(): string {
    return timestamp(this.#options.clock.now());
  }

  write(status: NonNullable<Pod['status']>): void {
    const { pod } = this;
    if (pod !== undefined) this.#options.server.put(PODS, { ...pod, status });
  }

  bind(node: string, status: NonNullable<Pod['status']>): void {
    const { pod } = this;
    if (pod?.spec !== undefined)
      this.#options.server.put(PODS, { ...pod, spec: { ...pod.spec, nodeName: node }, status });
  }

  delete(graceSeconds?: number): void {
    this.#options.server.delete(PODS, this.namespace, this.name, graceSeconds === undefined ? {} : { graceSeconds });
  }

  tell(...happenings: readonly Happening[]): void {
    const { pod } = this;
    for (const happening of happenings) if (pod !== undefined) this.#options.events.record(pod, happening);
  }

  after(ms: number, run: () => void): void {
    const timer = this.#options.clock.setTimer(ms, () => {
      this.#timers.delete(timer);
      run();
    });
    this.#timers.add(timer);
  }

  close(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }
}
