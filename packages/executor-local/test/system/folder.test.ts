import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@runner/core';
import { recordingLogger, until } from '@runner/core/testing';
import { isEnded } from '@runner/executor';
import { testRunSpec } from '@runner/executor/testing';
import { describe, expect, it } from 'vitest';
import { ownSupervisor } from '../../src/launch.ts';
import { localSubject } from '../support/local-subject.ts';
import type { LocalSubject } from '../support/local-subject.ts';

const calm = new AbortController().signal;

async function untilEnded(subject: LocalSubject, runId: string): Promise<void> {
  await until('the run has ended', async () => isEnded(await subject.executor.observe(runId, calm)));
}

describe('the folder of the local executor', () => {
  it('is for this user only, and holds no config once a run has begun', async () => {
    await using subject = await localSubject();
    const spec = testRunSpec({ config: { jwtToken: 'not-a-real-token' } });
    await subject.executor.submit(spec, calm);
    const program = await subject.control.program(spec.runId);
    expect((await program.environment())['config']).toContain('not-a-real-token');
    const folder = subject.runFolder(spec.runId);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    program.exit(0);
    await untilEnded(subject, spec.runId);
    const files = await readdir(folder);
    expect(files.toSorted()).toEqual(['claim.json', 'log', 'outcome.json', 'process.json']);
    for (const file of files) {
      expect((await stat(join(folder, file))).mode & 0o077).toBe(0);
      expect(await readFile(join(folder, file), 'utf8')).not.toContain('not-a-real-token');
    }
  });

  it('may have a path that is longer than a socket can have', async () => {
    const root = await mkdtemp(join(tmpdir(), 'local-executor-'));
    const folder = join(root, 'a-folder-with-a-long-name'.repeat(4), 'and-another'.repeat(4));
    try {
      await using subject = await localSubject({ folder });
      const spec = testRunSpec();
      await subject.executor.submit(spec, calm);
      await subject.control.program(spec.runId);
      expect(await subject.executor.end(spec.runId, { reason: 'cancelled' }, calm)).toMatchObject({ phase: 'ending' });
      await untilEnded(subject, spec.runId);
    } finally {
      await rm(root, { recursive: true });
    }
  });

  it('keeps ended runs for their time to live, by the wall clock, and living runs for ever', async () => {
    await using subject = await localSubject();
    const [ended, living, strange] = [
      testRunSpec(),
      testRunSpec(),
      testRunSpec({ owner: { controlPlaneId: 'another', agentId: 'test-agent' } }),
    ];
    for (const spec of [ended, living, strange]) {
      await subject.executor.submit(spec, calm);
      await subject.control.program(spec.runId);
      await subject.processOf(spec.runId);
    }
    for (const spec of [ended, strange]) {
      (await subject.control.program(spec.runId)).exit(0);
      await untilEnded(subject, spec.runId);
    }
    expect(await subject.executor.sweep(ended.owner, calm)).toBe(0);
    const back = await subject.another({ clock: { ...systemClock(), now: () => Date.now() - 30 * 86_400_000 } });
    expect(await back.sweep(ended.owner, calm)).toBe(0);
    const later = await subject.another({ clock: { ...systemClock(), now: () => Date.now() + 8 * 86_400_000 } });
    expect(await later.sweep(ended.owner, calm)).toBe(1);
    expect(await subject.executor.observe(ended.runId, calm)).toMatchObject({ presence: 'absent' });
    expect(await subject.executor.observe(living.runId, calm)).toMatchObject({ phase: 'running' });
    expect(await subject.executor.observe(strange.runId, calm)).toMatchObject({ phase: 'ended' });
    expect(await readdir(join(subject.folder, 'trash'))).toEqual([]);
  });

  it('loses folders that nobody claimed within an hour, and is not confused by them', async () => {
    await using subject = await localSubject();
    const { runId, owner } = testRunSpec();
    await subject.executor.scope(calm);
    const folder = subject.runFolder(runId);
    await mkdir(folder);
    await writeFile(join(folder, 'launch.x.json'), '{}');
    expect(await subject.executor.observe(runId, calm)).toMatchObject({ presence: 'absent' });
    expect((await subject.executor.list(owner, calm)).observations).toEqual([]);
    expect(await subject.executor.sweep(owner, calm)).toBe(0);
    await utimes(folder, new Date(), new Date(Date.now() - 7_200_000));
    expect(await subject.executor.sweep(owner, calm)).toBe(1);
    expect(existsSync(folder)).toBe(false);
  });

  it('may be damaged: such a run is unknown, never absent, and the others are listed', async () => {
    const logger = recordingLogger();
    await using subject = await localSubject({ logger });
    const [claim, outcome, whole] = [testRunSpec(), testRunSpec(), testRunSpec()];
    for (const spec of [claim, outcome, whole]) {
      await subject.executor.submit(spec, calm);
      (await subject.control.program(spec.runId)).exit(0);
      await untilEnded(subject, spec.runId);
    }
    await writeFile(join(subject.runFolder(claim.runId), 'claim.json'), '{"version":1');
    await writeFile(join(subject.runFolder(outcome.runId), 'outcome.json'), 'null');
    expect(await subject.executor.observe(claim.runId, calm)).toMatchObject({ presence: 'unknown' });
    expect(await subject.executor.observe(outcome.runId, calm)).toMatchObject({ presence: 'unknown' });
    const next = await subject.another();
    for (let time = 0; time < 2; time += 1) {
      const { observations } = await next.list(whole.owner, calm);
      const presence = Object.fromEntries(observations.map((o) => [o.runId, o.presence]));
      expect(presence).toEqual({ [whole.runId]: 'present', [outcome.runId]: 'unknown' });
    }
    expect(logger.records.filter((record) => record.level === 'warn')).toHaveLength(1);
  });
});

