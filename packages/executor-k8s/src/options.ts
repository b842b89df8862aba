import type { Clock, Logger, Random } from '@runner/core';
import type { KubeApi, ListWatchObserver, PodSettings } from '@runner/kube';

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
  /** How long things may take before they are looked into. */
  readonly timings?: Partial<K8sTimings>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger?: Logger;
  readonly observer?: K8sExecutorObserver;
}

/** All in milliseconds. */
export interface K8sTimings {
  /** A Job without a pod for so long has its events read. Default 5,000. */
  readonly noPodMs: number;
  /** A pod whose main program has not begun after so long has its events read. Default 10,000. */
  readonly stuckPodMs: number;
  /** Between two readings of the events of one object: first and longest. Default 5,000 and 60,000. */
  readonly eventsFloorMs: number;
  readonly eventsCapMs: number;
  /** Between two looks at a run that no watch shows, while its log is followed: first and longest. Default 500 and 5,000. */
  readonly lookFloorMs: number;
  readonly lookCapMs: number;
  /** A pod that lives on for so long after its main program has ended has its Job ended. Default 30,000. */
  readonly lingerMs: number;
  /** Between two sweeps of config objects whose Job is gone. Default one hour. */
  readonly sweepMs: number;
}

/** For metrics. Called synchronously, must not throw. */
export interface K8sExecutorObserver {
  /** An operation of the executor was carried out: `submit`, `end`, `observe`, `list`, `discard`. */
  answered?(operation: string, seconds: number, succeeded: boolean): void;
  /** What the two watches go through, by plural of what they watch. */
  readonly jobs?: ListWatchObserver;
  readonly pods?: ListWatchObserver;
}

export const DEFAULTS = {
  ttlSeconds: 604_800,
  startDeadlineSeconds: 1_800,
  maxFollowedLogs: 100,
} as const;

export const DEFAULT_TIMINGS: K8sTimings = {
  noPodMs: 5_000,
  stuckPodMs: 10_000,
  eventsFloorMs: 5_000,
  eventsCapMs: 60_000,
  lookFloorMs: 500,
  lookCapMs: 5_000,
  lingerMs: 30_000,
  sweepMs: 3_600_000,
};
