import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { systemClock, systemRandom } from '@runner/core';
import { expect, it } from 'vitest';
import { createListWatch } from '../../src/index.ts';
import type { Pod } from '../../src/index.ts';
import { PODS } from '../../src/objects.ts';
import { scriptClient } from '../support/script-client.ts';
import type { Step } from '../support/script-server.ts';
import { scriptServer } from '../support/script-server.ts';

const COUNT = 10_000;
const PAGE = 500;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes of heap that are in use and cannot be collected. */
function heapInUse(): number {
  for (let round = 0; round < 3; round += 1) collect();
  return process.memoryUsage().heapUsed;
}

/** About as much as a real one says, 5 KB of JSON. */
const pod = (index: number, version: number): Pod => ({
  metadata: {
    name: `pod-${index}`,
    namespace: 'default',
    uid: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
    resourceVersion: String(version),
    labels: { of: 'us', run: `run-${index}` },
    annotations: { note: 'n'.repeat(1_500), other: `${index}`.repeat(100) },
  },
  spec: { nodeName: `node-${index % 50}`, containers: [{ name: 'main', image: 'image:1', args: ['a'.repeat(2_500)] }] },
  status: { phase: 'Running', podIP: '10.0.0.1', startTime: '2026-01-01T00:00:00Z' },
});

/** Lists all pods by pages, made as they are asked for; then a watch changes each of them, and stays open. */
const cluster: Step = ({ url }, response) => {
  const { searchParams: query } = new URL(url, 'http://server');
  if (query.get('watch') !== null) {
    for (let index = 0; index < COUNT; index += 1) {
      response.write(`${JSON.stringify({ type: 'MODIFIED', object: pod(index, COUNT + index + 1) })}\n`);
    }
    return;
  }
  const from = Number(query.get('continue') ?? 0);
  const items = Array.from({ length: PAGE }, (_, offset) => pod(from + offset, from + offset + 1));
  const next = from + PAGE < COUNT ? { continue: String(from + PAGE) } : {};
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ metadata: { resourceVersion: String(COUNT), ...next }, items }));
};

it('holds 10,000 objects in at most 60 MB of heap, after each of them has changed', async () => {
  await using server = await scriptServer([cluster]);
  const clock = systemClock();
  await using client = scriptClient(server, clock);
  let changes = 0;
  const watch = createListWatch<Pod, Pod>({
    api: client.api,
    type: PODS,
    namespace: 'default',
    labelSelector: 'of=us',
    keep: ({ metadata, status }) => ({
      metadata: { name: metadata?.name ?? '', uid: metadata?.uid ?? '', labels: { ...metadata?.labels } },
      status: { phase: status?.phase ?? '' },
    }),
    onChange: () => void (changes += 1),
    clock,
    random: systemRandom(),
  });
  const stop = new AbortController();
  const before = heapInUse();
  const done = watch.run(stop.signal);
  await expect.poll(() => changes, { timeout: 15_000 }).toBe(2 * COUNT);
  const megabytes = (heapInUse() - before) / 1_000_000;
  expect([...watch.values()]).toHaveLength(COUNT);
  stop.abort();
  await done;
  console.info(`a list+watch of ${COUNT} pods holds ${megabytes.toFixed(1)} MB of heap`);
  // Less would mean that nothing was measured.
  expect(megabytes).toBeGreaterThan(1);
  expect(megabytes).toBeLessThanOrEqual(60);
});
