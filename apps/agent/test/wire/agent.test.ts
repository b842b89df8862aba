import { describe, expect, it } from 'vitest';
import { RunnerError } from '@runner/core';
import { recordingLogger, testClock, testRandom } from '@runner/core/testing';
import type { RunSpec } from '@runner/executor';
import { fakeExecutor } from '@runner/executor/testing';
import type { RunStart } from '@runner/protocol';
import { createAgent } from '@runner/agent/agent';
import type { Agent, AgentOptions } from '@runner/agent/agent';
import { createPolicy } from '../../src/policy.ts';
import { scriptedServer } from '../scripted-server.ts';

const RUN = '11111111-2222-4333-8444-555555555555';
const OTHER = '99999999-2222-4333-8444-555555555555';
const start = (runId = RUN, rest: Partial<RunStart> = {}): RunStart => ({
  runId,
  kind: 'pipeline',
  pipelineType: 'metadata',
  name: 'nightly',
  fqn: 'shop.nightly',
  config: { source: { type: 'postgres' } },
  deadlineSeconds: 7200,
  priority: 0,
  ...rest,
});

/** The real agent between a scripted control plane and a fake place. */
function stage(options: Partial<AgentOptions> = {}) {
  const clock = testClock();
  const logger = recordingLogger();
  const server = scriptedServer(clock);
  const executor = fakeExecutor({ clock });
  const agent: Agent = createAgent({
    agentId: 'agent-1',
    version: '0.1.0',
    executor,
    secretsManager: 'kubernetes',
    dial: server.dial,
    clock,
    random: testRandom(7),
    logger,
    limits: { total: 3, types: { profiler: 1 } },
    startDeadlineSeconds: () => 600,
    policy: createPolicy({ config: { secretsManager: 'kubernetes' }, plaintext: 'refuse', logger }),
    ...options,
  });
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn += 1) await clock.settle();
  };
  return {
    clock,
    logger,
    server,
    executor,
    place: executor.place,
    agent,
    settle,
    /** Starts the agent and makes it active. */
    active: async (epoch = 1) => {
      agent.start();
      await settle();
      server.welcome({ epoch });
      await settle();
    },
    /** Lets time pass until the agent has connected once more. */
    nextConnection: async () => {
      const before = server.connections;
      for (let second = 0; server.connections === before && second < 120; second += 1) await clock.advance(1_000);
      await settle();
    },
    [Symbol.asyncDispose]: () => agent.close(),
  };
}

const observedPhases = (server: ReturnType<typeof scriptedServer>): readonly string[] =>
  server
    .all('observed')
    .map(({ observation }) => (observation.presence === 'present' ? observation.phase : observation.presence));

describe('introducing itself', () => {
  it('says who it is, where it works and what it would take', async () => {
    await using s = stage();
    s.agent.start();
    await s.settle();
    expect(s.server.last('hello')).toMatchObject({
      agentId: 'agent-1',
      instanceId: s.agent.instanceId,
      scope: s.place.scope,
      agentVersion: '0.1.0',
      executor: 'fake',
      secretsManager: 'kubernetes',
      slots: { total: 3, free: 3, types: { profiler: { total: 1, free: 1 } }, startsSeen: 0 },
    });
  });

  it.each([
    [{}, []],
    [{ hasExitStep: true }, ['exit.token']],
    [{ hasExitStep: true, checkSecrets: () => Promise.resolve({ results: [] }) }, ['secrets.check', 'exit.token']],
  ])('names what it can do beyond the rest: %j', async (options, capabilities) => {
    await using s = stage(options);
    s.agent.start();
    await s.settle();
    expect(s.server.last('hello').capabilities).toEqual(capabilities);
  });

  it('hands the token of the exit step to the executor and writes it nowhere', async () => {
    const submitted: RunSpec[] = [];
    const executor = fakeExecutor({ clock: testClock() });
    await using s = stage({
      hasExitStep: true,
      executor: {
        ...executor,
        submit: (spec, signal) => {
          submitted.push(spec);
          return executor.submit(spec, signal);
        },
      },
    });
    await s.active();
    s.server.say({ type: 'start', epoch: 1, run: start(RUN, { exitToken: 'OnlyForTheExitStep' }) });
    await s.settle();
    expect(submitted).toMatchObject([{ runId: RUN, exitToken: 'OnlyForTheExitStep' }]);
    const told = JSON.stringify([s.logger, s.server.heard, s.agent.status()]);
    expect(told).not.toContain('OnlyForTheExitStep');
  });

  it('waits with connecting until the executor says where it works', async () => {
    await using s = stage();
    s.place.away = true;
    s.agent.start();
    await s.clock.advance(5_000);
    expect(s.server.connections).toBe(0);
    expect(s.agent.status().connection).toBe('starting');
    s.place.away = false;
    await s.nextConnection();
    expect(s.server.connections).toBe(1);
  });
});

