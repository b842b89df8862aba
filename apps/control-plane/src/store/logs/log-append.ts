import { and, asc, count, eq, gte, inArray, sql, sum } from 'drizzle-orm';
import type { Db } from '../database/database.ts';
import { logParts, runLogs } from '../database/schema.ts';
import type { LogPiece, LogSource } from '../ports.ts';
import { HEAD_CHUNKS, chunksToCut, layOut, newPart } from './layout.ts';
import { decodeParts, encodePart } from './part-codec.ts';
import { redactPiece } from './redact-piece.ts';

export type LogRow = typeof runLogs.$inferSelect;
/** Which log is meant. */
export interface LogKey {
  readonly runId: string;
  readonly source: LogSource;
}

/** A slow log comes line by line; this many parts of the last chunk are put together into one. */
const LARGEST_TAIL_PARTS = 256;

export const logIs = ({ runId, source }: LogKey) => and(eq(runLogs.runId, runId), eq(runLogs.source, source));
const partsOf = ({ runId, source }: LogKey) => and(eq(logParts.runId, runId), eq(logParts.source, source));

/** The log's row, made when there is none, locked until the transaction ends. */
export async function lockLog(tx: Db, key: LogKey, now: number): Promise<LogRow | undefined> {
  const standing = await tx.select().from(runLogs).where(logIs(key)).for('update');
  if (standing[0] !== undefined) return standing[0];
  const empty = { rawTo: 0, chunks: 0, tailBytes: 0, tailParts: 0, cutTo: HEAD_CHUNKS, storedBytes: 0 };
  await tx
    .insert(runLogs)
    .values({ ...key, ...empty, insideKey: false, closed: false, updatedAt: now })
    .onConflictDoNothing();
  const made = await tx.select().from(runLogs).where(logIs(key)).for('update');
  return made[0];
}

/** Adds a piece to a locked log. Returns the row as it stands then. */
export async function appendPiece(tx: Db, row: LogRow, piece: LogPiece, limit: number, now: number): Promise<LogRow> {
  const key: LogKey = { runId: row.runId, source: row.source as LogSource };
  const fresh = row.closed ? undefined : newPart(row.rawTo, piece);
  if (fresh === undefined) return row;
  const { text, insideKey } = redactPiece(fresh.text, row.insideKey);
  const moved: LogRow = { ...row, rawTo: fresh.rawTo, insideKey, updatedAt: now };
  const filled = await addBytes(tx, key, moved, Buffer.from(text));
  const kept = await cutToLimit(tx, key, filled, limit);
  await tx.update(runLogs).set(kept).where(logIs(key));
  return kept;
}

async function addBytes(tx: Db, key: LogKey, row: LogRow, bytes: Buffer): Promise<LogRow> {
  let { chunks, tailBytes, tailParts } = row;
  for (const part of layOut(bytes, Math.max(0, chunks - 1), tailBytes)) {
    if (part.chunk >= chunks) {
      if (chunks > 0 && tailParts > 1) await mergeParts(tx, key, chunks - 1);
      chunks = part.chunk + 1;
      tailBytes = 0;
      tailParts = 0;
    }
    await tx.insert(logParts).values({ ...key, chunk: part.chunk, part: tailParts, ...(await encodePart(part.bytes)) });
    tailBytes += part.bytes.length;
    tailParts += 1;
  }
  if (tailParts > LARGEST_TAIL_PARTS) {
    await mergeParts(tx, key, chunks - 1);
    tailParts = 1;
  }
  return { ...row, chunks, tailBytes, tailParts, storedBytes: row.storedBytes + bytes.length };
}

async function mergeParts(tx: Db, key: LogKey, chunk: number): Promise<void> {
  const bytes = await decodeParts(await readParts(tx, key, chunk));
  await tx.delete(logParts).where(and(partsOf(key), eq(logParts.chunk, chunk)));
  await tx.insert(logParts).values({ ...key, chunk, part: 0, ...(await encodePart(bytes)) });
}

export function readParts(db: Db, key: LogKey, chunk: number) {
  return db
    .select({ gzip: logParts.gzip, data: logParts.data })
    .from(logParts)
    .where(and(partsOf(key), eq(logParts.chunk, chunk)))
    .orderBy(asc(logParts.part));
}

async function cutToLimit(tx: Db, key: LogKey, row: LogRow, limit: number): Promise<LogRow> {
  if (row.storedBytes <= limit) return row;
  const sizes = await tx
    .select({ chunk: logParts.chunk, bytes: sum(logParts.bytes).mapWith(Number), parts: count() })
    .from(logParts)
    .where(and(partsOf(key), gte(logParts.chunk, row.cutTo)))
    .groupBy(logParts.chunk);
  const cut = chunksToCut(sizes, row.storedBytes, limit);
  if (cut.length === 0) return row;
  await tx.delete(logParts).where(and(partsOf(key), inArray(logParts.chunk, [...cut])));
  const gone = sizes.filter(({ chunk }) => cut.includes(chunk)).reduce((bytes, size) => bytes + size.bytes, 0);
  return { ...row, cutTo: Math.max(...cut) + 1, storedBytes: row.storedBytes - gone };
}

/** What was pulled can be pulled again, so its commits need not wait for the disk. */
export async function relaxCommit(tx: Db, source: LogSource): Promise<void> {
  if (source === 'pulled') await tx.execute(sql`set local synchronous_commit = off`);
}
