import { execFileSync } from 'node:child_process';
import type { ProcessEntry, ProcessTable } from './process-table.ts';
import { sendSignal } from './process-table.ts';

// `sess` is an address on macOS, so only groups are looked at.
const COLUMNS = 'pid=,pgid=,stat=,lstart=';

/** The table of other Unix systems, asked of `ps`; start times have a resolution of a second. */
export function psTable(): ProcessTable {
  let boot: string | undefined;
  const ps = (...args: readonly string[]): string => {
    try {
      return execFileSync('ps', args, {
        encoding: 'latin1',
        env: { PATH: '/bin:/usr/bin', LC_ALL: 'C' },
        stdio: 'pipe',
      });
    } catch {
      // ps ends with 1 when there is no such process.
      return '';
    }
  };
  return {
    // The first process starts with the host.
    bootId: () => (boot ??= parsePs(ps('-o', COLUMNS, '-p', '1'))[0]?.startTime ?? 'unknown'),
    find: (pid) => parsePs(ps('-o', COLUMNS, '-p', String(pid)))[0],
    all: () => parsePs(ps('-A', '-o', COLUMNS)),
    signal: sendSignal,
  };
}

/** Reads lines of `pid pgid stat lstart`. */
export function parsePs(text: string): readonly ProcessEntry[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(\S.*?)\s*$/.exec(line);
    if (match === null) return [];
    const [, pid, group, state = '', startTime = ''] = match;
    return [{ pid: Number(pid), group: Number(group), session: 0, startTime, zombie: state.startsWith('Z') }];
  });
}
