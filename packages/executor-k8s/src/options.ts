import type { Clock, Logger, Random } from '@runner/core';
import type { KubeApi, PodSettings } from '@runner/kube';

/**
 * How a workload gets its config. `inline`: in the Job itself, one call. `secret`, `configmap`: in an object of their own
 * that the Job owns, so that it goes with it. `auto`: `secret` where creating one is allowed, else `inline`.
 */
export type ConfigDeliveryMode = 'auto' | 'inline' | 'configmap' | 'secret';

export interface K8sExecutorOptions {
  readonly api: KubeApi;
  /** Where Jobs are created. */
  readonly namespace: string;
  readonly pods: PodSettings;
  /** Default `auto`. */
  readonly delivery?: ConfigDeliveryMode;
  /** Seconds for which an ended Job stays. Default 604,800 (one week). */
  readonly ttlSeconds?: number;
  /**
   * Seconds a run of this type may wait for its start. Only for the Job's own deadline, the backstop for when no agent is
   * there; the dispatcher keeps the real clock. Default 1,800.
   */
  readonly startDeadlineSeconds?: (pipelineType: string) => number;
  /** Logs followed at the same time; more wait and are read at the end of their runs. Default 100. */
  readonly maxFollowedLogs?: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger?: Logger;
  readonly observer?: K8sExecutorObserver;
}

/** For metrics. Called synchronously, must not throw. */
export interface K8sExecutorObserver {
  /** An operation of the executor was carried out: `submit`, `end`, `observe`, `list`, `discard`. */
  answered?(operation: string, seconds: number, succeeded: boolean): void;
}