describe('a run', () => {
  it('is accepted once its workload exists, and every change is told until its outcome', async () => {
    await using s = stage();
    await s.active();
    s.server.say({ type: 'start', epoch: 1, run: start() });
    await s.settle();
    expect(s.server.last('accepted')).toMatchObject({ runId: RUN, created: true, epoch: 1 });
    s.place.succeed(RUN);
    await s.settle();
    expect(observedPhases(s.server)).toContain('ended');
    expect(s.server.last('observed').observation).toMatchObject({ phase: 'ended', outcome: { result: 'succeeded' } });
    expect(s.place.executions(RUN)).toBe(1);
    expect(s.place.owner(RUN)).toEqual({ controlPlaneId: 'control-plane-1', agentId: 'agent-1' });
  });

  it('that is started twice has one workload', async () => {
    await using s = stage();
    await s.active();
    s.server.say({ type: 'start', epoch: 1, run: start() });
    s.server.say({ type: 'start', epoch: 1, run: start() });
    await s.settle();
    s.server.say({ type: 'start', epoch: 1, run: start() });
    await s.settle();
    expect(s.place.executions(RUN)).toBe(1);
    expect(s.server.last('accepted').created).toBe(false);
  });

  it('with a password in plain text is refused before anything exists, and the password is nowhere', async () => {
    await using s = stage();
    await s.active();
    const connection = { type: 'database/postgres', value: { authType: { password: 'hunter2-not-a-real-secret' } } };
    s.server.say({ type: 'start', epoch: 1, run: start(RUN, { connection }) });
    await s.settle();
    expect(s.server.last('refused')).toMatchObject({ runId: RUN, code: 'plaintext_secret' });
    expect(s.place.runIds()).toEqual([]);
    expect(JSON.stringify(s.server.heard) + s.logger.text()).not.toContain('hunter2');
  });

  it('that is cancelled before its start arrives is never created', async () => {
    await using s = stage();
    await s.active();
    s.server.say({ type: 'cancel', epoch: 1, runId: RUN });
    s.server.say({ type: 'start', epoch: 1, run: start() });
    await s.settle();
    expect(s.server.last('cancelled')).toMatchObject({ runId: RUN });
    expect(s.place.executions(RUN)).toBe(0);
  });

  it('that is cancelled while it runs is ended in place and reported ended', async () => {
    await using s = stage();
    await s.active();
    s.server.say({ type: 'start', epoch: 1, run: start() });
    await s.settle();
    s.server.say({ type: 'cancel', epoch: 1, runId: RUN, reason: 'by a person' });
    await s.settle();
    expect(s.server.last('observed').observation).toMatchObject({ phase: 'ended', outcome: { result: 'cancelled' } });
  });

  it('waits for a place that is full and says so', async () => {
    await using s = stage();
    await s.active();
    s.place.failSubmit({ kind: 'error' });
    s.server.say({ type: 'start', epoch: 1, run: start() });
    await s.settle();
    expect(s.server.last('waiting')).toMatchObject({ runId: RUN, code: 'executor_waiting' });
    await s.clock.advance(60_000);
    expect(s.server.last('accepted')).toMatchObject({ runId: RUN });
  });

  it('takes a slot, which is told with the number of starts that were counted', async () => {
    await using s = stage();
    await s.active();
    s.server.say({ type: 'start', epoch: 1, run: start(RUN, { pipelineType: 'profiler' }) });
    await s.settle();
    expect(s.server.last('slots').slots).toEqual({
      total: 3,
      free: 2,
      types: { profiler: { total: 1, free: 0 } },
      startsSeen: 1,
    });
  });
});

