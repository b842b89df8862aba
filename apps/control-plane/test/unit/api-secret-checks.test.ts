import { describe, expect, test } from 'vitest';
import { abortError } from '@runner/core';
import type { SecretsAnswer } from '@runner/protocol/server';
import type { TestApi } from '../support/api.ts';
import { testApi } from '../support/api.ts';

const PATH = 'ingestionRunners/runner-a/check-secrets';
const READ = { ok: true, warnings: [] };
const MISSING = { ok: false, code: 'secret_not_found', message: 'it is not there', hint: 'create it', warnings: [] };

/** An API whose runner answers so, and what it was asked. */
async function apiThat(
  answer: (references: readonly string[]) => SecretsAnswer,
): Promise<TestApi & { asked: string[] }> {
  const api = await testApi();
  await api.runner();
  const asked: string[] = [];
  api.answerChecks((_agentId, references) => {
    asked.push(...references);
    return Promise.resolve(answer(references));
  });
  return Object.assign(api, { asked });
}

describe('a check of references', () => {
  test('is made of a connection before it is saved, and says where what stands', async () => {
    await using api = await apiThat((references) => ({
      kind: 'answered',
      results: references.map((reference) => ({ reference, ...(reference === 'secret:pw' ? READ : MISSING) })),
    }));
    const password = 'a-password-typed-by-hand';
    const connection = {
      config: {
        authType: { password: 'secret:pw' },
        ssl: { key: 'secret:tls', ca: 'secret:tls' },
        other: { password },
      },
    };
    const answer = await api.user.post(PATH, { connection, references: ['secret:pw', 'secret:extra'] });
    expect(answer).toMatchObject({ status: 200 });
    expect(answer.body).toEqual({
      runner: 'runner-a',
      ok: false,
      results: [
        { reference: 'secret:pw', pointers: ['/config/authType/password'], ...READ },
        { reference: 'secret:extra', ...MISSING },
        { reference: 'secret:tls', pointers: ['/config/ssl/key', '/config/ssl/ca'], ...MISSING },
      ],
    });
    expect(api.asked).toEqual(['secret:pw', 'secret:extra', 'secret:tls']);
    expect(answer.text + JSON.stringify(api.log.records)).not.toContain(password);
    expect((await api.user.post(PATH, { references: ['secret:pw'] })).body).toMatchObject({ ok: true });
    // As it stands there, so that what is wrong with it is told.
    expect((await api.user.post(PATH, { connection: { a: 'secret:secret:pw' } })).body).toMatchObject({
      ...{ ok: false, results: [{ reference: 'secret:secret:pw', pointers: ['/a'] }] },
    });
  });

  test.each([
    [{ kind: 'not_supported' }, 422, 'secret_check_not_supported'],
    [{ kind: 'not_here' }, 502, 'secret_check_failed'],
    [
      { kind: 'answered', results: [], problem: { code: 'secret_check_busy', message: 'another one' } },
      409,
      'secret_check_busy',
    ],
    [
      {
        kind: 'answered',
        results: [],
        problem: { code: 'something', message: 'the image is not there', hint: 'pull' },
      },
      502,
      'secret_check_failed',
    ],
  ] as const)('that comes to no answer says why: %j', async (answer, status, errorType) => {
    await using api = await apiThat(() => answer);
    expect(await api.user.post(PATH, { references: ['secret:pw'] })).toMatchObject({ status, body: { errorType } });
  });

  test('is not waited for without end', async () => {
    await using api = await testApi();
    await api.runner();
    api.answerChecks(
      (_agentId, _references, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(abortError(signal)))),
    );
    const answer = api.user.post(PATH, { references: ['secret:pw'] });
    await api.clock.advance(0);
    while (api.clock.pendingTimers === 0) await new Promise((resolve) => setImmediate(resolve));
    await api.clock.advance(200_000);
    expect(await answer).toMatchObject({ status: 502, body: { errorType: 'secret_check_failed' } });
  });

  test('needs an active runner, references, and not too many', async () => {
    await using api = await apiThat(() => ({ kind: 'answered', results: [] }));
    await api.runner('runner-b', { active: false });
    const body = { references: ['secret:pw'] };
    expect(await api.user.post('ingestionRunners/runner-b/check-secrets', body)).toMatchObject({
      ...{ status: 422, body: { errorType: 'runner_inactive' } },
    });
    expect(await api.user.post('ingestionRunners/nobody/check-secrets', body)).toMatchObject({ status: 404 });
    const many = Array.from({ length: 11 }, (_, index) => `secret:${index}`);
    const wrong = [{}, { references: [] }, { references: many }, { connection: { a: many } }, { connection: { a: 1 } }];
    const long = [{ connection: { a: `secret:${'x'.repeat(600)}` } }, { references: [`secret:${'x'.repeat(506)}`] }];
    const bytes = [{ references: Array.from({ length: 10 }, (_, index) => `secret:${index}${'ä'.repeat(400)}`) }];
    for (const each of [...wrong, ...long, ...bytes]) {
      expect(await api.user.post(PATH, each)).toMatchObject({ status: 400 });
    }
    const typed = await api.user.post(PATH, { references: ['a-password-typed-by-hand'] });
    expect(typed).toMatchObject({ status: 400, body: { errors: [{ pointer: '/references/0' }] } });
    expect(typed.text + JSON.stringify(api.log.records)).not.toContain('a-password-typed-by-hand');
    expect(api.asked).toEqual([]);
    expect(await api.bot.post(PATH, body)).toMatchObject({ status: 403 });
  });
});
