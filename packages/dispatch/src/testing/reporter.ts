import type { Diagnosis, Observation } from '@runner/executor';
import type { EndingReason, Problem, Reporter } from '../ports.ts';

/** One thing that was said to the control plane. */
export type Said =
  | { readonly kind: 'accepted'; readonly runId: string; readonly created: boolean; readonly observation: Observation }
  | { readonly kind: 'refused'; readonly runId: string; readonly problem: Problem }
  | { readonly kind: 'waiting'; readonly runId: string; readonly problem: Problem }
  | { readonly kind: 'cancelled'; readonly runId: string }
  | { readonly kind: 'observed'; readonly runId: string; readonly observation: Observation }
  | {
      readonly kind: 'ending';
      readonly runId: string;
      readonly reason: EndingReason;
      readonly diagnosis: Diagnosis | undefined;
    };

export interface RecordingReporter extends Reporter {
  readonly said: readonly Said[];
  /** How often `slotsChanged` was called. */
  readonly slotChanges: number;
  /** What was said of one run, in order. */
  of(runId: string): readonly Said[];
  /** The kinds of what was said of one run, such as `accepted`, `observed:running`. */
  story(runId: string): readonly string[];
  clear(): void;
}

/** A Reporter that remembers what it was told; `onSaid` hears everything as it is said. */
export function recordingReporter(onSaid: (said: Said) => void = () => undefined): RecordingReporter {
  const said: Said[] = [];
  let slotChanges = 0;
  const say = (what: Said): void => {
    said.push(what);
    onSaid(what);
  };
  const of = (runId: string): readonly Said[] => said.filter((what) => what.runId === runId);
  return {
    said,
    get slotChanges() {
      return slotChanges;
    },
    of,
    story: (runId) => of(runId).map(brief),
    clear: () => {
      said.length = 0;
    },
    accepted: (runId, created, observation) => say({ kind: 'accepted', runId, created, observation }),
    refused: (runId, problem) => say({ kind: 'refused', runId, problem }),
    waiting: (runId, problem) => say({ kind: 'waiting', runId, problem }),
    cancelled: (runId) => say({ kind: 'cancelled', runId }),
    observed: (observation) => say({ kind: 'observed', runId: observation.runId, observation }),
    ending: (runId, reason, diagnosis) => say({ kind: 'ending', runId, reason, diagnosis }),
    slotsChanged: () => {
      slotChanges += 1;
    },
  };
}

function brief(what: Said): string {
  if (what.kind === 'observed') {
    const { observation } = what;
    return `observed:${observation.presence === 'present' ? observation.phase : observation.presence}`;
  }
  if (what.kind === 'accepted') return what.created ? 'accepted' : 'adopted';
  if (what.kind === 'refused' || what.kind === 'waiting') return `${what.kind}:${what.problem.code}`;
  return what.kind === 'ending' ? `ending:${what.reason}` : what.kind;
}
