import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FAULT_POINTS } from '@runner/dispatch';
import { startAgent } from '../agent-process.ts';
import type { AgentProcess } from '../agent-process.ts';
import { AGENT_ID, testControlPlane } from '../control-plane.ts';
import type { TestControlPlane } from '../control-plane.ts';
import { temporaryFolder } from '../folder.ts';
import { testServer } from '../servers.ts';
import { testToken } from '../tokens.ts';

const RUN = '11111111-2222-4333-8444-555555555555';
const TOKEN = testToken({ sub: 'ingestion-bot' });

/** Leaves a mark for each execution, then waits for a file that lets it go. */
const PROGRAM = `
import { appendFileSync, existsSync } from 'node:fs';
const folder = process.argv[2];
appendFileSync(folder + '/executions', 'x');
console.log('hello from the workload, password=hunter2-not-a-real-secret');
const timer = setInterval(() => {
  if (!existsSync(folder)) process.exit(9);
  if (!existsSync(folder + '/go')) return;
  clearInterval(timer);
  process.exitCode = existsSync(folder + '/fail') ? 3 : 0;
}, 20);
`;

interface Place extends Disposable {
  readonly env: Readonly<Record<string, string>>;
  /** Lets the program end. */
  go(): void;
  executions(): number;
}

function place(controlPlane: TestControlPlane): Place {
  const folder = temporaryFolder();
  const program = join(folder.path, 'program.mjs');
  writeFileSync(program, PROGRAM);
  writeFileSync(join(folder.path, 'executions'), '');
  return {
    env: {
      AGENT_ID,
      AUTH_TOKEN: TOKEN,
      SERVER_URL: controlPlane.url,
      RECONNECT_DELAY_SECONDS: '0.1',
      EXECUTOR_TYPE: 'local',
      LOCAL_EXECUTOR_DIR: join(folder.path, 'runs'),
      INGESTION_COMMAND: JSON.stringify([process.execPath, program, folder.path]),
    },
    go: () => writeFileSync(join(folder.path, 'go'), ''),
    executions: () => readFileSync(join(folder.path, 'executions'), 'utf8').length,
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

const ended = (row: { readonly endedAt?: number }): boolean => row.endedAt !== undefined;

describe('the life of an agent', () => {
  it('connects, runs a program, sends its log and its outcome, and says in one line what it is', async () => {
    await using controlPlane = await testControlPlane();
    using here = place(controlPlane);
    await using agent = startAgent({ env: here.env });
    await controlPlane.untilActive();
    const line = await agent.line(/secretsManager=/);
    expect(line.message).toMatch(
      /^agent \d+\.\d+\.\d+: agentId=system-test executor=local secretsManager=env server=ws:\/\/127\.0\.0\.1:\d+\//,
    );
    controlPlane.submit({ runId: RUN });
    await controlPlane.until('running', RUN, (row) => row.state === 'running');
    const log = controlPlane.log(RUN);
    here.go();
    const row = await controlPlane.until('the outcome', RUN, ended);
    expect(row).toMatchObject({ state: 'succeeded', accepted: true, outcome: { result: 'succeeded', exitCode: 0 } });
    expect(await log).toContain('hello from the workload, password=[redacted]');
    expect(here.executions()).toBe(1);
    expect(agent.output).not.toContain(TOKEN);
    // However much was said since the start: kubectl shows ten lines, and users look for it there.
    expect(new Set(agent.lines.map((each) => each['secretsManager']))).toEqual(new Set(['env']));
  });

  it('serves health and metrics', async () => {
    await using controlPlane = await testControlPlane();
    using here = place(controlPlane);
    await using agent = startAgent({ env: here.env });
    await controlPlane.untilActive();
    await agent.line('in session with the control plane');
    const portOf = (endpoint: string): string =>
      String(agent.lines.find((line) => line.message === 'an endpoint is open' && line.endpoint === endpoint)?.port);
    const get = async (path: string, port: string) => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`);
      return { status: answer.status, body: await answer.text() };
    };
    expect(await get('/healthz', portOf('health'))).toMatchObject({ status: 200 });
    const ready = await get('/readyz', portOf('health'));
    expect(ready.status, ready.body).toBe(200);
    expect(JSON.parse(ready.body)).toMatchObject({
      checks: [{ name: 'session', ok: true, reason: 'active' }, { ok: true }],
    });
    const { body } = await get('/metrics', portOf('metrics'));
    expect(body).toMatch(/^collate_hybrid_agent_connected 1$/m);
    expect(body).toMatch(/^collate_hybrid_agent_slots_free\{pipeline_type="all"\} 25$/m);
  });

  it('counts a token that is refused before there is a session, for the alert about it', async () => {
    await using controlPlane = await testControlPlane();
    using here = place(controlPlane);
    await using gate = await testServer(undefined, (_, response) => response.writeHead(401).end());
    await using agent = startAgent({ env: { ...here.env, SERVER_URL: gate.url.replace('http', 'ws') } });
    expect((await agent.line('no session with the control plane')).error).toMatchObject({
      code: 'connect_unauthorized',
    });
    const metrics = agent.lines.find((line) => line.message === 'an endpoint is open' && line.endpoint === 'metrics');
    const body = await (await fetch(`http://127.0.0.1:${String(metrics?.port)}/metrics`)).text();
    expect(body).toMatch(/^collate_hybrid_agent_connection_failures_total\{code="connect_unauthorized"\} 1$/m);
    expect(body).toMatch(/^collate_hybrid_agent_connected 0$/m);
  });

  it('leaves with 0 after SIGTERM, while the workload lives on and is found again', async () => {
    await using controlPlane = await testControlPlane();
    using here = place(controlPlane);
    await using first = startAgent({ env: here.env });
    await controlPlane.untilActive();
    controlPlane.submit({ runId: RUN });
    await controlPlane.until('running', RUN, (row) => row.state === 'running');
    first.kill('SIGTERM');
    expect(await first.exit).toEqual({ code: 0, signal: null });
    expect(first.lines.at(-1)).toMatchObject({ message: 'left' });
    here.go();
    await using second = startAgent({ env: here.env });
    const row = await controlPlane.until('the outcome', RUN, ended);
    expect(row.state).toBe('succeeded');
    expect(here.executions()).toBe(1);
    second.kill('SIGINT');
    expect(await second.exit).toEqual({ code: 0, signal: null });
  });

  it('leaves at once after a second signal', async () => {
    await using controlPlane = await testControlPlane();
    using here = place(controlPlane);
    await using agent = startAgent({ env: here.env });
    await controlPlane.untilActive();
    // Nobody answers the closing handshake now, so that the agent would wait for a while.
    controlPlane.freeze();
    agent.kill('SIGTERM');
    await agent.line(/^leaving/);
    agent.kill('SIGTERM');
    expect(await agent.exit).toEqual({ code: 1, signal: null });
    expect(agent.lines.map((line) => line.message)).not.toContain('left');
  });

  it('does not wait for a control plane that is gone', async () => {
    await using controlPlane = await testControlPlane();
    using here = place(controlPlane);
    await using agent = startAgent({ env: { ...here.env, SERVER_URL: 'ws://127.0.0.1:1' } });
    await agent.line(/no session/);
    agent.kill('SIGTERM');
    expect(await agent.exit).toEqual({ code: 0, signal: null });
  });
});

/** Points that a run meets only when it is cancelled. */
const OF_CANCELS: ReadonlySet<string> = new Set(['before_end', 'after_end']);

describe.concurrent('an agent that is killed', () => {
  it.each(FAULT_POINTS)(
    'at %s and started again brings the run to its true outcome with one execution',
    async (point) => {
      await using controlPlane = await testControlPlane();
      using here = place(controlPlane);
      const isCancel = OF_CANCELS.has(point);
      if (!isCancel) here.go();
      await using doomed = startAgent({ env: { ...here.env, NODE_ENV: 'test', RUNNER_FAULT_POINT: point } });
      await controlPlane.untilActive();
      controlPlane.submit({ runId: RUN });
      if (isCancel) {
        await controlPlane.until('running', RUN, (row) => row.state === 'running');
        await controlPlane.untilPrinted(RUN);
        controlPlane.cancel(RUN);
      }
      expect(await doomed.exit).toEqual({ code: null, signal: 'SIGKILL' });

      await using successor: AgentProcess = startAgent({ env: here.env });
      const row = await controlPlane.until(`the outcome after ${point}`, RUN, ended);
      expect(row.state, successor.output).toBe(isCancel ? 'cancelled' : 'succeeded');
      expect(here.executions()).toBe(1);
    },
  );
});
