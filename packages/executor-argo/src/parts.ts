import type { Clock, Logger, Random } from '@runner/core';
import { silentLogger } from '@runner/core';
import type { KubeApi } from '@runner/kube';
import type { EventNotes, Gate, NodeNotes, OperationParts, RunCache } from '@runner/kube/runs';
import { eventNotes, gate, nodeNotes } from '@runner/kube/runs';
import type { AbsenceNotes } from './absence.ts';
import { absenceNotes } from './absence.ts';
import { workflowError } from './errors.ts';
import type { IntentMemory } from './intents.ts';
import { intentMemory } from './intents.ts';
import type { JudgeContext } from './observation.ts';
import type { ArgoExecutorOptions, ArgoTimings } from './options.ts';
import { DEFAULTS, DEFAULT_TIMINGS } from './options.ts';
import { podsWhereAllowed } from './pods-where-allowed.ts';
import type { WorkflowSight } from './sight.ts';
import type { ArgoApi } from './transport/argo-api.ts';

/** As many as a client has connections: what is built beyond that only waits for one, in memory. */
const MOST_CREATED_AT_ONCE = 32;

/** What the operations of one executor share. */
export interface ArgoParts {
  readonly options: ArgoExecutorOptions;
  readonly argo: ArgoApi;
  /** Undefined: pods cannot be seen, and what Argo tells must do. */
  readonly kube: KubeApi | undefined;
  readonly namespace: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly timings: ArgoTimings;
  /** What the watches of this executor see; logs are read by it instead of asking the API. */
  readonly caches: Set<RunCache<WorkflowSight>>;
  readonly notes: EventNotes;
  readonly nodes: NodeNotes | undefined;
  /** Workflows that are built and created at once. */
  readonly creating: Gate;
  readonly following: Gate;
  readonly absences: AbsenceNotes;
  /** Why Workflows were ended, where that cannot be written on them. */
  readonly intents: IntentMemory;
  /** Names of the Workflows of runs, as they were seen last; they can be asked for by name only. */
  readonly names: Map<string, string>;
  /** Milliseconds the exit step may take. */
  readonly exitDeadlineMs: number;
  /** Aborted when the executor is closed. */
  readonly closed: AbortSignal;
  /** The facts of this place that a judgement needs. */
  context(): JudgeContext;
}

export function argoParts(options: ArgoExecutorOptions, closed: AbortSignal): ArgoParts {
  const { argo, namespace, clock, random, pods, logger = silentLogger } = options;
  const kube = besideArgo(options, logger);
  const timings = { ...DEFAULT_TIMINGS, ...options.timings };
  const nodes = kube === undefined ? undefined : nodeNotes(kube, clock, logger);
  const intents = intentMemory();
  return {
    ...{ options, argo, kube, namespace, clock, random, logger, timings, nodes, intents, closed },
    caches: new Set(),
    notes: eventNotes(),
    creating: gate(MOST_CREATED_AT_ONCE),
    following: gate(options.maxFollowedLogs ?? DEFAULTS.maxFollowedLogs),
    absences: absenceNotes(clock, argo.listsAreFresh ? 0 : timings.absenceMs),
    names: new Map(),
    exitDeadlineMs: (options.exitDeadlineSeconds ?? DEFAULTS.exitDeadlineSeconds) * 1_000,
    context: () => {
      const known = nodes?.get();
      const { untouchedMs } = timings;
      const context = {
        namespace,
        placementVariable: pods.scheduling.variable,
        now: clock.now(),
        untouchedMs,
        intents,
      };
      return known === undefined ? context : { ...context, nodes: known };
    },
  };
}

/** Over the custom resources the API server is the way itself, and its rights are needed. */
function besideArgo({ argo, kube, clock }: ArgoExecutorOptions, logger: Logger): KubeApi | undefined {
  return kube === undefined || argo.transport === 'crd' ? kube : podsWhereAllowed(kube, clock, logger);
}

/** What `operation` needs of an executor. */
export function operationParts({ clock, closed, options }: ArgoParts): OperationParts {
  const { observer } = options;
  return {
    clock,
    closed,
    answered: (...answer) => observer?.answered?.(...answer),
    errorOf: workflowError,
  };
}
