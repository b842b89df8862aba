import { systemClock } from '@runner/core';
import type { Executor } from '../../src/index.ts';
import type { ExecutorSubject } from '../../src/testing/index.ts';
import { executorContract, fakeExecutor, fakePlace } from '../../src/testing/index.ts';

const now = async (act: () => void): Promise<void> => {
  await Promise.resolve();
  act();
};

executorContract('the fake', (): Promise<ExecutorSubject> => {
  const place = fakePlace({ clock: systemClock(), endDelayMs: 5, startDelayMs: 1 });
  const options = { place, relistMs: 1_000 };
  const executor = fakeExecutor(options);
  const others: Executor[] = [];
  return Promise.resolve({
    executor,
    another: () => {
      const other = fakeExecutor(options);
      others.push(other);
      return Promise.resolve(other);
    },
    print: (runId, bytes) => now(() => place.print(runId, bytes)),
    succeed: (runId) => now(() => place.succeed(runId)),
    fail: (runId, exitCode) => now(() => place.fail(runId, { exitCode })),
    executions: (runId) => Promise.resolve(place.executions(runId)),
    outage: () => {
      place.away = true;
      return Promise.resolve(() => now(() => void (place.away = false)));
    },
    remove: (runId) => now(() => place.remove(runId)),
    [Symbol.asyncDispose]: async () => {
      for (const each of [executor, ...others]) await each.close();
    },
  });
});