describe('a level', () => {
  it('is answered run by run, with strays, and creates nothing', async () => {
    await using s = stage();
    await s.active();
    s.server.say({ type: 'start', epoch: 1, run: start(OTHER) });
    await s.settle();
    s.server.say({ type: 'level.begin', epoch: 1, levelId: 'l1' });
    s.server.say({ type: 'level.page', epoch: 1, levelId: 'l1', runs: [{ runId: RUN, want: 'run', accepted: true }] });
    s.server.say({ type: 'level.end', epoch: 1, levelId: 'l1', total: 1 });
    await s.settle();
    const said = s.server.all('report.page').flatMap(({ observations }) => observations);
    expect(said).toMatchObject([
      { runId: RUN, presence: 'absent' },
      { runId: OTHER, presence: 'present', phase: 'running' },
    ]);
    expect(s.server.last('report.end')).toMatchObject({ levelId: 'l1', total: 2 });
    expect(s.place.runIds()).toEqual([OTHER]);
  });

  it('for which the place cannot be asked proves nothing', async () => {
    await using s = stage();
    await s.active();
    s.place.away = true;
    s.server.say({ type: 'level.begin', epoch: 1, levelId: 'l1' });
    s.server.say({ type: 'level.page', epoch: 1, levelId: 'l1', runs: [{ runId: RUN, want: 'run', accepted: true }] });
    s.server.say({ type: 'level.end', epoch: 1, levelId: 'l1', total: 1 });
    await s.clock.advance(50_000);
    expect(s.server.all('report.page').flatMap(({ observations }) => observations)).toMatchObject([
      { runId: RUN, presence: 'unknown' },
    ]);
  });

  it('of another instance of this agent shows the workloads of the first', async () => {
    await using first = stage();
    await first.active();
    first.server.say({ type: 'start', epoch: 1, run: start() });
    await first.settle();
    await first.agent.close();
    const server = scriptedServer(first.clock);
    await using second = createAgent({
      agentId: 'agent-1',
      version: '0.1.0',
      executor: fakeExecutor({ place: first.place }),
      secretsManager: 'kubernetes',
      dial: server.dial,
      clock: first.clock,
      random: testRandom(8),
      limits: { total: 3 },
      startDeadlineSeconds: () => 600,
    });
    second.start();
    await first.settle();
    server.welcome({ epoch: 2 });
    await first.settle();
    server.say({ type: 'start', epoch: 2, run: start() });
    await first.settle();
    expect(server.last('accepted')).toMatchObject({ runId: RUN, created: false });
    expect(first.place.executions(RUN)).toBe(1);
  });
});

