import type { Clock } from '@runner/core';
import { RunnerError } from '@runner/core';
import { and, desc, eq, exists, lt, sql } from 'drizzle-orm';
import type { Database } from '../database/database.ts';
import { isMissingReference } from '../database/errors.ts';
import { runLogs, runs } from '../database/schema.ts';
import { notify } from '../events/channels.ts';
import type { LogPage, LogSource, LogStore } from '../ports.ts';
import { CUT_MARKER, HEAD_CHUNKS } from './layout.ts';
import type { LogRow } from './log-append.ts';
import { appendPiece, lockLog, logIs, readParts, relaxCommit } from './log-append.ts';
import { decodeParts } from './part-codec.ts';

export interface LogStoreOptions {
  readonly database: Database;
  readonly clock: Clock;
  /** Largest log of one run and source, in bytes of text; the first 1 MiB and the newest are kept. Default 32 MiB. */
  readonly maxBytes?: number;
}

const DEFAULT_MAX_BYTES = 33_554_432;

export function createLogs({ database, clock, maxBytes = DEFAULT_MAX_BYTES }: LogStoreOptions): LogStore {
  const tell = (runId: string) =>
    database.use((db) => notify(db, { channel: 'signals', event: { kind: 'log', runId } }));
  return {
    append: async (runId, source, piece) => {
      const key = { runId, source };
      const { before, after } = await database
        .transaction(async (tx) => {
          await relaxCommit(tx, source);
          const row = lockedRow(await lockLog(tx, key, clock.now()));
          return { before: row, after: await appendPiece(tx, row, piece, maxBytes, clock.now()) };
        })
        .catch(missingRun);
      // Behind the commit: a NOTIFY inside would make all commits of the server wait for each other.
      if (after.storedBytes !== before.storedBytes || after.chunks !== before.chunks) await tell(runId);
      return after.rawTo;
    },
    close: async (runId, source) => {
      const key = { runId, source };
      await database
        .transaction(async (tx) => {
          await lockLog(tx, key, clock.now());
          await tx.update(runLogs).set({ closed: true, updatedAt: clock.now() }).where(logIs(key));
        })
        .catch(missingRun);
      await tell(runId);
    },
    state: async (runId, source) => {
      const rows = await database.use((db) => db.select().from(runLogs).where(logIs({ runId, source })));
      return rows[0] && { rawTo: rows[0].rawTo, closed: rows[0].closed, chunks: rows[0].chunks };
    },
    read: (runId, index, source) => read(database, runId, index, source),
    runsOf: (entityId, limit) => runsOf(database, entityId, limit),
    expire: async (before) => {
      const gone = await database.use((db) =>
        db.delete(runLogs).where(lt(runLogs.updatedAt, before)).returning({ runId: runLogs.runId }),
      );
      return new Set(gone.map(({ runId }) => runId)).size;
    },
  };
}

function lockedRow(row: LogRow | undefined): LogRow {
  if (row === undefined) throw new RunnerError('not_found', 'there is no such run');
  return row;
}

function missingRun(error: unknown): never {
  throw isMissingReference(error) ? new RunnerError('not_found', 'there is no such run') : error;
}

async function runsOf(database: Database, entityId: string, limit: number): Promise<readonly string[]> {
  const rows = await database.use((db) =>
    db
      .select({ runId: runs.runId })
      .from(runs)
      .where(
        and(
          eq(runs.entityId, entityId),
          exists(
            db
              .select({ one: sql`1` })
              .from(runLogs)
              .where(eq(runLogs.runId, runs.runId)),
          ),
        ),
      )
      .orderBy(desc(runs.seq))
      .limit(limit),
  );
  return rows.map((row) => row.runId);
}

/** A posted log is shown once it is closed, or while there is nothing else. */
export function shownLog<T extends Pick<LogRow, 'source' | 'closed' | 'chunks'>>(rows: readonly T[]): T | undefined {
  const pulled = rows.find((row) => row.source === 'pulled');
  const posted = rows.find((row) => row.source === 'posted');
  if (posted !== undefined && posted.chunks > 0 && (posted.closed || (pulled?.chunks ?? 0) === 0)) return posted;
  return pulled ?? posted;
}

async function read(database: Database, runId: string, index: number, source?: LogSource): Promise<LogPage> {
  return await database.use(async (db) => {
    const rows = await db.select().from(runLogs).where(eq(runLogs.runId, runId));
    const row = source === undefined ? shownLog(rows) : rows.find((candidate) => candidate.source === source);
    if (row === undefined) return { text: undefined, total: 0, closed: false };
    const page = { total: row.chunks, closed: row.closed, source: row.source as LogSource };
    if (index < 0 || index >= row.chunks) return { ...page, text: undefined };
    if (index >= HEAD_CHUNKS && index < row.cutTo) return { ...page, text: CUT_MARKER, cut: { next: row.cutTo } };
    const parts = await readParts(db, { runId, source: page.source }, index);
    // Cut after its row was read.
    if (parts.length === 0) return { ...page, text: CUT_MARKER, cut: { next: index + 1 } };
    return { ...page, text: (await decodeParts(parts)).toString('utf8') };
  });
}
