import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { LOG_TAIL_BYTES, logTail } from '@runner/executor';
import type { LogExtent } from './records.ts';
import { LOG_FILE } from './records.ts';

/** The redacted end of a finished run's output; undefined when there is none to be had. */
export async function readLogTail(folder: string, extent: LogExtent): Promise<string | undefined> {
  const end = extent.tail === undefined ? extent.kept : extent.tail.at + (extent.total - extent.tail.fromByte);
  const begin = extent.tail === undefined ? 0 : extent.tail.at;
  const from = Math.max(begin, end - LOG_TAIL_BYTES);
  if (from >= end) return undefined;
  try {
    await using file = await open(join(folder, LOG_FILE), 'r');
    const { buffer, bytesRead } = await file.read(Buffer.alloc(end - from), 0, end - from, from);
    return logTail(buffer.subarray(0, bytesRead), { atLineStart: from === 0 });
  } catch {
    // A log that cannot be read takes nothing from the outcome.
    return undefined;
  }
}