describe('roles', () => {
  it('a standby creates nothing; once promoted it does, under the new epoch', async () => {
    await using s = stage();
    s.agent.start();
    await s.settle();
    s.server.welcome({ role: 'standby', epoch: 4, reason: 'another instance is active' });
    await s.settle();
    expect(s.agent.status()).toMatchObject({ connection: 'open', session: { role: 'standby' } });
    s.server.say({ type: 'start', epoch: 4, run: start() });
    await s.settle();
    expect(s.place.runIds()).toEqual([]);
    s.server.say({ type: 'role', role: 'active', epoch: 5 });
    s.server.say({ type: 'start', epoch: 5, run: start() });
    await s.settle();
    expect(s.server.last('accepted')).toMatchObject({ epoch: 5 });
  });

  it('a blocked instance says why', async () => {
    await using s = stage();
    s.agent.start();
    await s.settle();
    s.server.welcome({ role: 'blocked', reason: 'the scope other-folder has open runs' });
    await s.settle();
    expect(s.agent.status().session).toMatchObject({ role: 'blocked', reason: 'the scope other-folder has open runs' });
    expect(s.logger.records).toContainEqual(
      expect.objectContaining({ level: 'warn', context: { reason: 'the scope other-folder has open runs' } }),
    );
  });

  it('losing the session stops creation at once; the workloads live on and are told about after it', async () => {
    await using s = stage();
    await s.active();
    s.server.say({ type: 'start', epoch: 1, run: start() });
    await s.settle();
    s.server.cut();
    await s.settle();
    expect(s.agent.status()).toMatchObject({ connection: 'waiting', session: undefined, dispatch: { active: false } });
    expect(s.agent.status().trouble).toBeTypeOf('string');
    s.place.succeed(RUN);
    await s.nextConnection();
    s.server.welcome({ epoch: 2 });
    s.server.say({ type: 'level.begin', epoch: 2, levelId: 'l2' });
    s.server.say({ type: 'level.page', epoch: 2, levelId: 'l2', runs: [{ runId: RUN, want: 'run', accepted: true }] });
    s.server.say({ type: 'level.end', epoch: 2, levelId: 'l2', total: 1 });
    await s.settle();
    expect(s.server.last('report.page').observations).toMatchObject([
      { phase: 'ended', outcome: { result: 'succeeded' } },
    ]);
    expect(s.agent.status().trouble).toBeUndefined();
  });
});

describe('a log', () => {
  const open = (rest: { readonly fromByte?: number; readonly follow?: boolean; readonly credit?: number } = {}) =>
    ({ type: 'log.open', streamId: 's1', runId: RUN, fromByte: 0, follow: true, credit: 1_000_000, ...rest }) as const;
  const text = (s: ReturnType<typeof stage>): string =>
    s.server
      .all('log.chunk')
      .map((chunk) => chunk.data)
      .join('');

  it('is sent while the program runs, redacted, and ends with it', async () => {
    await using s = stage();
    await s.active();
    s.server.say({ type: 'start', epoch: 1, run: start() });
    await s.settle();
    s.server.say(open());
    const printed = 'first line\npassword=hunter2-not-a-real-secret\nlast line without end';
    s.place.print(RUN, printed.slice(0, printed.lastIndexOf('\n') + 1));
    await s.settle();
    expect(text(s)).toBe('first line\npassword=[redacted]\n');
    s.place.print(RUN, 'last line without end');
    s.place.succeed(RUN);
    await s.settle();
    expect(text(s)).toBe('first line\npassword=[redacted]\nlast line without end');
    expect(s.server.last('log.end')).toMatchObject({ streamId: 's1', reason: 'complete', rawTo: printed.length });
  });

  it('resumes at an offset', async () => {
    await using s = stage();
    await s.active();
    s.server.say({ type: 'start', epoch: 1, run: start() });
    await s.settle();
    s.place.print(RUN, 'one\ntwo\nthree\n');
    s.place.succeed(RUN);
    await s.settle();
    s.server.say(open({ fromByte: 8, follow: false }));
    await s.settle();
    expect(text(s)).toBe('three\n');
    expect(s.server.last('log.end')).toMatchObject({ reason: 'complete', rawTo: 14 });
  });

  it('of which a part is gone says so', async () => {
    await using s = stage();
    await s.active();
    s.server.say({ type: 'start', epoch: 1, run: start() });
    await s.settle();
    s.place.print(RUN, 'one\ntwo\nthree\nfour\n');
    s.place.forgetOutput(RUN, 5);
    s.place.succeed(RUN);
    await s.settle();
    s.server.say(open());
    await s.settle();
    expect(s.server.last('log.gap')).toMatchObject({ rawFrom: 0 });
    expect(text(s).endsWith('four\n')).toBe(true);
  });

  it('of an unknown run is not found', async () => {
    await using s = stage();
    await s.active();
    s.server.say(open());
    await s.settle();
    expect(s.server.last('log.end')).toMatchObject({ reason: 'not_found' });
  });

  it('that cannot be read now is unavailable', async () => {
    await using s = stage();
    await s.active();
    s.server.say({ type: 'start', epoch: 1, run: start() });
    await s.settle();
    s.place.away = true;
    s.server.say(open());
    await s.settle();
    expect(s.server.last('log.end')).toMatchObject({ reason: 'unavailable' });
  });

  it('waits for credit', async () => {
    await using s = stage();
    await s.active();
    s.server.say({ type: 'start', epoch: 1, run: start() });
    await s.settle();
    s.place.print(RUN, `${'x'.repeat(99)}\n`.repeat(5_000));
    s.place.succeed(RUN);
    await s.settle();
    s.server.say(open({ credit: 1 }));
    await s.settle();
    expect(s.server.all('log.chunk')).toHaveLength(1);
    s.server.say({ type: 'log.credit', streamId: 's1', bytes: 10_000_000 });
    await s.settle();
    expect(text(s)).toHaveLength(500_000);
  });
});

