import type { Clock, Random, Timer } from '@runner/core';
import type { Pod } from '../../objects.ts';
import { PODS } from '../../objects.ts';
import type { TestApiServer } from '../api-server.ts';
import type { ContainerEnd, PodTrouble } from '../cluster.ts';
import { timestamp } from '../server/stored.ts';
import type { TestLog } from '../server/test-log.ts';
import type { EventRecorder } from './events.ts';
import { isOver } from './job-status.ts';
import type { Termination } from './pod-status.ts';
import {
  NODE,
  disrupted,
  finished,
  running,
  scheduled,
  terminated,
  unreachable,
  unschedulable,
  waiting,
} from './pod-status.ts';

export interface KubeletOptions {
  readonly server: TestApiServer;
  readonly clock: Clock;
  readonly random: Random;
  readonly secondMs: number;
  readonly stepMs: number;
  readonly events: EventRecorder;
  readonly trouble: (job: string) => PodTrouble | undefined;
  readonly started: (job: string) => void;
}

const UNKNOWN: Termination = {
  exitCode: 137,
  reason: 'ContainerStatusUnknown',
  message: 'The container could not be located when the pod was terminated',
};
const TOO_LONG = {
  reason: 'DeadlineExceeded',
  message: 'Pod was active on the node longer than the specified deadline',
};

type Stage = 'new' | 'scheduled' | 'waiting' | 'running' | 'ended' | 'finished';

/** Plays scheduler and kubelet for one pod, from its first day to its last. */
export class PodLife {
  readonly job: string;
  readonly #options: KubeletOptions;
  readonly #namespace: string;
  readonly #name: string;
  readonly #timers = new Set<Timer>();
  readonly #containerID: string;
  #stage: Stage = 'new';
  #resists = false;
  #lost = false;
  #terminating = false;
  #trouble: string | undefined;
  #startedAt: number | undefined;
  /** Told to end before it began. */
  #early: Termination | undefined;
  /** Why the pod fails, when not because of its program. */
  #failure: { readonly reason?: string; readonly message?: string } = {};

  constructor(options: KubeletOptions, job: string, namespace: string, name: string) {
    this.#options = options;
    this.job = job;
    this.#namespace = namespace;
    this.#name = name;
    this.#containerID = `containerd://${options.random.uuid().replaceAll('-', '')}${options.random.uuid().replaceAll('-', '')}`;
    this.#soon(() => this.proceed());
  }

  get pod(): Pod | undefined {
    return this.#options.server.object(PODS, this.#namespace, this.#name);
  }

  get isRunning(): boolean {
    return this.#stage === 'running';
  }

  get log(): TestLog {
    return this.#options.server.log(this.#namespace, this.#name, this.pod?.spec?.containers?.[0]?.name ?? 'main');
  }

