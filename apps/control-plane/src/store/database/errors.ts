import { RunnerError, isAbort, isRunnerError } from '@runner/core';

/** What node-postgres puts on an error of the server. */
interface ServerError extends Error {
  readonly code?: string;
  readonly severity?: string;
  readonly table?: string;
  readonly constraint?: string;
}

/** SQLSTATE classes that say "not now": connection, resources, operator intervention, system and internal faults. */
const AWAY = /^(08|53|57|58|XX)/;
/** The same outside those classes: read-only standby, lock not available, serialization, deadlock, refused login. */
const AWAY_STATES = new Set(['25006', '55P03', '40001', '40P01', '28000', '28P01', '3D000']);
const NETWORK =
  /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EPIPE|EHOSTUNREACH|ENETUNREACH|ENOENT|EACCES)$/;
/** node-postgres has no codes for what happens to its own connection. */
const DRIVER = /connection terminated|connection timeout|timeout exceeded|query read timeout|not queryable/i;

/** The error of the server or the driver underneath; an ORM error quotes parameters and must not get any further. */
function rootOf(error: unknown): ServerError | undefined {
  let current = error;
  for (let depth = 0; depth < 8 && current instanceof Error; depth += 1) {
    const { cause } = current;
    if (!(cause instanceof Error)) return current;
    current = cause;
  }
  return undefined;
}

function stateOf(root: ServerError | undefined): string | undefined {
  const code = root?.code;
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

function isAway(root: ServerError, state: string | undefined): boolean {
  if (state !== undefined) return AWAY.test(state) || AWAY_STATES.has(state);
  return (root.code !== undefined && NETWORK.test(root.code)) || DRIVER.test(root.message);
}

/** Whether the connection on which this happened must not be used again. */
export function isConnectionLost(error: unknown): boolean {
  if (isRunnerError(error)) return false;
  const root = rootOf(error);
  const state = stateOf(root);
  return root !== undefined && isAway(root, state) && (state === undefined || /^(08|57P|XX)/.test(state));
}

/**
 * Whatever a query failed with as one of ours: `store_unavailable` (retryable), `value_not_storable`, or `store_failed`.
 * Neither statement nor parameters nor the server's detail line are kept: they may hold a config. What did not come from
 * the database (a caller's `change` that threw) is handed on as it is.
 */
export function storeError(error: unknown): unknown {
  if (isRunnerError(error) || isAbort(error)) return error;
  const root = rootOf(error);
  const state = stateOf(root);
  if (root === undefined) return error;
  const facts = { cause: plainCause(root, state), details: factsOf(root, state) };
  if (isAway(root, state)) {
    return new RunnerError('store_unavailable', 'the database does not answer', {
      ...facts,
      retryable: true,
      hint: 'Check that PostgreSQL runs and can be reached, and DATABASE_URL if it is set.',
    });
  }
  if (state?.startsWith('22') === true) return new RunnerError('value_not_storable', 'a value cannot be stored', facts);
  if (state === undefined && root === error) return error;
  return new RunnerError('store_failed', 'the database refused a statement', facts);
}

function factsOf(root: ServerError, state: string | undefined): Record<string, unknown> {
  return {
    ...(state === undefined ? {} : { sqlState: state }),
    ...(root.constraint === undefined ? {} : { constraint: root.constraint }),
  };
}

/** Messages of class 22 and 23 quote values; the others speak of the server. */
function plainCause(root: ServerError, state: string | undefined): Error {
  const where = [root.severity, state, root.table, root.constraint].filter((part) => part !== undefined).join(' ');
  const speaksOfValues = state?.startsWith('22') === true || state?.startsWith('23') === true;
  return new Error(speaksOfValues ? where : [where, root.message].filter((part) => part !== '').join(': '));
}

const stateIs = (error: unknown, ...states: readonly string[]): boolean =>
  isRunnerError(error) && states.includes(String(error.details.sqlState));

/** A unique constraint was hurt. Takes what `storeError` made. */
export const isDuplicate = (error: unknown): boolean => stateIs(error, '23505');
/** The row that is referred to does not exist. */
export const isMissingReference = (error: unknown): boolean => stateIs(error, '23503');
/** Two transactions met; the same work may be done again at once. */
export const isConflict = (error: unknown): boolean => stateIs(error, '40001', '40P01');
