import { describe } from 'vitest';
import { endingCases } from './contract/ending.ts';
import { logCases } from './contract/logs.ts';
import { seeingCases } from './contract/seeing.ts';
import type { MakeSubject } from './contract/subject.ts';
import { submittingCases } from './contract/submitting.ts';

export type { ExecutorSubject, MakeSubject } from './contract/subject.ts';

export interface ExecutorContractOptions {
  /** How long one thing may take to happen. Default 10,000 ms; the tests' own timeout must be longer. */
  readonly timeoutMs?: number;
}

/**
 * The suite that every executor passes. Call it at the top of a vitest file:
 * `executorContract('my executor', async () => ({ executor, another, print, … }))`.
 */
export function executorContract(name: string, make: MakeSubject, options: ExecutorContractOptions = {}): void {
  const context = { make, timeoutMs: options.timeoutMs ?? 10_000 };
  describe(`${name} as an executor`, () => {
    describe('submitting', () => submittingCases(context));
    describe('ending', () => endingCases(context));
    describe('seeing', () => seeingCases(context));
    describe('logs', () => logCases(context));
  });
}
