import type { Pod } from '../../objects.ts';
import type { ContainerEnd, PodTrouble } from '../cluster.ts';
import type { TestLog } from '../server/test-log.ts';
import {
  assigned,
  began,
  nodeNotReady,
  notScheduled,
  preempted,
  stopping,
  taintEviction,
  waits,
} from './happenings.ts';
import { isOver } from './job-status.ts';
import type { PodHandle } from './pod-handle.ts';
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

export interface PodLifeOptions {
  readonly handle: PodHandle;
  readonly job: string;
  readonly uuid: () => string;
  readonly secondMs: number;
  readonly stepMs: number;
  readonly trouble: () => PodTrouble | undefined;
  /** What keeps its container from being created by itself: an object of its environment that is not there. */
  readonly lacks: (pod: Pod) => PodTrouble | undefined;
  /** `main` began. */
  readonly started: () => void;
}

const UNKNOWN: Termination = {
  exitCode: 137,
  reason: 'ContainerStatusUnknown',
  message: 'The container could not be located when the pod was terminated',
};
const KILLED: Termination = { exitCode: 137, reason: 'Error' };
const TERMINATED: Termination = { exitCode: 143, reason: 'Error' };
const TOO_LONG = {
  reason: 'DeadlineExceeded',
  message: 'Pod was active on the node longer than the specified deadline',
};
const LOW_ON_MEMORY =
  'The node was low on resource: memory. Threshold quantity: 100Mi, available: 60Mi. Container main was using 512Mi, request is 128Mi, has larger consumption of memory. ';

type Stage = 'new' | 'scheduled' | 'waiting' | 'running' | 'ended' | 'finished';

/** Plays scheduler and kubelet for one pod, from its first day to its last. */
export class PodLife {
  readonly job: string;
  readonly #options: PodLifeOptions;
  readonly #handle: PodHandle;
  readonly #containerID: string;
  #stage: Stage = 'new';
  #resists = false;
  #lost = false;
  #terminating = false;
  /** The trouble that was told. */
  #trouble: string | undefined;
  /** Told to end before it began. */
  #early: Termination | undefined;
  /** Why the pod fails, when not because of its program. */
  #failure: { readonly reason?: string; readonly message?: string } = {};

  constructor(options: PodLifeOptions) {
    this.#options = options;
    this.#handle = options.handle;
    this.job = options.job;
    this.#containerID = `containerd://${options.uuid()}${options.uuid()}`.replaceAll('-', '');
    this.#soon(() => this.proceed());
  }

  get pod(): Pod | undefined {
    return this.#handle.pod;
  }

  get isRunning(): boolean {
    return this.#stage === 'running';
  }

  get log(): TestLog {
    return this.#handle.log;
  }

