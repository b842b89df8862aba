import { inspect } from 'node:util';
import { Secret } from '@runner/core';
import { testClock, testRandom } from '@runner/core/testing';
import { describe, expect, it } from 'vitest';
import { createApi } from '../../src/api.ts';

interface Seen {
  readonly url: string;
  readonly method: string | undefined;
  readonly authorization: string | null;
  readonly body?: string;
}

/** An API before a server that gives these answers in turn, and what it was asked. */
function apiBefore(...answers: (Response | Error)[]) {
  const seen: Seen[] = [];
  const clock = testClock();
  const stopping = new AbortController();
  const api = createApi({
    redact: (text) => text.replaceAll('success', '[redacted]'),
    server: { url: 'http://server.example/api', token: new Secret('made-up-token'), secretsManager: 'file' },
    userAgent: 'test',
    clock,
    random: testRandom(),
    signal: stopping.signal,
    fetch: (url, init) => {
      const headers = new Headers(init?.headers);
      seen.push({
        url: url instanceof Request ? url.url : url.toString(),
        method: init?.method,
        authorization: headers.get('authorization'),
        ...(typeof init?.body === 'string' ? { body: init.body } : {}),
      });
      const answer = answers.shift() ?? new Response('{}');
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
  });
  return { api, seen, clock, stopping };
}

describe('a call to the server', () => {
  it('carries the token and gives the parsed answer, or nothing for an empty one', async () => {
    const { api, seen } = apiBefore(new Response('{"version":"1.2.3"}'), new Response(null, { status: 204 }));
    expect(await api.call('GET', 'system/version')).toEqual({ version: '1.2.3' });
    expect(await api.call('PUT', 'x', { body: {} })).toBeUndefined();
    expect(seen[0]).toEqual({
      url: 'http://server.example/api/v1/system/version',
      method: 'GET',
      authorization: 'Bearer made-up-token',
    });
  });

  it('says nothing of a secret in its sentences, and leaves its other words alone', async () => {
    const { api, seen } = apiBefore();
    const body = { pipelineState: 'success', status: [{ name: 'x', failures: [{ error: 'no login with success' }] }] };
    await api.call('PUT', 'x', { body });
    expect(seen[0]?.body).toBe(
      '{"pipelineState":"success","status":[{"name":"x","failures":[{"error":"no login with [redacted]"}]}]}',
    );
  });

  it.each([new Response('busy', { status: 503 }), new Response('', { status: 429 }), new TypeError('fetch failed')])(
    'is made again after a failure that may pass (%#)',
    async (failure) => {
      const { api, seen, clock } = apiBefore(failure, new Response('{"a":1}'));
      const pending = api.call('GET', 'x');
      await clock.advance(5_000);
      expect(await pending).toEqual({ a: 1 });
      expect(seen).toHaveLength(2);
    },
  );

  it('is not made again after a refusal, which names the call and never the token', async () => {
    const { api, seen } = apiBefore(new Response('made-up-token is no good', { status: 401 }));
    const error: unknown = await api.call('GET', 'system/version').catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'server_refused', details: { status: 401 } });
    expect(inspect(error, { depth: 9 })).not.toContain('made-up-token');
    expect(seen).toHaveLength(1);
  });

  it('for something optional gives nothing when it is not there', async () => {
    const { api } = apiBefore(new Response('', { status: 404 }), new Response('', { status: 404 }));
    expect(await api.call('GET', 'x', { optional: true })).toBeUndefined();
    await expect(api.call('GET', 'x')).rejects.toMatchObject({ code: 'server_refused' });
  });

  it('that meets a page instead of JSON says so', async () => {
    const { api } = apiBefore(new Response('<html>'));
    await expect(api.call('GET', 'x')).rejects.toThrow('not JSON');
  });

  it('is given up when the program is told to stop', async () => {
    const { api, stopping, clock } = apiBefore(new TypeError('fetch failed'));
    const pending = api.call('GET', 'x');
    await clock.settle();
    stopping.abort();
    await expect(pending).rejects.toMatchObject({ code: 'aborted' });
  });
});
