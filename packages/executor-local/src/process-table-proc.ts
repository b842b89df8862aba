import { readFileSync, readdirSync } from 'node:fs';
import type { ProcessEntry, ProcessTable } from './process-table.ts';
import { sendSignal } from './process-table.ts';

/** The table of Linux, read from /proc. */
export function procTable(proc = '/proc'): ProcessTable {
  let boot: string | undefined;
  const find = (pid: number): ProcessEntry | undefined => {
    try {
      return parseStat(readFileSync(`${proc}/${pid}/stat`, 'latin1'));
    } catch {
      // ENOENT, or ESRCH when it ended while being read.
      return undefined;
    }
  };
  return {
    bootId: () => (boot ??= readFileSync(`${proc}/sys/kernel/random/boot_id`, 'latin1').trim()),
    find,
    all: () =>
      readdirSync(proc)
        .filter((name) => /^\d+$/.test(name))
        .flatMap((name) => find(Number(name)) ?? []),
    signal: sendSignal,
  };
}

/** Reads /proc/<pid>/stat (proc(5)). The second field is the program's name and may hold spaces and brackets. */
export function parseStat(text: string): ProcessEntry | undefined {
  const pid = Number.parseInt(text, 10);
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, , group, session] = fields;
  const startTime = fields[19];
  if (Number.isNaN(pid) || state === undefined || startTime === undefined) return undefined;
  return { pid, group: Number(group), session: Number(session), startTime, zombie: state === 'Z' || state === 'X' };
}
