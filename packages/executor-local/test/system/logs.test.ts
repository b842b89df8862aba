import { existsSync } from 'node:fs';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '@runner/core/testing';
import { isEnded, shapeLog } from '@runner/executor';
import type { LogChunk, LogFrame, LogGap, LogGapFrame, Outcome } from '@runner/executor';
import { testRunSpec } from '@runner/executor/testing';
import { describe, expect, it } from 'vitest';
import type { LocalExecutor } from '../../src/index.ts';
import type { LocalSubject } from '../support/local-subject.ts';
import { localSubject } from '../support/local-subject.ts';

const calm = new AbortController().signal;
const node = (code: string): readonly string[] => [process.execPath, '-e', code];

async function outcomeOf(executor: LocalExecutor, runId: string): Promise<Outcome> {
  return await until(
    'the run has ended',
    async () => {
      const seen = await executor.observe(runId, calm);
      return isEnded(seen) ? seen.outcome : undefined;
    },
    60_000,
  );
}

async function piecesOf(executor: LocalExecutor, runId: string, fromByte = 0): Promise<(LogChunk | LogGap)[]> {
  const pieces: (LogChunk | LogGap)[] = [];
  for await (const piece of executor.logs(runId, { fromByte, follow: true, signal: calm })) pieces.push(piece);
  return pieces;
}

async function framesOf(executor: LocalExecutor, runId: string, fromByte = 0): Promise<(LogFrame | LogGapFrame)[]> {
  const frames: (LogFrame | LogGapFrame)[] = [];
  const read = (options: Parameters<LocalExecutor['logs']>[1]) => executor.logs(runId, options);
  for await (const frame of shapeLog(read, { fromByte, follow: true, signal: calm })) frames.push(frame);
  return frames;
}

/** Runs a command to its end. */
async function ran(subject: LocalSubject, command: readonly string[], changes = {}): Promise<[LocalExecutor, string]> {
  const executor = await subject.another({ command, ...changes });
  const spec = testRunSpec();
  await executor.submit(spec, calm);
  await outcomeOf(executor, spec.runId);
  return [executor, spec.runId];
}

