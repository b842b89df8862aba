import type { Pod } from '../objects.ts';
import type { TestApiServer } from './api-server.ts';

/**
 * What the controllers, the scheduler and the kubelet do to the Jobs of a `TestApiServer`: pods come, their `main` runs
 * until it is told otherwise, deadlines pass (in real time), deletion takes the grace. Job conditions and pod statuses are
 * those of Kubernetes 1.34.
 */
export interface TestCluster extends AsyncDisposable {
  readonly server: TestApiServer;
  /** Pods whose `main` began, one entry each, by the name of their Job. */
  starts(job: string): number;
  /** The pod of a Job that stands now. */
  pod(job: string): Pod | undefined;
  /** `main` writes this. */
  print(job: string, bytes: Uint8Array): void;
  /** `main` ends. */
  exit(job: string, exitCode: number): void;
  /** `main` ignores SIGTERM from now on, so that an end takes the whole grace. */
  resist(job: string): void;
  /** From now on pods of Jobs that match get into this trouble instead of running; undefined lets them (and new ones) go on. */
  trouble(trouble: PodTrouble | undefined, match?: (job: string) => boolean): void;
  oomKill(job: string): void;
  evict(job: string, why?: 'evicted' | 'preempted'): void;
  /** The node is gone: the pod is marked for deletion by taint eviction and stays until `nodeBack`. */
  loseNode(job: string): void;
  nodeBack(job: string): void;
  /** The log's first bytes are rotated away. */
  rotate(job: string, beforeByte: number): void;
}

/** Why a pod does not run, as the real ones say it. */
export type PodTrouble =
  /** PodScheduled=False/Unschedulable with this message, and a FailedScheduling event. */
  | { readonly kind: 'unschedulable'; readonly message: string }
  /** Container waiting: `ImagePullBackOff`, `ErrImagePull`, `CreateContainerConfigError`, … */
  | { readonly kind: 'waiting'; readonly reason: string; readonly message: string }
  /** No pod at all: the Job's FailedCreate event says this. */
  | { readonly kind: 'no_pod'; readonly message: string };
