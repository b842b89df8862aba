import type { Logger } from '@runner/core';
import { RunnerError } from '@runner/core';
import type { SecretResolver } from '@runner/secrets';
import type { Api } from './api.ts';
import type { Catalogue, Table } from './catalogue.ts';
import { readCatalogue } from './catalogue.ts';
import { readConnection } from './connection.ts';
import type { Database } from './database.ts';
import { openDatabase } from './database.ts';
import type { Json, PipelineInput } from './input.ts';
import { objectIn } from './input.ts';
import type { TableProfile } from './profile.ts';
import { isProfiled, profileTable } from './profile.ts';
import type { Report } from './report.ts';
import type { StepFailure } from './status.ts';
import { failureOf, step } from './status.ts';

export interface IngestionParts {
  readonly api: Api;
  readonly report: Report;
  readonly resolver: SecretResolver;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** What a run found; counts go into the status, the rest is for whoever wants the catalogue itself. */
export interface Found {
  readonly catalogue: Catalogue;
  readonly profiles: ReadonlyMap<Table, TableProfile>;
}

const TYPES: ReadonlySet<string> = new Set(['metadata', 'profiler']);

/**
 * One run of a pipeline: version → status running → service → secret → catalogue → profile → status. A failure is said
 * in the status as well, unless the run was told to stop: then whoever stopped it says how it ended.
 */
export async function ingest(input: PipelineInput, parts: IngestionParts): Promise<Found> {
  const { api, report, logger, signal } = parts;
  const began = performance.now();
  const about = objectIn(await api.call('GET', 'system/version'));
  logger.info('Connected to the server', { version: about['version'], pipeline: input.fqn, runId: input.runId });
  await report.running();
  try {
    const found = await work(input, parts);
    const { failures, catalogue, profiles } = found;
    const counts = { ...countsOf(catalogue, profiles), durationMs: Math.round(performance.now() - began) };
    await report.progress({ updateType: 'PIPELINE_COMPLETE', stepName: 'Profiler', ...processed(profiles, catalogue) });
    await report.end(
      failures.length === 0 ? 'success' : 'partialSuccess',
      [step('Postgres', counts.tables + counts.views), step('Profiler', profiles.size, failures)],
      counts,
    );
    logger.info('The ingestion has ended well', { ...counts, failures: failures.length });
    return found;
  } catch (error) {
    signal.throwIfAborted();
    const failure = failureOf(input.serviceName, error);
    await report.progress({
      updateType: 'ERROR',
      stepName: 'Postgres',
      total: 0,
      processed: 0,
      message: failure.error,
    });
    await report.end('failed', [step('Postgres', 0, [failure])]);
    throw error;
  }
}

async function work(
  input: PipelineInput,
  parts: IngestionParts,
): Promise<Found & { failures: readonly StepFailure[] }> {
  const { logger, resolver, signal } = parts;
  if (!TYPES.has(input.pipelineType)) {
    throw new RunnerError(
      'quickstart_input',
      `this small ingestion has no pipelines of the type ${input.pipelineType}`,
      {
        hint: 'it runs metadata and profiler; set INGESTION_COMMAND to the Python ingestion for the others',
      },
    );
  }
  const stored = input.connection ?? (await fetchConnection(input, parts.api));
  const connection = await readConnection(stored, resolver, signal);
  logger.info('Resolved the connection', { service: input.serviceName, secrets: resolver.describe().name });
  await using database = await openDatabase(connection, signal);
  const catalogue = await readCatalogue(database);
  logger.info('Read the catalogue', { database: catalogue.database, ...countsOf(catalogue, new Map()) });
  return { catalogue, ...(await profileAll(database, catalogue, parts)) };
}

async function fetchConnection({ serviceName }: PipelineInput, api: Api): Promise<Json> {
  const path = `services/databaseServices/name/${encodeURIComponent(serviceName)}`;
  const service = objectIn(await api.call('GET', path, { optional: true }));
  const connection = objectIn(service['connection']);
  if (connection['config'] === undefined) {
    throw new RunnerError('quickstart_connection', `the server has no service ${serviceName} with a connection`);
  }
  return objectIn(connection['config']);
}

async function profileAll(
  database: Database,
  catalogue: Catalogue,
  { report, logger, signal }: IngestionParts,
): Promise<{ profiles: Map<Table, TableProfile>; failures: StepFailure[] }> {
  const tables = catalogue.schemas.flatMap((schema) => schema.tables.filter(isProfiled));
  const profiles = new Map<Table, TableProfile>();
  const failures: StepFailure[] = [];
  for (const table of tables) {
    const name = `${table.schema}.${table.name}`;
    await report.progress({
      updateType: 'PROCESSING',
      stepName: 'Profiler',
      total: tables.length,
      processed: profiles.size + failures.length,
      currentEntity: name,
    });
    try {
      const profile = await profileTable(database, table);
      profiles.set(table, profile);
      logger.info(`Profiled ${name}`, {
        rows: profile.rows,
        columns: profile.columns.length,
        ...(profile.sampled ? { sampled: true } : {}),
      });
    } catch (error) {
      signal.throwIfAborted();
      failures.push(failureOf(name, error));
      logger.warn(`Could not profile ${name}`, { error });
    }
  }
  return { profiles, failures };
}

function processed(profiles: ReadonlyMap<Table, TableProfile>, catalogue: Catalogue) {
  const total = catalogue.schemas.flatMap((schema) => schema.tables.filter(isProfiled)).length;
  return { total, processed: profiles.size };
}

/** The figures of a run, for its status and its log. */
function countsOf(catalogue: Catalogue, profiles: ReadonlyMap<Table, TableProfile>) {
  const all = catalogue.schemas.flatMap((schema) => schema.tables);
  const isView = (table: Table): boolean => table.kind === 'view' || table.kind === 'materializedView';
  const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
  return {
    schemas: catalogue.schemas.length,
    tables: all.filter((table) => !isView(table)).length,
    views: all.filter(isView).length,
    columns: sum(all.map((table) => table.columns.length)),
    foreignKeys: sum(all.map((table) => table.foreignKeys.length)),
    rowsProfiled: sum([...profiles.values()].map((profile) => profile.rows)),
  };
}
