import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { testRandom } from '@runner/core/testing';
import type { LogChunk, LogGap } from '@runner/executor';
import { expect, it } from 'vitest';
import { readPodLog } from '../../src/index.ts';
import type { PodLogReadOptions } from '../../src/index.ts';
import { PODS } from '../../src/objects.ts';
import { startTestApiServer } from '../../src/testing/index.ts';
import type { TestApiServer } from '../../src/testing/index.ts';
import { hurriedClock } from '../support/hurried-clock.ts';
import { until } from '../support/testing-http.ts';

const STARTED_AT = '2026-01-01T00:00:00Z';

function put(server: TestApiServer, ended: boolean): void {
  const running = { running: { startedAt: STARTED_AT } };
  const over = { terminated: { exitCode: 0, containerID: 'containerd://1', startedAt: STARTED_AT } };
  const status = { name: 'main', ready: true, restartCount: 0, image: 'x', imageID: '', state: ended ? over : running };
  server.put(PODS, {
    metadata: { name: 'p' },
    spec: { nodeName: 'node', containers: [{ name: 'main', image: 'x' }] },
    status: { phase: ended ? 'Succeeded' : 'Running', containerStatuses: [status] },
  });
}

/** A pod on a server, and readers of its log. */
function podOn(server: TestApiServer) {
  const api = server.api();
  let over = false;
  const log = server.log('default', 'p');
  put(server, false);
  const readers: { stop: AbortController; done: Promise<void> }[] = [];
  const read = (more: Partial<PodLogReadOptions> = {}) => {
    const stop = new AbortController();
    const pieces: (LogChunk | LogGap)[] = [];
    const reading = async (): Promise<void> => {
      const options: PodLogReadOptions = {
        api,
        namespace: 'default',
        pod: 'p',
        container: 'main',
        fromByte: 0,
        follow: true,
        ended: () => Promise.resolve(over),
        clock: hurriedClock(10),
        random: testRandom(9),
        signal: stop.signal,
        ...more,
      };
      for await (const piece of readPodLog(options)) pieces.push(piece);
    };
    const done = reading();
    readers.push({ stop, done });
    const text = (): string =>
      Buffer.concat(pieces.map((piece) => ('gap' in piece ? Buffer.alloc(0) : piece.bytes))).toString('latin1');
    return { pieces, done, text };
  };
  return {
    log,
    read,
    end: () => {
      log.end();
      over = true;
      put(server, true);
    },
    [Symbol.asyncDispose]: async () => {
      for (const { stop, done } of readers) {
        stop.abort();
        await done;
      }
      await api.close();
    },
  };
}

const logCalls = (server: TestApiServer) => server.calls.filter(({ verb }) => verb === 'log');

it('follows a log to its end, for two readers at once, over one request each', async () => {
  await using server = await startTestApiServer();
  await using pod = podOn(server);
  const [whole, rest] = [pod.read(), pod.read({ fromByte: 7 })];
  const output = Buffer.concat([
    Buffer.from('first line\nsecond ä€\n'),
    Buffer.from([0, 255, 254, 10]),
    Buffer.from('end\n'),
  ]);
  for (let at = 0; at < output.length; at += 5) pod.log.write(output.subarray(at, at + 5));
  const text = output.toString('latin1');
  await until('all whole lines came', () => (whole.text().length === text.length ? true : undefined));
  pod.end();
  await Promise.all([whole.done, rest.done]);
  expect([whole.text(), rest.text()]).toEqual([text, text.slice(7)]);
  expect(logCalls(server)).toHaveLength(2);
});

it('goes on without a gap or a repeat while the server stops and its node is away', async () => {
  await using server = await startTestApiServer();
  await using pod = podOn(server);
  const reading = pod.read();
  const lines: string[] = [];
  const say = (line: string): void => {
    lines.push(line);
    pod.log.write(Buffer.from(line));
  };
  const caughtUp = (): Promise<true> =>
    until('it caught up', () => (reading.text() === lines.join('') ? true : undefined));
  for (let round = 0; round < 4; round += 1) {
    for (let index = 0; index < 50; index += 1) say(`line ${round}-${index}\n`);
    if (round % 2 === 0) await caughtUp();
    say(`${'long '.repeat(9_000)}\n`);
    await server.stop();
    say('while it was away\n');
    await server.start();
    await caughtUp();
  }
  pod.end();
  await reading.done;
  expect(reading.text()).toBe(lines.join(''));
  expect(reading.pieces.some((piece) => 'gap' in piece)).toBe(false);
});

it('marks what was rotated away while it could not read', async () => {
  await using server = await startTestApiServer();
  await using pod = podOn(server);
  const reading = pod.read();
  pod.log.write(Buffer.from('one\ntwo\n'));
  await until('it read', () => (reading.text() === 'one\ntwo\n' ? true : undefined));
  await server.stop();
  pod.log.write(Buffer.from('lost\nthree\n'));
  pod.log.rotate(13);
  await server.start();
  await until('it read on', () => (reading.text().endsWith('three\n') ? true : undefined));
  pod.end();
  await reading.done;
  expect(reading.pieces.filter((piece) => 'gap' in piece)).toEqual([{ gap: true, fromByte: 8, toByte: 9 }]);
});

it('marks the beginning that was gone when it came', async () => {
  await using server = await startTestApiServer();
  await using pod = podOn(server);
  pod.log.write(Buffer.from('one\ntwo\n'));
  pod.log.rotate(4);
  const reading = pod.read({ follow: false, startedAt: () => Date.parse(STARTED_AT) });
  await reading.done;
  expect(reading.pieces).toMatchObject([{ gap: true, fromByte: 0, toByte: 1 }, { fromByte: 1 }]);
  expect(reading.text()).toBe('two\n');
});

it('reads 10 MB exactly, over one request, in pieces as they come', async () => {
  await using server = await startTestApiServer();
  await using pod = podOn(server);
  const hash = createHash('sha256');
  for (let block = 0; block < 10; block += 1) {
    const text = Buffer.from(`${String(block).padStart(9, '0')} ${'x'.repeat(989)}\n`.repeat(1_000));
    hash.update(text);
    pod.log.write(text);
  }
  pod.end();
  const received = createHash('sha256');
  const reader = pod.read({ follow: false });
  await reader.done;
  for (const piece of reader.pieces) {
    if ('gap' in piece) throw new Error('a gap');
    expect(piece.bytes.length).toBeLessThan(1_000_000);
    received.update(piece.bytes);
  }
  expect(received.digest('hex')).toBe(hash.digest('hex'));
  expect(logCalls(server)).toHaveLength(1);
});
