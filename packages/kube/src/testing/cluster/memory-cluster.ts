import type { Clock, Random, Timer } from '@runner/core';
import type { KubeObject, Pod } from '../../objects.ts';
import { CONFIG_MAPS, JOBS, PODS, SECRETS } from '../../objects.ts';
import type { TestApiServer } from '../api-server.ts';
import type { ContainerEnd, PodTrouble, TestCluster } from '../cluster.ts';
import { ownersOf } from '../server/stored.ts';
import { EventRecorder } from './events.ts';
import { JobController } from './job-controller.ts';
import { JobPods } from './job-pods.ts';
import { missingObject } from './missing-object.ts';
import { PodHandle } from './pod-handle.ts';
import { PodLife } from './pod-life.ts';

export interface MemoryClusterOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly secondMs: number;
  readonly stepMs: number;
  readonly conditions: '1.28' | '1.34';
}

interface Rule {
  readonly trouble: PodTrouble | undefined;
  readonly match: (job: string) => boolean;
}

const LETTERS = 'bcdfghjklmnpqrstvwxz2456789';

/** Follows a server's changes and plays everybody who would react to them. */
export class MemoryCluster implements TestCluster {
  readonly server: TestApiServer;
  readonly #options: MemoryClusterOptions;
  readonly #controller: JobController;
  readonly #events: EventRecorder;
  readonly #pods: JobPods;
  readonly #lives = new Map<string, PodLife>();
  readonly #ofJob = new Map<string, PodLife[]>();
  readonly #starts = new Map<string, number>();
  readonly #dirty = new Map<string, readonly [namespace: string, name: string]>();
  #rules: Rule[] = [];
  #timer: Timer | undefined;
  readonly #stop: () => void;

