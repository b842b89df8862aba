import type { StoredIntent } from '@runner/kube/runs';
import { intentOf } from '@runner/kube/runs';
import type { Workflow } from './workflow/objects.ts';

/** Most that are remembered; the oldest go first. */
const MOST = 10_000;

/** Why this process ended Workflows, by uid: for places where that cannot be written on them. */
export interface IntentMemory extends ReadonlyMap<string, StoredIntent> {
  remember(uid: string, intent: StoredIntent): void;
  forget(uid: string): void;
}

class Memory extends Map<string, StoredIntent> implements IntentMemory {
  /** The first intent counts. */
  remember(uid: string, intent: StoredIntent): void {
    if (!this.has(uid)) this.set(uid, intent);
    for (const oldest of this.keys()) {
      if (this.size <= MOST) return;
      this.delete(oldest);
    }
  }

  forget(uid: string): void {
    this.delete(uid);
  }
}

export const intentMemory = (): IntentMemory => new Memory();

/** Why a Workflow is ended before its time: what is written on it, else what this process remembers. */
export function intentOfWorkflow(
  workflow: Workflow | undefined,
  intents: ReadonlyMap<string, StoredIntent> | undefined,
): StoredIntent | undefined {
  return intentOf(workflow) ?? intents?.get(workflow?.metadata?.uid ?? '');
}
