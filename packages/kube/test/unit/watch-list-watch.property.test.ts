import { testClock, testRandom } from '@runner/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ListWatchChange, ResourceType } from '../../src/index.ts';
import { createListWatch, kubeError } from '../../src/index.ts';
import type { Thing, WatchServer } from '../support/watch-server.ts';
import { createWatchServer } from '../support/watch-server.ts';

const THINGS: ResourceType<Thing> = { apiVersion: 'v1', kind: 'Thing', plural: 'things', namespaced: true };
const name = fc.constantFrom('a', 'b', 'c', 'd');

/** What is done next; a number is time that passes. */
type Step = (server: WatchServer, value: number) => unknown;

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: name.map(
      (n): Step =>
        (server, value) =>
          server.put(n, value),
    ),
  },
  {
    weight: 4,
    arbitrary: name.map(
      (n): Step =>
        (server) =>
          server.remove(n),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.nat(12).map(
      (back): Step =>
        (server) =>
          server.repeat(back),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.integer({ min: 1, max: 120_000 }).map(
      (ms): Step =>
        () =>
          ms,
    ),
  },
  {
    weight: 2,
    // Away while things change and their history is forgotten.
    arbitrary: fc.tuple(name, name).map(([gone, put]): Step => (server, value) => {
      server.cut();
      server.remove(gone);
      server.put(put, value);
      server.forget();
    }),
  },
  fc.constantFrom<Step>(
    (server) => server.cut(),
    (server) => server.end(),
    (server) => server.mute(),
    (server) => server.compact(),
    (server) => server.bookmark(),
    (server) => server.deafen(true),
    (server) => server.deafen(false),
    (server) => server.refuse(kubeError('kube_throttled', 'slow', { details: { retryAfterSeconds: 7 } })),
    (server) => server.refuse(kubeError('kube_forbidden', 'no')),
    () => 0,
  ),
);

interface Kept {
  readonly uid: string;
  readonly version: string;
  readonly value: number;
}

/** What was told, checked as it is told. */
function checker() {
  const standing = new Map<string, Kept>();
  const told = new Set<string>();
  return {
    standing,
    onChange: ({ type, name: of, object }: ListWatchChange<Kept>): void => {
      const known = standing.get(of);
      if (type === 'gone') {
        if (known?.uid !== object.uid) throw new Error(`gone, but never seen: ${of} ${object.uid}`);
        standing.delete(of);
        return;
      }
      if (known !== undefined && known.uid !== object.uid) throw new Error(`replaced without being gone: ${of}`);
      const version = `${of} ${object.version}`;
      if (told.has(version)) throw new Error(`seen twice: ${version}`);
      told.add(version);
      standing.set(of, object);
    },
  };
}

describe('createListWatch, whatever happens', () => {
  it('ends with what the server has, having told each change of each object once and in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), fc.integer(), async (steps, seed) => {
        const server = createWatchServer();
        const clock = testClock();
        server.timedBy(clock);
        const { standing, onChange } = checker();
        const complaints: string[] = [];
        const watch = createListWatch<Thing, Kept>({
          api: server.api,
          type: THINGS,
          namespace: 'here',
          labelSelector: '',
          keep: ({ metadata, value }) => ({
            uid: metadata?.uid ?? '',
            version: metadata?.resourceVersion ?? '',
            value,
          }),
          onChange: (change) => {
            try {
              onChange(change);
            } catch (error) {
              complaints.push(String(error));
            }
          },
          clock,
          random: testRandom(seed),
        });
        const stop = new AbortController();
        const done = watch.run(stop.signal);
        for (const [index, act] of steps.entries()) {
          const ms = act(server, index);
          if (typeof ms === 'number') await clock.advance(ms);
        }
        server.deafen(false);
        // As real servers do, so that no list comes to the rescue.
        for (let minute = 0; minute < 8; minute += 1) {
          await clock.advance(60_000);
          server.bookmark();
        }
        await clock.settle();
        stop.abort();
        await done;
        const there = [...server.things()].map(([n, { metadata, value }]) => [n, metadata?.resourceVersion, value]);
        const cached = [...standing].map(([n, { version, value }]) => [n, version, value]);
        expect(complaints).toEqual([]);
        expect(cached.sort()).toEqual(there.sort());
        expect([...watch.values()]).toHaveLength(there.length);
        expect(server.counts.mostWatches).toBeLessThanOrEqual(1);
        expect([server.open(), clock.pendingTimers]).toEqual([0, 0]);
      }),
      { numRuns: 200 },
    );
  });
});
