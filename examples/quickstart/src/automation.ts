import type { Clock, Logger } from '@runner/core';
import { RunnerError } from '@runner/core';
import type { SecretResolver } from '@runner/secrets';
import type { Api } from './api.ts';
import { readConnection } from './connection.ts';
import type { Database } from './database.ts';
import { openDatabase } from './database.ts';
import type { AutomationInput, Json } from './input.ts';
import { objectIn, textIn } from './input.ts';
import { failureOf } from './status.ts';

export interface AutomationParts {
  readonly api: Api;
  readonly resolver: SecretResolver;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

interface StepResult {
  readonly name: string;
  readonly mandatory: boolean;
  readonly passed: boolean;
  readonly status: 'Passed' | 'Failed' | 'Skipped';
  readonly message?: string;
  readonly errorLog?: string;
  readonly skipReason?: string;
  readonly durationMs: number;
}

interface Wanted {
  readonly name: string;
  readonly mandatory: boolean;
}

const QUERIES: Readonly<Record<string, string>> = {
  GetDatabases: 'SELECT datname FROM pg_database WHERE NOT datistemplate LIMIT 100',
  GetSchemas: 'SELECT nspname FROM pg_namespace LIMIT 100',
  GetTables: `SELECT relname FROM pg_class WHERE relkind IN ('r', 'p', 'f') LIMIT 100`,
  GetViews: `SELECT relname FROM pg_class WHERE relkind IN ('v', 'm') LIMIT 100`,
};

/** What is tested when the server has no definition for this type. */
const OWN_STEPS: readonly Wanted[] = [
  { name: 'CheckAccess', mandatory: true },
  { name: 'GetSchemas', mandatory: true },
  { name: 'GetTables', mandatory: true },
  { name: 'GetViews', mandatory: false },
];

/**
 * A test of a connection. The request is read from the server again, as the library does; each step is written there as
 * soon as it is known. A failed test is a good answer, so it is returned, not thrown.
 */
export async function testConnection(input: AutomationInput, parts: AutomationParts): Promise<boolean> {
  const { api, logger } = parts;
  const about = objectIn(await api.call('GET', 'system/version'));
  logger.info('Connected to the server', { version: about['version'], automation: input.name });
  const workflow = objectIn(await api.call('GET', `automations/workflows/name/${encodeURIComponent(input.name)}`));
  const id = textIn(workflow['id']);
  if (id === undefined) throw new RunnerError('quickstart_input', `the server has no automation ${input.name}`);
  const wanted = await wantedSteps(workflow, api);
  const results: StepResult[] = [];
  const write = (status: 'Running' | 'Successful' | 'Failed', attempts: number): Promise<unknown> =>
    api.call('PATCH', `automations/workflows/${id}`, {
      contentType: 'application/json-patch+json',
      attempts,
      body: [
        { op: 'add', path: '/response', value: { lastUpdatedAt: parts.clock.now(), status, steps: results } },
        { op: 'add', path: '/status', value: status },
      ],
    });

  await runSteps(workflow, wanted, parts, async (result) => {
    results.push(result);
    logger.info(`Tested ${result.name}`, { status: result.status, durationMs: result.durationMs });
    if (results.length < wanted.length) await write('Running', 1);
  });
  const good = results.every((result) => result.passed || !result.mandatory);
  await write(good ? 'Successful' : 'Failed', 6);
  logger.info('The test has ended', { status: good ? 'Successful' : 'Failed' });
  return good;
}

async function wantedSteps(workflow: Json, api: Api): Promise<readonly Wanted[]> {
  const type = textIn(objectIn(workflow['request'])['connectionType']) ?? 'Postgres';
  const path = `services/testConnectionDefinitions/name/${encodeURIComponent(`${type}.testConnectionDefinition`)}`;
  const { steps } = objectIn(await api.call('GET', path, { optional: true }));
  const defined = (Array.isArray(steps) ? steps : []).flatMap((each: unknown) => {
    const name = textIn(objectIn(each)['name']);
    return name === undefined ? [] : [{ name, mandatory: objectIn(each)['mandatory'] !== false }];
  });
  return defined.length === 0 ? OWN_STEPS : defined;
}

async function runSteps(
  workflow: Json,
  wanted: readonly Wanted[],
  { resolver, signal }: AutomationParts,
  done: (result: StepResult) => Promise<void>,
): Promise<void> {
  const stored = objectIn(objectIn(objectIn(workflow['request'])['connection'])['config']);
  let database: Database | undefined;
  let refused = false;
  try {
    for (const { name, mandatory } of wanted) {
      const began = performance.now();
      const result = (rest: Pick<StepResult, 'status'> & Partial<StepResult>): Promise<void> =>
        done({
          name,
          mandatory,
          passed: rest.status === 'Passed',
          durationMs: Math.round(performance.now() - began),
          ...rest,
        });
      const query = QUERIES[name];
      if (refused) {
        await result({ status: 'Skipped', skipReason: 'the database could not be entered' });
      } else if (name !== 'CheckAccess' && query === undefined) {
        // A step nobody here knows says nothing about the connection, so it must not fail the test.
        await result({ status: 'Skipped', passed: true, skipReason: 'this small ingestion has no such step' });
      } else {
        try {
          database ??= await openDatabase(await readConnection(stored, resolver, signal), signal);
          await database.rows(query ?? 'SELECT 1');
          await result({ status: 'Passed' });
        } catch (error) {
          signal.throwIfAborted();
          refused = database === undefined;
          const { error: errorLog } = failureOf(name, error);
          await result({ status: 'Failed', message: 'The step failed', errorLog });
        }
      }
    }
  } finally {
    await database?.[Symbol.asyncDispose]();
  }
}
