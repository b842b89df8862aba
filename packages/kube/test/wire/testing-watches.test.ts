import { expect, it } from 'vitest';
import { CONFIG_MAPS } from '../../src/objects.ts';
import { startTestApiServer } from '../../src/testing/index.ts';
import type { TestApiServer } from '../../src/testing/index.ts';
import { CONFIG_MAPS_PATH, speaker, take, until } from '../support/testing-http.ts';
import type { WatchLine } from '../support/testing-http.ts';

const signal = AbortSignal.timeout(15_000);

function put(server: TestApiServer, name: string, labels: Record<string, string> = {}, data = ''): string {
  return server.put(CONFIG_MAPS, { metadata: { name, labels }, data: { a: data } }).metadata?.resourceVersion ?? '';
}

const said = (lines: readonly WatchLine[]): readonly string[] =>
  lines.map((line) => `${line.type} ${line.object.metadata.name ?? ''}`);

it('tells what happened since a version, then what happens', async () => {
  await using server = await startTestApiServer();
  const from = put(server, 'before');
  put(server, 'a');
  put(server, 'a', {}, 'changed');
  server.remove(CONFIG_MAPS, 'default', 'before');
  const lines = speaker(server).watch(`${CONFIG_MAPS_PATH}?watch=true&resourceVersion=${from}`, signal);
  expect(said(await Promise.all([lines.next(), lines.next(), lines.next()]).then(values))).toEqual([
    'ADDED a',
    'MODIFIED a',
    'DELETED before',
  ]);
  put(server, 'later');
  expect(said([(await lines.next()).value as WatchLine])).toEqual(['ADDED later']);
  await lines.return(undefined);
});

function values(results: readonly IteratorResult<WatchLine>[]): readonly WatchLine[] {
  return results.map((result) => result.value as WatchLine);
}

it('shows all that stands when no version is named', async () => {
  await using server = await startTestApiServer();
  put(server, 'a');
  put(server, 'b');
  const lines = await take(speaker(server).watch(`${CONFIG_MAPS_PATH}?watch=1`, signal), 2);
  expect(said(lines)).toEqual(['ADDED a', 'ADDED b']);
});

it('adds what comes into the selection and deletes what leaves it', async () => {
  await using server = await startTestApiServer();
  const from = put(server, 'a');
  put(server, 'a', { team: 'x' });
  put(server, 'a', { team: 'x' }, 'changed');
  put(server, 'other', { team: 'y' });
  put(server, 'a', { team: 'y' });
  const path = `${CONFIG_MAPS_PATH}?watch=1&labelSelector=team%3Dx&resourceVersion=${from}`;
  const lines = await take(speaker(server).watch(path, signal), 3);
  expect(said(lines)).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
});

it('gives the version of the deletion with a deleted object', async () => {
  await using server = await startTestApiServer();
  const from = put(server, 'a');
  server.remove(CONFIG_MAPS, 'default', 'a');
  const [line] = await take(speaker(server).watch(`${CONFIG_MAPS_PATH}?watch=1&resourceVersion=${from}`, signal), 1);
  expect(Number(line?.object.metadata.resourceVersion)).toBeGreaterThan(Number(from));
});

it('sends bookmarks to those who ask, with a version that a watch can go on from', async () => {
  await using server = await startTestApiServer({ bookmarkMs: 20 });
  const from = put(server, 'a');
  const path = `${CONFIG_MAPS_PATH}?watch=1&allowWatchBookmarks=true&resourceVersion=${from}`;
  const watch = speaker(server).watch(path, signal);
  put(server, 'unseen-by-nobody');
  const lines = await take(watch, 3);
  expect(lines.map((line) => line.type)).toEqual(['ADDED', 'BOOKMARK', 'BOOKMARK']);
  expect(lines.at(-1)?.object.metadata.resourceVersion).toBe(lines[0]?.object.metadata.resourceVersion);
});

it('ends a watch after its time', async () => {
  await using server = await startTestApiServer();
  const from = put(server, 'a');
  const path = `${CONFIG_MAPS_PATH}?watch=1&timeoutSeconds=1&resourceVersion=${from}`;
  expect(await take(speaker(server).watch(path, signal), 1)).toEqual([]);
  await until('it is closed', () => (server.openWatches() === 0 ? true : undefined));
});

it('answers a version that is forgotten with an ERROR event of 410', async () => {
  await using server = await startTestApiServer({ historyLength: 5 });
  const from = put(server, 'a');
  for (let i = 0; i < 20; i += 1) put(server, `b${i}`);
  const path = `${CONFIG_MAPS_PATH}?watch=1&resourceVersion=${from}`;
  const lines = await take(speaker(server).watch(path, signal), 10);
  expect(lines).toMatchObject([{ type: 'ERROR', object: { code: 410, reason: 'Expired' } }]);
  expect(lines[0]?.object.message).toMatch(/^too old resource version: \d+ \(\d+\)$/);
});

it('lets a client go without a trace', async () => {
  await using server = await startTestApiServer();
  const controller = new AbortController();
  const watch = speaker(server).watch(`${CONFIG_MAPS_PATH}?watch=1`, controller.signal);
  const first = watch.next();
  await until('it is open', () => (server.openWatches() === 1 ? true : undefined));
  controller.abort();
  await expect(first).rejects.toThrow();
  await until('it is closed', () => (server.openWatches() === 0 ? true : undefined));
});
