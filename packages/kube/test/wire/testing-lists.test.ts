import { expect, it } from 'vitest';
import { CONFIG_MAPS } from '../../src/objects.ts';
import { startTestApiServer } from '../../src/testing/index.ts';
import type { TestApiServer } from '../../src/testing/index.ts';
import { CONFIG_MAPS_PATH, field, speaker } from '../support/testing-http.ts';
import type { Reply } from '../support/testing-http.ts';

function names(reply: Reply): readonly unknown[] {
  return (field(reply.body, 'items') as readonly unknown[]).map((item) => field(item, 'metadata', 'name'));
}

function fill(server: TestApiServer, count: number): void {
  for (let i = 0; i < count; i += 1) {
    const labels = { parity: i % 2 === 0 ? 'even' : 'odd' };
    server.put(CONFIG_MAPS, { metadata: { name: `c${String(i).padStart(5, '0')}`, labels } });
  }
}

it('gives a list in pages that show one moment, whatever happens meanwhile', async () => {
  await using server = await startTestApiServer();
  fill(server, 5);
  const { ask } = speaker(server);
  const first = await ask('GET', `${CONFIG_MAPS_PATH}?limit=2`);
  expect(names(first)).toEqual(['c00000', 'c00001']);
  expect(field(first.body, 'metadata', 'remainingItemCount')).toBe(3);
  server.remove(CONFIG_MAPS, 'default', 'c00003');
  server.put(CONFIG_MAPS, { metadata: { name: 'c00002a' } });
  const token = String(field(first.body, 'metadata', 'continue'));
  const second = await ask('GET', `${CONFIG_MAPS_PATH}?limit=2&continue=${token}`);
  const third = await ask(
    'GET',
    `${CONFIG_MAPS_PATH}?limit=2&continue=${String(field(second.body, 'metadata', 'continue'))}`,
  );
  expect([...names(second), ...names(third)]).toEqual(['c00002', 'c00003', 'c00004']);
  expect(field(third.body, 'metadata', 'continue')).toBeUndefined();
  expect(field(third.body, 'metadata', 'resourceVersion')).toBe(field(first.body, 'metadata', 'resourceVersion'));
});

it('answers 410 when a list is continued too late', async () => {
  await using server = await startTestApiServer();
  fill(server, 3);
  const { ask } = speaker(server);
  const token = String(field((await ask('GET', `${CONFIG_MAPS_PATH}?limit=1`)).body, 'metadata', 'continue'));
  server.fault({ kind: 'expire' });
  expect((await ask('GET', `${CONFIG_MAPS_PATH}?limit=1&continue=${token}`)).body).toMatchObject({
    code: 410,
    reason: 'Expired',
  });
  expect((await ask('GET', `${CONFIG_MAPS_PATH}?limit=1&continue=nonsense`)).status).toBe(400);
});

it('selects by label and by field', async () => {
  await using server = await startTestApiServer();
  fill(server, 4);
  const { ask } = speaker(server);
  const list = async (query: string): Promise<readonly unknown[]> =>
    names(await ask('GET', `${CONFIG_MAPS_PATH}?${query}`));
  expect(await list('labelSelector=parity%3Deven')).toEqual(['c00000', 'c00002']);
  expect(await list('labelSelector=parity+notin+(even,none),!other')).toEqual(['c00001', 'c00003']);
  expect(await list('fieldSelector=metadata.name%3Dc00002')).toEqual(['c00002']);
  expect((await ask('GET', `${CONFIG_MAPS_PATH}?fieldSelector=data%3Dx`)).body).toMatchObject({
    code: 400,
    message: 'field label "data" not supported for ConfigMap',
  });
});

it('lists over all namespaces in order of namespace and name', async () => {
  await using server = await startTestApiServer({ namespaces: ['another'] });
  for (const namespace of ['default', 'another']) server.put(CONFIG_MAPS, { metadata: { name: 'c', namespace } });
  const { body } = await speaker(server).ask('GET', '/api/v1/configmaps');
  const items = field(body, 'items') as readonly unknown[];
  expect(items.map((item) => field(item, 'metadata', 'namespace'))).toEqual(['another', 'default']);
});

it('gives 10,000 objects in pages of 500', async () => {
  await using server = await startTestApiServer();
  fill(server, 10_000);
  const { ask } = speaker(server);
  let token = '';
  let count = 0;
  do {
    const page = await ask('GET', `${CONFIG_MAPS_PATH}?limit=500&continue=${token}`);
    count += names(page).length;
    const next = field(page.body, 'metadata', 'continue');
    token = typeof next === 'string' ? next : '';
  } while (token !== '');
  expect(count).toBe(10_000);
});
