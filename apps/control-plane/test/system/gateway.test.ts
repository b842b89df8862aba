import { randomUUID } from 'node:crypto';
import { until } from '@runner/core/testing';
import { isClosed } from '@runner/protocol/server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LogUpdate } from '../../src/gateway/index.ts';
import type { PostgresStore } from '../../src/store/index.ts';
import type { TestGateway } from '../support/gateway.ts';
import { testGateway } from '../support/gateway.ts';
import type { TestPostgres } from '../support/postgres.ts';
import { testPostgres } from '../support/postgres.ts';
import { newRun } from '../support/run-fixtures.ts';
import { scriptedAgent } from '../support/scripted-agent.ts';

let postgres: TestPostgres;
let url: string;
let store: PostgresStore;
let here: TestGateway;
beforeAll(async () => {
  postgres = await testPostgres();
  url = await postgres.database();
  store = await postgres.store({ url });
  here = await testGateway(store);
});
afterAll(async () => {
  await here[Symbol.asyncDispose]();
  await store.close();
  await postgres[Symbol.asyncDispose]();
});

const name = (): string => `runner-${randomUUID().slice(0, 8)}`;
const active = (agentId: string, from: PostgresStore = store) =>
  until(`${agentId} is Active`, async () => (await from.runners.byName(agentId))?.active === true);

async function trigger(agentId: string, in_: PostgresStore = store): Promise<string> {
  const run = newRun({ record: { agentId, queuedAt: Date.now() } });
  await in_.runs.create(run);
  return run.record.runId;
}

/** The whole stored log, read through the pages of REST. */
async function stored(runId: string, from: PostgresStore = store): Promise<string> {
  let text = '';
  const { total } = await from.logs.read(runId, 0);
  for (let index = 0; index < total; index += 1) text += (await from.logs.read(runId, index)).text ?? '';
  return text;
}

async function followed(updates: AsyncIterable<LogUpdate>): Promise<string> {
  let text = '';
  for await (const update of updates) text += update.text;
  return text;
}

const lines = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, n) => `line ${from + n} äöü\n`).join('');

describe('an agent that connects', () => {
  test('is registered, Active, and described by what it said; Inactive once it is gone', async () => {
    const agentId = name();
    const { token } = await here.token();
    const agent = scriptedAgent({ url: here.url, token, agentId });
    await active(agentId);
    const runner = await until('it said who it is', async () => {
      const row = await store.runners.byName(agentId);
      return row?.info === undefined ? undefined : row;
    });
    expect(runner).toMatchObject({
      kind: 'hybrid',
      revoked: false,
      info: { executor: 'local', secretsManager: 'file', agentVersion: '0.1.0', slots: { total: 10, free: 10 } },
    });
    expect(runner.lastSeenAt).toBeGreaterThan(Date.now() - 60_000);
    await agent[Symbol.asyncDispose]();
    await until('it is Inactive', async () => (await store.runners.byName(agentId))?.active === false);
  });

  test('is refused in words without a token, with one that means nothing, and as somebody else', async () => {
    const agentId = name();
    await using wrong = scriptedAgent({ url: here.url, token: 'nonsense', agentId });
    const refused = await until('it was refused', () => wrong.ends[0]);
    expect(refused.error).toMatchObject({ retryable: false });
    const { token } = await here.token('another-runner');
    await using other = scriptedAgent({ url: here.url, token, agentId });
    const forbidden = await until('it was closed', () => other.ends[0]);
    expect(forbidden.code).toBe(4403);
    expect(await store.runners.byName(agentId)).toBeUndefined();
  });

  test('tells its slots as they change', async () => {
    const agentId = name();
    const { token } = await here.token(agentId);
    await using agent = scriptedAgent({ url: here.url, token, agentId, slots: 3 });
    await active(agentId);
    await trigger(agentId);
    await until('one slot less is free', async () => {
      const info = (await store.runners.byName(agentId))?.info;
      return (info?.['slots'] as { free: number } | undefined)?.free === 2;
    });
    expect(agent.started).toHaveLength(1);
  });
});

