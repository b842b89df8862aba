import type { Clock, Logger, Random } from '@runner/core';
import { abortError, silentLogger } from '@runner/core';
import { executorError } from '@runner/executor';
import type { KubeApi } from '@runner/kube';
import { isAborted } from './aborted.ts';
import type { DeliveryChoice } from './delivery.ts';
import { deliveryChoice } from './delivery.ts';
import { asExecutorError } from './errors.ts';
import type { EventNotes } from './event-notes.ts';
import { eventNotes } from './event-notes.ts';
import type { Gate } from './gate.ts';
import { gate } from './gate.ts';
import type { JudgeContext } from './observation.ts';
import type { NodeNotes } from './nodes.ts';
import { nodeNotes } from './nodes.ts';
import type { K8sExecutorOptions, K8sTimings } from './options.ts';
import { DEFAULT_TIMINGS, DEFAULTS } from './options.ts';
import type { RunCache } from './run-cache.ts';

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
  readonly caches: Set<RunCache>;
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

/**
 * Carries out an operation: refused when aborted or closed, ended by either, timed, with errors of the Kubernetes port in
 * an executor's words.
 */
export async function operation<T>(
  parts: K8sParts,
  name: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { clock, options, closed } = parts;
  if (signal.aborted) throw abortError(signal);
  if (closed.aborted) throw closedError();
  const begun = clock.monotonic();
  let succeeded = false;
  try {
    const result = await work(AbortSignal.any([signal, closed]));
    succeeded = true;
    return result;
  } catch (error) {
    if (isAborted(signal)) throw abortError(signal);
    throw isAborted(closed) ? closedError() : asExecutorError(error);
  } finally {
    options.observer?.answered?.(name, (clock.monotonic() - begun) / 1_000, succeeded);
  }
}

const closedError = (): Error => executorError('executor_unavailable', 'The executor is closed.');
