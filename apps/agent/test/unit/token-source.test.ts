import { describe, expect, it } from 'vitest';
import { Secret } from '@runner/core';
import { recordingLogger, testClock } from '@runner/core/testing';
import { createTokenSource } from '../../src/transport/token-source.ts';
import { testToken } from '../tokens.ts';

const NOW = Date.UTC(2026, 0, 1);
const first = testToken({ n: 1 });
const second = testToken({ n: 2 });

function source(file: { text: string | undefined }, token = first, audience?: string) {
  const logger = recordingLogger();
  const clock = testClock(NOW);
  const made = createTokenSource({
    token: { value: new Secret(token), file: '/run/token' },
    audience,
    readFile: () => (file.text === undefined ? Promise.reject(new Error('ENOENT')) : Promise.resolve(file.text)),
    clock,
    logger,
  });
  return { read: () => made.next(), changed: () => made.changed(), expiresAt: () => made.expiresAt(), logger, clock };
}

describe('the token of a file', () => {
  it('is read again for each connection', async () => {
    const file = { text: first };
    const { read, logger } = source(file);
    expect((await read()).reveal()).toBe(first);
    file.text = `${second}\n`;
    expect((await read()).reveal()).toBe(second);
    expect(logger.text()).toContain('the token was replaced');
    expect(logger.text()).not.toContain(second);
  });

  it.each([undefined, '', '\n'])('stays the last one while the file holds %j', async (text) => {
    const file: { text: string | undefined } = { text: second };
    const { read, logger } = source(file);
    await read();
    file.text = text;
    expect((await read()).reveal()).toBe(second);
    expect(logger.records.at(-1)).toMatchObject({ level: 'warn', context: { path: '/run/token' } });
  });

  it('is known to have changed until it is used, and not while the file is empty or away', async () => {
    const file: { text: string | undefined } = { text: `${first}\n` };
    const { read, changed } = source(file);
    expect(await changed()).toBe(false);
    file.text = second;
    expect(await changed()).toBe(true);
    await read();
    expect(await changed()).toBe(false);
    for (const text of ['\n', undefined]) {
      file.text = text;
      expect(await changed()).toBe(false);
    }
  });

  it('that has expired meanwhile is not sent; the date is said', async () => {
    const { read, expiresAt, clock } = source({ text: testToken({ exp: NOW / 1000 + 60 }) });
    expect(expiresAt()).toBeUndefined();
    await read();
    expect(expiresAt()).toBe(NOW + 60_000);
    clock.stepWall(61_000);
    await expect(read()).rejects.toMatchObject({
      code: 'token_expired',
      message: expect.stringContaining('2026-01-01T00:01:00') as string,
      retryable: false,
    });
  });

  it('for another audience is not sent', async () => {
    const { read } = source({ text: testToken({ aud: 'web' }) }, first, 'runners');
    await expect(read()).rejects.toMatchObject({ code: 'token_other_audience' });
  });
});
