import { RunnerError } from '@runner/core';
import type { LogPosition } from '../gateway/ports.ts';

/** Where a reader of a log is: a chunk, and with `.offset` a place inside it. Opaque to clients. */
export function parseLogCursor(after: string | undefined): LogPosition {
  if (after === undefined || after === '') return { index: 0, offset: 0 };
  const match = /^(\d{1,9})(?:\.(\d{1,9}))?$/.exec(after);
  if (match === null) {
    throw new RunnerError('invalid_cursor', 'after is not a cursor of this log', {
      hint: 'send the value of after in the last answer unchanged, or nothing to begin at the start',
    });
  }
  return { index: Number(match[1]), offset: Number(match[2] ?? 0) };
}

export function formatLogCursor({ index, offset }: LogPosition): string {
  return offset === 0 ? String(index) : `${index}.${offset}`;
}
