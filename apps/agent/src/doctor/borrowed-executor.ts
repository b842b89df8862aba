import type { Executor } from '@runner/executor';
import { createExecutor } from '../executors.ts';
import type { DoctorContext } from './context.ts';

/** The executor of the runner, for as long as it is used. */
export async function withExecutor<T>(
  { config, environment, clock, random, logger }: DoctorContext,
  use: (executor: Executor) => Promise<T>,
): Promise<T> {
  const around = { config, environment, clock, random, logger, apiObserver: {} };
  const executor = await createExecutor(config.executor, around);
  try {
    return await use(executor);
  } finally {
    await executor.close();
  }
}
