import { writeFile } from 'node:fs/promises';
import type { Clock, Logger, Random } from '@runner/core';
import { isRunnerError, messageOf } from '@runner/core';
import { createApi } from './api.ts';
import { testConnection } from './automation.ts';
import type { Found } from './ingestion.ts';
import { ingest } from './ingestion.ts';
import type { Input } from './input.ts';
import { parseInput } from './input.ts';
import type { Redaction } from './redaction.ts';
import { createReport } from './report.ts';
import { resolverFor } from './secrets.ts';

export interface ProgramOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
  /** Learns every value that is resolved; calls go through it, as log lines should. */
  readonly redaction: Redaction;
  /** Stop at once and say nothing more: somebody ended the run. */
  readonly signal: AbortSignal;
}

/** Exit code of a program that was told to stop (128 + SIGTERM). */
const STOPPED = 143;

/** The whole program but for the process around it. Resolves with the exit code. */
export async function runProgram(options: ProgramOptions): Promise<number> {
  const { env, logger, signal } = options;
  try {
    const input = parseInput(env);
    await run(input, options);
    return 0;
  } catch (error) {
    if (signal.aborted) {
      logger.warn('The run was told to stop');
      return STOPPED;
    }
    logger.error(messageOf(error), isRunnerError(error) ? { code: error.code, hint: error.hint } : { error });
    return 1;
  }
}

async function run(input: Input, options: ProgramOptions): Promise<void> {
  const { env, logger, clock, signal, redaction } = options;
  const { server } = input;
  await using resolver = await resolverFor(server.secretsManager, { env, logger, clock, redaction });
  const name = input.kind === 'pipeline' ? `${input.sourceType}_${input.pipelineType}` : 'automation';
  const api = createApi({
    ...options,
    server,
    userAgent: `quickstart (${name})`,
    redact: (text) => redaction.apply(text),
  });
  if (input.kind === 'automation') {
    await testConnection(input, { api, resolver, logger, clock, signal });
    return;
  }
  const report = createReport(api, input, { clock, logger });
  const found = await ingest(input, { api, report, resolver, logger, signal });
  const file = env['CATALOGUE_FILE'];
  if (file !== undefined && file !== '') {
    await writeFile(file, JSON.stringify(documentOf(found), null, 2), { mode: 0o600 });
    logger.info('Wrote the catalogue', { file });
  }
}

/** Catalogue and profiles as one JSON document. */
function documentOf({ catalogue, profiles }: Found): unknown {
  return {
    ...catalogue,
    schemas: catalogue.schemas.map((schema) => ({
      ...schema,
      tables: schema.tables.map((table) => ({ ...table, profile: profiles.get(table) })),
    })),
  };
}
