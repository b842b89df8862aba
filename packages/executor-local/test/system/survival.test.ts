import { existsSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { until } from '@runner/core/testing';
import { isEnded } from '@runner/executor';
import type { Observation } from '@runner/executor';
import { testRunSpec } from '@runner/executor/testing';
import { describe, expect, it } from 'vitest';
import { hostProcesses } from '../../src/host-processes.ts';
import { isAlive, membersOf } from '../../src/process-table.ts';
import { startAgent } from '../support/agent-process.ts';
import type { LocalSubject } from '../support/local-subject.ts';
import { localSubject } from '../support/local-subject.ts';

const calm = new AbortController().signal;
const processes = hostProcesses();

const isThere = (pid: number): boolean => {
  const entry = processes.find(pid);
  return entry !== undefined && !entry.zombie;
};

async function untilEnded(
  subject: LocalSubject,
  runId: string,
): Promise<Extract<Observation, { presence: 'present' }>> {
  return await until('the run has ended', async () => {
    const seen = await subject.executor.observe(runId, calm);
    return isEnded(seen) ? seen : undefined;
  });
}

describe('a run whose agent is killed', () => {
  it('lives on, is adopted, and its exit code is found', async () => {
    await using subject = await localSubject();
    const { runId } = testRunSpec();
    await using agent = startAgent(subject, runId);
    await agent.submitted;
    const program = await subject.control.program(runId);
    await subject.processOf(runId);
    await agent.kill();
    expect(await subject.executor.observe(runId, calm)).toMatchObject({ phase: 'running' });
    await program.print(Buffer.from('after the agent\n'));
    program.exit(7);
    expect(await untilEnded(subject, runId)).toMatchObject({ outcome: { result: 'failed', exitCode: 7 } });
    expect(subject.control.executions(runId)).toBe(1);
  });

  it('never has the token of the agent', async () => {
    await using subject = await localSubject();
    const { runId } = testRunSpec();
    await using agent = startAgent(subject, runId);
    await agent.submitted;
    const environment = await (await subject.control.program(runId)).environment();
    expect(environment).toHaveProperty('PATH');
    expect(environment).toHaveProperty('pipelineRunId', runId);
    expect(environment).not.toHaveProperty('AUTH_TOKEN');
    expect(JSON.stringify(environment)).not.toContain('not-a-real-token');
    (await subject.control.program(runId)).exit(0);
    await untilEnded(subject, runId);
  });

  /** What stands in the folder when the agent is killed. */
  const moments: readonly [string, (folder: string) => boolean][] = [
    ['before anything exists', () => true],
    ['once the folder exists', (folder) => existsSync(folder)],
    ['once the launch file exists', (folder) => filesOf(folder).some((name) => name.startsWith('launch.'))],
    ['once the supervisor listens', (folder) => filesOf(folder).some((name) => name.startsWith('s.'))],
    ['once the run is claimed', (folder) => existsSync(`${folder}/claim.json`)],
    ['once the program runs', (folder) => existsSync(`${folder}/process.json`)],
  ];

  it.each(moments)('%s executes once when it is submitted again', async (_, moment) => {
    await using subject = await localSubject();
    const spec = testRunSpec();
    await using agent = startAgent(subject, spec.runId);
    await until('the moment has come', () => moment(subject.runFolder(spec.runId)));
    await agent.kill();
    const { observation } = await subject.executor.submit(spec, calm);
    expect(observation).toMatchObject({ presence: 'present' });
    const program = await subject.control.program(spec.runId);
    program.exit(0);
    expect(await untilEnded(subject, spec.runId)).toMatchObject({ outcome: { result: 'succeeded' } });
    expect(subject.control.executions(spec.runId)).toBe(1);
  });
});

describe('a run whose supervisor is killed', () => {
  it('fails as lost, and nothing of its program is left', async () => {
    await using subject = await localSubject();
    const spec = testRunSpec();
    await subject.executor.submit(spec, calm);
    const program = await subject.control.program(spec.runId);
    await program.resist();
    const child = await program.spawn();
    const { supervisor } = await subject.claimOf(spec.runId);
    const started = await subject.processOf(spec.runId);
    process.kill(supervisor.pid, 'SIGKILL');
    const seen = await untilEnded(subject, spec.runId);
    expect(seen.outcome).toMatchObject({ result: 'failed', diagnosis: { category: 'lost', code: 'supervisor_lost' } });
    expect(membersOf(processes, started.program)).toEqual([]);
    expect(isThere(child)).toBe(false);
    const again = await subject.executor.submit(spec, calm);
    expect(again).toMatchObject({ created: false, observation: { phase: 'ended' } });
    expect(subject.control.executions(spec.runId)).toBe(1);
  });

  it('is told by a watch at once', async () => {
    await using subject = await localSubject({ relistMs: 60_000 });
    const spec = testRunSpec();
    const seen: Observation[] = [];
    const stop = new AbortController();
    const watching = subject.executor.watch(spec.owner, (observation) => seen.push(observation), stop.signal);
    await subject.executor.submit(spec, calm);
    await until('it is seen to run', () => seen.some((o) => o.presence === 'present' && o.phase === 'running'));
    process.kill((await subject.claimOf(spec.runId)).supervisor.pid, 'SIGKILL');
    await until('the end is seen', () => seen.some(isEnded), 5_000);
    stop.abort();
    await watching;
  });

  it('can still be cancelled, which finds it lost', async () => {
    await using subject = await localSubject();
    const spec = testRunSpec();
    await subject.executor.submit(spec, calm);
    await subject.control.program(spec.runId);
    process.kill((await subject.claimOf(spec.runId)).supervisor.pid, 'SIGKILL');
    await subject.executor.end(spec.runId, { reason: 'cancelled' }, calm);
    expect(await untilEnded(subject, spec.runId)).toMatchObject({ outcome: { result: 'failed' } });
  });

  it('ends in order when the host asks the supervisor to stop', async () => {
    await using subject = await localSubject();
    const spec = testRunSpec();
    await subject.executor.submit(spec, calm);
    await subject.control.program(spec.runId);
    process.kill((await subject.claimOf(spec.runId)).supervisor.pid, 'SIGTERM');
    expect((await untilEnded(subject, spec.runId)).outcome).toMatchObject({
      result: 'failed',
      signal: 'SIGTERM',
      diagnosis: { code: 'stopped_with_host' },
    });
  });
});

describe('a run of another boot of the host', () => {
  it('fails as lost with the host, and nobody is signalled', async () => {
    await using subject = await localSubject();
    const spec = testRunSpec();
    await subject.executor.submit(spec, calm);
    const { pid } = await subject.control.program(spec.runId);
    const rebooted = { ...processes, bootId: () => 'another boot' };
    const { supervisor } = await subject.claimOf(spec.runId);
    // The socket of a supervisor does not outlive a boot.
    await rm(`${subject.runFolder(spec.runId)}/s.${(await subject.claimOf(spec.runId)).nonce.slice(0, 8)}`);
    const next = await subject.another({ processes: rebooted });
    expect(await next.observe(spec.runId, calm)).toMatchObject({
      outcome: { result: 'failed', diagnosis: { code: 'host_restarted' } },
    });
    expect(isThere(pid)).toBe(true);
    expect(isAlive(processes, supervisor)).toBe(true);
  });
});

describe('the folder of a run', () => {
  it('may lose its socket: the run goes on, is seen, and can be cancelled', async () => {
    await using subject = await localSubject();
    const spec = testRunSpec();
    await subject.executor.submit(spec, calm);
    await subject.control.program(spec.runId);
    const { socket } = await subject.claimOf(spec.runId);
    await subject.processOf(spec.runId);
    await rm(`${subject.runFolder(spec.runId)}/${socket!}`);
    expect(await subject.executor.observe(spec.runId, calm)).toMatchObject({ phase: 'running' });
    await subject.executor.end(spec.runId, { reason: 'cancelled' }, calm);
    expect(await untilEnded(subject, spec.runId)).toMatchObject({ outcome: { result: 'cancelled' } });
  });

  it('may be removed by hand: the run is absent then, and its program does not go on unseen', async () => {
    await using subject = await localSubject();
    const spec = testRunSpec();
    await subject.executor.submit(spec, calm);
    const { pid } = await subject.control.program(spec.runId);
    await rm(subject.runFolder(spec.runId), { recursive: true });
    expect(await subject.executor.observe(spec.runId, calm)).toMatchObject({ presence: 'absent' });
    await until('the program is gone', () => !isThere(pid));
  });

  it('of all runs may be away: nothing is absent then, and lists fail instead of being empty', async () => {
    await using subject = await localSubject();
    const spec = testRunSpec();
    await subject.executor.submit(spec, calm);
    (await subject.control.program(spec.runId)).exit(0);
    await untilEnded(subject, spec.runId);
    await rm(subject.folder, { recursive: true });
    expect(await subject.executor.observe(spec.runId, calm)).toMatchObject({ presence: 'unknown' });
    await expect(subject.executor.list(spec.owner, calm)).rejects.toMatchObject({ code: 'executor_unavailable' });
    await expect(subject.executor.scope(calm)).resolves.toBeDefined();
  });
});

function filesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
