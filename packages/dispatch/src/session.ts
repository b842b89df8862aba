import type { WorkloadOwner } from '@runner/executor';
import type { Activation } from './ports.ts';

/**
 * The time in which this process may create, end and report: from an activation to the loss of session or role.
 * Whatever was begun in a session belongs to it and says nothing in a later one.
 */
export interface Session {
  readonly owner: WorkloadOwner;
  readonly epoch: number;
  /** Aborted when the session or the role is lost. */
  readonly signal: AbortSignal;
  end(reason: string): void;
}

export function createSession(activation: Activation, agentId: string): Session {
  const controller = new AbortController();
  return {
    owner: { controlPlaneId: activation.controlPlaneId, agentId },
    epoch: activation.epoch,
    signal: controller.signal,
    end: (reason) => controller.abort(reason),
  };
}