describe('leaving', () => {
  it('says that it drains, answers what is under way, and disconnects for good; the workloads live on', async () => {
    await using s = stage();
    await s.active();
    s.server.say({ type: 'start', epoch: 1, run: start() });
    await s.settle();
    const drained = s.agent.drain(new AbortController().signal);
    await s.clock.advance(1_000);
    await drained;
    expect(s.server.all('draining')).toHaveLength(1);
    expect(s.server.ended?.code).toBe(1000);
    await s.clock.advance(300_000);
    expect(s.server.connections).toBe(1);
    expect(s.place.look(RUN)).toMatchObject({ phase: 'running' });
  });

  it('takes no start while it drains', async () => {
    await using s = stage({ limits: { total: 5 } });
    await s.active();
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const submit = s.executor.submit.bind(s.executor);
    s.executor.submit = async (spec, signal) => {
      await held;
      return submit(spec, signal);
    };
    s.server.say({ type: 'start', epoch: 1, run: start() });
    await s.settle();
    const drained = s.agent.drain(new AbortController().signal);
    await s.settle();
    expect(s.server.last('draining')).toBeDefined();
    s.server.say({ type: 'start', epoch: 1, run: start(OTHER) });
    await s.settle();
    expect(s.server.last('waiting')).toMatchObject({ runId: OTHER, code: 'draining' });
    release();
    await s.clock.advance(1_000);
    await drained;
    expect(s.server.last('accepted')).toMatchObject({ runId: RUN });
    expect(s.place.runIds()).toEqual([RUN]);
  });

  it('does not wait longer than it may', async () => {
    await using s = stage();
    await s.active();
    s.executor.submit = (_spec, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new RunnerError('aborted', 'aborted')), { once: true });
      });
    s.server.say({ type: 'start', epoch: 1, run: start() });
    await s.settle();
    const hurry = new AbortController();
    const drained = s.agent.drain(hurry.signal);
    await s.clock.advance(1_000);
    hurry.abort();
    await s.clock.advance(1_000);
    await drained;
    expect(s.server.ended).toBeDefined();
  });

  it('before the executor has answered never connects', async () => {
    const s = stage();
    s.agent.start();
    await s.agent.close();
    await s.clock.advance(120_000);
    expect(s.server.connections).toBe(0);
    expect(s.clock.pendingTimers).toBe(0);
  });

  it('leaves no timer behind', async () => {
    const s = stage();
    await s.active();
    s.server.say({ type: 'start', epoch: 1, run: start() });
    await s.settle();
    s.place.succeed(RUN);
    await s.settle();
    const closed = s.agent.close();
    await s.clock.advance(10_000);
    await closed;
    expect(s.clock.pendingTimers).toBe(0);
  });
});
