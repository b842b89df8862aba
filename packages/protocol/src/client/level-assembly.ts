import type { ControlMessage } from '../messages.ts';
import { LIMITS } from '../messages.ts';
import type { Level, LevelRun } from './ports.ts';

type LevelFrame = Extract<ControlMessage, { type: `level.${string}` }>;

/** `problem`: the pages contradict each other; the session ends with 4400. */
export type Assembled =
  | { readonly kind: 'more' }
  | { readonly kind: 'level'; readonly level: Level }
  | { readonly kind: 'problem'; readonly reason: string };

const MORE: Assembled = { kind: 'more' };
const problem = (reason: string): Assembled => ({ kind: 'problem', reason });

/** Puts the pages of a level together. Holds one level at a time, of bounded size. */
export class LevelAssembly {
  #levelId: string | undefined;
  #runs: LevelRun[] = [];

  /** Between `level.begin` and `level.end`. */
  get isOpen(): boolean {
    return this.#levelId !== undefined;
  }

  take(frame: LevelFrame): Assembled {
    if (frame.type === 'level.begin') return this.#begin(frame.levelId);
    if (this.#levelId === undefined) return problem(`${frame.type}: no level was begun`);
    if (frame.levelId !== this.#levelId) return problem(`${frame.type}: another level is open`);
    if (frame.type === 'level.end') return this.#end(frame);
    if (this.#runs.length + frame.runs.length > LIMITS.levelRuns) {
      return problem(`level.page: expected at most ${LIMITS.levelRuns} runs in a level`);
    }
    this.#runs.push(...frame.runs);
    return MORE;
  }

  /** Forgets what was begun: the instance is not active any more. */
  drop(): void {
    this.#levelId = undefined;
    this.#runs = [];
  }

  #begin(levelId: string): Assembled {
    if (this.#levelId !== undefined) return problem('level.begin: the level before it has not ended');
    this.#levelId = levelId;
    return MORE;
  }

  #end({ levelId, epoch, total }: Extract<LevelFrame, { type: 'level.end' }>): Assembled {
    const runs = this.#runs;
    this.drop();
    if (total !== runs.length) return problem('level.end: total is not the number of runs in the pages');
    return { kind: 'level', level: { levelId, epoch, runs } };
  }
}
