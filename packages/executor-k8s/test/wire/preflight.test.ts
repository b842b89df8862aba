import type { PreflightFinding } from '@runner/executor';
import { systemClock, systemRandom } from '@runner/core';
import type { TestRight } from '@runner/kube/testing';
import { describe, expect, it } from 'vitest';
import type { MemoryOptions } from '../support/memory-subject.ts';
import { memorySubject } from '../support/memory-subject.ts';
import { testSettings } from '../support/objects.ts';
import { calm } from '../support/watching.ts';

/** What the official chart gives to the agent. */
const OFFICIAL: readonly TestRight[] = [
  { group: 'batch', resources: ['jobs'], verbs: ['create', 'get', 'list', 'watch', 'delete', 'patch', 'update'] },
  { group: '', resources: ['pods', 'pods/log', 'pods/status'], verbs: ['create', 'get', 'list', 'watch', 'delete'] },
  { group: '', resources: ['configmaps'], verbs: ['create', 'get', 'list', 'watch', 'delete', 'patch', 'update'] },
  { group: '', resources: ['events'], verbs: ['get', 'list'] },
];

async function findings(options: MemoryOptions): Promise<readonly PreflightFinding[]> {
  await using subject = await memorySubject(options);
  const found = await subject.executor.preflight(calm);
  expect(
    subject.server.calls.filter(({ verb, resource }) => verb === 'create' && !resource.startsWith('selfsubject')),
  ).toEqual([]);
  return found;
}
const bad = (found: readonly PreflightFinding[]): readonly PreflightFinding[] =>
  found.filter(({ level }) => level !== 'ok');

describe('preflight', () => {
  it('finds nothing missing under the Role of the official chart, and says that configs travel inline', async () => {
    const found = await findings({ rights: OFFICIAL });
    expect(bad(found)).toEqual([]);
    expect(found).toContainEqual(
      expect.objectContaining({
        code: 'config_delivery',
        message: expect.stringContaining('in the Job itself') as string,
      }),
    );
  });

  it('names each right that is missing and what it was for', async () => {
    const rights = OFFICIAL.map((right) => ({
      ...right,
      verbs: right.verbs.filter((verb) => verb !== 'patch' && verb !== 'list'),
    }));
    const messages = bad(await findings({ rights }));
    expect(messages).toContainEqual({
      level: 'error',
      code: 'permission_missing',
      message: 'The agent may not patch jobs.batch in namespace runs: without it runs cannot be cancelled.',
      hint: "Add the verb patch to the agent's Role in namespace runs.",
    });
    expect(messages.filter(({ level }) => level === 'error').map(({ message }) => message.split(' in ')[0])).toEqual([
      'The agent may not list jobs.batch',
      'The agent may not patch jobs.batch',
      'The agent may not list pods',
    ]);
    expect(messages.filter(({ level }) => level === 'warning').map(({ message }) => message.split(' in ')[0])).toEqual([
      'The agent may not list events',
    ]);
  });

  it('asks for the rights over Secrets when configs are to be put there', async () => {
    const messages = bad(await findings({ rights: OFFICIAL, delivery: 'secret' })).map(({ message }) => message);
    expect(messages.some((message) => message.includes('may not create secrets'))).toBe(true);
  });

  it('finds a namespace and a service account that do not exist, where it may look', async () => {
    expect(bad(await findings({ namespace: 'nowhere' })).map(({ code }) => code)).toContain('namespace_missing');
    const pods = { ...testSettings, serviceAccountName: 'nobody' };
    expect(bad(await findings({ pods }))).toMatchObject([{ code: 'service_account_missing', level: 'error' }]);
  });

  it('warns of a time to live that outcomes may not survive', async () => {
    expect(bad(await findings({ ttlSeconds: 3_599 }))).toMatchObject([
      { code: 'short_time_to_live', level: 'warning' },
    ]);
    expect(bad(await findings({ ttlSeconds: 3_600 }))).toEqual([]);
  });

  it('says that the API server cannot be asked, and goes on', async () => {
    await using subject = await memorySubject();
    await subject.server.stop();
    expect(bad(await subject.executor.preflight(calm))).toMatchObject([
      { code: 'api_server_unusable', level: 'error' },
    ]);
  });
});

it('is of one scope with whoever sees the same Jobs', async () => {
  await using subject = await memorySubject();
  const scope = await subject.executor.scope(calm);
  const [same, other] = [
    await subject.another({ clock: systemClock(), random: systemRandom() }),
    await subject.another({ namespace: 'default' }),
  ];
  expect(await same.scope(calm)).toEqual(scope);
  expect((await other.scope(calm)).id).not.toBe(scope.id);
  expect(scope.id).toMatch(/^[0-9a-f]{64}$/);
  expect(scope.description).toContain('namespace runs');
});
