import { redactText } from '@runner/core';
import type { RunRecord } from '@runner/protocol/server';
import { isClosed } from '@runner/protocol/server';
import type { JsonObject, Store } from '../store/ports.ts';
import { isObject, objectOf, without } from './json.ts';
import { endingText } from './pipeline-status.ts';

/** Name under which the control plane writes into an automation. */
const AUTHOR = 'control-plane';
const OWN_STEP = 'RunnerDiagnostics';

export function isAutomationOver(workflow: JsonObject): boolean {
  return workflow['status'] === 'Successful' || workflow['status'] === 'Failed';
}

/** A triggered automation waits for its workload; an answer of an earlier run must not be taken for the new one. */
export async function beginAutomation(store: Pick<Store, 'entities'>, id: string): Promise<void> {
  await store.entities.update('automationWorkflow', id, ({ json }) => ({
    json: { ...without(json, 'response'), status: 'Pending' },
    updatedBy: AUTHOR,
  }));
}

/** Writes a failure that no workload can write any more. */
export async function failAutomation(
  store: Pick<Store, 'entities'>,
  id: string,
  message: string,
  now: number,
): Promise<void> {
  await store.entities.update('automationWorkflow', id, ({ json }) => ({
    json: failed(json, message, undefined, now),
    updatedBy: AUTHOR,
  }));
}

/**
 * What becomes of an automation whose run has ended: its own answer stays; one that never came, or still says `Running`,
 * becomes `Failed` with the reason, or the UI would poll for ever. Exit 0 proves nothing here (ingestion-proven.md §6).
 */
export function endedAutomation(workflow: JsonObject, record: RunRecord, now: number): JsonObject | undefined {
  if (!isClosed(record) || isAutomationOver(workflow)) return undefined;
  const message =
    record.state === 'succeeded'
      ? 'The test ended without reporting a result; the log of its run says what it did.'
      : endingText(record);
  return failed(workflow, message, record.outcome?.logTail, now);
}

function failed(workflow: JsonObject, message: string, logTail: string | undefined, now: number): JsonObject {
  const response = objectOf(workflow['response']);
  const steps = Array.isArray(response['steps']) ? response['steps'].filter(isObject) : [];
  const own = {
    name: OWN_STEP,
    mandatory: true,
    passed: false,
    message: redactText(message),
    ...(logTail === undefined ? {} : { errorLog: redactText(logTail) }),
  };
  return {
    ...workflow,
    status: 'Failed',
    response: {
      ...response,
      lastUpdatedAt: now,
      status: 'Failed',
      steps: [...steps.filter((step) => step['name'] !== OWN_STEP), own],
    },
  };
}
