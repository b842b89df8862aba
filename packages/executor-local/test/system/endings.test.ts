import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '@runner/core';
import { until } from '@runner/core/testing';
import { isEnded } from '@runner/executor';
import type { Outcome, RunSpec } from '@runner/executor';
import { testRunSpec } from '@runner/executor/testing';
import { describe, expect, it } from 'vitest';
import { hostProcesses } from '../../src/host-processes.ts';
import type { LocalExecutor } from '../../src/index.ts';
import { membersOf } from '../../src/process-table.ts';
import { localSubject } from '../support/local-subject.ts';

const calm = new AbortController().signal;
const processes = hostProcesses();

async function outcomeOf(executor: LocalExecutor, runId: string): Promise<Outcome> {
  return await until('the run has ended', async () => {
    const seen = await executor.observe(runId, calm);
    return isEnded(seen) ? seen.outcome : undefined;
  });
}

/** Submits a run of a command and waits for its end. */
async function endOf(command: readonly string[], changes: Partial<RunSpec> = {}): Promise<Outcome> {
  await using subject = await localSubject({ command });
  const spec = testRunSpec(changes);
  await subject.executor.submit(spec, calm);
  return await outcomeOf(subject.executor, spec.runId);
}

const node = (code: string): readonly string[] => [process.execPath, '-e', code];

describe('a program that does not start', () => {
  it('because it does not exist', async () => {
    const outcome = await endOf(['no-such-program-here']);
    expect(outcome).toMatchObject({ result: 'failed', diagnosis: { code: 'program_not_found' } });
    expect(outcome.diagnosis?.hint).toContain('INGESTION_COMMAND');
  });

  it('because it may not be executed', async () => {
    await using subject = await localSubject();
    const file = join(subject.folder, 'program');
    await writeFile(file, '#!/bin/sh\n', { mode: 0o600 });
    const plain = await subject.another({ command: [file] });
    const spec = testRunSpec();
    await plain.submit(spec, calm);
    expect(await outcomeOf(plain, spec.runId)).toMatchObject({ diagnosis: { code: 'program_not_executable' } });
  });

  it('because the folder to start in, or room for its environment, is missing', async () => {
    await using subject = await localSubject();
    const spec = testRunSpec();
    const nowhere = await subject.another({ workingDirectory: join(subject.folder, 'nowhere') });
    await nowhere.submit(spec, calm);
    expect(await outcomeOf(nowhere, spec.runId)).toMatchObject({ diagnosis: { code: 'no_working_directory' } });
    const other = testRunSpec();
    const full = await subject.another({ extraEnvironment: [{ name: 'BIG', value: 'x'.repeat(140_000) }] });
    await full.submit(other, calm);
    expect(await outcomeOf(full, other.runId)).toMatchObject({ diagnosis: { code: 'environment_too_large' } });
  });
});

describe('a program that ends', () => {
  it('with an error says what it was', async () => {
    const outcome = await endOf(node('console.error("it was me"); process.exit(9)'));
    expect(outcome).toMatchObject({ result: 'failed', exitCode: 9, diagnosis: { code: 'exit_code' } });
    expect(outcome.logTail).toBe('it was me\n');
  });

  it('by SIGKILL that nobody of us sent, most likely ran out of memory', async () => {
    await using subject = await localSubject();
    const spec = testRunSpec();
    await subject.executor.submit(spec, calm);
    process.kill((await subject.control.program(spec.runId)).pid, 'SIGKILL');
    expect(await outcomeOf(subject.executor, spec.runId)).toMatchObject({
      result: 'failed',
      signal: 'SIGKILL',
      diagnosis: { category: 'out_of_memory' },
    });
  });

  it('by another signal names it', async () => {
    const outcome = await endOf(node('process.kill(process.pid, "SIGSEGV")'));
    expect(outcome).toMatchObject({ signal: 'SIGSEGV', diagnosis: { code: 'died_by_signal' } });
  });

  it('leaves no process of its group behind', async () => {
    await using subject = await localSubject();
    const spec = testRunSpec();
    await subject.executor.submit(spec, calm);
    const program = await subject.control.program(spec.runId);
    await program.spawn();
    const started = await subject.processOf(spec.runId);
    expect(membersOf(processes, started.program)).toHaveLength(2);
    program.exit(0);
    expect(await outcomeOf(subject.executor, spec.runId)).toMatchObject({ result: 'succeeded' });
    expect(membersOf(processes, started.program)).toEqual([]);
  });

  it('is over although somebody who escaped from its session still holds its output', async () => {
    const escape = `require('node:child_process').spawn(process.execPath, ['-e', 'setTimeout(() => {}, 8000)'],
      { detached: true, stdio: ['ignore', 1, 2] }).unref()`;
    expect(await endOf(node(escape))).toMatchObject({ result: 'succeeded' });
  });
});

