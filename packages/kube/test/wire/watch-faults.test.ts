import { testRandom } from '@runner/core/testing';
import { expect, it } from 'vitest';
import { createListWatch } from '../../src/index.ts';
import type { ConfigMap, ListWatchChange } from '../../src/index.ts';
import { CONFIG_MAPS } from '../../src/objects.ts';
import { startTestApiServer } from '../../src/testing/index.ts';
import type { ApiFault, FaultTarget, TestApiServer } from '../../src/testing/index.ts';
import { hurriedClock } from '../support/hurried-clock.ts';
import { until } from '../support/testing-http.ts';

/** A list+watch of the config maps of a server, ended with the test. */
function watching(server: TestApiServer) {
  const changes: ListWatchChange<string>[] = [];
  const stop = new AbortController();
  const api = server.api();
  const watch = createListWatch<ConfigMap, string>({
    api,
    type: CONFIG_MAPS,
    namespace: 'default',
    labelSelector: 'of=us',
    keep: ({ metadata }) => `${metadata?.name ?? ''}@${metadata?.resourceVersion ?? ''}`,
    onChange: (change) => changes.push(change),
    silenceMs: 20_000,
    clock: hurriedClock(20),
    random: testRandom(11),
  });
  const done = watch.run(stop.signal);
  return {
    watch,
    changes,
    synced: () => watch.synced(stop.signal),
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await done;
      await api.close();
    },
  };
}

const put = (server: TestApiServer, name: string, value: number): void =>
  void server.put(CONFIG_MAPS, { metadata: { name, labels: { of: 'us' } }, data: { value: String(value) } });
const standing = (server: TestApiServer): string[] =>
  server
    .objects(CONFIG_MAPS)
    .map(({ metadata }) => `${metadata?.name ?? ''}@${metadata?.resourceVersion ?? ''}`)
    .sort();

const watches = (server: TestApiServer): number => server.calls.filter(({ verb }) => verb === 'watch').length;

const troubles: readonly (readonly [string, ApiFault, FaultTarget])[] = [
  ['cuts watches again and again', { kind: 'cut_watches', everyMs: 60 }, {}],
  ['tells everything twice', { kind: 'duplicate_events' }, {}],
  ['tells everything late', { kind: 'late_events', byMs: 70 }, {}],
  ['is overloaded', { kind: 'status', status: 429, retryAfterSeconds: 1 }, { verb: 'watch', times: 3 }],
  ['fails', { kind: 'status', status: 500 }, { times: 3 }],
  ['refuses us for a while', { kind: 'status', status: 403, reason: 'Forbidden' }, { times: 3 }],
  ['does not know us for a while', { kind: 'status', status: 401, reason: 'Unauthorized' }, { times: 4 }],
  ['cuts connections', { kind: 'reset' }, { times: 3 }],
  ['says nothing', { kind: 'silence' }, {}],
];

it.each(troubles)('keeps its cache true while the server %s', async (_what, fault, target) => {
  await using server = await startTestApiServer({ bookmarkMs: 50 });
  for (const name of ['a', 'b', 'c']) put(server, name, 0);
  await using subject = watching(server);
  await subject.synced();
  const end = server.fault(fault, target);
  const isCut = fault.kind === 'cut_watches';
  for (let round = 1; round <= 10; round += 1) {
    const progress = (): number => (isCut ? watches(server) : subject.changes.length);
    const before = progress();
    put(server, 'a', round);
    if (round % 3 === 0) server.remove(CONFIG_MAPS, 'default', 'b');
    else put(server, 'b', round);
    put(server, `new-${round}`, round);
    if (fault.kind !== 'silence') await until('it went on', () => (progress() > before ? true : undefined));
  }
  end();
  const agrees = (): true | undefined =>
    String([...subject.watch.values()].sort()) === String(standing(server)) ? true : undefined;
  await until('the cache agrees with the server', agrees);
  const told = subject.changes.filter(({ type }) => type === 'seen').map(({ object }) => object);
  expect(new Set(told).size).toBe(told.length);
  await until('one watch is left', () => (server.openWatches() <= 1 ? true : undefined));
});

it('lists again when the server has forgotten, and tells what went missing', async () => {
  await using server = await startTestApiServer();
  for (const name of ['kept', 'lost']) put(server, name, 0);
  await using subject = watching(server);
  await subject.synced();
  await until('it watches', () => (server.openWatches() === 1 ? true : undefined));
  const end = server.fault({ kind: 'silence' }, { verb: 'watch' });
  server.remove(CONFIG_MAPS, 'default', 'lost');
  put(server, 'new', 1);
  end();
  server.fault({ kind: 'expire' });
  await until('it knows', () => (subject.changes.length >= 4 ? true : undefined));
  expect(subject.changes.map(({ type, name }) => `${type} ${name}`)).toEqual([
    'seen kept',
    'seen lost',
    'gone lost',
    'seen new',
  ]);
});

it('goes on where it was when the server stops for a while', async () => {
  await using server = await startTestApiServer();
  put(server, 'a', 0);
  await using subject = watching(server);
  await subject.synced();
  const lists = (): number => server.calls.filter(({ verb }) => verb === 'list').length;
  await until('it watches', () => (server.openWatches() === 1 ? true : undefined));
  await server.stop();
  put(server, 'a', 1);
  await server.start();
  await until('it knows', () => (subject.changes.length === 2 ? true : undefined));
  expect(lists()).toBe(1);
});
