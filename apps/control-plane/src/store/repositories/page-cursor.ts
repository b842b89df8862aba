import { RunnerError } from '@runner/core';

/** Where a page ended, as an opaque text for clients. */
export function encodeCursor(fqn: string): string {
  return Buffer.from(fqn, 'utf8').toString('base64url');
}

/** Rejects what `encodeCursor` never made with `invalid_cursor`. */
export function decodeCursor(cursor: string): string {
  const fqn = Buffer.from(cursor, 'base64url').toString('utf8');
  if (encodeCursor(fqn) !== cursor || fqn.includes('\0')) {
    throw new RunnerError('invalid_cursor', 'the paging cursor is not one that this server gave out', {
      hint: 'Pass the value of paging.after or paging.before unchanged.',
    });
  }
  return fqn;
}
