import type { Observation, WorkloadOwner } from '@runner/executor';
import { AGENT_LABEL, RUN_ID_LABEL, isEnded, labelValue, ownerLabels } from '@runner/executor';
import type { PresentObservation } from '@runner/executor';
import type { KubeEvent, Pod } from '../objects.ts';

/** What is seen of one run beside the object that it is (a Job, a Workflow). */
export interface RunSight {
  readonly runId: string;
  /** All pods that carry the run's id. */
  readonly pods: readonly Pod[];
  /** A pod that is gone, as a watch saw it last. Says how it ended, and nothing about what is there. */
  readonly lastPod?: Pod;
  /** Events of the object or its pod, where they were read. */
  readonly events?: readonly KubeEvent[];
}

/** How one kind of workloads is looked at. */
export interface RunView<Sight extends RunSight> {
  /** What the sight shows. Pure. */
  judge(sight: Sight): Observation;
  /** The same, with the end of the log where the run has failed. */
  judged(sight: Sight, signal: AbortSignal): Promise<Observation>;
  /** What the API says of the run now. */
  read(runId: string, signal: AbortSignal): Promise<Sight>;
  /** Whether the object of the run is there, and not only what is left of it. */
  hasObject(sight: Sight): boolean;
  /** Whether the sight says how its main program ended, so that nothing is left to ask but its log. */
  isExplained(sight: Sight): boolean;
  /**
   * Milliseconds after which a run is to be looked at again before anything is told of it: its absence is not proven yet.
   * Undefined where every look proves what it shows.
   */
  unprovenMs?(sight: Sight): number | undefined;
}

/** Something that looks after runs while they are watched. */
export interface RunAttendant<Sight extends RunSight> {
  see(sight: Sight, seen: Observation): void;
  /** The run is gone. */
  forget(runId: string): void;
  /** Nobody watches any more. */
  stop(): void;
}

/** Selects everything of one owner. */
export function ownerSelector(owner: WorkloadOwner): string {
  return Object.entries(ownerLabels(owner))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

/** Selects what runners made for one run; others may use the label of its id, too. */
export const runSelector = (runId: string): string => `${RUN_ID_LABEL}=${labelValue(runId)},${AGENT_LABEL}`;

export function isFailure(seen: Observation): seen is PresentObservation {
  return isEnded(seen) && seen.outcome.result === 'failed';
}

/** With the events that were read of it before. */
export function noted<Sight extends RunSight>(
  notes: { get(runId: string): readonly KubeEvent[] | undefined },
  sight: Sight,
): Sight {
  const events = notes.get(sight.runId);
  return events === undefined ? sight : { ...sight, events };
}
