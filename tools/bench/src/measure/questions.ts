import { RunnerError } from '@runner/core';

/** What a child can be asked. Parameters and answers travel as JSON. */
export type Questions<T> = { readonly [Name in keyof T]: (...parameters: never) => unknown };

export interface Question {
  readonly id: number;
  readonly name: string;
  readonly parameters: readonly unknown[];
}

export type Answer =
  { readonly id: number; readonly answer?: unknown } | { readonly id: number; readonly problem: string };

/**
 * Called by a child: answers what its parent asks. A child never outlives its parent: when the channel closes it ends.
 */
export function serve<T extends Questions<T>>(questions: T): void {
  const send = (answer: Answer): void => void process.send?.(answer);
  const answer = async ({ id, name, parameters }: Question): Promise<void> => {
    try {
      const ask: unknown = questions[name as keyof T];
      if (typeof ask !== 'function') throw new RunnerError('bench_child', `there is no question ${name}`);
      send({ id, answer: await (ask as (...all: readonly unknown[]) => unknown)(...parameters) });
    } catch (error) {
      send({ id, problem: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  };
  process.on('message', (question) => void answer(question as Question));
  process.once('disconnect', () => process.exit());
}
