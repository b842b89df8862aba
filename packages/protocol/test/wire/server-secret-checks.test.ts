import type { AgentMessage } from '@runner/protocol';
import { CAPABILITIES } from '@runner/protocol';
import { describe, expect, it } from 'vitest';
import type { Puppet } from './server-world.ts';
import { World } from './server-world.ts';

const REFERENCES = ['secret:shop-db', 'secret:billing-db'];
const KNOWS = { capabilities: [CAPABILITIES.checkSecrets, 'something.else'] };
const forever = new AbortController().signal;

const asked = (agent: Puppet) => agent.of('secrets.check').at(-1)!;
const answer = (checkId: string): Extract<AgentMessage, { type: 'secrets.checked' }> => ({
  type: 'secrets.checked',
  checkId,
  results: [
    { reference: 'secret:shop-db', ok: true, warnings: [] },
    { reference: 'secret:billing-db', ok: false, code: 'secret_not_found', message: 'it is not there', warnings: [] },
  ],
});

describe('a check of references', () => {
  it('is asked of the active instance, and answered by it', async () => {
    await using world = new World();
    const agent = world.puppet(KNOWS);
    await world.settle();
    expect(agent.of('welcome')).toMatchObject([{ capabilities: [CAPABILITIES.checkSecrets] }]);
    const checks = [1, 2].map(() => world.bridge.checkSecrets('agent-1', REFERENCES, forever));
    await world.settle();
    const [first, second] = agent.of('secrets.check');
    expect(first).toMatchObject({ references: REFERENCES });
    agent.send({
      type: 'secrets.checked',
      checkId: second!.checkId,
      results: [],
      problem: { code: 'busy', message: 'no' },
    });
    agent.send(answer(first!.checkId));
    agent.send(answer('of nobody'));
    await world.settle();
    expect(await Promise.all(checks)).toEqual([
      { kind: 'answered', results: answer('').results },
      { kind: 'answered', results: [], problem: { code: 'busy', message: 'no' } },
    ]);
  });

  it('is not asked of an agent that does not know how', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    expect(await world.bridge.checkSecrets('agent-1', REFERENCES, forever)).toEqual({ kind: 'not_supported' });
    expect(agent.of('secrets.check')).toEqual([]);
  });

  it('finds nobody where no instance is active, and when it leaves meanwhile', async () => {
    await using world = new World();
    expect(await world.bridge.checkSecrets('agent-1', REFERENCES, forever)).toEqual({ kind: 'not_here' });
    const agent = world.puppet(KNOWS);
    await world.settle();
    const check = world.bridge.checkSecrets('agent-1', REFERENCES, forever);
    await world.settle();
    agent.wire.client.close(1000, '');
    await world.settle();
    expect(await check).toEqual({ kind: 'not_here' });
  });

  it('is given up with whoever asked; an answer that comes later changes nothing', async () => {
    await using world = new World();
    const agent = world.puppet(KNOWS);
    await world.settle();
    const leaving = new AbortController();
    const check = world.bridge.checkSecrets('agent-1', REFERENCES, leaving.signal);
    await world.settle();
    leaving.abort();
    await expect(check).rejects.toMatchObject({ code: 'aborted' });
    agent.send(answer(asked(agent).checkId));
    await world.settle();
    expect(agent.closed).toBeUndefined();
    await expect(world.bridge.checkSecrets('agent-1', REFERENCES, leaving.signal)).rejects.toMatchObject({
      code: 'aborted',
    });
  });
});
