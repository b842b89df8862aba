import fc from 'fast-check';
import { errorChain, networkTrouble, retryAfterMs } from '@runner/core';
import { describe, expect, it } from 'vitest';

describe('what a code says of the network', () => {
  it.each([
    ['ECONNREFUSED', 'unreachable'],
    ['UND_ERR_SOCKET', 'unreachable'],
    ['ETIMEDOUT', 'timed_out'],
    ['UND_ERR_CONNECT_TIMEOUT', 'timed_out'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'untrusted'],
    ['CERT_HAS_EXPIRED', 'untrusted'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'untrusted'],
  ])('%s is %s', (code, kind) => {
    expect(networkTrouble(code)).toMatchObject({ kind, code });
  });

  it.each(['', 'ENOENT', 'constructor', 'toString', 'econnrefused', 'NOT_CERT_HAS_EXPIRED'])(
    'nothing is said by %j',
    (code) => {
      expect(networkTrouble(code)).toBeUndefined();
    },
  );
});

describe('errors below an error', () => {
  it('come outermost first, whichever property they stand in', () => {
    const [inner, cause, one, two] = ['inner', 'cause', 'one', 'two'].map((text) => new Error(text));
    const all = Object.assign(new AggregateError([one, two], 'all', { cause }), { error: inner });
    expect(errorChain(all).map((each) => (each as Error).message)).toEqual(['all', 'one', 'two', 'inner', 'cause']);
  });

  it('end, also where an error is its own cause', () => {
    const error = new Error('round');
    error.cause = error;
    expect(errorChain(error).length).toBeLessThan(10);
  });

  it.each([undefined, null, 'text', 7])('are none below %j', (value) => {
    expect(errorChain(value)).toEqual([]);
  });
});

describe('the wait of a Retry-After header', () => {
  it('is seconds, or until a date, and never in the past', () => {
    const now = Date.UTC(2026, 0, 1);
    expect(retryAfterMs(' 7 ', now)).toBe(7_000);
    expect(retryAfterMs('0', now)).toBe(0);
    expect(retryAfterMs('Thu, 01 Jan 2026 00:00:30 GMT', now)).toBe(30_000);
    expect(retryAfterMs('Wed, 31 Dec 2025 00:00:00 GMT', now)).toBe(0);
    for (const other of [undefined, null, '', '-1', '1.5', '1e9', 'soon', '99999999']) {
      expect(retryAfterMs(other, now)).toBeUndefined();
    }
  });

  it('is a number that timers can use or nothing, whatever the header is', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 0 }), (header, now) => {
        const wait = retryAfterMs(header, now);
        expect(wait === undefined || (Number.isFinite(wait) && wait >= 0)).toBe(true);
      }),
    );
  });
});
