import type { Clock, Logger, Random } from '@runner/core';
import { RunnerError, backoffDelay, isRunnerError, silentLogger } from '@runner/core';
import pg from 'pg';
import { storeError } from '../database/errors.ts';
import { findBinaries } from './binaries.ts';
import { launcherFor } from './command.ts';
import { SUPERUSER, initialise, isInitialised, prepareFolder, removeLeftovers } from './data-folder.ts';
import { clearLeftBehind } from './left-behind.ts';
import type { Ownership } from './owner.ts';
import { inUse, takeOwnership } from './owner.ts';
import type { ServerOptions, ServerProcess } from './server-process.ts';
import { freePort, startServer } from './server-process.ts';
import { userForPostgres } from './system-user.ts';

export interface EmbeddedPostgresOptions {
  /** Made when it does not exist. Holds the data, the unix socket and the password (0600). */
  readonly folder: string;
  /** Database to make when it does not exist; letters, digits and underscores. Default `control_plane`. */
  readonly database?: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger?: Logger;
}

/** A PostgreSQL of our own that is started again when it dies. */
export interface EmbeddedPostgres {
  /** Good for as long as this object is not stopped: a server that is started again keeps its port and password. */
  readonly url: string;
  /** Process id of the server now. */
  readonly pid: number;
  stop(): Promise<void>;
}

/** Major version of the binaries in package.json. */
const MAJOR = '18';
const START_ATTEMPTS = 5;
const RESTART_BACKOFF = { floorMs: 250, capMs: 15_000 };

interface Running {
  readonly server: ServerProcess;
  readonly ownership: Ownership;
}

/**
 * Starts PostgreSQL in a folder: makes it at the first start, recovers it after a crash, shuts down what a killed process
 * left behind. Rejects with `data_folder_in_use`, `embedded_postgres_missing` or `embedded_postgres_failed`.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { clock, logger = silentLogger, database = 'control_plane' } = options;
  const binaries = await findBinaries();
  const user = await userForPostgres(logger);
  const folder = await prepareFolder(options.folder, user).catch((error: unknown) => {
    throw cannotWrite(options.folder, error);
  });
  const launch = await launcherFor(user, [binaries.postgres, folder.data]);
  const server: ServerOptions = { folder, binaries, launch, clock, logger };
  const urlFor = (port: number, name = 'postgres'): string =>
    `postgres://${SUPERUSER}:${folder.password}@127.0.0.1:${port}/${name}`;

  await clearLeftBehind(folder, urlFor, clock, logger);
  if (!(await isInitialised(folder, MAJOR))) await initialise(folder, binaries, launch, user);
  const first = await startOwned(server, urlFor);
  try {
    await removeLeftovers(folder);
    await makeDatabase(urlFor(first.server.port), database);
  } catch (error) {
    await first.server.stop();
    throw error;
  }
  return supervise(first, options, server, urlFor, database);
}

function cannotWrite(folder: string, cause: unknown): RunnerError {
  return new RunnerError('embedded_postgres_failed', 'the data folder cannot be made or written', {
    cause,
    details: { folder },
    hint: 'Choose a DATA_DIR that this user may write, and that no other user has made.',
  });
}

/** Starts a server on a free port and takes the folder. Who loses that race to another process says `data_folder_in_use`. */
async function startOwned(options: ServerOptions, urlFor: (port: number) => string, port?: number): Promise<Running> {
  let output = '';
  for (let attempt = 0; attempt < START_ATTEMPTS; attempt += 1) {
    const started = await startServer(options, port ?? (await freePort()));
    if (started.kind === 'ready') {
      const ownership = await own(started.server, options, urlFor);
      if (ownership !== undefined) return { server: started.server, ownership };
      output = 'it was stopped by somebody else';
    } else if (started.kind === 'failed') output = started.output;
    else await clearLeftBehind(options.folder, urlFor, options.clock, options.logger);
  }
  throw new RunnerError('embedded_postgres_failed', 'the embedded PostgreSQL does not start', {
    details: { folder: options.folder.data, output },
    hint: 'What it said stands in the details; often the disk is full or the folder belongs to somebody else.',
  });
}

/** Undefined: the server died, most likely because another starter took it for one that was left behind. */
async function own(
  server: ServerProcess,
  { folder, clock }: ServerOptions,
  urlFor: (port: number) => string,
): Promise<Ownership | undefined> {
  try {
    const ownership = await takeOwnership(urlFor(server.port), clock);
    if (ownership === undefined) throw inUse(folder.root);
    return ownership;
  } catch (error) {
    await server.stop();
    if (!isRunnerError(error, 'store_unavailable')) throw error;
    return undefined;
  }
}

async function makeDatabase(url: string, name: string): Promise<void> {
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(name)) throw new RunnerError('embedded_postgres_failed', 'not a database name');
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [name]);
    if (rowCount === 0) await client.query(`create database ${name}`);
  } catch (error) {
    throw storeError(error);
  } finally {
    await client.end();
  }
}

function supervise(
  first: Running,
  options: EmbeddedPostgresOptions,
  server: ServerOptions,
  urlFor: (port: number, name?: string) => string,
  database: string,
): EmbeddedPostgres {
  const { clock, random, logger = silentLogger } = options;
  const { port } = first.server;
  const stopping = new AbortController();
  let current: Running = first;

  const over = (): boolean => stopping.signal.aborted;
  const keepRunning = async (): Promise<void> => {
    for (let attempt = 0; !over(); attempt += 1) {
      const output = await current.server.exited;
      if (over()) return;
      logger.error('the embedded PostgreSQL died and is started again', { output: lastLine(output) });
      await clock.sleep(backoffDelay(attempt, RESTART_BACKOFF, random), stopping.signal).catch(() => undefined);
      if (over()) return;
      try {
        current = await startOwned(server, urlFor, port);
        attempt = 0;
        logger.info('the embedded PostgreSQL runs again');
      } catch (error) {
        logger.error('the embedded PostgreSQL could not be started again', { error });
      }
    }
  };
  const supervising = keepRunning();
  // When this process ends without `stop` (a fault that nobody caught), nothing shall be left behind.
  const lastMoment = (): void => current.server.askToStop();
  process.once('exit', lastMoment);

  let stopped: Promise<void> | undefined;
  return {
    url: urlFor(port, database),
    get pid() {
      return current.server.pid;
    },
    stop: () => {
      stopped ??= (async () => {
        stopping.abort();
        await current.ownership.release();
        await current.server.stop();
        await supervising;
        await current.server.stop();
        process.removeListener('exit', lastMoment);
      })();
      return stopped;
    },
  };
}

function lastLine(output: string): string {
  return output.trimEnd().split('\n').at(-1) ?? '';
}
