import { inspect } from 'node:util';
import { RunnerError, Secret, createLogger, isSecret, redactText, safeContext } from '@runner/core';
import { recordingLogger } from '@runner/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const VALUE = 'this-is-a-made-up-value';

describe('Secret', () => {
  const secret = new Secret(VALUE);
  it.each([
    ['toString', String(secret)],
    ['a template string', `value: ${secret as unknown as string}`],
    ['JSON', JSON.stringify({ secret })],
    ['inspect', inspect({ secret }, { depth: 10, showHidden: true })],
    ['concatenation', 'a' + (secret as unknown as string)],
    ['its own properties', JSON.stringify(Object.getOwnPropertyNames(secret))],
    ['a copy of its fields', inspect(Object.assign({}, secret))],
    ['an error message', new Error(`failed with ${secret as unknown as string}`).message],
  ])('does not show its value in %s', (_where, text) => {
    expect(text).not.toContain(VALUE);
  });

  it('gives the value to those who ask for it', () => {
    expect(secret.reveal()).toBe(VALUE);
    expect(isSecret(secret)).toBe(true);
    expect(isSecret({ reveal: () => 'x' })).toBe(false);
  });
});

describe('Logger', () => {
  it('composes context and hides secrets and credentials in it', () => {
    const logger = recordingLogger();
    logger.child({ run: 'r1' }).warn('could not connect', {
      password: new Secret(VALUE),
      url: 'postgres://app:hunter2@db/shop',
      error: new Error('Bearer abcdefghijklmnop refused'),
    });
    expect(logger.text()).toContain('"run":"r1"');
    expect(logger.text()).not.toContain(VALUE);
    expect(logger.text()).not.toContain('hunter2');
    expect(logger.text()).not.toContain('abcdefghijklmnop');
  });

  it('tells the facts of an error, redacted like all else', () => {
    const contexts: unknown[] = [];
    const logger = createLogger((record) => contexts.push(record.context));
    const details = { status: 401, url: 'https://user:not-a-real-password@host/' };
    logger.error('failed', { error: new RunnerError('bad', 'wrong', { details }) });
    logger.error('failed', { error: new RunnerError('bad', 'wrong') });
    expect(contexts).toEqual([
      { error: { code: 'bad', message: 'wrong', details: { status: 401, url: 'https://user:[redacted]@host/' } } },
      { error: { code: 'bad', message: 'wrong' } },
    ]);
  });

  it('survives contexts with cycles, bigints and deep nesting', () => {
    const cycle: Record<string, unknown> = { big: 10n };
    cycle['self'] = cycle;
    const safe = safeContext({ cycle });
    expect(() => JSON.stringify(safe)).not.toThrow();
    const inner = new Error('inner') as Error & { cause?: unknown };
    inner.cause = inner;
    expect(() => JSON.stringify(safeContext({ error: inner }))).not.toThrow();
  });

  it('passes each level on under its name', () => {
    const levels: string[] = [];
    const logger = createLogger((record) => levels.push(record.level));
    logger.debug('a');
    logger.info('b');
    logger.warn('c');
    logger.error('d');
    expect(levels).toEqual(['debug', 'info', 'warn', 'error']);
  });
});

describe('redactText', () => {
  // Put together at run time: these only have the shape of credentials.
  const jwt = ['eyJhbGciOiJub25lIn0', 'eyJzdWIiOiJub2JvZHkifQ', 'c2lnbmF0dXJlLW9mLW5vYm9keQ'].join('.');
  const pem = ['-----BEGIN RSA', 'PRIVATE KEY-----\nbm90IGEga2V5\n-----END RSA', 'PRIVATE KEY-----'].join(' ');
  it.each([
    ['a JWT', `token was ${jwt} ok`, jwt],
    ['a bearer header', 'Authorization: Bearer abcdef0123456789', 'abcdef0123456789'],
    ['a password in a URL', 'postgres://shop:hunter2@db:5432/x', 'hunter2'],
    ['a private key', pem, 'bm90IGEga2V5'],
    ['a key that is cut off', pem.slice(0, 50), 'bm90'],
    ['a cloud key id', `id AKIA${'A'.repeat(16)} used`, `AKIA${'A'.repeat(16)}`],
    ['an assignment', 'connecting with password=hunter2 now', 'hunter2'],
    ['a JSON field', '{"password":"hunter2","user":"a"}', 'hunter2'],
  ])('removes %s', (_what, text, mark) => {
    const out = redactText(text);
    expect(out).not.toContain(mark);
    expect(out).toContain('[redacted]');
  });

  it('leaves references and ordinary text alone', () => {
    for (const text of [
      'password: secret:demo-db-password',
      'resolves secret:demo-db-password first',
      '{"password":"secret:/a/b"}',
      'rows: 20000',
      'https://host/path?x=1',
      '3 tokens left',
    ]) {
      expect(redactText(text)).toBe(text);
    }
  });

  it('changes nothing when applied twice', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), (noise) => {
        const once = redactText(`${noise} Bearer abcdef0123456789 password="x y z" ${noise}`);
        expect(redactText(once)).toBe(once);
      }),
    );
  });
});
