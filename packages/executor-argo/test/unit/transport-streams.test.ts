import { testClock } from '@runner/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { workflowOfPod } from '../../src/transport/server/pod-log.ts';
import { untilEnded } from '../../src/transport/server/quiet.ts';
import { sseData } from '../../src/transport/server/sse.ts';
import { resultOf } from '../../src/transport/server/watching.ts';
import { recording, wireText } from '../support/recording.ts';

async function* chunksOf(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield await Promise.resolve(chunk);
}

async function dataOf(...chunks: readonly Uint8Array[]): Promise<readonly string[]> {
  const all: string[] = [];
  for await (const some of sseData(chunksOf(...chunks))) all.push(...some);
  return all;
}

const request = {
  about: { verb: 'watch', group: 'argoproj.io', resource: 'workflows', namespace: 'runs' },
  method: 'GET',
  path: '/',
} as const;

describe('server-sent events', () => {
  it('gives the events of a recorded watch, and tells its end from an error', async () => {
    const texts = await dataOf(Buffer.from(wireText(recording('watch'))));
    const results = texts.map((text) => resultOf(request, text));
    expect(results.at(-1)).toBe('end');
    const types = results.slice(0, -1).map((result) => (result === 'end' ? 'end' : result['type']));
    expect(types[0]).toBe('ADDED');
    expect(types).toContain('MODIFIED');
    expect(types).toContain('BOOKMARK');
    expect(types).toContain('DELETED');
  });

  it('gives the same wherever the bytes are cut', async () => {
    const bytes = Buffer.from(
      wireText(recording('log')).repeat(2) + ':\n:\ndata: {"result":{"content":"ü €"}} \r\n\r\n',
    );
    const whole = await dataOf(bytes);
    expect(whole.at(-1)).toBe('{"result":{"content":"ü €"}}');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 12 }), async (cuts) => {
        const places = [0, ...cuts.sort((one, other) => one - other), bytes.length];
        const parts = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
        expect(await dataOf(...parts)).toEqual(whole);
      }),
    );
  });

  it('understands plain lines, and the last one without its end', async () => {
    expect(await dataOf(Buffer.from('{"a":1}\n\n{"b":2}'))).toEqual(['{"a":1}', '{"b":2}']);
  });

  it('gives up on a line without an end before it takes all memory', async () => {
    const chunk = Buffer.alloc(1024 * 1024, 0x61);
    await expect(dataOf(...Array<Buffer>(17).fill(chunk))).rejects.toMatchObject({ code: 'kube_protocol' });
  });

  it.each(['<!doctype html>', '[]', '"text"', '{"result":1}', '{}'])('says that %s is no event', (text) => {
    expect(() => resultOf(request, text)).toThrow(/no event of Argo/);
  });

  it('throws the error that comes within a stream', () => {
    const error = { grpc_code: 3, http_code: 400, message: 'too old resource version: 1 (294)' };
    expect(() => resultOf(request, JSON.stringify({ error }))).toThrow(
      expect.objectContaining({ code: 'kube_expired' }),
    );
    const lost = { grpc_code: 14, http_code: 503, message: 'transport is closing' };
    expect(() => resultOf(request, JSON.stringify({ error: lost }))).toThrow(
      expect.objectContaining({ code: 'kube_server_error' }),
    );
  });
});

describe('the Workflow of a pod', () => {
  it.each([
    ['run-1', 'run-1'],
    ['run-1-exit-handler-1234567890', 'run-1'],
    ['run-1-openmetadata-ingestion-42', 'run-1'],
    ['run-exit-handler-7-x', 'run-exit-handler-7-x'],
  ])('of %s is %s', (pod, expected) => {
    expect(workflowOfPod(pod)).toBe(expected);
  });
});

describe('a followed log that says nothing', () => {
  const bytes = Buffer.from('x\n');

  function quietStream(clock: ReturnType<typeof testClock>, ended?: () => Promise<boolean>) {
    let push: (value: Uint8Array) => void = () => undefined;
    async function* source(): AsyncGenerator<Uint8Array> {
      for (;;) yield await new Promise<Uint8Array>((resolve) => (push = resolve));
    }
    let cuts = 0;
    const options = {
      signal: new AbortController().signal,
      container: 'main',
      ...(ended === undefined ? {} : { ended }),
    };
    const stream = untilEnded(source(), options, clock, () => (cuts += 1));
    return { stream, push: (value: Uint8Array) => push(value), cuts: () => cuts };
  }

  it('ends when its container has ended and nothing comes after that', async () => {
    const clock = testClock();
    const quiet = quietStream(clock, () => Promise.resolve(true));
    const next = quiet.stream.next();
    await clock.advance(3_000);
    await clock.advance(3_000);
    expect(await next).toEqual({ done: true, value: undefined });
    expect(quiet.cuts()).toBe(1);
  });

  it('gives what comes late', async () => {
    const clock = testClock();
    const quiet = quietStream(clock, () => Promise.resolve(true));
    const first = quiet.stream.next();
    await clock.advance(3_000);
    quiet.push(bytes);
    expect(await first).toEqual({ done: false, value: bytes });
  });

  it('goes on while the container runs, or when nobody knows', async () => {
    const clock = testClock();
    for (const ended of [() => Promise.resolve(false), () => Promise.reject(new Error('no answer')), undefined]) {
      const quiet = quietStream(clock, ended);
      const next = quiet.stream.next();
      for (let round = 0; round < 20; round += 1) await clock.advance(3_000);
      quiet.push(bytes);
      expect(await next).toEqual({ done: false, value: bytes });
    }
  });
});
