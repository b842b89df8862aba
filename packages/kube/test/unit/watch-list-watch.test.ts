import { isRunnerError } from '@runner/core';
import { recordingLogger, testClock, testRandom } from '@runner/core/testing';
import { afterEach, describe, expect, it } from 'vitest';
import type { ListWatchChange, ListWatchOptions, ResourceType } from '../../src/index.ts';
import { createListWatch, kubeError } from '../../src/index.ts';
import type { Thing } from '../support/watch-server.ts';
import { createWatchServer } from '../support/watch-server.ts';

const THINGS: ResourceType<Thing> = { apiVersion: 'v1', kind: 'Thing', plural: 'things', namespaced: true };

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

function watching(options: Partial<ListWatchOptions<Thing, number>> = {}) {
  const server = createWatchServer();
  const clock = testClock();
  server.timedBy(clock);
  const logger = recordingLogger();
  const changes: string[] = [];
  const reconnects: string[] = [];
  const onChange = ({ type, name, object }: ListWatchChange<number>): void =>
    void changes.push(`${type} ${name} ${object}`);
  const watch = createListWatch<Thing, number>({
    api: server.api,
    type: THINGS,
    namespace: 'here',
    labelSelector: 'of=us',
    keep: (thing) => thing.value,
    onChange,
    clock,
    random: testRandom(5),
    logger,
    observer: { reconnecting: (why) => reconnects.push(why) },
    ...options,
  });
  const stop = new AbortController();
  const run = (): Promise<void> => {
    const done = watch.run(stop.signal);
    stops.push(async () => {
      stop.abort();
      await done;
      expect(server.open()).toBe(0);
      expect(clock.pendingTimers).toBe(0);
    });
    return done;
  };
  return { server, clock, logger, changes, reconnects, watch, stop, run };
}

