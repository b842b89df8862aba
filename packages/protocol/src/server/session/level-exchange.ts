import { CLOSE } from '../../close-codes.ts';
import type { AgentMessage, ControlMessage, WireObservation } from '../../messages.ts';
import { LIMITS } from '../../messages.ts';
import type { Step } from './step.ts';
import { NOTHING, end, event, ignore } from './step.ts';

export interface LevelRun {
  readonly runId: string;
  readonly want: 'run' | 'cancel';
  readonly accepted: boolean;
}

type ReportMessage = Extract<AgentMessage, { type: 'report.begin' | 'report.page' | 'report.end' }>;

interface OpenLevel {
  readonly levelId: string;
  /** Each of its runs, and whether the level called it accepted. */
  readonly runs: ReadonlyMap<string, boolean>;
  begun: boolean;
  told: number;
}

/** Workloads without a row that one report may bring; more is no report but an attack or a bug. */
const MOST_STRAYS = 100_000;

/** A level that was stated and its report, which may still be under way. At most one is outstanding. */
export class LevelExchange {
  #number = 0;
  #open: OpenLevel | undefined;

  get outstanding(): boolean {
    return this.#open !== undefined;
  }

  /** The frames of a new level; what is still outstanding of an older one is not listened to any more. */
  state(epoch: number, all: readonly LevelRun[]): ControlMessage[] {
    const runs = all.slice(0, LIMITS.levelRuns);
    this.#number += 1;
    const levelId = `level-${this.#number}`;
    this.#open = { levelId, runs: new Map(runs.map((run) => [run.runId, run.accepted])), begun: false, told: 0 };
    const pages: ControlMessage[] = [];
    for (let from = 0; from < runs.length; from += LIMITS.pageRuns) {
      const page = runs.slice(from, from + LIMITS.pageRuns);
      pages.push({ type: 'level.page', epoch, levelId, runs: page.map((run) => ({ ...run })) });
    }
    return [
      { type: 'level.begin', epoch, levelId },
      ...pages,
      { type: 'level.end', epoch, levelId, total: runs.length },
    ];
  }

  /** Nothing that comes is an answer to what was stated. */
  forget(): void {
    this.#open = undefined;
  }

  /** A frame of a report. */
  take(message: ReportMessage): Step {
    const open = this.#open;
    if (open?.levelId !== message.levelId) return ignore('unknown_level');
    if (message.type === 'report.begin') {
      if (open.begun) return end(CLOSE.badFrame, 'report.begin came twice');
      open.begun = true;
      return NOTHING;
    }
    if (!open.begun) return ignore('unknown_level');
    if (message.type === 'report.page') return page(open, message.observations);
    this.#open = undefined;
    if (open.told === message.total) return event({ kind: 'reported' });
    return event({ kind: 'ignored', reason: 'incomplete_report' }, { kind: 'reported' });
  }
}

/** A page counts by itself, so nothing of a report is kept until its end. */
function page(open: OpenLevel, observations: readonly WireObservation[]): Step {
  open.told += observations.length;
  if (open.told > open.runs.size + MOST_STRAYS) return end(CLOSE.badFrame, 'a report that does not end');
  return event({ kind: 'report', runs: open.runs, observations });
}
