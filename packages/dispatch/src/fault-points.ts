import type { Logger } from '@runner/core';
import type { DispatchObserver } from './ports.ts';

/**
 * Every step between a command's arrival and its outcome's report, in the order in which a run meets them. A test that
 * kills the agent loops over this list; production never sets the hook.
 */
export const FAULT_POINTS = [
  'received',
  'deduped',
  'policy_checked',
  'slot_taken',
  'before_submit',
  'after_submit',
  'before_accepted',
  'after_accepted',
  'before_end',
  'after_end',
  'observed_end',
  'before_report_end',
  'after_report_end',
] as const;

export type FaultPoint = (typeof FAULT_POINTS)[number];

/** Called at each step; what it returns is awaited. Throwing is a bug of the hook and logged. */
export type FaultHook = (name: FaultPoint, runId: string) => void | Promise<void>;

/** Passes a point; never rejects. */
export type FaultPoints = (name: FaultPoint, runId: string) => Promise<void>;

export function createFaultPoints(
  hook: FaultHook | undefined,
  options: { readonly logger: Logger; readonly observer: DispatchObserver },
): FaultPoints {
  return async (name, runId) => {
    try {
      await hook?.(name, runId);
    } catch (error) {
      options.observer.impossible?.('fault_hook_threw');
      options.logger.error('the fault hook threw', { point: name, runId, error });
    }
  };
}
