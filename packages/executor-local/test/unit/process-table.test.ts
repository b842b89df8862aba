import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { hostProcesses } from '../../src/host-processes.ts';
import type { ProcessEntry, ProcessIdentity, ProcessTable } from '../../src/process-table.ts';
import { identify, isAlive, killMembers, membersOf } from '../../src/process-table.ts';
import { parseStat } from '../../src/process-table-proc.ts';
import { parsePs, psTable } from '../../src/process-table-ps.ts';

const program: ProcessIdentity = { pid: 100, startTime: '5000', bootId: 'boot-1' };
const entry = (changes: Partial<ProcessEntry>): ProcessEntry => ({
  pid: 100,
  group: 100,
  session: 100,
  startTime: '5000',
  zombie: false,
  ...changes,
});

function tableOf(entries: readonly ProcessEntry[], bootId = 'boot-1'): ProcessTable & { readonly signals: unknown[] } {
  const signals: unknown[] = [];
  return {
    signals,
    bootId: () => bootId,
    find: (pid) => entries.find((one) => one.pid === pid),
    all: () => entries,
    signal: (pid, signal) => void signals.push([pid, signal]),
  };
}

describe('who a pid means', () => {
  it('is the process of the same start and the same boot, and nobody else', () => {
    expect(isAlive(tableOf([entry({})]), program)).toBe(true);
    expect(isAlive(tableOf([]), program)).toBe(false);
    expect(isAlive(tableOf([entry({ startTime: '9000' })]), program)).toBe(false);
    expect(isAlive(tableOf([entry({})], 'boot-2'), program)).toBe(false);
    expect(isAlive(tableOf([entry({ zombie: true })]), program)).toBe(false);
  });

  it('kills group and session of a program, living or dead, and no zombies', () => {
    const rest = [
      entry({ pid: 101, startTime: '5001' }),
      entry({ pid: 102, group: 102, startTime: '5002' }),
      entry({ pid: 103, group: 103, session: 103 }),
      entry({ pid: 104, zombie: true }),
    ];
    expect(membersOf(tableOf([entry({}), ...rest]), program)).toEqual([100, 101, 102]);
    const table = tableOf(rest);
    expect(killMembers(table, program)).toBe(2);
    expect(table.signals).toEqual([
      [101, 'SIGKILL'],
      [102, 'SIGKILL'],
    ]);
  });

  it('never signals a process that got the pid of a program later, nor anybody after a restart of the host', () => {
    const reused = [entry({ startTime: '9000' }), entry({ pid: 101, startTime: '9001' })];
    for (const table of [tableOf(reused), tableOf([entry({})], 'boot-2')]) {
      expect(killMembers(table, program)).toBe(0);
      expect(table.signals).toEqual([]);
    }
  });
});

describe('the process tables of systems', () => {
  it('reads /proc/<pid>/stat, whatever the program is called', () => {
    const fields = 'S 1 4242 4240 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 11 0 778899 1 2 3';
    expect(parseStat(`4242 (a (b) c) ${fields}\n`)).toEqual({
      pid: 4242,
      group: 4242,
      session: 4240,
      startTime: '778899',
      zombie: false,
    });
    expect(parseStat(`7 (x) ${fields.replace('S', 'Z')}`)?.zombie).toBe(true);
    expect(parseStat('')).toBeUndefined();
  });

  it('reads the answer of ps', () => {
    const text = '    1     1 Ss   Mon Nov  2 10:00:00 2026\n  812   812 Z+   Mon Nov  2 10:11:12 2026\n\n';
    expect(parsePs(text)).toEqual([
      { pid: 1, group: 1, session: 0, startTime: 'Mon Nov  2 10:00:00 2026', zombie: false },
      { pid: 812, group: 812, session: 0, startTime: 'Mon Nov  2 10:11:12 2026', zombie: true },
    ]);
  });

  it.each([
    ['this host', hostProcesses()],
    ['ps', psTable()],
  ])('of %s knows this process and no process that is gone', async (_, table) => {
    const own = identify(table, process.pid);
    expect(own).toBeDefined();
    expect(own && isAlive(table, own)).toBe(true);
    expect(table.all().some(({ pid }) => pid === process.pid)).toBe(true);
    const child = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' });
    const gone = identify(table, child.pid ?? 0);
    await once(child, 'exit');
    expect(gone && isAlive(table, gone)).toBe(false);
    table.signal(child.pid ?? 0, 'SIGTERM');
  });
});
