import { expect, it } from 'vitest';
import { CONFIG_MAPS } from '../../src/objects.ts';
import type { ConfigMap } from '../../src/objects.ts';
import { startTestApiServer } from '../../src/testing/index.ts';
import { CONFIG_MAPS_PATH, speaker, take, until } from '../support/testing-http.ts';
import type { WatchLine } from '../support/testing-http.ts';

const signal = AbortSignal.timeout(15_000);
const WATCH = `${CONFIG_MAPS_PATH}?watch=1`;
const configMap = (name: string): ConfigMap => ({ metadata: { name } });

it('answers with a status as often as it is told, for what it is aimed at', async () => {
  await using server = await startTestApiServer();
  const { ask } = speaker(server);
  server.fault(
    { kind: 'status', status: 429, retryAfterSeconds: 3 },
    { verb: 'create', resource: 'configmaps', times: 2 },
  );
  const refused = await ask('POST', CONFIG_MAPS_PATH, configMap('c'));
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '3']);
  expect(refused.body).toMatchObject({ kind: 'Status', reason: 'TooManyRequests', details: { retryAfterSeconds: 3 } });
  expect((await ask('GET', CONFIG_MAPS_PATH)).status).toBe(200);
  expect((await ask('POST', CONFIG_MAPS_PATH, configMap('c'))).status).toBe(429);
  expect((await ask('POST', CONFIG_MAPS_PATH, configMap('c'))).status).toBe(201);
});

it('cuts the connection before or after the work was done', async () => {
  await using server = await startTestApiServer();
  const { ask } = speaker(server);
  const before = server.fault({ kind: 'reset' }, { verb: 'create' });
  await expect(ask('POST', CONFIG_MAPS_PATH, configMap('before'))).rejects.toThrow();
  before();
  const after = server.fault({ kind: 'reset', applied: true }, { verb: 'create' });
  await expect(ask('POST', CONFIG_MAPS_PATH, configMap('after'))).rejects.toThrow();
  after();
  expect(server.objects(CONFIG_MAPS).map((one) => one.metadata?.name)).toEqual(['after']);
  expect(server.calls.map((call) => call.status)).toEqual([0, 0]);
});

it('says nothing at all, and lets watches that were open go dumb for good', async () => {
  await using server = await startTestApiServer({ bookmarkMs: 5 });
  const { ask, watch } = speaker(server);
  const heard: WatchLine[] = [];
  const controller = new AbortController();
  const listening = (async () => {
    for await (const line of watch(`${WATCH}&allowWatchBookmarks=true`, controller.signal)) heard.push(line);
  })();
  await until('a bookmark came', () => (heard.length > 0 ? true : undefined));
  const end = server.fault({ kind: 'silence' });
  const before = heard.length;
  const asked = ask('GET', CONFIG_MAPS_PATH);
  await until('it was asked', () => (server.calls.some((call) => call.status === 0) ? true : undefined));
  end();
  server.put(CONFIG_MAPS, configMap('c'));
  expect((await ask('GET', CONFIG_MAPS_PATH)).status).toBe(200);
  expect([server.openWatches(), heard.slice(before).map((line) => line.type)]).toEqual([1, []]);
  controller.abort();
  await expect(listening).rejects.toThrow();
  await server.stop();
  await expect(asked).rejects.toThrow();
});

it('cuts watches again and again', async () => {
  await using server = await startTestApiServer();
  const { watch } = speaker(server);
  const end = server.fault({ kind: 'cut_watches', everyMs: 20 });
  for (let i = 0; i < 3; i += 1) await expect(take(watch(WATCH, signal), 1)).rejects.toThrow();
  end();
  const open = take(watch(WATCH, signal), 1);
  await until('it is open', () => (server.openWatches() === 1 ? true : undefined));
  server.put(CONFIG_MAPS, configMap('c'));
  expect(await open).toMatchObject([{ type: 'ADDED' }]);
});

it('sends events twice', async () => {
  await using server = await startTestApiServer();
  server.fault({ kind: 'duplicate_events' });
  const twice = take(speaker(server).watch(WATCH, signal), 2);
  await until('it is open', () => (server.openWatches() === 1 ? true : undefined));
  server.put(CONFIG_MAPS, configMap('c'));
  const [first, second] = await twice;
  expect(first).toEqual(second);
});

it('sends events late, so that a list is newer than the watch', async () => {
  await using server = await startTestApiServer();
  const { ask, watch } = speaker(server);
  server.fault({ kind: 'late_events', byMs: 150 });
  let came = false;
  const late = take(watch(WATCH, signal), 1).then((lines) => {
    came = true;
    return lines;
  });
  await until('it is open', () => (server.openWatches() === 1 ? true : undefined));
  server.put(CONFIG_MAPS, configMap('c'));
  expect((await ask('GET', `${CONFIG_MAPS_PATH}/c`)).status).toBe(200);
  expect(came).toBe(false);
  expect(await late).toMatchObject([{ type: 'ADDED' }]);
});

it('forgets everything older than now', async () => {
  await using server = await startTestApiServer();
  const { watch } = speaker(server);
  const from = server.put(CONFIG_MAPS, configMap('a')).metadata?.resourceVersion ?? '';
  const open = take(watch(`${WATCH}&resourceVersion=${from}`, signal), 5);
  await until('it is open', () => (server.openWatches() === 1 ? true : undefined));
  server.put(CONFIG_MAPS, configMap('b'));
  server.fault({ kind: 'expire' });
  expect(await open).toMatchObject([{ type: 'ADDED' }, { type: 'ERROR', object: { code: 410 } }]);
  expect(await take(watch(`${WATCH}&resourceVersion=${from}`, signal), 5)).toMatchObject([{ type: 'ERROR' }]);
  const now = server.put(CONFIG_MAPS, configMap('c')).metadata?.resourceVersion ?? '';
  const fresh = take(watch(`${WATCH}&resourceVersion=${now}`, signal), 1);
  await until('it is open', () => (server.openWatches() === 1 ? true : undefined));
  server.put(CONFIG_MAPS, configMap('d'));
  expect(await fresh).toMatchObject([{ type: 'ADDED' }]);
});