  constructor(server: TestApiServer, options: MemoryClusterOptions) {
    this.server = server;
    this.#options = options;
    const { clock, random, secondMs } = options;
    this.#events = new EventRecorder(server, clock);
    this.#pods = new JobPods(server);
    this.#controller = new JobController({
      ...{ server, clock, secondMs, conditions: options.conditions, events: this.#events, pods: this.#pods },
      podSuffix: () =>
        Array.from({ length: 5 }, () => LETTERS.charAt(Math.floor(random.next() * LETTERS.length))).join(''),
      refusal: (job) => {
        const trouble = this.#trouble(job.metadata?.name ?? '');
        return trouble?.kind === 'no_pod' ? trouble.message : undefined;
      },
      again: (namespace, name) => this.#enqueue(namespace, name),
    });
    this.#stop = server.onChange((type, event, object) => this.#changed(type.plural, event, object));
    // What was there before.
    for (const pod of server.objects(PODS)) this.#podChanged('ADDED', pod);
    for (const job of server.objects(JOBS)) this.#jobChanged('ADDED', job);
  }

  starts(job: string): number {
    return this.#starts.get(job) ?? 0;
  }

  pod(job: string): Pod | undefined {
    return this.#ofJob.get(job)?.at(-1)?.pod;
  }

  print(job: string, bytes: Uint8Array | string): void {
    const life = this.#life(job);
    if (!life.isRunning) throw new Error(`main of ${job} does not run, so it cannot print`);
    life.log.write(typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
  }

  exit(job: string, exitCode: number, end?: ContainerEnd): void {
    this.#life(job).end(exitCode, end);
  }

  resist(job: string): void {
    this.#life(job).resist();
  }

  trouble(trouble: PodTrouble | undefined, match: (job: string) => boolean = () => true): void {
    this.#rules = [{ trouble, match }, ...this.#rules];
    for (const life of this.#lives.values()) life.proceed();
    for (const { metadata } of this.server.objects(JOBS))
      this.#enqueue(metadata?.namespace ?? '', metadata?.name ?? '');
  }

  oomKill(job: string): void {
    this.#life(job).end(137, { reason: 'OOMKilled' });
  }

  evict(job: string, why: 'evicted' | 'preempted' = 'evicted'): void {
    this.#life(job).evict(why);
  }

  loseNode(job: string): void {
    this.#life(job).loseNode();
  }

  nodeBack(job: string): void {
    this.#life(job).nodeBack();
  }

  rotate(job: string, beforeByte: number): void {
    this.#life(job).log.rotate(beforeByte);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#stop();
    this.#timer?.cancel();
    this.#controller.close();
    for (const life of this.#lives.values()) life.close();
    return Promise.resolve();
  }

  #life(job: string): PodLife {
    const life = this.#ofJob.get(job)?.at(-1);
    if (life === undefined) throw new Error(`no pod of a Job named ${job} stands`);
    return life;
  }

  #trouble(job: string): PodTrouble | undefined {
    return this.#rules.find((rule) => rule.match(job))?.trouble;
  }

  #changed(plural: string, event: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject): void {
    if (plural === JOBS.plural) this.#jobChanged(event, object);
    else if (plural === PODS.plural) this.#podChanged(event, object);
    else if (plural === SECRETS.plural || plural === CONFIG_MAPS.plural) {
      for (const life of this.#lives.values()) life.proceed();
    }
  }

  #jobChanged(event: 'ADDED' | 'MODIFIED' | 'DELETED', job: KubeObject): void {
    const { namespace = '', name = '', uid = '' } = job.metadata ?? {};
    if (event !== 'DELETED') {
      this.#enqueue(namespace, name);
      return;
    }
    this.#controller.jobGone(uid);
    // Nobody is left who counts them.
    this.#pods.release(this.#pods.of(job));
  }

  #podChanged(event: 'ADDED' | 'MODIFIED' | 'DELETED', pod: Pod): void {
    const { namespace = '', name = '', uid = '' } = pod.metadata ?? {};
    const owner = ownersOf(pod).find((one) => one.kind === 'Job');
    if (owner !== undefined) {
      this.#pods.seen(owner.uid, name, event === 'DELETED');
      this.#enqueue(namespace, owner.name);
    } else if (event === 'MODIFIED') this.#pods.release([pod]);
    const life = this.#lives.get(uid);
    if (event === 'DELETED') this.#died(uid);
    else if (life !== undefined) life.changed();
    else if (isUntouched(pod)) this.#born(uid, owner?.name ?? name, namespace, name);
  }

  #died(uid: string): void {
    const life = this.#lives.get(uid);
    if (life === undefined) return;
    life.gone();
    this.#lives.delete(uid);
    const others = (this.#ofJob.get(life.job) ?? []).filter((one) => one !== life);
    if (others.length === 0) this.#ofJob.delete(life.job);
    else this.#ofJob.set(life.job, others);
  }

  #born(uid: string, job: string, namespace: string, name: string): void {
    const { server } = this;
    const { clock, random, secondMs, stepMs } = this.#options;
    const life = new PodLife({
      handle: new PodHandle({ server, clock, events: this.#events }, namespace, name),
      ...{ job, secondMs, stepMs },
      uuid: () => random.uuid(),
      trouble: () => this.#trouble(job),
      lacks: (pod) => missingObject(pod, server),
      started: () => this.#starts.set(job, this.starts(job) + 1),
    });
    this.#lives.set(uid, life);
    this.#ofJob.set(job, [...(this.#ofJob.get(job) ?? []), life]);
  }

  /** Each Job once, however often it changed meanwhile. */
  #enqueue(namespace: string, name: string): void {
    this.#dirty.set(`${namespace}/${name}`, [namespace, name]);
    this.#timer ??= this.#options.clock.setTimer(this.#options.stepMs, () => {
      this.#timer = undefined;
      const due = [...this.#dirty.values()];
      this.#dirty.clear();
      for (const [of, job] of due) this.#controller.sync(of, job);
    });
  }
}

/** Nobody has taken this pod on. */
function isUntouched(pod: Pod): boolean {
  const { phase = 'Pending', conditions = [], containerStatuses = [] } = pod.status ?? {};
  const isNew = phase === 'Pending' && conditions.length === 0 && containerStatuses.length === 0;
  return isNew && pod.spec?.nodeName === undefined && pod.metadata?.deletionTimestamp === undefined;
}