describe('what was revoked', () => {
  test.each(['a runner', 'a token', 'a token in the store only', 'a runner in the store only'])(
    '%s loses its socket with 4410',
    async (what) => {
      const agentId = name();
      const { token, id } = await here.token(agentId);
      await using agent = scriptedAgent({ url: here.url, token, agentId });
      await active(agentId);
      const runner = (await store.runners.byName(agentId))!;
      if (what.startsWith('a token')) await store.tokens.revoke(id, Date.now());
      else await store.runners.update(runner.id, { revoked: true });
      if (what === 'a runner') await here.gateway.disconnectRunner(agentId);
      if (what === 'a token') await here.gateway.disconnectToken(id);
      const end = await until('it was closed', () => agent.ends[0]);
      expect(end.code).toBe(4410);
    },
  );

  test('loses its socket on another replica, too, and other sockets stay', async () => {
    await using otherStore = await postgres.store({ url });
    await using there = await testGateway(otherStore, { replicaId: 'replica-2' });
    const [gone, stays] = [name(), name()];
    const token = await here.token(gone);
    await using agent = scriptedAgent({ url: there.url, token: token.token, agentId: gone });
    await using bystander = scriptedAgent({ url: there.url, token: (await here.token(stays)).token, agentId: stays });
    await active(gone);
    await active(stays);
    await here.gateway.disconnectToken(token.id);
    expect((await until('it was closed', () => agent.ends[0])).code).toBe(4410);
    expect(bystander.ends).toEqual([]);
  });
});

describe('a command for an agent whose socket is on another replica', () => {
  test('gets there: a start and a cancel', async () => {
    await using otherStore = await postgres.store({ url });
    await using there = await testGateway(otherStore, { replicaId: 'replica-2' });
    const agentId = name();
    const { token } = await here.token(agentId);
    await using agent = scriptedAgent({ url: there.url, token, agentId });
    await active(agentId);
    const runId = await trigger(agentId);
    await until('it was started', () => agent.started.some((run) => run.runId === runId));
    await store.runs.update(runId, ({ record }) => ({ ...record, want: 'cancel', state: 'cancelling' }));
    await until('it was cancelled', async () => (await store.runBook.get(runId))?.state === 'cancelled');
  });
});

describe('a check of references', () => {
  const references = ['secret:a', 'secret:b'];
  const long = 'ä'.repeat(5_000);
  const results = [
    { reference: 'secret:a', ok: true, warnings: [{ code: 'value_quoted', message: long }] },
    { reference: 'secret:b', ok: false, code: 'secret_not_found', message: long, hint: long, warnings: [] },
  ];
  const soon = (): AbortSignal => AbortSignal.timeout(10_000);

  test('reaches the agent wherever its socket is, and its answer comes back', async () => {
    const agentId = name();
    const otherStore = await postgres.store({ url });
    await using there = await testGateway(otherStore, { replicaId: 'replica-2' });
    const { token } = await there.token();
    const asked: string[] = [];
    await using agent = scriptedAgent({
      ...{ url: there.url, token, agentId },
      checkSecrets: (given) => {
        asked.push(...given);
        return { results };
      },
    });
    await active(agentId);
    expect(await there.gateway.checkSecrets(agentId, references, soon())).toMatchObject({
      ...{ kind: 'answered', results: [{ reference: 'secret:a', ok: true }, { code: 'secret_not_found' }] },
    });
    const answer = await here.gateway.checkSecrets(agentId, references, soon());
    expect(answer).toMatchObject({
      kind: 'answered',
      results: [
        { reference: 'secret:a', ok: true, warnings: [{ code: 'value_quoted' }] },
        { reference: 'secret:b', ok: false, code: 'secret_not_found', hint: 'ä'.repeat(400) },
      ],
    });
    expect(asked).toEqual([...references, ...references]);
    expect(agent.ends).toEqual([]);
    await otherStore.close();
  });

  test('says that an agent elsewhere cannot, or what is in its way', async () => {
    const agentId = name();
    const otherStore = await postgres.store({ url });
    await using there = await testGateway(otherStore, { replicaId: 'replica-2' });
    const { token } = await there.token();
    {
      await using unable = scriptedAgent({ url: there.url, token, agentId });
      await active(agentId);
      expect(await here.gateway.checkSecrets(agentId, references, soon())).toEqual({ kind: 'not_supported' });
      expect(unable.ends).toEqual([]);
    }
    const busy = { code: 'secret_check_busy', message: 'later' };
    const other = name();
    await using occupied = scriptedAgent({
      ...{ url: there.url, token, agentId: other },
      checkSecrets: () => ({ results: [], problem: busy }),
    });
    await active(other);
    expect(await here.gateway.checkSecrets(other, references, soon())).toEqual({
      ...{ kind: 'answered', results: [], problem: busy },
    });
    expect(occupied.ends).toEqual([]);
    await otherStore.close();
  });

  test('of an agent that is nowhere ends with whoever waits for it', async () => {
    const leaving = new AbortController();
    const check = here.gateway.checkSecrets(name(), references, leaving.signal);
    leaving.abort();
    await expect(check).rejects.toMatchObject({ code: 'aborted' });
  });
});