  /** Goes on towards running, or gets into trouble. Called again when troubles change, or objects that it may lack. */
  proceed(): void {
    const { pod } = this;
    if (pod === undefined || this.#terminating || !['new', 'scheduled', 'waiting'].includes(this.#stage)) return;
    const trouble = this.#options.trouble() ?? (this.#stage === 'waiting' ? this.#options.lacks(pod) : undefined);
    const text = trouble === undefined ? undefined : JSON.stringify(trouble);
    const again = text !== undefined && text === this.#trouble && this.#stage !== 'scheduled';
    this.#trouble = text;
    if (again) return;
    if (this.#stage === 'new') this.#schedule(pod, trouble);
    else if (trouble?.kind === 'waiting' || trouble?.kind === 'creating') this.#wait(pod, trouble);
    else if (this.#stage === 'scheduled') this.#createContainer(pod);
    else this.#run(pod);
  }

  /** The program ends. */
  end(exitCode: number, end: ContainerEnd = {}): void {
    const { reason = exitCode === 0 ? 'Completed' : 'Error', message } = end;
    const how: Termination = { exitCode, reason, ...(message === undefined ? {} : { message }) };
    if (this.#stage === 'running') this.#terminate(how);
    else if (['new', 'scheduled', 'waiting'].includes(this.#stage)) this.#early = how;
  }

  resist(): void {
    this.#resists = true;
  }

  evict(why: 'evicted' | 'preempted'): void {
    const { pod } = this;
    if (pod === undefined || isOver(pod)) return;
    if (why === 'preempted') {
      const message = 'default-scheduler: preempting to accommodate a higher priority pod';
      this.#handle.write(disrupted(pod, 'PreemptionByScheduler', message, this.#handle.now));
      this.#handle.tell(preempted(this.#options.uuid()));
      this.#handle.delete();
      return;
    }
    this.#failure = { reason: 'Evicted', message: LOW_ON_MEMORY };
    this.#handle.write(disrupted(pod, 'TerminationByKubelet', LOW_ON_MEMORY, this.#handle.now));
    this.#handle.tell({ type: 'Warning', reason: 'Evicted', message: LOW_ON_MEMORY });
    this.#terminate(this.#stage === 'running' ? KILLED : UNKNOWN);
  }

  loseNode(): void {
    const { pod } = this;
    if (pod === undefined) return;
    this.#lost = true;
    this.log.reachable = false;
    const { now, namespace, name } = this.#handle;
    this.#handle.tell(nodeNotReady);
    const silent = { ...pod, status: unreachable(pod, now) };
    this.#handle.write(
      disrupted(silent, 'DeletionByTaintManager', 'Taint manager: deleting due to NoExecute taint', now),
    );
    this.#handle.tell(taintEviction(namespace, name));
    this.#handle.delete();
  }

  nodeBack(): void {
    if (!this.#lost) return;
    this.#lost = false;
    this.log.reachable = true;
    this.changed();
  }

  /** The pod was changed by somebody. */
  changed(): void {
    const grace = this.#deletionGrace();
    if (grace === undefined || this.#lost) return;
    if (this.#stage === 'finished') {
      this.#handle.delete(0);
      return;
    }
    if (this.#terminating) return;
    this.#terminating = true;
    if (this.#stage === 'running') this.#kill(grace);
    else if (this.#stage === 'waiting' || this.#stage === 'scheduled') this.#soon(() => this.#terminate(UNKNOWN));
  }

  close(): void {
    this.#handle.close();
  }

  /** The pod is not there any more. */
  gone(): void {
    this.close();
    this.log.end();
    this.#stage = 'finished';
  }

  #deletionGrace(): number | undefined {
    const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = this.pod?.metadata ?? {};
    return deletionTimestamp === undefined ? undefined : deletionGracePeriodSeconds;
  }

  #schedule(pod: Pod, trouble: PodTrouble | undefined): void {
    if (trouble?.kind === 'unschedulable') {
      this.#handle.write(unschedulable(pod, trouble.message, this.#handle.now));
      this.#handle.tell(notScheduled(trouble.message));
      return;
    }
    this.#stage = 'scheduled';
    this.#handle.bind(NODE, scheduled(pod, this.#handle.now));
    this.#handle.tell(assigned(this.#handle.namespace, this.#handle.name));
    this.#soon(() => this.proceed());
  }

  #createContainer(pod: Pod): void {
    this.#admit(pod);
    this.#handle.write(waiting(pod, 'ContainerCreating', undefined, this.#handle.now));
    this.#soon(() => this.proceed());
  }

  #wait(pod: Pod, trouble: Extract<PodTrouble, { kind: 'waiting' | 'creating' }>): void {
    if (this.#stage === 'scheduled') this.#admit(pod);
    const [reason, message] = trouble.kind === 'creating' ? ['ContainerCreating'] : [trouble.reason, trouble.message];
    this.#handle.write(waiting(pod, reason, message, this.#handle.now));
    this.#handle.tell(...waits(trouble, pod.spec?.containers[0]?.image ?? ''));
  }

  #run(pod: Pod): void {
    this.#stage = 'running';
    this.#handle.write(running(pod, this.#containerID, this.#handle.now));
    this.#handle.tell(...began(pod.spec?.containers[0]?.image ?? ''));
    this.#options.started();
    if (this.#early !== undefined) this.#terminate(this.#early);
  }

  /** The kubelet takes the pod on: its deadline counts from here, waiting included. */
  #admit(pod: Pod): void {
    this.#stage = 'waiting';
    const seconds = pod.spec?.activeDeadlineSeconds;
    if (seconds === undefined) return;
    this.#handle.after(seconds * this.#options.secondMs, () => {
      if (this.#lost || this.#terminating || !['waiting', 'running'].includes(this.#stage)) return;
      this.#failure = TOO_LONG;
      this.#handle.tell({ type: 'Normal', ...TOO_LONG });
      if (this.#stage === 'waiting') this.#terminate(UNKNOWN);
      else this.#kill(pod.spec?.terminationGracePeriodSeconds ?? 30);
    });
  }

  /** SIGTERM, and SIGKILL after the grace. */
  #kill(graceSeconds: number): void {
    this.#handle.tell(stopping);
    if (graceSeconds === 0) this.#terminate(KILLED);
    else if (!this.#resists) this.#soon(() => this.#terminate(TERMINATED));
    else this.#handle.after(graceSeconds * this.#options.secondMs, () => this.#terminate(KILLED));
  }

  /** The container is over; the phase of the pod follows a moment later. */
  #terminate(end: Termination): void {
    const { pod } = this;
    if (pod === undefined || this.#lost || this.#stage === 'ended' || this.#stage === 'finished') return;
    const known = this.#stage === 'running' ? this.#containerID : undefined;
    this.#stage = 'ended';
    this.log.end();
    this.#handle.write(terminated(pod, end, known, this.#handle.now));
    const failed = end.exitCode !== 0 || this.#failure.reason !== undefined;
    this.#soon(() => this.#finish(failed ? 'Failed' : 'Succeeded'));
  }

  #finish(phase: 'Succeeded' | 'Failed'): void {
    const { pod } = this;
    if (pod === undefined || this.#lost) return;
    this.#stage = 'finished';
    this.#handle.write(finished(pod, phase, this.#failure, this.#handle.now));
    this.changed();
  }

  #soon(run: () => void): void {
    this.#handle.after(this.#options.stepMs, run);
  }
}
