import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@runner/core';
import { describe, expect, it } from 'vitest';
import { demoFolder, prepareFolder } from '../../src/folder.ts';
import { beginningOf } from '../../src/process-identity.ts';
import { createProcesses } from '../../src/processes.ts';
import { eventually } from '../support/condition.ts';

/** A program that has a child of its own and leaves on SIGTERM, or ignores that when told so. */
const PROGRAM = `
import { spawn } from 'node:child_process';
const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
process.on('SIGTERM', () => {
  if (process.env['STUBBORN'] === 'yes') return;
  child.kill();
  process.exit(0);
});
console.log(JSON.stringify({ pid: process.pid, child: child.pid }));
setInterval(() => {}, 1000);
`;

async function inAFolder() {
  const root = await mkdtemp(join(tmpdir(), 'demo-'));
  const folder = demoFolder(root);
  await prepareFolder(folder);
  const source = join(root, 'program.mjs');
  await writeFile(source, PROGRAM);
  const clock = systemClock({ keepAlive: true });
  return {
    folder,
    source,
    again: (leaveWithinMs?: number) => createProcesses(folder, clock, leaveWithinMs),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
}

async function pidsIn(logFile: string): Promise<readonly number[]> {
  let text = '';
  await eventually('the program is ready', async () => (text = await readFile(logFile, 'utf8')).includes('\n'));
  const { pid, child } = JSON.parse(text.split('\n')[0] ?? '') as { readonly pid: number; readonly child: number };
  return [pid, child];
}

const areGone = async (pids: readonly number[]): Promise<boolean> =>
  (await Promise.all(pids.map(beginningOf))).every((began) => began === undefined);

describe('the processes of the demo', () => {
  it('leave when they are asked to, and say how they ended', async () => {
    await using place = await inAFolder();
    const started = await place.again().start({ name: 'polite', source: place.source, env: {} });
    const pids = await pidsIn(started.logFile);
    await started.stop();
    expect(await started.ended).toBe('polite ended with exit code 0');
    expect(await areGone(pids)).toBe(true);
  });

  it('are killed with their children when they do not leave', async () => {
    await using place = await inAFolder();
    const started = await place.again(300).start({ name: 'stubborn', source: place.source, env: { STUBBORN: 'yes' } });
    const pids = await pidsIn(started.logFile);
    await started.stop();
    expect(await started.ended).toBe('stubborn ended with SIGKILL');
    await eventually('its child is gone', () => areGone(pids));
  });

  it('that a killed demo left behind are ended by the next one, and nobody else is', async () => {
    await using place = await inAFolder();
    const left = await place.again().start({ name: 'left', source: place.source, env: {} });
    const pids = await pidsIn(left.logFile);
    const remembered = JSON.parse(await readFile(place.folder.processes, 'utf8')) as object[];
    const stranger = { name: 'stranger', pid: process.pid, began: 'before this process' };
    await writeFile(place.folder.processes, JSON.stringify([...remembered, stranger]));

    expect(await place.again().endLeftovers()).toEqual(['left']);
    expect(await areGone(pids)).toBe(true);
    expect(await place.again().endLeftovers()).toEqual([]);
  });

  it('may have left a list that was cut off', async () => {
    await using place = await inAFolder();
    await writeFile(place.folder.processes, '[{"name":"le');
    expect(await place.again().endLeftovers()).toEqual([]);
  });

  it('say so when they end by themselves', async () => {
    await using place = await inAFolder();
    const started = await place.again().start({ name: 'missing', source: 'no/such/file.ts', env: {} });
    expect(await started.ended).toBe('missing ended with exit code 1');
    expect(await readFile(started.logFile, 'utf8')).toContain('Cannot find module');
    await started.stop();
  });
});