describe('the supervisor', () => {
  it('may be another program, for bundles', async () => {
    const own = ownSupervisor();
    await using subject = await localSubject({
      supervisor: { program: '/usr/bin/env', args: [own.program, ...own.args] },
    });
    const spec = testRunSpec();
    expect(await subject.executor.submit(spec, calm)).toMatchObject({ created: true });
    (await subject.control.program(spec.runId)).exit(0);
    await untilEnded(subject, spec.runId);
  });

  it('that is missing, or is no supervisor, makes submits wait and preflight fail', async () => {
    await using subject = await localSubject();
    const missing = await subject.another({ supervisor: { program: process.execPath, args: ['/no/supervisor.js'] } });
    const spec = testRunSpec();
    await expect(missing.submit(spec, calm)).rejects.toMatchObject({ code: 'executor_unavailable', retryable: true });
    expect(await missing.preflight(calm)).toContainEqual(
      expect.objectContaining({ level: 'error', code: 'supervisor_missing' }),
    );
    const mute = await subject.another({ supervisor: { program: '/no/such/node', args: [] } });
    await expect(mute.submit(spec, calm)).rejects.toMatchObject({ code: 'executor_unavailable' });
    const slow = await subject.another({
      supervisor: { program: process.execPath, args: ['-e', 'setTimeout(() => {}, 3000)'] },
      startTimeoutMs: 100,
    });
    await expect(slow.submit(spec, calm)).rejects.toMatchObject({ code: 'executor_unavailable' });
    expect(await readdir(subject.runFolder(spec.runId))).toEqual([]);
    expect(await subject.executor.submit(spec, calm)).toMatchObject({ created: true });
    (await subject.control.program(spec.runId)).exit(0);
    await untilEnded(subject, spec.runId);
  });
});

describe('preflight', () => {
  it('says what is missing, each with what to do', async () => {
    await using subject = await localSubject();
    const executor = await subject.another({
      command: ['no-such-program-here'],
      workingDirectory: '/no/such/folder',
      ttlMs: 1_000,
    });
    const codes = (await executor.preflight(calm)).filter((f) => f.level !== 'ok').map((finding) => finding.code);
    expect(codes.toSorted()).toEqual(['no_working_directory', 'program_not_found', 'short_time_to_live']);
  });

  it('says that a folder cannot be used', async () => {
    await using subject = await localSubject();
    const file = join(subject.folder, 'file');
    await writeFile(file, '');
    const executor = await subject.another({ folder: join(file, 'below') });
    expect(await executor.preflight(calm)).toContainEqual(
      expect.objectContaining({ level: 'error', code: 'folder_unusable' }),
    );
    await expect(executor.submit(testRunSpec(), calm)).rejects.toMatchObject({ code: 'executor_unavailable' });
    expect(await executor.observe(testRunSpec().runId, calm)).toMatchObject({ presence: 'unknown' });
  });
});

describe('what is measured', () => {
  it('is every answer of the executor, with its time and whether it succeeded', async () => {
    const answered: unknown[] = [];
    await using subject = await localSubject({
      observer: { answered: (operation, seconds, succeeded) => answered.push([operation, seconds > 0, succeeded]) },
    });
    const spec = testRunSpec();
    await subject.executor.list(spec.owner, calm);
    await subject.executor.submit({ ...spec, runId: 'x' }, calm).catch(() => undefined);
    expect(answered).toEqual([
      ['list', true, true],
      ['submit', true, false],
    ]);
  });
});
