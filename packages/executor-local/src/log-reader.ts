import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '@runner/core';
import { isAbort } from '@runner/core';
import type { LogChunk, LogGap, LogOptions } from '@runner/executor';
import type { ClaimRecord, LogExtent } from './records.ts';
import { LOG_FILE } from './records.ts';
import { readOutcome } from './run-folder.ts';
import { errorCode } from './write-once.ts';

const CHUNK = 65_536;
/** How often a log that does not grow is looked at: soon after it grew last, later when it is quiet. */
const LOOK_MS = { first: 50, last: 500 } as const;
/** Every so often it is made sure that somebody still writes. */
const LOOKS_PER_CHECK = 8;

export interface LogReaderOptions {
  readonly folder: string;
  readonly claim: ClaimRecord;
  readonly clock: Clock;
  /** Makes sure that the end of a run whose supervisor died becomes known; false when its record is gone. */
  readonly check: () => Promise<boolean>;
}

/** Raw output from the log file of one run; ends quietly when aborted. */
export async function* readLog(options: LogReaderOptions, log: LogOptions): AsyncGenerator<LogChunk | LogGap> {
  const { folder, claim, clock } = options;
  const limit = claim.run.maxLogBytes;
  const { signal } = log;
  let at = log.fromByte;
  let quiet = 0;
  await using file = lazyFile(join(folder, LOG_FILE));
  while (!signal.aborted) {
    // Asked before reading: whatever was written before the end is then read.
    const extent = (await readOutcome(folder))?.log;
    const chunk = await chunkAt(await file.get(), at, extent?.kept ?? limit);
    if (chunk !== undefined) {
      yield chunk;
      at += chunk.bytes.length;
      quiet = 0;
    } else if (extent !== undefined) {
      yield* rest(await file.get(), at, extent, signal);
      return;
    } else if (!log.follow) {
      return;
    } else {
      quiet += 1;
      if (quiet % LOOKS_PER_CHECK === 0 && !(await options.check())) return;
      await waited(clock, Math.min(LOOK_MS.first * quiet, LOOK_MS.last), signal);
    }
  }
}

/** What comes after the kept bytes of a log that was cut short: a gap, and the end. */
async function* rest(
  file: FileHandle | undefined,
  from: number,
  extent: LogExtent,
  signal: AbortSignal,
): AsyncGenerator<LogChunk | LogGap> {
  const { total, tail } = extent;
  const gapEnd = tail?.fromByte ?? total;
  if (from < gapEnd) yield { gap: true, fromByte: from, toByte: gapEnd };
  if (tail === undefined) return;
  let at = Math.max(from, tail.fromByte);
  while (at < total && !signal.aborted) {
    const position = tail.at + (at - tail.fromByte);
    const chunk = await chunkAt(file, position, tail.at + (total - tail.fromByte));
    if (chunk === undefined) return;
    yield { fromByte: at, bytes: chunk.bytes };
    at += chunk.bytes.length;
  }
}

/** The bytes of the file from a position on, as far as there are any before `end`. */
async function chunkAt(file: FileHandle | undefined, position: number, end: number): Promise<LogChunk | undefined> {
  const wanted = Math.min(CHUNK, end - position);
  if (file === undefined || wanted <= 0) return undefined;
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(wanted), 0, wanted, position);
  return bytesRead === 0 ? undefined : { fromByte: position, bytes: buffer.subarray(0, bytesRead) };
}

/** The log may not exist yet when the first reader comes. */
function lazyFile(path: string): AsyncDisposable & { get(): Promise<FileHandle | undefined> } {
  let file: FileHandle | undefined;
  return {
    get: async () => {
      try {
        return (file ??= await open(path, 'r'));
      } catch (error) {
        if (errorCode(error) === 'ENOENT') return undefined;
        throw error;
      }
    },
    [Symbol.asyncDispose]: async () => {
      await file?.close();
    },
  };
}

async function waited(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  await clock.sleep(ms, signal).catch((error: unknown) => {
    if (!isAbort(error)) throw error;
  });
}
