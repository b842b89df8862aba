import { RunnerError, isAbort, isRunnerError, messageOf, toRunnerError } from '@runner/core';
import { describe, expect, it } from 'vitest';

describe('RunnerError', () => {
  it('is recognised when it comes from another copy of the package', async () => {
    // The query makes the loader evaluate the file a second time.
    const again: string = '../../src/errors.ts?copy=2';
    const copy = (await import(again)) as { RunnerError: typeof RunnerError };
    expect(copy.RunnerError).not.toBe(RunnerError);
    const foreign = new copy.RunnerError('quota', 'no room');
    expect(foreign).not.toBeInstanceOf(RunnerError);
    expect(isRunnerError(foreign)).toBe(true);
    expect(isRunnerError(foreign, 'quota')).toBe(true);
    expect(isRunnerError(foreign, 'other')).toBe(false);
  });

  it('keeps its cause and says whether a retry may help', () => {
    const cause = new Error('socket hang up');
    const error = new RunnerError('unreachable', 'the store did not answer', { cause, retryable: true });
    expect(error.cause).toBe(cause);
    expect(error.retryable).toBe(true);
    expect(new RunnerError('x', 'y').retryable).toBe(false);
  });

  it('serialises without stack and cause', () => {
    const error = new RunnerError('bad', 'wrong', { cause: new Error('inner'), hint: 'fix it', details: { a: 1 } });
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      code: 'bad',
      message: 'wrong',
      retryable: false,
      hint: 'fix it',
      details: { a: 1 },
    });
  });

  it.each([null, undefined, 3, 'text', {}, { code: 'quota' }, new Error('plain')])(
    'does not take %s for one',
    (value) => {
      expect(isRunnerError(value)).toBe(false);
      expect(toRunnerError(value).code).toBe('internal');
    },
  );
});

describe('messageOf', () => {
  it('never throws, not even for a value whose getter does', () => {
    const hostile = {
      get message(): string {
        throw new Error('gotcha');
      },
    };
    expect(messageOf(hostile)).toBe('unreadable error');
    expect(messageOf(undefined)).toBe('[object Undefined]');
    expect(messageOf({ message: 'words' })).toBe('words');
  });
});

describe('isAbort', () => {
  it('knows the platform’s AbortError and ours', () => {
    expect(isAbort(new DOMException('stop', 'AbortError'))).toBe(true);
    expect(isAbort(new RunnerError('aborted', 'stop'))).toBe(true);
    expect(isAbort(new Error('other'))).toBe(false);
  });
});