describe('createListWatch', () => {
  it('tells what stands, then what changes, over one list and one watch', async () => {
    const { server, clock, changes, watch, run } = watching();
    server.put('a', 1);
    void run();
    await clock.settle();
    server.put('b', 2);
    server.put('a', 3);
    server.remove('b');
    await clock.settle();
    expect(changes).toEqual(['seen a 1', 'seen b 2', 'seen a 3', 'gone b 2']);
    expect([...watch.values()]).toEqual([3]);
    expect(server.counts).toEqual({ lists: 1, watches: 1, mostWatches: 1 });
  });

  it('goes on from the last event, without a list, when the server ends the watch', async () => {
    const { server, clock, changes, run } = watching();
    void run();
    await clock.advance(60_000);
    server.put('a', 1);
    await clock.settle();
    server.end();
    server.put('a', 2);
    await clock.advance(5_000);
    expect(changes).toEqual(['seen a 1', 'seen a 2']);
    expect(server.counts.lists).toBe(1);
  });

  it('goes on from a bookmark, so that a forgotten history does not matter', async () => {
    for (const [bookmarked, lists] of [
      [true, 1],
      [false, 2],
    ] as const) {
      const { server, clock, run } = watching();
      void run();
      await clock.settle();
      server.elsewhere();
      if (bookmarked) server.bookmark();
      server.forget();
      await clock.settle();
      server.cut();
      await clock.advance(10_000);
      expect(server.counts.lists).toBe(lists);
    }
  });

  it('lists again after 410 and tells what went missing and what is new, once each', async () => {
    const { server, clock, changes, reconnects, run } = watching();
    server.put('kept', 1);
    server.put('lost', 2);
    void run();
    await clock.settle();
    server.mute();
    server.remove('lost');
    server.put('new', 3);
    await clock.settle();
    server.compact();
    await clock.advance(120_000);
    expect(changes).toEqual(['seen kept 1', 'seen lost 2', 'gone lost 2', 'seen new 3']);
    expect(reconnects).toContain('expired');
    expect(server.counts.lists).toBe(2);
  });

  it('cuts a silent watch, and proves itself with a list when the next one is silent too', async () => {
    const { server, clock, changes, reconnects, run } = watching();
    void run();
    await clock.settle();
    server.mute();
    server.deafen(true);
    server.put('a', 1);
    await clock.advance(89_000);
    expect(server.counts.watches).toBe(1);
    await clock.advance(5_000);
    expect(server.counts).toMatchObject({ lists: 1, watches: 2 });
    expect(changes).toEqual([]);
    await clock.advance(95_000);
    expect(reconnects).toEqual(['silent', 'silent']);
    expect(changes).toEqual(['seen a 1']);
    expect(server.counts.mostWatches).toBe(1);
  });

  it('drops what an old connection still has to say', async () => {
    const { server, clock, changes, run } = watching();
    void run();
    await clock.settle();
    server.put('a', 1);
    server.cut();
    server.put('a', 2);
    await clock.settle();
    expect(changes).toEqual(['seen a 1']);
    await clock.advance(3_000);
    expect(changes).toEqual(['seen a 1', 'seen a 2']);
  });

  it('lives with a watch that is cut every two seconds: one connection at a time, one a second at most', async () => {
    const { server, clock, changes, run } = watching();
    void run();
    await clock.settle();
    for (let round = 1; round <= 60; round += 1) {
      server.put('a', round);
      await clock.advance(2_000);
      server.cut();
    }
    await clock.advance(5_000);
    expect(changes).toHaveLength(60);
    expect(server.counts.lists).toBe(1);
    expect(server.counts.mostWatches).toBe(1);
    for (let index = 2; index < server.starts.length; index += 1) {
      expect(server.starts[index]! - server.starts[index - 1]!).toBeGreaterThanOrEqual(1_000);
    }
  });

  it('backs off while it is refused, says so once for each kind, and says when it works again', async () => {
    const { server, clock, logger, watch, run } = watching();
    const forbidden = () => kubeError('kube_forbidden', 'not allowed');
    const unauthorized = () => kubeError('kube_unauthorized', 'who are you');
    server.refuse(...Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? forbidden() : unauthorized())));
    void run();
    await clock.advance(30_000);
    expect(server.counts.lists).toBeLessThan(10);
    await clock.advance(300_000);
    server.put('a', 1);
    await clock.advance(1_000);
    expect(watch.get('a')).toBe(1);
    const said = logger.records.map(({ level, context }) => [
      level,
      (context['error'] as { code?: string } | undefined)?.code,
    ]);
    expect(said).toEqual([
      ['warn', 'kube_forbidden'],
      ['warn', 'kube_unauthorized'],
      ['info', undefined],
    ]);
  });

  it('waits as long as a throttling server asks', async () => {
    const { server, clock, run } = watching();
    server.refuse(kubeError('kube_throttled', 'slow down', { details: { retryAfterSeconds: 30 } }));
    void run();
    await clock.advance(29_000);
    expect(server.counts.lists).toBe(1);
    await clock.advance(2_000);
    expect(server.counts.lists).toBe(2);
  });

  it('survives a handler that throws', async () => {
    const told: string[] = [];
    const { server, clock, logger, run } = watching({
      onChange: ({ name }) => {
        told.push(name);
        throw new Error('handler broke');
      },
    });
    server.put('a', 1);
    void run();
    await clock.settle();
    server.put('b', 2);
    await clock.settle();
    expect(told).toEqual(['a', 'b']);
    expect(logger.text()).toContain('handler broke');
    expect(server.counts.watches).toBe(1);
  });

  it('is synced after the first list, and not when it is stopped before', async () => {
    const first = watching();
    first.server.refuse(kubeError('kube_unreachable', 'down'));
    let synced = false;
    const calm = new AbortController();
    const waiting = first.watch.synced(calm.signal).then(() => (synced = true));
    void first.run();
    await first.clock.settle();
    expect([synced, first.watch.freshAt()]).toEqual([false, 0]);
    await first.clock.advance(5_000);
    await waiting;
    expect(first.watch.freshAt()).toBeGreaterThan(0);

    const second = watching();
    second.server.refuse(kubeError('kube_unreachable', 'down'));
    const never = second.watch.synced(calm.signal).catch((error: unknown) => error);
    const done = second.run();
    second.stop.abort();
    await done;
    expect(isRunnerError(await never, 'aborted')).toBe(true);
    expect(isRunnerError(await second.watch.synced(calm.signal).catch((e: unknown) => e), 'aborted')).toBe(true);
  });

  it('stays fresh with bookmarks alone', async () => {
    const { server, clock, watch, run } = watching();
    void run();
    await clock.advance(60_000);
    const before = watch.freshAt();
    server.bookmark();
    await clock.settle();
    expect(watch.freshAt() - before).toBe(60_000);
  });

  it('runs once, however often it is asked to', async () => {
    const { server, clock, watch, run, stop } = watching();
    const done = run();
    expect(watch.run(stop.signal)).toBe(done);
    await clock.settle();
    expect(server.counts).toEqual({ lists: 1, watches: 1, mostWatches: 1 });
  });
});
