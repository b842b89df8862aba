import { systemClock } from '@runner/core';
import type { Executor } from '@runner/executor';
import type { ExecutorSubject } from '@runner/executor/testing';
import { executorContract } from '@runner/executor/testing';
import { createBatchExecutor } from '../../src/batch-executor.ts';
import { jobName } from '../../src/job.ts';
import { memoryBatchService } from '../../src/memory-batch-service.ts';

/** What the suite needs to know: how to make an executor, and how to make its jobs do things. */
function subject(): ExecutorSubject {
  const clock = systemClock();
  const service = memoryBatchService(clock);
  const executors: Executor[] = [];
  const make = (): Executor => {
    const executor = createBatchExecutor({ service, clock, pollMs: 20 });
    executors.push(executor);
    return executor;
  };
  const now = async (act: () => void): Promise<void> => {
    await Promise.resolve();
    act();
  };
  return {
    executor: make(),
    another: () => Promise.resolve(make()),
    print: (runId, bytes) => now(() => service.print(jobName(runId), bytes)),
    succeed: (runId) => now(() => service.exit(jobName(runId), 0)),
    fail: (runId, exitCode) => now(() => service.exit(jobName(runId), exitCode)),
    resist: (runId) => now(() => service.resist(jobName(runId), 100)),
    executions: (runId) => Promise.resolve(service.starts(jobName(runId))),
    outage: () => {
      service.away = true;
      return Promise.resolve(() => now(() => void (service.away = false)));
    },
    remove: (runId) => service.remove(jobName(runId)),
    [Symbol.asyncDispose]: async () => {
      for (const executor of executors) await executor.close();
    },
  };
}

executorContract('the batch executor', () => Promise.resolve(subject()));
