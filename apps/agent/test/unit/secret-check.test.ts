import { RunnerError } from '@runner/core';
import type { Probe, ProbeEnd } from '@runner/executor';
import { describe, expect, it } from 'vitest';
import { checkSecret } from '../../src/secret-check.ts';

const never = new AbortController().signal;
const IN_POD = { manager: 'kubernetes', reference: 'secret:db', image: 'example.test/check:1' } as const;
const ABOUT = {
  reference: 'secret:db',
  provider: 'kubernetes',
  location: 'namespace ingestion',
  identity: 'ingestion',
};

function executorThat(answers: (probe: Probe) => ProbeEnd | Error) {
  const asked: Probe[] = [];
  const probe = (given: Probe): Promise<ProbeEnd> => {
    asked.push(given);
    const answer = answers(given);
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  return { kind: 'k8s', probe, asked };
}

const found = (answer: ProbeEnd | Error) =>
  checkSecret(
    IN_POD,
    executorThat(() => answer),
    never,
  );

describe('the check of a reference', () => {
  it('is made in the given image, which leaves its answer as termination message', async () => {
    const message = JSON.stringify([{ ...ABOUT, ok: true, warnings: [] }]);
    const executor = executorThat(() => ({ message, exitCode: 0 }));
    expect(await checkSecret(IN_POD, executor, never)).toEqual([
      {
        level: 'ok',
        code: 'secret_readable',
        message: 'workloads can read secret:db (kubernetes, namespace ingestion, as ingestion)',
      },
    ]);
    expect(executor.asked).toMatchObject([
      {
        command: [
          ...['runner-secrets', 'check', '--json', '--output', '/dev/termination-log'],
          ...['--provider', 'kubernetes', 'secret:db'],
        ],
        image: 'example.test/check:1',
      },
    ]);
  });

  it('is made by the command of this very agent where there are no images', async () => {
    const executor = executorThat(() => ({ message: '', exitCode: 1 }));
    await checkSecret({ manager: 'env', reference: 'secret:db', image: undefined }, executor, never);
    const [asked] = executor.asked;
    expect(asked).not.toHaveProperty('image');
    expect(asked?.command[0]).toBe(process.execPath);
    expect(asked?.command.slice(-5)).toEqual(['check', '--json', '--provider', 'env', 'secret:db']);
  });

  it('tells what is odd about a value, and why one cannot be read, by their own codes', async () => {
    const warnings = [{ code: 'value_quoted', message: 'the value stands in quotes' }];
    expect(await found({ message: JSON.stringify([{ ...ABOUT, ok: true, warnings }]), exitCode: 0 })).toMatchObject([
      { level: 'ok' },
      { level: 'warning', code: 'value_quoted', message: 'secret:db: the value stands in quotes' },
    ]);
    const error = { code: 'secret_forbidden', message: 'not for ingestion', hint: 'grant get' };
    const failed = JSON.stringify([{ ...ABOUT, ok: false, warnings: [], error }]);
    expect(await found({ message: failed, exitCode: 11 })).toEqual([
      {
        level: 'error',
        code: 'secret_forbidden',
        message: 'workloads cannot read secret:db: not for ingestion',
        hint: 'grant get',
      },
    ]);
  });

  it.each([
    [{ message: '', trouble: 'It waits: ErrImagePull' }, 'It waits: ErrImagePull'],
    [{ message: 'sh: runner-secrets: not found', exitCode: 127 }, 'exit code 127'],
    [{ message: '[{"reference":"secret:db","ok":true}]', exitCode: 0 }, 'without an answer'],
    [new RunnerError('executor_unavailable', 'the API server is away'), 'the API server is away'],
  ])('says that nothing is known when there is no answer (%#)', async (answer, why) => {
    expect(await found(answer)).toMatchObject([
      { level: 'warning', code: 'secret_check_failed', message: expect.stringContaining(why) as string },
    ]);
  });

  it('says so when the executor has no way to make one', async () => {
    expect(await checkSecret(IN_POD, { kind: 'argo' }, never)).toMatchObject([{ code: 'secret_check_failed' }]);
  });
});
