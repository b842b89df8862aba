import { RunnerError } from '@runner/core';
import { objectOf } from '../openmetadata/json.ts';
import { findRunner, runnerReference } from '../openmetadata/runner-choice.ts';
import type { JsonObject, RunnerRow, Store } from '../store/ports.ts';

/** A document whose `ingestionRunner` is a full reference, and the runner it names. */
export interface WithRunner {
  readonly json: JsonObject;
  readonly runner: RunnerRow | undefined;
}

/**
 * Looks up what `ingestionRunner` names; rejects with `runner_not_found`. A reference that stood there before is kept
 * even when its runner is gone or revoked, or nothing else of the entity could be changed any more.
 */
export async function withRunner(
  store: Pick<Store, 'runners'>,
  document: JsonObject,
  stored: JsonObject | undefined,
): Promise<WithRunner> {
  const { ingestionRunner, ...rest } = document;
  if (ingestionRunner === undefined || ingestionRunner === null) return { json: rest, runner: undefined };
  const runner = await findRunner(store.runners, ingestionRunner);
  if (runner !== undefined && !runner.revoked) {
    return { json: { ...rest, ingestionRunner: runnerReference(runner) }, runner };
  }
  const before = objectOf(stored?.['ingestionRunner'])['id'];
  if (before !== undefined && before === objectOf(ingestionRunner)['id']) return { json: document, runner };
  throw new RunnerError(
    'runner_not_found',
    runner === undefined
      ? 'there is no ingestion runner that this reference names'
      : `the ingestion runner ${runner.name} was revoked`,
    { hint: 'GET /api/v1/ingestionRunners lists them; a reference has the id or the name of one' },
  );
}