describe('the log of a run', () => {
  test('is stored while it is written, redacted, followed by readers, and closed with its end', async () => {
    const agentId = name();
    const { token } = await here.token(agentId);
    await using agent = scriptedAgent({ url: here.url, token, agentId });
    await active(agentId);
    const runId = await trigger(agentId);
    await until('it was started', () => agent.started.length === 1);
    const reader = followed(here.gateway.logs.follow(runId, { index: 0, offset: 0 }, AbortSignal.timeout(60_000)));
    agent.log(runId).add('first\nAuthorization: Bearer abcdefgh12345678\n');
    await until('it is stored', async () => (await stored(runId)).includes('first\n'));
    agent.log(runId).add(lines(0, 50));
    agent.succeed(runId);
    const text = await reader;
    expect(text).toBe(`first\nAuthorization: Bearer [redacted]\n${lines(0, 50)}`);
    expect(await stored(runId)).toBe(text);
    expect(await store.logs.state(runId, 'pulled')).toMatchObject({ closed: true });
    await until('the run is closed', async () => isClosed((await store.runBook.get(runId))!));
  });

  test('goes on after every cut without a gap and without repeating anything', async () => {
    const agentId = name();
    const { token } = await here.token(agentId);
    await using agent = scriptedAgent({ url: here.url, token, agentId });
    await active(agentId);
    const runId = await trigger(agentId);
    await until('it is followed', () => agent.streams.length === 1);
    const reader = followed(here.gateway.logs.follow(runId, { index: 0, offset: 0 }, AbortSignal.timeout(60_000)));
    let written = '';
    for (let round = 0; round < 6; round += 1) {
      const text = lines(round * 3_000, (round + 1) * 3_000);
      written += text;
      const streams = agent.streams.length;
      agent.log(runId).add(text);
      // While the log is on its way.
      here.gateway.bridge.disconnect(agentId, 'normal');
      await until('it is followed again', () => agent.streams.length > streams);
    }
    agent.succeed(runId);
    const read = await reader;
    expect(read === written).toBe(true);
    expect((await stored(runId)) === written).toBe(true);
    expect(agent.streams.length).toBeGreaterThan(6);
    expect(agent.streams.some(({ fromByte }) => fromByte > 0)).toBe(true);
  });

  test('survives a line of several megabytes that is cut in its middle, again and again', async () => {
    const agentId = name();
    const { token } = await here.token(agentId);
    await using agent = scriptedAgent({ url: here.url, token, agentId });
    await active(agentId);
    const runId = await trigger(agentId);
    await until('it is followed', () => agent.streams.length === 1);
    const text = `before\n${'0123456789äöü '.repeat(250_000)}\nafter\n`;
    agent.log(runId).add(text);
    for (let round = 0; round < 5; round += 1) {
      const streams = agent.streams.length;
      const before = (await store.logs.state(runId, 'pulled'))?.rawTo ?? 0;
      await until('some of it is stored', async () => {
        const rawTo = (await store.logs.state(runId, 'pulled'))?.rawTo ?? 0;
        return rawTo > before || rawTo === Buffer.byteLength(text);
      });
      here.gateway.bridge.disconnect(agentId, 'normal');
      await until('it is followed again', () => agent.streams.length > streams);
    }
    agent.succeed(runId);
    await until('it is complete', async () => (await store.logs.state(runId, 'pulled'))?.closed === true);
    expect((await stored(runId)) === text).toBe(true);
  });

  test('that ended while nobody was connected is collected when the agent is back', async () => {
    const agentId = name();
    const instanceId = randomUUID();
    const { token } = await here.token(agentId);
    const run = newRun({
      record: { agentId, state: 'running', offered: true, accepted: true, scopeId: 'scope-1', queuedAt: Date.now() },
    });
    await store.runs.create(run);
    const { runId } = run.record;
    await using agent = scriptedAgent({ url: here.url, token, agentId, instanceId });
    agent.log(runId).add(lines(0, 10));
    agent.succeed(runId);
    await until('it is stored', async () => (await store.logs.state(runId, 'pulled'))?.closed === true);
    expect(await stored(runId)).toBe(lines(0, 10));
  });

  test('whose workload is gone is closed as it is', async () => {
    const agentId = name();
    const { token } = await here.token(agentId);
    const run = newRun({
      record: {
        agentId,
        state: 'succeeded',
        offered: true,
        accepted: true,
        endedAt: Date.now() - 1_000,
        goneAt: Date.now(),
        outcome: { result: 'succeeded', exitCode: 0 },
      },
    });
    await store.runs.create(run);
    await store.logs.append(run.record.runId, 'pulled', { rawFrom: 0, rawTo: 5, text: 'half\n' });
    await using agent = scriptedAgent({ url: here.url, token, agentId });
    await until('it is closed', async () => (await store.logs.state(run.record.runId, 'pulled'))?.closed === true);
    expect(agent.streams).toContainEqual({ runId: run.record.runId, fromByte: 5 });
    expect(await stored(run.record.runId)).toBe('half\n');
  });

  test('is followed on a replica that does not hold the session', async () => {
    await using otherStore = await postgres.store({ url });
    await using there = await testGateway(otherStore, { replicaId: 'replica-2' });
    const agentId = name();
    const { token } = await here.token(agentId);
    await using agent = scriptedAgent({ url: here.url, token, agentId });
    await active(agentId);
    const runId = await trigger(agentId);
    await until('it was started', () => agent.started.length === 1);
    const reader = followed(there.gateway.logs.follow(runId, { index: 0, offset: 0 }, AbortSignal.timeout(60_000)));
    agent.log(runId).add(lines(0, 100));
    agent.succeed(runId);
    expect(await reader).toBe(lines(0, 100));
  });

  test('of a slow reader does not hold up that of a fast one', async () => {
    const agentId = name();
    const { token } = await here.token(agentId);
    await using agent = scriptedAgent({ url: here.url, token, agentId });
    await active(agentId);
    const runId = await trigger(agentId);
    await until('it was started', () => agent.started.length === 1);
    const start = { index: 0, offset: 0 };
    const slow = here.gateway.logs.follow(runId, start, AbortSignal.timeout(60_000))[Symbol.asyncIterator]();
    const text = lines(0, 200_000);
    agent.log(runId).add('x\n');
    const first = await slow.next();
    agent.log(runId).add(text);
    agent.succeed(runId);
    const fast = await followed(here.gateway.logs.follow(runId, start, AbortSignal.timeout(60_000)));
    expect(fast === `x\n${text}`).toBe(true);
    let rest = (first.value as LogUpdate).text;
    for (let step = await slow.next(); step.done !== true; step = await slow.next()) rest += step.value.text;
    expect(rest === fast).toBe(true);
  });
});

