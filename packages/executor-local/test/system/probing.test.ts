import { describe, expect, it } from 'vitest';
import { localSubject } from '../support/local-subject.ts';

const calm = new AbortController().signal;
const node = (script: string): readonly [string, ...string[]] => [process.execPath, '-e', script];

describe('a probe', () => {
  it('is a process with the environment of programs, whose output is its answer', async () => {
    await using subject = await localSubject();
    const executor = await subject.another({
      hostEnvironment: { PATH: process.env['PATH'], AUTH_TOKEN: 'not-a-real-token', RUNNER_SECRET_X: 'x' },
      extraEnvironment: [{ name: 'EXTRA', value: 'more' }],
      secretsManager: { provider: 'file', environment: { SECRETS_FILE_DIR: '/secrets' } },
    });
    const command = node(`
      const { PATH, config, AUTH_TOKEN, RUNNER_SECRET_X, EXTRA, SECRETS_FILE_DIR } = process.env;
      console.log(JSON.stringify([PATH !== undefined, config, AUTH_TOKEN, RUNNER_SECRET_X, EXTRA, SECRETS_FILE_DIR]));
      process.exit(4);`);
    const end = await executor.probe?.({ command, timeoutMs: 20_000 }, calm);
    expect(end).toEqual({ message: '[true,null,null,null,"more","/secrets"]\n', exitCode: 4 });
  });

  it('that does not end in time, or does not exist, says so', async () => {
    await using subject = await localSubject();
    const executor = await subject.another({});
    const slow = await executor.probe?.({ command: node('setTimeout(() => 0, 60000)'), timeoutMs: 100 }, calm);
    expect(slow).toEqual({ message: '', trouble: 'It did not end within 100 ms.' });
    const none = await executor.probe?.({ command: ['/nonexistent/program'], timeoutMs: 5_000 }, calm);
    expect(none?.trouble).toContain('/nonexistent/program could not be run to its end (ENOENT)');
  });

  it('ends with whoever asked for it', async () => {
    await using subject = await localSubject();
    const leaving = new AbortController();
    const asked = (await subject.another({})).probe?.(
      { command: node('setTimeout(() => 0, 60000)'), timeoutMs: 50_000 },
      leaving.signal,
    );
    leaving.abort();
    await expect(asked).rejects.toMatchObject({ code: 'aborted' });
  });
});
