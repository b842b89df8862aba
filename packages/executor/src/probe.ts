/** A small program that is run once where workloads run, and as they are, to learn what they would meet. It is no run. */
export interface Probe {
  readonly command: readonly [string, ...string[]];
  /** Image that has it; needed where workloads are pods. */
  readonly image?: string;
  /** Milliseconds until it must have ended, waiting for its start included. */
  readonly timeoutMs: number;
}

/** How a probe ended. */
export interface ProbeEnd {
  /** What it left as its answer, at most 4,096 bytes: standard output of a process, termination message of a container. */
  readonly message: string;
  /** Undefined when it did not end by itself. */
  readonly exitCode?: number;
  /** Why it did not begin or end, in a sentence. */
  readonly trouble?: string;
}

/** Kubernetes cuts termination messages there. */
export const MAX_PROBE_MESSAGE = 4_096;
