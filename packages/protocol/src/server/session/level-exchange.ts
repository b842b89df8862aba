import type { ControlMessage } from '../../messages.ts';
import { LIMITS } from '../../messages.ts';

export interface LevelRun {
  readonly runId: string;
  readonly want: 'run' | 'cancel';
  readonly accepted: boolean;
}

/** Workloads without a row that one report may bring; more is no report but an attack or a bug. */
const MOST_STRAYS = 100_000;

/** A level that was stated and its report, which may still be under way. At most one is outstanding. */
export class LevelExchange {
  #number = 0;
  #open:
    { readonly levelId: string; readonly runs: ReadonlyMap<string, boolean>; begun: boolean; told: number } | undefined;

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

  begin(levelId: string): 'ok' | 'unknown' | 'repeated' {
    if (this.#open?.levelId !== levelId) return 'unknown';
    if (this.#open.begun) return 'repeated';
    this.#open.begun = true;
    return 'ok';
  }

  /** `runs`: whether the level called each of its runs accepted. */
  page(levelId: string, count: number): { readonly runs: ReadonlyMap<string, boolean> } | 'unknown' | 'too_long' {
    if (this.#open?.levelId !== levelId || !this.#open.begun) return 'unknown';
    this.#open.told += count;
    if (this.#open.told > this.#open.runs.size + MOST_STRAYS) return 'too_long';
    return { runs: this.#open.runs };
  }

  end(levelId: string, total: number): 'complete' | 'incomplete' | 'unknown' {
    if (this.#open?.levelId !== levelId || !this.#open.begun) return 'unknown';
    const { told } = this.#open;
    this.#open = undefined;
    return told === total ? 'complete' : 'incomplete';
  }
}
