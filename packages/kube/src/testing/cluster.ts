import type { Clock, Random } from '@runner/core';
import { systemClock, systemRandom } from '@runner/core';
import type { Pod } from '../objects.ts';
import type { TestApiServer } from './api-server.ts';
import { MemoryCluster } from './cluster/memory-cluster.ts';

export interface TestClusterOptions {
  /** Milliseconds that one second of the API (deadlines, grace) takes. Default 1000: real time. */
  readonly secondMs?: number;
  /** Milliseconds between the steps of controllers, scheduler and kubelet. Default 1. */
  readonly stepMs?: number;
  /**
   * Whose Job conditions. Default `1.34`: announced first, final when the pods are gone. `1.28`: final at once, pods may
   * still be going; nothing is announced.
   */
  readonly conditions?: '1.28' | '1.34';
  readonly clock?: Clock;
  readonly random?: Random;
}

/** How a container ended, beyond its exit code. */
export interface ContainerEnd {
  /** Default `Completed` for 0, else `Error`. A program that is not found is `StartError`, exit code 128. */
  readonly reason?: string;
  readonly message?: string;
}

/**
 * What the controllers, the scheduler and the kubelet do to the Jobs of a `TestApiServer`: pods come, their `main` runs
 * until it is told otherwise, deadlines pass, deletion takes the grace. Job conditions and pod statuses are those of
 * Kubernetes 1.34. A pod whose environment refers to a Secret or ConfigMap that is not there waits for it. Jobs are named
 * without their namespace; the youngest of that name is meant. Pods that no Job owns are played as well, under their own
 * names; pods that are put with a node or a status are left alone.
 */
export interface TestCluster extends AsyncDisposable {
  readonly server: TestApiServer;
  /** Pods whose `main` began, by the name of their Job. */
  starts(job: string): number;
  /** The youngest pod of a Job that stands now. */
  pod(job: string): Pod | undefined;
  /** `main` writes this. Only whole lines can be read before it ends. Throws when it does not run. */
  print(job: string, bytes: Uint8Array | string): void;
  /** `main` ends; when the pod stands and it has not begun, as soon as it has. */
  exit(job: string, exitCode: number, end?: ContainerEnd): void;
  /** `main` ignores SIGTERM from now on, so that an end takes the whole grace; else it ends at once with 143. */
  resist(job: string): void;
  /**
   * From now on pods of Jobs that match get into this trouble instead of running; undefined lets them (and new ones) go
   * on. The latest call that matches counts.
   */
  trouble(trouble: PodTrouble | undefined, match?: (job: string) => boolean): void;
  oomKill(job: string): void;
  /** `evicted`: the node was short of memory; the pod fails. `preempted`: the scheduler deletes it for another one. */
  evict(job: string, why?: 'evicted' | 'preempted'): void;
  /** The node is gone: the pod is marked for deletion by taint eviction and stays, its log unreadable, until `nodeBack`. */
  loseNode(job: string): void;
  nodeBack(job: string): void;
  /** The log's first bytes are rotated away: every line that begins before this byte. */
  rotate(job: string, beforeByte: number): void;
}

/** Why a pod does not run, as the real ones say it. */
export type PodTrouble =
  /** PodScheduled=False/Unschedulable with this message, and a FailedScheduling event. */
  | { readonly kind: 'unschedulable'; readonly message: string }
  /** Container waiting: `ImagePullBackOff`, `ErrImagePull`, `CreateContainerConfigError`, …, and the events that go with it. */
  | { readonly kind: 'waiting'; readonly reason: string; readonly message: string }
  /** Container waiting with `ContainerCreating`; the reason is in an event only: `FailedMount`, `FailedCreatePodSandBox`. */
  | { readonly kind: 'creating'; readonly reason: string; readonly message: string }
  /** No pod at all: the Job's FailedCreate event says this. */
  | { readonly kind: 'no_pod'; readonly message: string };

/** Plays the cluster behind a server; dispose it before the server. */
export function startTestCluster(server: TestApiServer, options: TestClusterOptions = {}): TestCluster {
  return new MemoryCluster(server, {
    clock: options.clock ?? systemClock(),
    random: options.random ?? systemRandom(),
    secondMs: options.secondMs ?? 1000,
    stepMs: options.stepMs ?? 1,
    conditions: options.conditions ?? '1.34',
  });
}
