import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { CheckResult } from '../../src/cli/check.ts';
import { checksAsMessage, parseChecks } from '../../src/cli/check.ts';
import { runCommand } from '../../src/cli/commands.ts';
import { createEnvProvider } from '../../src/env-provider.ts';
import { secretError } from '../../src/errors.ts';

function output(isTTY: boolean): Writable & { isTTY: boolean; text: string } {
  const to = Object.assign(
    new Writable({
      write: (chunk: Buffer, _, done) => {
        to.text += chunk.toString();
        done();
      },
    }),
    { isTTY, text: '' },
  );
  return to;
}

describe('runner-secrets get', () => {
  it.each([
    [['get', 'secret:db'], 2, ''],
    [['get', '--show', 'secret:db'], 0, 'not-a-real-password'],
  ] as const)('writes %j to a terminal with status %i', async (args, status, text) => {
    const [stdout, stderr] = [output(true), output(true)];
    const end = await runCommand(args, {
      environment: {},
      stdout,
      stderr,
      signal: new AbortController().signal,
      onSignal: () => () => undefined,
      openProvider: () => Promise.resolve(createEnvProvider({ env: { RUNNER_SECRET_DB: 'not-a-real-password' } })),
    });
    expect(end).toBe(status);
    expect(stdout.text).toBe(text);
    expect(stderr.text).not.toContain('not-a-real-password');
  });
});

describe('runner-secrets exec --keep-references', () => {
  it('does not start a program that might read what could not be read here', async () => {
    const [stdout, stderr] = [output(false), output(false)];
    const end = await runCommand(
      ['exec', '--keep-references', '--redact', 'secret:db', '--', process.execPath, '-e', 'console.log("started")'],
      {
        environment: {},
        stdout,
        stderr,
        signal: new AbortController().signal,
        onSignal: () => () => undefined,
        openProvider: () =>
          Promise.resolve({
            describe: () => ({ name: 'store', location: 'here' }),
            fetch: () => Promise.reject(secretError('secret_sdk_missing', 'the SDK of this store is not installed')),
          }),
      },
    );
    expect(end).toBe(125);
    expect(stdout.text).toBe('');
    expect(stderr.text).toContain('secret:db: secret_sdk_missing');
  });
});

describe('the answer of a check as termination message', () => {
  const results = (count: number, length: number): readonly CheckResult[] =>
    Array.from({ length: count }, (_, index) => ({
      ...{
        reference: `secret:${index}-${'x'.repeat(100)}`,
        provider: 'kubernetes',
        location: 'here',
        ok: false,
        warnings: [],
      },
      error: {
        ...{ name: 'RunnerError', code: 'secret_not_found', message: 'm'.repeat(length), hint: 'h'.repeat(length) },
        ...{ retryable: false, details: { id: 'd'.repeat(length) } },
      },
    }));

  it.each([
    [1, 100],
    [1, 1_500],
    [3, 700],
    [10, 900],
  ])('of %i references with sentences of %i characters fits, and can be read', (count, length) => {
    const text = checksAsMessage(results(count, length));
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4_096);
    expect(parseChecks(text)).toMatchObject(
      results(count, length).map(({ reference }) => ({ reference, ok: false, error: { code: 'secret_not_found' } })),
    );
  });

  it('keeps everything that there is room for', () => {
    expect(JSON.parse(checksAsMessage(results(1, 100)))).toEqual(results(1, 100));
  });

  it.each(['', 'no JSON', '{}', '[1]', '[{"reference":"secret:x","ok":true}]', '[{"ok":false}]'])(
    'is told apart from any other text: %j',
    (text) => {
      expect(parseChecks(text)).toBeUndefined();
    },
  );
});
