import { FAULT_POINTS } from '@runner/dispatch';
import type { FaultHook } from '@runner/dispatch';
import type { Environment } from './config/read.ts';

/**
 * For tests that kill the agent at each step of a run: with NODE_ENV=test, RUNNER_FAULT_POINT names the step at which the
 * process ends itself as a power cut would. Anywhere else the variable means nothing.
 * @param die ends the process without any goodbye
 */
export function faultPointOf(env: Environment, die: () => void): FaultHook | undefined {
  const wanted = env.NODE_ENV === 'test' ? env.RUNNER_FAULT_POINT : undefined;
  if (wanted === undefined || !FAULT_POINTS.some((point) => point === wanted)) return undefined;
  return (point) => {
    if (point === wanted) die();
  };
}
