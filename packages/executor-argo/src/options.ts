import type { Clock, Logger, Random } from '@runner/core';
import type { KubeApi, ListWatchObserver, PodSettings } from '@runner/kube';
import type { ArgoApi } from './transport/argo-api.ts';

export interface ArgoExecutorOptions {
  readonly argo: ArgoApi;
  /**
   * The Kubernetes API, where it can be reached with the token at hand: for the pods of Workflows (diagnosis, exit codes,
   * raw logs), events and access reviews. Without it the executor makes do with what Argo tells.
   */
  readonly kube?: KubeApi;
  /** Where Workflows are created. */
  readonly namespace: string;
  readonly pods: PodSettings;
  /** Merged into the container `main` and into the spec of every Workflow; already parsed and checked. */
  readonly overrides?: WorkflowOverrides;
  /** Seconds for which an ended Workflow stays. Default 604,800 (one week). */
  readonly ttlSeconds?: number;
  /** Seconds a run of this type may wait for its start, for the Workflow's own deadline, the backstop. Default 1,800. */
  readonly startDeadlineSeconds?: (pipelineType: string) => number;
  /** Seconds the exit step may take, also after a cancel; then the Workflow is terminated. Default 120. */
  readonly exitDeadlineSeconds?: number;
  /** Logs followed at the same time; more wait and are read at the end of their runs. Default 100. */
  readonly maxFollowedLogs?: number;
  readonly timings?: Partial<ArgoTimings>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger?: Logger;
  readonly observer?: ArgoExecutorObserver;
}

/** What the override files say (`ARGO_INGESTION_CONTAINER_SPEC_FILE_PATH`, `ARGO_INGESTION_WORKFLOW_SPEC_FILE_PATH`). */
export interface WorkflowOverrides {
  readonly container?: Readonly<Record<string, unknown>>;
  readonly workflow?: Readonly<Record<string, unknown>>;
}

/** All in milliseconds. */
export interface ArgoTimings {
  /** A Workflow that no controller has touched after so long is said to wait for the controller. Default 15,000. */
  readonly untouchedMs: number;
  /** A pod whose main program has not begun after so long has its events read. Default 10,000. */
  readonly stuckPodMs: number;
  readonly eventsFloorMs: number;
  readonly eventsCapMs: number;
  /** Between two looks at a run that no watch shows: first and longest. Default 500 and 5,000. */
  readonly lookFloorMs: number;
  readonly lookCapMs: number;
  /** Beyond its grace, a program that outlives its Workflow is ended by the kubelet after so long. Default 10,000. */
  readonly stubbornMs: number;
  /** Where lists are cached, absence is believed after two answers of 404 so far apart. Default 60,000 (decision 4). */
  readonly absenceMs: number;
}

export interface ArgoExecutorObserver {
  /** An operation of the executor was carried out: `submit`, `end`, `observe`, `list`, `discard`. */
  answered?(operation: string, seconds: number, succeeded: boolean): void;
  readonly workflows?: ListWatchObserver;
  readonly pods?: ListWatchObserver;
}

export const DEFAULTS = {
  ttlSeconds: 604_800,
  startDeadlineSeconds: 1_800,
  exitDeadlineSeconds: 120,
  maxFollowedLogs: 100,
} as const;

export const DEFAULT_TIMINGS: ArgoTimings = {
  untouchedMs: 15_000,
  stuckPodMs: 10_000,
  eventsFloorMs: 5_000,
  eventsCapMs: 60_000,
  lookFloorMs: 500,
  lookCapMs: 5_000,
  stubbornMs: 10_000,
  absenceMs: 60_000,
};
