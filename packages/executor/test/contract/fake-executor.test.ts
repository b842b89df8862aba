import { systemClock } from '@runner/core';
import type { Executor } from '../../src/index.ts';
import type { ExecutorSubject } from '../../src/testing/index.ts';
import { executorContract, fakeExecutor, fakePlace } from '../../src/testing/index.ts';

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
    print: async (runId, bytes) => await Promise.resolve(place.print(runId, bytes)),
    succeed: async (runId) => await Promise.resolve(place.succeed(runId)),
    fail: async (runId, exitCode) => await Promise.resolve(place.fail(runId, { exitCode })),
    executions: (runId) => Promise.resolve(place.executions(runId)),
    remove: async (runId) => await Promise.resolve(place.remove(runId)),
    [Symbol.asyncDispose]: async () => {
      for (const each of [executor, ...others]) await each.close();
    },
  });
});
