import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../src/waiting.ts';
import type { World } from '../support/world.ts';
import { openWorld } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
/** A JWT in form, signed by nobody. */
const foreignToken = (claims: object): string =>
  `${part({ alg: 'RS256', kid: randomUUID() })}.${part(claims)}.c2lnbmF0dXJl`;

/** What an agent says when it has no session. */
const NO_SESSION = /^no session/;

describe('a wrong token', () => {
  it('is refused in words, the runner stays Inactive, and the right one is used as soon as it is in the file', async () => {
    const runner = await world.runner('wrong');
    const right = await runner.newToken();
    const wrong = foreignToken({ sub: 'somebody' });
    await runner.putToken(wrong);
    const agent = runner.agent();
    const refusal = await agent.line(NO_SESSION);
    expect(JSON.stringify(refusal)).toContain('401');
    expect(refusal['retryInMs']).toBeGreaterThan(30_000);
    expect(await runner.entry()).toMatchObject({ status: 'Inactive' });
    await runner.putToken(right);
    await runner.hasRole(agent, 'active');
    expect(await runner.entry()).toMatchObject({ status: 'Active' });
    for (const token of [wrong, right]) expect(agent.output()).not.toContain(token);
  });

  it('of another runner does not let an agent be somebody else', async () => {
    const [one, other] = [await world.runner('one'), await world.runner('other')];
    const token = await one.newToken();
    await other.putToken(token);
    const agent = other.agent();
    expect(JSON.stringify(await agent.line(NO_SESSION))).toContain('AGENT_ID');
    expect(await other.entry()).toMatchObject({ status: 'Inactive' });
    expect(await one.entry()).toMatchObject({ status: 'Inactive' });
  });
});

describe('an expired token', () => {
  it('is told with its date before anything is sent', async () => {
    const runner = await world.runner('expired');
    await runner.putToken(foreignToken({ sub: 'somebody', exp: Date.UTC(2020, 0, 1) / 1000 }));
    const agent = runner.agent();
    expect(await agent.ended).toBe(78);
    expect(agent.output()).toContain('the token expired on 2020-01-01T00:00:00.000Z');
    expect(await runner.entry()).toMatchObject({ status: 'Inactive' });
  });
});

describe('a token that is revoked while the agent is connected', () => {
  it('ends the session; running work goes on and is reported with the next token', async () => {
    const runner = await world.runner('revoked');
    const agent = await runner.activeAgent();
    const pipeline = await runner.pipeline();
    const runId = await pipeline.trigger();
    await world.workloads.running(runId);
    await world.inState(runId, 'running');

    await world.api.call('POST', `ingestionRunners/${runner.id}/revoke`);
    expect(await agent.line(NO_SESSION)).toMatchObject({ code: 4410 });
    await eventually('it is Inactive', async () => (await runner.entry()).status === 'Inactive');
    expect(await runner.entry()).toMatchObject({ revoked: true });
    expect(await (await runner.pipeline()).ask('trigger')).toMatchObject({
      status: 422,
      body: { errorType: 'no_usable_runner' },
    });
    await world.workloads.exit(runId, 3);
    expect(await world.run(runId)).toMatchObject({ state: 'running' });

    await runner.putToken(await runner.newToken());
    await runner.hasRole(agent, 'active');
    expect(await world.ended(runId)).toMatchObject({ state: 'failed', outcome: { exitCode: 3 } });
    expect(world.workloads.executions(runId)).toHaveLength(1);
    expect(await runner.entry()).toMatchObject({ status: 'Active', revoked: false });
  });
});
