import { RunnerError } from '@runner/core';
import type { Clock, Logger } from '@runner/core';
import type { ConfigSettings, EnvVariable, Executor } from '@runner/executor';
import type { ExecutorSettings } from './config.ts';

/** What every executor is given besides its own settings. */
export interface ExecutorSurroundings {
  readonly config: ConfigSettings;
  /** For every workload: what its secrets manager needs, then the operator's extra variables. */
  readonly environment: readonly EnvVariable[];
  readonly clock: Clock;
  readonly logger: Logger;
}

type Settings<Type extends ExecutorSettings['type']> = Extract<ExecutorSettings, { type: Type }>;
type Factory<Type extends ExecutorSettings['type']> = (
  settings: Settings<Type>,
  surroundings: ExecutorSurroundings,
) => Promise<Executor>;

/** The executors of this build. Each is loaded only when it is chosen; adding one is adding a line. */
const FACTORIES: { readonly [Type in ExecutorSettings['type']]?: Factory<Type> } = {};

/** Makes the chosen executor; an `executor_missing` error says so in words when this build has none of that kind. */
export async function createExecutor(
  settings: ExecutorSettings,
  surroundings: ExecutorSurroundings,
): Promise<Executor> {
  const factory = FACTORIES[settings.type] as Factory<typeof settings.type> | undefined;
  if (factory === undefined) {
    throw new RunnerError('executor_missing', `this build of the agent has no executor ${settings.type} yet`, {
      hint: `set EXECUTOR_TYPE to one that it has: ${Object.keys(FACTORIES).join(', ')}`,
    });
  }
  return factory(settings, surroundings);
}
