import { hash } from 'node:crypto';
import type { Observation, PresentObservation, WorkloadPhase } from '@runner/executor';

/** What is known of one workload: enough to count it, to tell a change from a repetition, and no more. */
export interface Sight {
  readonly runId: string;
  readonly pipelineType: string;
  readonly uid: string;
  readonly phase: WorkloadPhase;
  /** Code of the diagnosis of why it waits, or does not go on. */
  readonly waitsFor: string | undefined;
  /** Its record stays until it is discarded. */
  readonly lingers: boolean;
  /** Of everything that matters; the observation itself (with its log tail) is not kept. */
  readonly fingerprint: string;
  /** When it was last seen, as a count of sightings: clocks may step back, this does not. */
  readonly seen: number;
}

export interface Sighting {
  readonly before: Sight | undefined;
  readonly now: Sight;
  /** Something that matters differs from before. `observedAt` alone does not. */
  readonly changed: boolean;
  /** Code of the diagnosis, where it is another than before. */
  readonly waitsFor: string | undefined;
  /** An ended workload was reported as live again: an old reading that arrived late, and was ignored. */
  readonly stale: boolean;
}

/** The workloads of the present control plane as last seen, ended ones until their outcome is recorded. */
export interface Board {
  see(observation: PresentObservation): Sighting;
  get(runId: string): Sight | undefined;
  forget(runId: string): Sight | undefined;
  /** A position in time for `seenSince` and `missing`. */
  mark(): number;
  seenSince(runId: string, mark: number): boolean;
  /** Known runs that a fresh list begun at `mark` lacks and that were not seen since. */
  missing(listed: ReadonlySet<string>, mark: number): readonly string[];
  counts(): { readonly live: number; readonly ended: number };
  /** Empties the board and returns what stood on it. */
  clear(): readonly Sight[];
}

export function createBoard(): Board {
  const sights = new Map<string, Sight>();
  let clock = 0;
  return {
    see: (observation) => {
      clock += 1;
      const before = sights.get(observation.runId);
      if (before?.phase === 'ended' && before.uid === observation.workload.uid && observation.phase !== 'ended') {
        return { before, now: before, changed: false, waitsFor: undefined, stale: true };
      }
      const now: Sight = {
        runId: observation.runId,
        pipelineType: observation.pipelineType,
        uid: observation.workload.uid,
        phase: observation.phase,
        waitsFor: observation.diagnosis?.code,
        lingers: observation.lingers === true,
        fingerprint: fingerprint(observation),
        seen: clock,
      };
      sights.set(observation.runId, now);
      const waitsFor = before?.waitsFor === now.waitsFor ? undefined : now.waitsFor;
      return { before, now, changed: before?.fingerprint !== now.fingerprint, waitsFor, stale: false };
    },
    get: (runId) => sights.get(runId),
    forget: (runId) => {
      const sight = sights.get(runId);
      sights.delete(runId);
      return sight;
    },
    mark: () => clock,
    seenSince: (runId, mark) => (sights.get(runId)?.seen ?? -1) > mark,
    missing: (listed, mark) =>
      [...sights.values()].filter((sight) => sight.seen <= mark && !listed.has(sight.runId)).map(({ runId }) => runId),
    counts: () => {
      let ended = 0;
      for (const sight of sights.values()) if (sight.phase === 'ended') ended += 1;
      return { live: sights.size - ended, ended };
    },
    clear: () => {
      const all = [...sights.values()];
      sights.clear();
      return all;
    },
  };
}

/**
 * Equal for two observations that say the same. When it was made does not count, nor the log tail: a list may leave that
 * out where a watch has it.
 */
export function fingerprint(observation: PresentObservation): string {
  const { workload, phase, startedAt, endedAt, outcome, diagnosis, suspended } = observation;
  const { result, exitCode, signal } = outcome ?? {};
  const end = [endedAt, result, exitCode, signal, outcome?.diagnosis];
  const said = [workload.uid, phase, startedAt, end, diagnosis, suspended === true];
  return hash('sha1', JSON.stringify(said), 'base64');
}

const ORDER: Readonly<Record<WorkloadPhase, number>> = { pending: 0, running: 1, ending: 2, ended: 3 };

/**
 * What to believe of an answer and of what the watch has seen meanwhile: the reading that is further. In the same phase it
 * is the watch's, which may know by now why the workload waits; should it be the older one, the watch tells what is new.
 */
export function furtherOf(answer: Observation, watched: PresentObservation | undefined): Observation {
  if (watched === undefined) return answer;
  if (answer.presence !== 'present') return watched;
  if (answer.workload.uid !== watched.workload.uid) return answer;
  return ORDER[watched.phase] >= ORDER[answer.phase] ? watched : answer;
}
