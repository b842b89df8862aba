import type { Clock, Random } from '@runner/core';
import type { KubeApi } from '../api/kube-api.ts';

export interface PodLogReadOptions {
  readonly api: KubeApi;
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  /** First raw byte wanted, counted from the container's first. */
  readonly fromByte: number;
  readonly follow: boolean;
  /** Asked when a stream ends: whether the container has ended, so that nothing more can come. */
  readonly ended: (signal: AbortSignal) => Promise<boolean>;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
}