describe('a program that is ended', () => {
  it('gets SIGTERM first, and SIGKILL with all its group after the grace', async () => {
    await using subject = await localSubject();
    const [gentle, stubborn] = [testRunSpec(), testRunSpec()];
    for (const spec of [gentle, stubborn]) await subject.executor.submit(spec, calm);
    await subject.control.program(gentle.runId);
    const program = await subject.control.program(stubborn.runId);
    await program.resist();
    await program.spawn();
    const started = await subject.processOf(stubborn.runId);
    for (const spec of [gentle, stubborn]) await subject.executor.end(spec.runId, { reason: 'cancelled' }, calm);
    expect(await outcomeOf(subject.executor, gentle.runId)).toEqual({ result: 'cancelled', signal: 'SIGTERM' });
    expect(await outcomeOf(subject.executor, stubborn.runId)).toEqual({ result: 'cancelled', signal: 'SIGKILL' });
    expect(membersOf(processes, started.program)).toEqual([]);
  });

  it('by its deadline fails with it', async () => {
    const outcome = await endOf(node('setTimeout(() => {}, 60000)'), { deadlineSeconds: 0.3 });
    expect(outcome).toMatchObject({ result: 'failed', signal: 'SIGTERM', diagnosis: { code: 'run_deadline' } });
    expect(outcome.diagnosis?.message).toContain('0.3 s');
  });

  it('ends in order of time although the wall clock of the agent is wrong', async () => {
    await using subject = await localSubject();
    const spec = testRunSpec();
    await subject.executor.submit(spec, calm);
    await subject.control.program(spec.runId);
    const behind = { ...systemClock(), now: () => Date.now() - 3_600_000 };
    const next = await subject.another({ clock: behind });
    process.kill((await subject.claimOf(spec.runId)).supervisor.pid, 'SIGKILL');
    await outcomeOf(next, spec.runId);
    const seen = await next.observe(spec.runId, calm);
    expect(seen.presence === 'present' && seen.endedAt).toBeGreaterThanOrEqual(
      (seen.presence === 'present' && seen.startedAt) || Infinity,
    );
  });
});

describe('the command of a program', () => {
  it('may be decided for each run, and may have something in front of it; no shell reads it', async () => {
    await using subject = await localSubject();
    const executor = await subject.another({
      command: (spec) => node(`console.log(${JSON.stringify(spec.kind)}, process.argv[1])`).concat('$HOME; echo `x`'),
      wrap: (command) => ['/usr/bin/env', ...command],
    });
    const spec = testRunSpec({ kind: 'automation', pipelineType: 'automation' });
    await executor.submit(spec, calm);
    expect(await outcomeOf(executor, spec.runId)).toMatchObject({ result: 'succeeded' });
    let text = '';
    for await (const piece of executor.logs(spec.runId, { fromByte: 0, follow: true, signal: calm })) {
      if (!('gap' in piece)) text += Buffer.from(piece.bytes).toString();
    }
    expect(text).toBe('automation $HOME; echo `x`\n');
  });
});