  /** Goes on towards running, or gets into trouble. Called again when troubles change. */
  proceed(): void {
    const pod = this.pod;
    if (pod === undefined || this.#terminating || !['new', 'scheduled', 'waiting'].includes(this.#stage)) return;
    const trouble = this.#options.trouble(this.job);
    const text = JSON.stringify(trouble);
    if (trouble !== undefined && trouble.kind !== 'no_pod' && text === this.#trouble) return;
    this.#trouble = text;
    if (this.#stage === 'new') {
      if (trouble?.kind === 'unschedulable') return this.#unschedulable(pod, trouble.message);
      return this.#schedule(pod);
    }
    if (trouble?.kind === 'waiting' || trouble?.kind === 'creating') return this.#wait(pod, trouble);
    if (this.#stage === 'scheduled') {
      this.#stage = 'waiting';
      this.#status(waiting(pod, 'ContainerCreating', undefined, this.#now()));
      this.#watchDeadline(pod);
      return this.#soon(() => this.proceed());
    }
    this.#run(pod);
  }

  /** The program ends. */
  end(exitCode: number, end: ContainerEnd = {}): void {
    const how: Termination = {
      exitCode,
      reason: end.reason ?? (exitCode === 0 ? 'Completed' : 'Error'),
      ...(end.message === undefined ? {} : { message: end.message }),
    };
    if (this.#stage === 'running') this.#terminate(how);
    else if (['new', 'scheduled', 'waiting'].includes(this.#stage)) this.#early = how;
  }

  resist(): void {
    this.#resists = true;
  }

  evict(why: 'evicted' | 'preempted'): void {
    const pod = this.pod;
    if (pod === undefined || isOver(pod)) return;
    if (why === 'preempted') {
      const message = 'default-scheduler: preempting to accommodate a higher priority pod';
      this.#status(disrupted(pod, 'PreemptionByScheduler', message, this.#now()));
      this.#tell(
        'Warning',
        'Preempted',
        `Preempted by pod ${this.#options.random.uuid()} on node ${NODE}`,
        'default-scheduler',
      );
      this.#options.server.delete(PODS, this.#namespace, this.#name);
      return;
    }
    const message =
      'The node was low on resource: memory. Threshold quantity: 100Mi, available: 60Mi. Container main was using 512Mi, request is 128Mi, has larger consumption of memory. ';
    this.#failure = { reason: 'Evicted', message };
    this.#status(disrupted(pod, 'TerminationByKubelet', message, this.#now()));
    this.#tell('Warning', 'Evicted', message);
    this.#kill(0);
  }

  loseNode(): void {
    const pod = this.pod;
    if (pod === undefined) return;
    this.#lost = true;
    this.log.reachable = false;
    const now = this.#now();
    const silent = { ...pod, status: unreachable(pod, now) };
    this.#tell('Warning', 'NodeNotReady', 'Node is not ready', 'node-controller');
    this.#status(disrupted(silent, 'DeletionByTaintManager', 'Taint manager: deleting due to NoExecute taint', now));
    this.#tell(
      'Normal',
      'TaintManagerEviction',
      `Marking for deletion Pod ${this.#namespace}/${this.#name}`,
      'taint-eviction-controller',
    );
    this.#options.server.delete(PODS, this.#namespace, this.#name);
  }

  nodeBack(): void {
    if (!this.#lost) return;
    this.#lost = false;
    this.log.reachable = true;
    this.changed();
  }

  /** The pod was changed by somebody else. */
  changed(): void {
    const pod = this.pod;
    if (pod?.metadata?.deletionTimestamp === undefined || this.#lost) return;
    if (this.#stage === 'finished') return this.#remove();
    if (this.#terminating) return;
    this.#terminating = true;
    if (this.#stage === 'running') {
      this.#tell('Normal', 'Killing', 'Stopping container main', 'kubelet', 'spec.containers{main}');
      this.#kill(pod.metadata.deletionGracePeriodSeconds ?? 0);
    } else if (this.#stage === 'waiting' || this.#stage === 'scheduled') this.#terminate(UNKNOWN);
  }

  close(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  /** The pod is not there any more. */
  gone(): void {
    this.close();
    this.log.end();
    this.#stage = 'finished';
  }

  #unschedulable(pod: Pod, message: string): void {
    this.#status(unschedulable(pod, message, this.#now()));
    this.#tell('Warning', 'FailedScheduling', message, 'default-scheduler');
  }

  #schedule(pod: Pod): void {
    this.#stage = 'scheduled';
    const status = scheduled(pod, this.#now());
    this.#options.server.put(PODS, {
      ...pod,
      spec: { ...pod.spec, nodeName: NODE } as NonNullable<Pod['spec']>,
      status,
    });
    const message = `Successfully assigned ${this.#namespace}/${this.#name} to ${NODE}`;
    this.#tell('Normal', 'Scheduled', message, 'default-scheduler');
    this.#soon(() => this.proceed());
  }

  #wait(pod: Pod, trouble: Extract<PodTrouble, { kind: 'waiting' | 'creating' }>): void {
    const first = this.#stage === 'scheduled';
    this.#stage = 'waiting';
    const creating = trouble.kind === 'creating';
    const status = waiting(
      pod,
      creating ? 'ContainerCreating' : trouble.reason,
      creating ? undefined : trouble.message,
      this.#now(),
    );
    this.#status(status);
    if (first) this.#watchDeadline({ ...pod, status });
    const image = pod.spec?.containers?.[0]?.image ?? '';
    const field = 'spec.containers{main}';
    if (creating) this.#tell('Warning', trouble.reason, trouble.message);
    else if (trouble.reason === 'ErrImagePull' || trouble.reason === 'ImagePullBackOff') {
      this.#tell('Normal', 'Pulling', `Pulling image "${image}"`, 'kubelet', field);
      this.#tell('Warning', 'Failed', `Failed to pull image "${image}": ${trouble.message}`, 'kubelet', field);
      this.#tell('Warning', 'Failed', `Error: ${trouble.reason}`, 'kubelet', field);
      if (trouble.reason === 'ImagePullBackOff')
        this.#tell('Normal', 'BackOff', `Back-off pulling image "${image}"`, 'kubelet', field);
    } else this.#tell('Warning', 'Failed', `Error: ${trouble.message}`, 'kubelet', field);
  }

  #run(pod: Pod): void {
    this.#stage = 'running';
    const image = pod.spec?.containers?.[0]?.image ?? '';
    this.#status(running(pod, this.#containerID, this.#now()));
    const field = 'spec.containers{main}';
    this.#tell('Normal', 'Pulled', `Container image "${image}" already present on machine`, 'kubelet', field);
    this.#tell('Normal', 'Created', 'Created container: main', 'kubelet', field);
    this.#tell('Normal', 'Started', 'Started container main', 'kubelet', field);
    this.#options.started(this.job);
    if (this.#early !== undefined) this.#terminate(this.#early);
  }

  /** Counts from the moment the kubelet took the pod on, waiting included. */
  #watchDeadline(pod: Pod): void {
    this.#startedAt = this.#options.clock.now();
    const seconds = pod.spec?.activeDeadlineSeconds;
    if (seconds === undefined) return;
    this.#after(seconds * this.#options.secondMs, () => {
      const now = this.pod;
      if (now === undefined || this.#lost || !['waiting', 'running'].includes(this.#stage) || this.#terminating) return;
      this.#failure = TOO_LONG;
      this.#tell('Normal', TOO_LONG.reason, TOO_LONG.message);
      if (this.#stage === 'waiting') return this.#terminate(UNKNOWN);
      this.#tell('Normal', 'Killing', 'Stopping container main', 'kubelet', 'spec.containers{main}');
      this.#kill(now.spec?.terminationGracePeriodSeconds ?? 30);
    });
  }

  /** SIGTERM, and SIGKILL after the grace. */
  #kill(graceSeconds: number): void {
    if (this.#stage !== 'running') return this.#terminate(UNKNOWN);
    if (graceSeconds === 0) return this.#terminate({ exitCode: 137, reason: 'Error' });
    if (!this.#resists) return this.#soon(() => this.#terminate({ exitCode: 143, reason: 'Error' }));
    this.#after(graceSeconds * this.#options.secondMs, () => this.#terminate({ exitCode: 137, reason: 'Error' }));
  }

  #terminate(end: Termination): void {
    const pod = this.pod;
    if (pod === undefined || this.#lost || this.#stage === 'ended' || this.#stage === 'finished') return;
    const known = this.#stage === 'running' ? this.#containerID : undefined;
    this.#stage = 'ended';
    this.log.end();
    const status = terminated(pod, end, known, this.#now());
    this.#status(status);
    this.#soon(() =>
      this.#finish(end.exitCode === 0 && Object.keys(this.#failure).length === 0 ? 'Succeeded' : 'Failed'),
    );
  }

  #finish(phase: 'Succeeded' | 'Failed'): void {
    const pod = this.pod;
    if (pod === undefined) return;
    this.#stage = 'finished';
    this.#status(finished(pod, phase, this.#failure, this.#now()));
    this.changed();
  }

  #remove(): void {
    this.#options.server.delete(PODS, this.#namespace, this.#name, { graceSeconds: 0 });
  }

  #status(status: NonNullable<Pod['status']>): void {
    const pod = this.pod;
    if (pod !== undefined) this.#options.server.put(PODS, { ...pod, status });
  }

  #tell(type: 'Normal' | 'Warning', reason: string, message: string, from = 'kubelet', fieldPath?: string): void {
    const pod = this.pod;
    if (pod === undefined) return;
    this.#options.events.record(pod, {
      type,
      reason,
      message,
      from,
      ...(fieldPath === undefined ? {} : { fieldPath }),
    });
  }

  #now(): string {
    return timestamp(this.#options.clock.now());
  }

  #soon(run: () => void): void {
    this.#after(this.#options.stepMs, run);
  }

  #after(ms: number, run: () => void): void {
    const timer = this.#options.clock.setTimer(ms, () => {
      this.#timers.delete(timer);
      run();
    });
    this.#timers.add(timer);
  }
}