describe('the readers of stored logs', () => {
  const start = { index: 0, offset: 0 };

  test('go on from where they were', async () => {
    const runId = await trigger(name());
    await store.logs.append(runId, 'pulled', { text: 'one\ntwo\n' });
    const stop = new AbortController();
    const first = here.gateway.logs.follow(runId, start, stop.signal)[Symbol.asyncIterator]();
    const value = (await first.next()).value as LogUpdate;
    expect(value).toEqual({ text: 'one\ntwo\n', next: { index: 0, offset: 8 }, total: 1, closed: false });
    stop.abort();
    expect(await first.next()).toEqual({ done: true, value: undefined });
    await store.logs.append(runId, 'pulled', { text: 'three\n' });
    await store.logs.close(runId, 'pulled');
    const rest = here.gateway.logs.follow(runId, value.next, AbortSignal.timeout(20_000));
    expect(await followed(rest)).toBe('three\n');
  });

  test('end when the run ended long ago and nobody will close its log, and for a run that does not exist', async () => {
    const run = newRun({ record: { state: 'failed', endedAt: Date.now() - 600_000 } });
    await store.runs.create(run);
    await store.logs.append(run.record.runId, 'pulled', { text: 'half\n' });
    const signal = AbortSignal.timeout(20_000);
    expect(await followed(here.gateway.logs.follow(run.record.runId, start, signal))).toBe('half\n');
    expect(await followed(here.gateway.logs.follow(randomUUID(), start, signal))).toBe('');
    expect(signal.aborted).toBe(false);
  });

  test('end when the log that the workload posted has taken the place of the one they read', async () => {
    const runId = await trigger(name());
    await store.logs.append(runId, 'pulled', { text: 'pulled\n' });
    const reader = followed(here.gateway.logs.follow(runId, start, AbortSignal.timeout(20_000)));
    await store.logs.append(runId, 'posted', { text: 'posted\n' });
    await store.logs.close(runId, 'posted');
    expect(await reader).toBe('pulled\n');
    expect(await followed(here.gateway.logs.follow(runId, start, AbortSignal.timeout(20_000)))).toBe('posted\n');
  });
});
