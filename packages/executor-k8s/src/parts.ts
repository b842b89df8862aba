import type { Clock, Logger, Random } from '@runner/core';
import { silentLogger } from '@runner/core';
import type { KubeApi } from '@runner/kube';
import type { EventNotes, Gate, NodeNotes, OperationParts, RunCache } from '@runner/kube/runs';
import { eventNotes, gate, nodeNotes } from '@runner/kube/runs';
import type { DeliveryChoice } from './delivery.ts';
import { deliveryChoice } from './delivery.ts';
import { jobError } from './errors.ts';
import type { JudgeContext } from './observation.ts';
import type { K8sExecutorOptions, K8sTimings } from './options.ts';
import { DEFAULT_TIMINGS, DEFAULTS } from './options.ts';
import type { JobSight } from './sight.ts';

/** What the operations of one executor share. */
export interface K8sParts {
  readonly options: K8sExecutorOptions;
  readonly api: KubeApi;
  readonly namespace: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly timings: K8sTimings;
  /** How configs are delivered. */
  readonly delivery: DeliveryChoice;
  /** What the watches of this executor see; logs are read by it instead of asking the API. */
  readonly caches: Set<RunCache<JobSight>>;
  /** Events that were read of waiting workloads, for every observation of them. */
  readonly notes: EventNotes;
  /** Taints of nodes, where they may be read. */
  readonly nodes: NodeNotes;
  /** Logs that are followed now. */
  readonly following: Gate;
  /** Aborted when the executor is closed. */
  readonly closed: AbortSignal;
  /** The facts of this place that a judgement needs. */
  context(): JudgeContext;
}

export function k8sParts(options: K8sExecutorOptions, closed: AbortSignal): K8sParts {
  const { api, namespace, clock, random, pods, logger = silentLogger } = options;
  const nodes = nodeNotes(api, clock, logger);
  return {
    options,
    api,
    namespace,
    clock,
    random,
    logger,
    timings: { ...DEFAULT_TIMINGS, ...options.timings },
    delivery: deliveryChoice(api, namespace, options.delivery ?? 'auto', { clock, logger }),
    caches: new Set(),
    notes: eventNotes(),
    nodes,
    following: gate(options.maxFollowedLogs ?? DEFAULTS.maxFollowedLogs),
    closed,
    context: () => {
      const known = nodes.get();
      const context = { namespace, placementVariable: pods.scheduling.variable, now: clock.now() };
      return known === undefined ? context : { ...context, nodes: known };
    },
  };
}

/** What `operation` needs of an executor. */
export function operationParts({ clock, closed, options }: K8sParts): OperationParts {
  const { observer } = options;
  return {
    clock,
    closed,
    answered: (...answer) => observer?.answered?.(...answer),
    errorOf: jobError,
  };
}