describe('the output of a program', () => {
  it('keeps the order of what was written to standard output and standard error', async () => {
    await using subject = await localSubject();
    const code = `const { writeSync } = require('node:fs');
      for (let line = 0; line < 500; line += 1) writeSync(line % 2 + 1, 'line ' + line + '\\n');`;
    const [executor, runId] = await ran(subject, node(code));
    const text = (await framesOf(executor, runId)).map((frame) => ('data' in frame ? frame.data : '')).join('');
    expect(text).toBe(Array.from({ length: 500 }, (_, line) => `line ${line}\n`).join(''));
  });

  it('may have a line of 10 MB, which comes in small frames and can be resumed in the middle', async () => {
    await using subject = await localSubject();
    const code = `require('node:fs').writeSync(1, 'head\\n');
      process.stdout.write('0123456789abcdef '.repeat(620000) + '\\ntail\\n');`;
    const [executor, runId] = await ran(subject, node(code));
    const frames = await framesOf(executor, runId);
    const total = 5 + 17 * 620_000 + 6;
    expect(frames.at(-1)?.rawTo).toBe(total);
    expect(frames.every((frame) => 'data' in frame && Buffer.byteLength(frame.data) <= 65_536)).toBe(true);
    const text = frames.map((frame) => ('data' in frame ? frame.data : '')).join('');
    expect(text.length).toBe(total);
    expect(text.endsWith('\ntail\n')).toBe(true);
    const middle = frames[Math.floor(frames.length / 2)]!.rawTo;
    const resumed = await framesOf(executor, runId, middle);
    expect(resumed[0]?.rawFrom).toBe(5);
    expect(resumed).toEqual(frames.filter((frame) => frame.rawFrom >= 5));
  });

  it('of 100 MB is cut visibly, keeps true offsets and its end, and takes little memory of the supervisor', async () => {
    await using subject = await localSubject();
    const code = `const { writeSync } = require('node:fs');
      const line = Buffer.from('x'.repeat(99) + '\\n');
      const block = Buffer.concat(Array.from({ length: 1000 }, () => line));
      for (let n = 0; n < 1000; n += 1) for (let at = 0; at < block.length; ) at += writeSync(1, block, at);
      console.log('the last line');
      setTimeout(() => {}, 60000);`;
    const executor = await subject.another({ command: node(code), maxLogBytes: 1_000_050 });
    const spec = testRunSpec();
    await executor.submit(spec, calm);
    const { supervisor } = await subject.claimOf(spec.runId);
    const log = join(subject.runFolder(spec.runId), 'log');
    const written = async (): Promise<string> => await readFile(log, 'latin1').catch(() => '');
    await until('the log is cut', async () => (await written()).includes('reached its limit of 1000050'));
    // All has been written when the program sleeps; the end of the run writes the end of the log.
    await until('all output is taken', () => isAsleep(subject, spec.runId), 60_000);
    const peak = /VmHWM:\s+(\d+) kB/.exec(await readFile(`/proc/${supervisor.pid}/status`, 'utf8'))?.[1];
    expect(Number(peak) / 1_024).toBeLessThan(90);
    await executor.end(spec.runId, { reason: 'cancelled' }, calm);
    await outcomeOf(executor, spec.runId);

    const pieces = await piecesOf(executor, spec.runId);
    const gaps = pieces.filter((piece) => 'gap' in piece);
    expect(gaps).toHaveLength(1);
    expect(gaps[0]).toMatchObject({ fromByte: 1_000_050 });
    const total = 100_000_000 + 'the last line\n'.length;
    const last = pieces.at(-1)!;
    expect('bytes' in last && last.fromByte + last.bytes.length).toBe(total);
    expect('bytes' in last && Buffer.from(last.bytes).toString().endsWith('\nthe last line\n')).toBe(true);
    expect(gaps[0]!.toByte % 100).toBe(0);
    const resumed = await piecesOf(executor, spec.runId, 50_000_000);
    expect(resumed[0]).toEqual({ gap: true, fromByte: 50_000_000, toByte: gaps[0]!.toByte });
  });

  it('may find the disk full: the run goes on, its failure says so, and its log is a gap', async () => {
    // Writing to /dev/full fails as a full disk does.
    expect(existsSync('/dev/full')).toBe(true);
    await using subject = await localSubject();
    const [good, bad] = [testRunSpec(), testRunSpec()];
    for (const { runId } of [good, bad]) {
      await mkdir(subject.runFolder(runId), { recursive: true });
      await symlink('/dev/full', join(subject.runFolder(runId), 'log'));
    }
    const code = `console.log('nobody will read this'); process.exit(process.env.pipelineRunId === '${bad.runId}' ? 1 : 0)`;
    const executor = await subject.another({ command: node(code) });
    for (const spec of [good, bad]) await executor.submit(spec, calm);
    expect(await outcomeOf(executor, good.runId)).toEqual({ result: 'succeeded', exitCode: 0 });
    expect(await outcomeOf(executor, bad.runId)).toMatchObject({ result: 'failed', diagnosis: { code: 'disk_full' } });
    expect(await piecesOf(executor, bad.runId)).toEqual([{ gap: true, fromByte: 0, toByte: 22 }]);
  });

  it('that names the trouble becomes the diagnosis, without its secrets', async () => {
    await using subject = await localSubject();
    const code = `console.log('connecting to postgres://reader:not-a-real-password@db/shop');
      console.log('FATAL: password authentication failed for user "reader"'); process.exit(1)`;
    const [executor, runId] = await ran(subject, node(code));
    const outcome = await outcomeOf(executor, runId);
    expect(outcome.diagnosis).toMatchObject({ category: 'authentication', code: 'source_refused_login' });
    expect(outcome.logTail).toContain('postgres://reader:[redacted]@db/shop');
    const listed = (await executor.list(testRunSpec().owner, calm)).observations;
    expect(JSON.stringify(listed)).toContain('[redacted]');
    expect(JSON.stringify(listed)).not.toContain('not-a-real-password');
  });
});

/** True when the program waits for its timer: it has written everything. */
async function isAsleep(subject: LocalSubject, runId: string): Promise<boolean> {
  const { program } = await subject.processOf(runId);
  const { supervisor } = await subject.claimOf(runId);
  const written = async (pid: number): Promise<string> => await readFile(`/proc/${pid}/io`, 'utf8');
  const before = await Promise.all([written(program.pid), written(supervisor.pid)]);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const after = await Promise.all([written(program.pid), written(supervisor.pid)]);
  return /wchar: 1000\d{5}/.test(after[0]) && before.join() === after.join();
}
