import { RunnerError, isRunnerError, messageOf } from '@runner/core';
import pg from 'pg';
import type { Connection } from './connection.ts';

/** The part of a database client that is needed. Rows come as arrays, in the order of the select list. */
export interface Database extends AsyncDisposable {
  rows(sql: string, values?: readonly unknown[]): Promise<readonly (readonly unknown[])[]>;
}

const STATEMENT_TIMEOUT_MS = 30_000;
const CONNECT_TIMEOUT_MS = 10_000;

/** What PostgreSQL and the network say, by their codes, and what to do about it. */
const HINTS: Readonly<Record<string, string>> = {
  '28P01': 'the password is wrong: check the value of the secret, and that no line break ends it',
  '28000': 'the server does not let this user in from here; see pg_hba.conf',
  '3D000': 'there is no such database; check the field database of the connection',
  '42501': 'the user may not read this; grant it SELECT and USAGE',
  '53300': 'the server has no connection left for this user',
  '57P03': 'the server is starting or stopping',
  ECONNREFUSED: 'nothing listens there; check hostPort',
  ENOTFOUND: 'there is no host of this name; check hostPort',
  EAI_AGAIN: 'the name of the host cannot be looked up just now',
  ETIMEDOUT: 'the host does not answer; check the network between here and the database',
};

/** A read-only session. Ending the signal ends the session at once. */
export async function openDatabase(connection: Connection, signal: AbortSignal): Promise<Database> {
  signal.throwIfAborted();
  const { password, tls, ...where } = connection;
  const client = new pg.Client({
    ...where,
    ...(password === undefined ? {} : { password: password.reveal() }),
    ...(tls === 'off' ? {} : { ssl: tls === 'unverified' ? { rejectUnauthorized: false } : { ca: tls.ca } }),
    application_name: 'hybrid-runner-quickstart',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    options: '-c default_transaction_read_only=on',
  });
  // A session that breaks while nothing is asked tells so here; the next query tells it again.
  client.on('error', () => undefined);
  const hangUp = (): void => void client.end().catch(() => undefined);
  signal.addEventListener('abort', hangUp, { once: true });
  try {
    await client.connect();
  } catch (error) {
    signal.removeEventListener('abort', hangUp);
    signal.throwIfAborted();
    throw databaseError(error, `the database ${where.database} at ${where.host}:${where.port} cannot be entered`);
  }
  return {
    rows: async (sql, values = []) => {
      try {
        const { rows } = await client.query<unknown[]>({ text: sql, values: [...values], rowMode: 'array' });
        return rows;
      } catch (error) {
        signal.throwIfAborted();
        throw databaseError(error, 'a query failed');
      }
    },
    [Symbol.asyncDispose]: async () => {
      signal.removeEventListener('abort', hangUp);
      await client.end();
    },
  };
}

/** The driver's text is that of the server; it names users and hosts, and passwords never. */
function databaseError(error: unknown, what: string): RunnerError {
  if (isRunnerError(error)) return error;
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const hint = code === undefined ? undefined : HINTS[code];
  return new RunnerError('quickstart_database', `${what}: ${messageOf(error)}`, {
    cause: error,
    details: code === undefined ? {} : { code },
    ...(hint === undefined ? {} : { hint }),
  });
}
